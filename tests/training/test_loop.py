"""Training: what a run depends on, and that nothing is lost when it is stopped or goes wrong."""

import copy
import json
import math
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file
from torch import Tensor

import ntm
from ntm import tasks
from ntm.engine.choose import Forward, fastest, plain
from ntm.machine.model import SequenceModel
from ntm.storage import untrusted
from ntm.storage.checkpoint import read_folder
from ntm.tasks import Architecture, Batch, Case, Task
from ntm.tasks.recipe import Curriculum, Finish, Loss, Selection
from ntm.training import loop
from ntm.training.loop import Progress
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun
from ntm.training.update import bit_losses, draw_batch, update_weights
from ntm.training.validation import validate
from tests.conftest import ROOT
from tests.numerics import PROPERTY, seeded
from tests.tiny import SMALLEST, small

CPU = torch.device("cpu")
NOWHERE = Path("nowhere")  # a folder for runs that are never saved
COPY, REPEAT_COPY = tasks.get("copy"), tasks.get("repeat-copy")
ARCHITECTURES: list[Architecture] = ["ntm", "lstm"]
SHORT = small()
# After some reports of this one the limit goes up, and after others not.
CURRICULUM = small(
    "repeat-copy", "lstm", updates=200, learning_rate=0.01, curriculum=Curriculum(first_limit=2, raise_below=0.6)
)


