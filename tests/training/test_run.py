"""A run: what it depends on, and that it goes on where it was stopped."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ntm import tasks
from ntm.tasks import Recipe
from ntm.tasks.recipe import Curriculum, Loss
from ntm.training import loop
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun
from tests.tiny import CPU, CURRICULUM, SHORT, SMALLEST, small, start


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(
    ("settings", "stops"),
    [
        (SHORT, [20]),
        (small(architecture="lstm"), [20]),
        (small(training_slots=(3, 8, 20), arguments={"memory_init": "learned"}), [20]),
        (CURRICULUM, [20, 120]),
        (small(updates=60, loss=Loss(learned_below=1.0)), [20, 40]),
        (small("priority-sort", updates=30, arguments={"controller": "lstm", "extension": "analog"}), [20]),
        (
            small(
                "repeat-copy",
                updates=50,
                arguments={"extension": {"register": {"channel": 9, "mean": 5.5, "deviation": 2.9}}},
            ),
            [20, 40],
        ),
    ],
    ids=["ntm", "lstm", "memory slots", "curriculum", "learned", "analog", "register"],
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
    assert (straight.limit, straight.has_learned) == (stopped.limit, stopped.has_learned)
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


@pytest.mark.parametrize(
    ("length", "own", "expected"),
    [
        (10, 128, (32, 64, 128)),
        (10, 100, (32, 64, 100)),
        (60, 128, (64, 128)),
        (10, 32, ()),
        (100, 64, ()),
        (500, 1024, (512, 1024)),
    ],
)
def test_a_recipe_that_names_no_slots_trains_with_few_that_are_enough(
    monkeypatch: pytest.MonkeyPatch, length: int, own: int, expected: tuple[int, ...]
) -> None:
    task = tasks.get("copy")
    monkeypatch.setattr(type(task), "sizes", {"length": range(1, length + 1)})
    assert task.longest() == 2 * length + 2
    recipe = Recipe(updates=1, arguments={"memory_slots": own})
    assert Settings.of(task, recipe=recipe).recipe.training_slots == expected
    assert Settings.of(task, recipe=replace(recipe, training_slots=(5, 7))).recipe.training_slots == (5, 7)
    assert Settings.of(task, recipe=replace(recipe, training_slots=())).recipe.training_slots == ()
    assert Settings.of(task, "lstm", recipe=recipe).recipe.training_slots == ()


def test_a_model_that_the_task_has_no_recipe_for_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    task = tasks.get("copy")
    monkeypatch.setattr(type(task), "recipes", {"ntm": task.recipes["ntm"]})
    with pytest.raises(TrainingError, match="copy has no recipe for lstm, only for ntm"):
        Settings.of(task, "lstm")


def test_any_damage_to_a_saved_run_is_a_sentence(tmp_path: Path) -> None:
    start(SHORT, tmp_path).save()
    state = tmp_path / STATE
    whole = state.read_bytes()
    flipped = [whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :] for at in range(0, len(whole), 89)]
    shortened = [whole[:length] for length in (0, 1, 8, 31, 32, 33, len(whole) // 2, len(whole) - 1)]
    zeroed = [whole[: len(whole) // 2] + bytes(size) + whole[len(whole) // 2 + size :] for size in (400, 4000)]
    for damaged in (*flipped, *shortened, *zeroed, whole + b"\0", b"\0" * len(whole), b"{}"):
        state.write_bytes(damaged)
        with pytest.raises(TrainingError, match=r"^the run in .* is damaged: delete that folder to begin anew$"):
            TrainingRun.resume(SHORT, tmp_path, CPU)
    state.write_bytes(whole)
    assert TrainingRun.resume(SHORT, tmp_path, CPU).update == 0


def test_a_sound_run_of_another_version_is_a_sentence(tmp_path: Path) -> None:
    run = start(SHORT, tmp_path)
    run.best.popitem()
    run.model.register_buffer("more", next(run.model.parameters()).detach().clone())
    run.save()
    with pytest.raises(TrainingError, match="is of another version"):
        TrainingRun.resume(SHORT, tmp_path, CPU)


@pytest.mark.parametrize(
    "save", [lambda folder: folder.write_text("a file"), lambda folder: (folder / STATE).mkdir(parents=True)]
)
def test_what_cannot_be_written_is_a_sentence(tmp_path: Path, save: Callable[[Path], object]) -> None:
    save(tmp_path / "run")
    with pytest.raises(TrainingError, match="cannot be saved in"):
        start(SHORT, tmp_path / "run").save()
