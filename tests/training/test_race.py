"""Several seeds at once: each is as if it were alone, the best is kept, and one that fails takes no other with it."""

import json
import math
from pathlib import Path
from types import ModuleType

import pytest
import torch

import ntm
from ntm.training import loop, race
from ntm.training.run import TrainingError, TrainingRun
from tests.tiny import CPU, SHORT


@pytest.mark.usefixtures("quick")
def test_each_seed_is_trained_as_if_it_were_alone(tmp_path: Path) -> None:
    runs = race.start(SHORT, 3, tmp_path / "run", CPU)
    assert race.train(runs)
    threads = torch.get_num_threads()
    for run in runs:
        alone = TrainingRun.start(run.settings, tmp_path / "alone", CPU)
        torch.set_num_threads(1)
        loop.train(alone)
        torch.set_num_threads(threads)
        assert alone.curve == run.curve
        assert all(tensor.equal(run.best[name]) for name, tensor in alone.best.items())
    assert [run.recipe.seed for run in runs] == [0, 1, 2]
    assert race.best(runs).best_validation == min(run.best_validation for run in runs)


@pytest.mark.usefixtures("quick")
def test_stopped_seeds_go_on_and_those_not_begun_begin(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    runs = race.start(SHORT, 2, folder, CPU)
    assert not race.train(runs, stopping=lambda: any(run.update >= 20 for run in runs))
    again = race.resume(SHORT, 3, folder, CPU)
    assert [run.update for run in again] == [*(run.update for run in runs), 0]
    assert race.train(again)
    assert all(run.finished for run in again)


@pytest.mark.usefixtures("quick")
def test_a_seed_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    runs = race.start(SHORT, 2, tmp_path / "run", CPU)
    with torch.no_grad():
        next(runs[0].model.parameters()).fill_(math.nan)
    assert race.train(runs)
    assert "stopped being finite" in str(runs[0].failure)
    assert runs[1].failure is None
    assert race.best(runs) is runs[1]
    with torch.no_grad():
        next(runs[1].model.parameters()).fill_(math.nan)
    runs[1].update = 0
    with pytest.raises(TrainingError, match="stopped being finite"):
        race.train(runs)


def test_a_folder_of_one_run_is_not_taken_for_one_of_several(tmp_path: Path) -> None:
    TrainingRun.start(SHORT, tmp_path / "one", CPU).save()
    with pytest.raises(TrainingError, match="without --seeds"):
        race.resume(SHORT, 2, tmp_path / "one", CPU)
    for run in race.start(SHORT, 2, tmp_path / "two", CPU):
        run.save()
    with pytest.raises(TrainingError, match="with --seeds"):
        race.resume(SHORT, 1, tmp_path / "two", CPU)
    for count in (1, 2):
        with pytest.raises(TrainingError, match="no unfinished run"):
            race.resume(SHORT, count, tmp_path / "none", CPU)
        with pytest.raises(TrainingError, match="holds an unfinished run"):
            race.start(SHORT, count, tmp_path / "one", CPU)


def test_the_command_keeps_the_best_and_the_curves_of_the_others(command: ModuleType, tmp_path: Path) -> None:
    output = tmp_path / "ntm-copy"
    arguments = ["copy", "--updates", "40", "--batch-size", "2", "--seeds", "3", "--seed", "5", "--output", str(output)]
    assert command.main(arguments) == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    facts = json.loads((output / "training.json").read_text())
    others = facts["other_seeds"]
    assert {facts["seed"], *(other["seed"] for other in others)} == {5, 6, 7}
    assert all([row["update"] for row in other["curve"]] == [20, 40] for other in others)
    ntm.load(output)