def train(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "train.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=250)


def start(settings: Settings, folder: Path = NOWHERE, *, update: int = 0, limit: int | None = None) -> TrainingRun:
    """A run before an update, with a limit of the curriculum if one is given."""
    run = TrainingRun.start(settings, folder, CPU)
    run.update = update
    run.limit = limit if limit is not None else run.limit
    return run


def sizes_of_repeat_copy(batch: Batch) -> tuple[int, int]:
    """Length and repeats, from the row with the count and from the number of rows after it."""
    length = int(batch.inputs[:, 0, 9].nonzero()) - 1
    return length, (len(batch.inputs) - length - 3) // length


# Batches.


@pytest.mark.parametrize("settings", [SHORT, CURRICULUM, small(training_slots=(4, 5, 6, 7))])
def test_the_same_update_always_draws_the_same_batch(settings: Settings) -> None:
    run, generator = start(settings, limit=3), torch.Generator()

    def draw(update: int) -> tuple[Batch, int | None]:
        run.update = update
        return draw_batch(run, generator)

    drawn, again = ([draw(update) for update in updates] for updates in (range(12), range(11, -1, -1)))
    for (batch, slots), (same_batch, same_slots) in zip(drawn, reversed(again), strict=True):
        assert all(map(torch.equal, batch, same_batch))
        assert slots == same_slots
    other, _ = draw_batch(start(settings.with_seed(1), update=7, limit=3), generator)
    first = drawn[7][0]
    assert other.inputs.shape != first.inputs.shape or not other.inputs.equal(first.inputs)


def test_training_stays_inside_the_training_range() -> None:
    settings, generator = small(updates=400), torch.Generator()
    lengths = {len(draw_batch(start(settings, update=update), generator)[0].inputs) // 2 - 1 for update in range(400)}
    assert lengths == set(range(1, 21))


@PROPERTY
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_no_size_is_above_the_limit(update: int, limit: int) -> None:
    batch, _ = draw_batch(start(CURRICULUM, update=update, limit=limit), torch.Generator())
    assert max(sizes_of_repeat_copy(batch)) <= min(limit, 10)


def test_all_sizes_up_to_the_limit_are_drawn_with_all_numbers_of_slots() -> None:
    settings, generator = small("repeat-copy", training_slots=(5, 32)), torch.Generator()
    drawn = [draw_batch(start(settings, update=update, limit=2), generator) for update in range(120)]
    assert {(*sizes_of_repeat_copy(batch), slots) for batch, slots in drawn} == {
        (length, repeats, slots) for length in (1, 2) for repeats in (1, 2) for slots in (5, 32)
    }


def test_without_numbers_of_slots_the_model_runs_with_its_own() -> None:
    assert {draw_batch(start(SHORT, update=update), torch.Generator())[1] for update in range(9)} == {None}


# A step.


def loss_slowly(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean cross entropy of all scored bits, and the mean over the sequences of that of their worst bit."""
    every, worst = [], []
    for b in range(logits.shape[1]):
        losses = []
        for t in range(logits.shape[0]):
            for channel in range(logits.shape[2]):
                if batch.mask[t, b]:
                    chance = torch.sigmoid(logits[t, b, channel])
                    losses.append(-torch.log(chance if batch.targets[t, b, channel] == 1 else 1 - chance))
        every += losses
        worst.append(max(losses, key=Tensor.item))
    return torch.stack(every).mean(), torch.stack(worst).mean()


def test_the_losses_are_the_cross_entropy_of_the_scored_bits_alone() -> None:
    logits = torch.randn(5, 3, 2, dtype=torch.float64, generator=seeded())
    targets = torch.randint(0, 2, (5, 3, 2), generator=seeded()).double()
    mask = torch.rand(5, 3, generator=seeded()) < 0.5
    mask[0] = True
    batch = Batch(torch.zeros(5, 3, 1), targets, mask)
    losses = bit_losses(logits, batch)
    mean, worst = loss_slowly(logits, batch)
    assert losses.shape == logits.shape
    assert not losses[~mask].any()
    torch.testing.assert_close(losses.sum() / (2 * mask.sum()), mean)
    torch.testing.assert_close(losses.amax((0, 2)).mean(), worst)


@pytest.mark.parametrize(("worst_bit", "longest"), [(0.0, 1.0), (2.0, 1.0), (2.0, 0.1), (2.0, 10.0)])
@pytest.mark.parametrize(("slots", "focus"), [(None, 0.0), (3, 0.5), (8, 0.0), (30, 0.5)])
@pytest.mark.parametrize("way", [plain, fastest])
def test_a_step_goes_down_the_clipped_gradient_of_the_loss(
    way: Callable[[SequenceModel], Forward], slots: int | None, focus: float, worst_bit: float, longest: float
) -> None:
    """With plain descent in Adam's place, whose step is the gradient itself; run with the slots asked for."""
    arguments = {"memory_init": "learned"}
    loss = Loss(worst_bit=worst_bit, focus=focus)
    run = start(small("associative-recall", loss=loss, gradient_norm=longest, arguments=arguments))
    task, model = run.task, run.model
    before = [parameter.detach().clone() for parameter in model.parameters()]
    batch = task.sample(3, items=2, generator=seeded())
    logits, weightings, _ = model.unroll(batch.inputs, model.initial_state(3, slots))
    mean, worst = loss_slowly(logits, batch)
    entropy = torch.distributions.Categorical(weightings).entropy().mean()
    gradients = torch.autograd.grad(mean + worst_bit * worst + focus * entropy, list(model.parameters()))
    norm = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
    assert (norm > longest) == ((worst_bit, longest) in [(2.0, 1.0), (2.0, 0.1)]), "two of the four should be clipped"

    run.optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    reported = update_weights(run, way(model), batch, slots, seeded())
    torch.testing.assert_close(reported, torch.stack([mean.detach(), task.errors(logits, batch).mean()]))
    for parameter, was, gradient in zip(model.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(was - parameter, gradient * min(1.0, longest / norm), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(("limit", "spreading_counts"), [(None, True), (2, False), (9, False), (10, True)])
def test_heads_may_spread_until_all_sizes_are_drawn(limit: int | None, spreading_counts: bool) -> None:
    weights = []
    for focus in (0.0, 0.5):
        run = start(small("repeat-copy", loss=Loss(focus=focus)), limit=limit)
        batch = REPEAT_COPY.sample(2, generator=seeded(), length=2, repeats=2)
        update_weights(run, plain(run.model), batch, None, seeded())
        weights.append(run.model.cell.heads.addressing.weight)
    assert weights[0].equal(weights[1]) != spreading_counts


def test_the_last_fifth_of_training_learns_from_the_hardest_of_several_for_each_place() -> None:
    plainly = small("repeat-copy", updates=10, batch_size=3)
    settings = small("repeat-copy", updates=10, batch_size=3, finish=Finish(hardest_of=4))
    drawn_at = [draw_batch(start(settings, update=update, limit=2), torch.Generator())[0] for update in range(10)]
    assert [batch.inputs.shape[1] for batch in drawn_at] == [3] * 8 + [12] * 2

    run, same = start(settings, update=8), start(plainly)
    drawn = REPEAT_COPY.sample(12, generator=seeded(), length=2, repeats=2)
    logits = run.model(drawn.inputs, run.model.initial_state(12))[0]

    def worst(sequence: int) -> float:
        alone = Batch(*(tensor[:, [sequence]] for tensor in drawn))
        return loss_slowly(logits[:, [sequence]], alone)[1].item()

    chosen = [max(range(place, 12, 3), key=worst) for place in range(3)]
    hardest = Batch(*(tensor[:, chosen] for tensor in drawn))
    for each in (run, same):
        each.optimizer = torch.optim.SGD(each.model.parameters(), lr=1.0)
    reported = update_weights(run, plain(run.model), drawn, None, seeded())
    update_weights(same, plain(same.model), hardest, None, seeded())
    loss = loss_slowly(logits, drawn)[0]
    torch.testing.assert_close(reported, torch.stack([loss, REPEAT_COPY.errors(logits, drawn).mean()]))
    for parameter, other in zip(run.model.parameters(), same.model.parameters(), strict=True):
        torch.testing.assert_close(parameter, other)


def test_polishing_comes_last_draws_as_many_and_has_a_second_lower_cosine_of_the_learning_rate() -> None:
    finish = Finish(hardest_of=4, polishing=2 / 7)
    settings = small("repeat-copy", updates=14, batch_size=3, finish=finish)
    drawn_at = [draw_batch(start(settings, update=update, limit=2), torch.Generator())[0] for update in range(14)]
    assert [batch.inputs.shape[1] for batch in drawn_at] == [3] * 8 + [12] * 6

    rates = [settings.recipe.learning_rate_at(update) for update in range(14)]
    first = [0.001 * (1 + math.cos(math.pi * update / 10)) / 2 for update in range(10)]
    second = [0.0002 * (1 + math.cos(math.pi * update / 4)) / 2 for update in range(4)]
    assert rates == pytest.approx(first + second)
    plainly = replace(settings.recipe, finish=Finish(hardest_of=4), updates=10)
    assert [plainly.learning_rate_at(update) for update in range(10)] == pytest.approx(first)


@pytest.mark.parametrize("spoilt", [math.inf, math.nan])
def test_a_gradient_that_overflows_leaves_the_weights_finite(spoilt: float) -> None:
    """Backpropagation through sharpening did this to a good run after 8,950 updates."""
    run = start(SHORT)
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}

    def forward(inputs: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        logits, weightings = plain(run.model)(inputs, state)
        logits.register_hook(lambda gradient: gradient * spoilt)
        return logits, weightings

    batch = COPY.sample(2, generator=seeded(), length=2)
    update_weights(run, forward, batch, None, seeded())
    assert all(tensor.equal(before[name]) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", tasks.names())
def test_every_recipe_can_take_a_step(name: str, architecture: Architecture) -> None:
    task = tasks.get(name)
    run = start(Settings.of(task, architecture, batch_size=2))
    before = {key: tensor.clone() for key, tensor in run.model.state_dict().items()}
    smallest: dict[str, Any] = {size: task.smallest.get(size, 1) for size in task.sizes}
    batch = task.sample(2, generator=seeded(), **smallest)
    for slots in run.recipe.training_slots or (None,):
        result = update_weights(run, fastest(run.model), batch, slots, seeded())
        assert torch.isfinite(result).all()
    assert any(not tensor.equal(before[key]) for key, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_learns(architecture: Architecture) -> None:
    run = start(Settings.of(COPY, architecture, updates=200, batch_size=16))
    forward, generator = fastest(run.model), torch.Generator()
    losses = []
    for update in range(200):
        batch = COPY.sample(16, length=2, generator=generator.manual_seed(update))
        for group in run.optimizer.param_groups:
            group["lr"] = 3e-3
        result = update_weights(run, forward, batch, None, generator)
        losses.append(result[0].item())
    assert sum(losses[:20]) / 20 > 0.65
    assert sum(losses[-20:]) / 20 < 0.5


# A run.


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("threshold", [0.0, CURRICULUM.recipe.curriculum.raise_below, math.inf])
def test_the_limit_goes_up_by_one_whenever_the_loss_is_low_until_it_is_the_largest_size(
    tmp_path: Path, threshold: float
) -> None:
    curriculum = Curriculum(first_limit=2, raise_below=threshold)
    run = start(replace(CURRICULUM, recipe=replace(CURRICULUM.recipe, curriculum=curriculum)), tmp_path)
    limits: list[int | None] = []
    loop.train(run, stopping=lambda: limits.append(run.limit))
    expected = [2]
    for row in run.curve:
        expected.append(min(expected[-1] + (row["loss"] < threshold), 10))
    assert [*limits, run.limit] == expected
    assert expected[-1] in {0.0: [2], math.inf: [10]}.get(threshold, range(3, 10))


@pytest.mark.usefixtures("quick")
def test_without_a_first_limit_there_is_none(tmp_path: Path) -> None:
    run = start(small(architecture="lstm", curriculum=Curriculum(raise_below=math.inf)), tmp_path)
    loop.train(run)
    assert run.limit is None


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        (SHORT, [20]),
        (small(architecture="lstm"), [20]),
        (small(training_slots=(3, 8, 20), arguments={"memory_init": "learned"}), [20]),
        (CURRICULUM, [20, 120]),
        (small("priority-sort", updates=30, arguments={"controller": "lstm", "extension": "analog"}), [20]),
        (
            small(
                "repeat-copy",
                updates=50,
                finish=Finish(averaging=0.9),
                arguments={"extension": {"register": {"channel": 9, "mean": 5.5, "deviation": 2.9}}},
            ),
            [20, 40],
        ),
    ],
    ids=["ntm", "lstm", "memory slots", "curriculum", "analog", "register and averaging"],
)
def test_a_stopped_run_ends_in_the_same_weights_as_one_never_stopped(
    tmp_path: Path, settings: Settings, stops: list[int]
) -> None:
    def finish(folder: Path, stops: list[int]) -> TrainingRun:
        run = start(settings, folder)
        for stop in stops:
            finished = loop.train(run, stopping=lambda run=run, stop=stop: run.update >= stop)
            assert not finished
            run = TrainingRun.resume(settings, folder, CPU)
        assert loop.train(run)
        return run

    straight, stopped = finish(tmp_path / "straight", []), finish(tmp_path / "stopped", stops)
    for name, tensor in straight.model.state_dict().items():
        assert tensor.equal(stopped.model.state_dict()[name]), name
    for name, tensor in straight.best.items():
        assert tensor.equal(stopped.best[name]), name
    assert straight.curve == stopped.curve
    assert straight.limit == stopped.limit
    assert (straight.best_update, straight.best_validation) == (stopped.best_update, stopped.best_validation)
    kept = [
        {file.name: file.read_bytes() for file in (tmp_path / name).glob("snapshots/*")}
        for name in ("straight", "stopped")
    ]
    assert bool(kept[0]) == (settings.architecture == "ntm")
    assert kept[0] == kept[1]


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"seed": 5}, "seed"),
        ({"training_slots": (3, 9)}, "training_slots"),
        ({"training_slots": ()}, "training_slots"),
        ({"arguments": SMALLEST["ntm"] | {"memory_width": 5}}, "memory_width"),
        ({"curriculum": Curriculum(first_limit=3, raise_below=0.5)}, "first_limit and raise_below"),
    ],
)
def test_a_run_goes_on_with_its_own_settings_alone(tmp_path: Path, changes: dict[str, Any], named: str) -> None:
    settings = small(training_slots=(3, 8))
    start(settings, tmp_path).save()
    assert TrainingRun.resume(settings, tmp_path, CPU).update == 0
    other = replace(settings, recipe=replace(settings.recipe, **changes))
    with pytest.raises(TrainingError, match=f"was started with another {named}$"):
        TrainingRun.resume(other, tmp_path, CPU)


@pytest.mark.parametrize(
    ("other", "named"), [(small(architecture="lstm"), "architecture"), (small("priority-sort"), "task")]
)
def test_a_run_goes_on_with_its_own_model_and_task_alone(tmp_path: Path, other: Settings, named: str) -> None:
    start(SHORT, tmp_path).save()
    with pytest.raises(TrainingError, match=f"was started with another .*{named}"):
        TrainingRun.resume(other, tmp_path, CPU)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("value", [math.inf, math.nan])
@pytest.mark.parametrize(
    ("settings", "parameter"),
    [
        *((small(name, "lstm"), "output.bias") for name in tasks.names()),
        (SHORT, "cell.controller.layers.0.0.weight"),
        (SHORT, "cell.heads.writing.weight"),
        (SHORT, "cell.output.bias"),
        (small(arguments={"controller": "lstm"}), "cell.controller.cells.0.weight_hh"),
        (small(arguments={"memory_init": "learned"}), "initial_memory.contents"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.task,
)
def test_a_loss_that_stops_being_finite_ends_the_run_and_keeps_the_best_weights(
    tmp_path: Path, settings: Settings, parameter: str, value: float
) -> None:
    run = start(settings, tmp_path)
    with torch.no_grad():
        run.model.get_parameter(parameter).fill_(value)
    with pytest.raises(TrainingError, match="stopped being finite"):
        loop.train(run)
    kept = load_file(tmp_path / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in kept.values())


# The command.


@pytest.mark.slow
def test_ctrl_c_saves_and_resume_finishes(tmp_path: Path) -> None:
    output = tmp_path / "ntm-copy"
    arguments = [sys.executable, "train.py", "copy", "--updates", "400", "--batch-size", "2", "--output", str(output)]
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stderr is not None
    seen = ""
    while "40/400" not in seen:
        seen += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in said
    assert not output.exists()

    again = train(*arguments[2:])
    assert again.returncode == 1
    assert "unfinished run" in again.stderr

    other = train(*arguments[2:], "--seed", "5", "--resume")
    assert other.returncode == 1
    assert "another seed" in other.stderr
    assert (tmp_path / ".ntm-copy.run" / STATE).exists()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_finished_run_is_a_whole_checkpoint(command: ModuleType, tmp_path: Path, architecture: Architecture) -> None:
    output = tmp_path / f"{architecture}-copy"
    arguments = ["copy", "--model", architecture, "--output", str(output)]
    assert command.main([*arguments, "--updates", "60", "--batch-size", "2"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    model = ntm.load(output)
    assert isinstance(model, {"ntm": ntm.NTM, "lstm": ntm.LSTMBaseline}[architecture])
    facts = json.loads((output / "training.json").read_text())
    assert (facts["task"], facts["updates"], facts["sequences"]) == ("copy", 60, 120)
    assert facts["arguments"] == dict(COPY.recipes[architecture].arguments)
    assert [row["update"] for row in facts["curve"]] == [20, 40, 60]
    (score,) = json.loads((output / "evaluation.json").read_text())["scores"]
    assert score["sequences"] == 100
    weights = load_file(output / "model.safetensors")

    snapshots = sorted(output.glob("snapshots/*"))
    assert [int(path.stem) for path in snapshots] == ([20, 40, 60] if architecture == "ntm" else [])
    for path in snapshots:
        untrusted.load_weights(model, path)
        assert path.stat().st_mode & 0o044 == 0o044
    assert facts["best_update"] == 60
    assert all(tensor.equal(weights[name]) for name, tensor in model.state_dict().items())

    assert command.main([*arguments, "--updates", "20"]) == 1
    assert all(tensor.equal(weights[name]) for name, tensor in load_file(output / "model.safetensors").items())


@pytest.mark.slow
def test_all_trains_both_models_on_every_task(command: ModuleType) -> None:
    assert command.main(["all", "--updates", "2", "--batch-size", "2"]) == 0
    folders = {path.name: path for path in command.CHECKPOINTS.iterdir()}
    assert set(folders) == {f"{architecture}-{name}" for architecture in ARCHITECTURES for name in tasks.names()}
    for name, folder in folders.items():
        architecture, _, task = name.partition("-")
        found = read_folder(folder, task)
        assert isinstance(found.model, {"ntm": ntm.NTM, "lstm": ntm.LSTMBaseline}[architecture])
        assert found.task == found.training["task"] == found.evaluation["task"] == task
        assert found.training["sequences"] == 4


@pytest.mark.slow
def test_all_can_be_stopped_and_gone_on_with(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C at the third of four. What is finished is not trained again, and what was begun is gone on with."""
    monkeypatch.setattr(tasks, "names", lambda: ["associative-recall", "copy"])
    arguments = ["all", "--updates", "40", "--batch-size", "2"]
    draw = type(COPY).draw_training

    def interrupt(*arguments: Any, **sizes: int) -> Batch:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(type(COPY), "draw_training", draw)
        return draw(*arguments, **sizes)

    monkeypatch.setattr(type(COPY), "draw_training", interrupt)
    assert command.main(arguments) == 130
    done = {"ntm-associative-recall", "lstm-associative-recall"}
    assert {path.name for path in command.CHECKPOINTS.glob("[!.]*")} == done
    before = {path: path.stat().st_mtime_ns for path in command.CHECKPOINTS.glob("[!.]*/*")}

    capsys.readouterr()
    assert command.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert command.main([*arguments, "--resume"]) == 0
    assert "20/40" in capsys.readouterr().err
    assert {path.name for path in command.CHECKPOINTS.iterdir()} == done | {"ntm-copy", "lstm-copy"}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_all_stops_at_ctrl_c_however_few_updates_are_left(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = type(COPY).draw_training

    def interrupt(*arguments: Any, **sizes: int) -> Batch:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(type(COPY), "draw_training", draw)
        return draw(*arguments, **sizes)

    monkeypatch.setattr(tasks, "names", lambda: ["copy", "priority-sort"])
    monkeypatch.setattr(type(COPY), "draw_training", interrupt)
    assert command.main(["all", "--updates", "2", "--batch-size", "2"]) == 130
    assert not (command.CHECKPOINTS / "ntm-priority-sort").exists()


@pytest.mark.parametrize("arguments", [["--updates", "0"], ["--device", "toaster"]])
def test_bad_arguments_of_all_write_nothing(
    command: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Else the next `all`, with good ones, would be told to go on with what was never begun."""
    assert command.main(["all", *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(command.CHECKPOINTS.glob("*"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["copy", "--updates", "0"], "updates must be at least 1"),
        (["copy", "--batch-size", "0"], "batch size must be at least 1"),
        (["copy", "--seed", "-1"], "seed must be at least 0"),
        (["copy", "--seeds", "0"], "seeds must be at least 1"),
        (["copy", "--device", "cuda:7"], "no device 'cuda:7' here"),
        (["copy", "--device", "toaster"], "no device 'toaster' here"),
        (["copy", "--resume"], "no unfinished run"),
        (["repeat-copy", "--model", "lstm", "--resume"], "no unfinished run"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(
    command: ModuleType,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    complaint: str,
) -> None:
    assert command.main([*arguments, "--output", str(tmp_path / "ntm-copy")]) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bad_argument_is_all_that_the_process_speaks_of(tmp_path: Path) -> None:
    done = train("copy", "--updates", "0", "--output", tmp_path / "ntm-copy")
    assert done.returncode == 1
    assert done.stderr == "error: updates must be at least 1, not 0\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["flight"], "'flight' (choose from"),
        (["copy", "--model", "gru"], "'gru' (choose from"),
        (["all", "--model", "lstm"], "unrecognized arguments: --model lstm"),
        (["all", "--output", "x"], "unrecognized arguments: --output x"),
        (["all", "--push-to-hub", "NAMESPACE/x"], "unrecognized arguments: --push-to-hub NAMESPACE/x"),
    ],
)
def test_what_the_command_does_not_know_is_named(
    command: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    if arguments == ["flight"]:
        assert all(name in said for name in tasks.names())


# Validation.


@pytest.mark.parametrize(("wrong", "batches", "error"), [(None, 3, 0), (0, 1, 0.04), (1, 2, 0.02), (2, 3, 0.04 / 3)])
def test_a_case_is_judged_on_no_more_sequences_than_it_takes_to_find_an_error(
    monkeypatch: pytest.MonkeyPatch, wrong: int | None, batches: int, error: float
) -> None:
    drawn: list[Batch] = []
    draw = type(COPY).draw_validation

    def remember(*given: Any, **sizes: int) -> Batch:
        drawn.append(draw(*given, **sizes))
        return drawn[-1]

    def find_four_wrong_bits(_: Task, logits: Tensor, batch: Batch) -> Tensor:
        return 4.0 * torch.eye(100)[7] * (len(drawn) - 1 == wrong)

    monkeypatch.setattr(type(COPY), "draw_validation", remember)
    monkeypatch.setattr(type(COPY), "errors", find_four_wrong_bits)
    monkeypatch.setattr(type(COPY), "validation", (Case({"length": 3}, weight=10),))
    assert validate(start(SHORT).model, COPY, 250).error == pytest.approx(10 * error)
    assert [batch.inputs.shape for batch in drawn] == [(8, 100, 10)] * batches
    assert len({tuple(batch.inputs.flatten().tolist()) for batch in drawn}) == batches


# Collapses.


@pytest.mark.parametrize("relapse", [None, 2.0])
def test_a_collapse_is_undone_where_the_recipe_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, relapse: float | None
) -> None:
    """The second validation finds the error more than twice the best one."""
    monkeypatch.setattr(loop, "_UPDATES_A_VALIDATION", 20)
    settings = small("priority-sort", updates=40, learning_rate=1e-9, selection=Selection(relapse=relapse))
    run = start(settings, tmp_path)
    task = tasks.get("priority-sort")
    errors = iter([30.0, 70.0])
    monkeypatch.setattr(type(task), "errors", lambda self, logits, batch: torch.full((2,), next(errors)))
    spoilt = {name: torch.randn_like(tensor) for name, tensor in run.model.state_dict().items()}

    def spoil(progress: Progress) -> None:
        if progress.update == 20:
            run.model.load_state_dict(spoilt)

    monkeypatch.setattr(loop, "update_weights", lambda *_: torch.zeros(2))
    loop.train(run, on_progress=spoil)
    expected = spoilt if relapse is None else run.best
    assert all(tensor.equal(expected[name]) for name, tensor in run.model.state_dict().items())
    assert run.best_update == 20


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("averaging", "polishing", "shares"),
    [(0.0, 0.0, [1, 1, 1]), (0.75, 0.0, [0.25, 0.25, 0.25]), (0.75, 2 / 3, [0.25, 1, 1 / 2])],
)
def test_the_mean_of_the_weights_is_what_is_judged_and_kept(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, averaging: float, polishing: float, shares: list[float]
) -> None:
    """The mean of those from before polishing is forgotten with its first report."""
    monkeypatch.setattr(loop, "_UPDATES_A_VALIDATION", 20)
    run = start(small(updates=60, finish=Finish(averaging=averaging, polishing=polishing)), tmp_path)
    expected, judged = copy.deepcopy(run.model.state_dict()), []
    monkeypatch.setattr(
        loop, "validate", lambda *given: judged.append(copy.deepcopy(run.average.state_dict())) or validate(*given)
    )

    def follow(_: Progress) -> None:
        for name, weights in run.model.state_dict().items():
            newest = shares[len(judged) - 1]
            expected[name] = (1 - newest) * expected[name] + newest * weights
            torch.testing.assert_close(judged[-1][name], expected[name])
        if run.best_update == run.update:
            assert all(tensor.equal(judged[-1][name]) for name, tensor in run.best.items())

    loop.train(run, on_progress=follow)
    assert len(judged) == 3
    last = load_file(tmp_path / "snapshots" / "0000060.safetensors")
    assert all(tensor.equal(last[name]) for name, tensor in judged[-1].items())
