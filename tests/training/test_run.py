"""A run: what it depends on, and that it goes on where it was stopped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ntm.tasks.recipe import Curriculum, Finish
from ntm.training import loop
from ntm.training.run import Settings, TrainingError, TrainingRun
from tests.tiny import CPU, CURRICULUM, SHORT, SMALLEST, small, start


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
