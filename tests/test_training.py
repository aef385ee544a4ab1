"""Training: what a run depends on, and that nothing is lost when it is stopped or goes wrong."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

import ntm
from ntm import training
from ntm.tasks import Batch
from tests.conftest import ROOT

COPY = ntm.tasks.get("copy")
SHORT = training.Settings.of(COPY, updates=40, batch_size=4)


def train(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "train.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=250, **options)  # type: ignore[call-overload]


@pytest.fixture
def quick_evaluation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(COPY), "evaluation", COPY.evaluation[:2])


def test_the_same_update_always_draws_the_same_batch() -> None:
    generator = torch.Generator()
    first = training.draw_batch(COPY, SHORT, 7, generator)
    training.draw_batch(COPY, SHORT, 8, generator)
    assert training.draw_batch(COPY, SHORT, 7, generator).inputs.equal(first.inputs)
    other_seed = training.draw_batch(COPY, replace(SHORT, seed=1), 7, generator)
    assert other_seed.inputs.shape != first.inputs.shape or not other_seed.inputs.equal(first.inputs)


def test_training_stays_inside_the_training_range() -> None:
    generator = torch.Generator()
    lengths = {len(training.draw_batch(COPY, SHORT, update, generator).inputs) // 2 - 1 for update in range(400)}
    assert lengths == set(range(1, 21))


def test_the_losses_are_the_cross_entropy_of_the_scored_bits_alone() -> None:
    logits = torch.randn(5, 3, 2, dtype=torch.float64)
    targets = torch.randint(0, 2, (5, 3, 2)).double()
    mask = torch.rand(5, 3) < 0.5
    mask[0] = True
    losses: list[list[float]] = [[], [], []]
    for step, sequence in mask.nonzero().tolist():
        for bit in range(2):
            probability = torch.sigmoid(logits[step, sequence, bit])
            losses[sequence].append(-torch.log(probability if targets[step, sequence, bit] else 1 - probability).item())
    batch = Batch(torch.zeros(5, 3, 1), targets, mask)
    every = [loss for sequence in losses for loss in sequence]
    assert training.masked_loss(logits, batch).item() == pytest.approx(sum(every) / len(every))
    assert training.worst_bit_loss(logits, batch).item() == pytest.approx(sum(map(max, losses)) / 3)


def test_it_learns() -> None:
    settings = training.Settings.of(COPY, updates=200, batch_size=16)
    run = training.start(settings, torch.device("cpu"))
    task = ntm.tasks.get("copy")
    generator = torch.Generator()
    losses = []
    for update in range(200):
        batch = task.sample(16, length=2, generator=generator.manual_seed(update))
        for group in run.optimizer.param_groups:
            group["lr"] = 3e-3
        losses.append(training.train_step(run.model, run.optimizer, settings, task, batch, generator)[0].item())
    assert sum(losses[:20]) / 20 > 0.65
    assert sum(losses[-20:]) / 20 < 0.5


def test_a_stopped_run_ends_in_the_same_weights_as_one_never_stopped(tmp_path: Path) -> None:
    def finish(folder: Path, stops: list[int]) -> training.Run:
        run = training.start(SHORT, torch.device("cpu"))
        for stop in stops:
            finished = training.train(run, SHORT, folder, stopping=lambda run=run, stop=stop: run.update >= stop)
            assert not finished
            run = training.resume(SHORT, folder, torch.device("cpu"))
        assert training.train(run, SHORT, folder)
        return run

    straight, stopped = finish(tmp_path / "straight", []), finish(tmp_path / "stopped", [20])
    for name, tensor in straight.model.state_dict().items():
        assert tensor.equal(stopped.model.state_dict()[name]), name
    for name, tensor in straight.best.items():
        assert tensor.equal(stopped.best[name]), name
    assert straight.curve == stopped.curve


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
    assert (tmp_path / ".ntm-copy.run" / training.STATE).exists()


def test_a_loss_that_stops_being_finite_ends_the_run_and_keeps_the_best_weights(tmp_path: Path) -> None:
    run = training.start(SHORT, torch.device("cpu"))
    with torch.no_grad():
        next(run.model.parameters()).fill_(torch.inf)
    with pytest.raises(training.TrainingError, match="stopped being finite"):
        training.train(run, SHORT, tmp_path)
    kept = ntm.load(tmp_path)
    assert all(torch.isfinite(tensor).all() for tensor in kept.state_dict().values())


@pytest.mark.usefixtures("quick_evaluation")
def test_a_finished_run_is_a_whole_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT)
    import train as command

    output = tmp_path / "ntm-copy"
    assert command.main(["copy", "--updates", "20", "--batch-size", "2", "--output", str(output)]) == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ntm-copy"]
    assert isinstance(ntm.load(output), ntm.NTM)
    facts = json.loads((output / "training.json").read_text())
    assert facts["updates"] == 20
    assert facts["sequences"] == 40
    assert len(json.loads((output / "evaluation.json").read_text())["scores"]) == 2
    weights = load_file(output / "model.safetensors")

    assert command.main(["copy", "--updates", "20", "--output", str(output)]) == 1
    assert all(tensor.equal(weights[name]) for name, tensor in load_file(output / "model.safetensors").items())


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["copy", "--updates", "0"], "updates must be at least 1"),
        (["copy", "--batch-size", "0"], "batch size must be at least 1"),
        (["copy", "--device", "cuda:7"], "no device 'cuda:7' here"),
        (["copy", "--device", "toaster"], "no device 'toaster' here"),
        (["copy", "--resume"], "no unfinished run"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(tmp_path: Path, arguments: list[str], complaint: str) -> None:
    done = train(*arguments, "--output", tmp_path / "ntm-copy")
    assert done.returncode == 1
    assert complaint in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_task_is_named_beside_the_known_ones() -> None:
    done = train("flight")
    assert done.returncode == 2
    assert "'flight' (choose from 'copy'" in done.stderr.replace("from copy", "from 'copy'")
