"""Several seeds at once: each is as if it were alone, the best is kept, and one that fails takes no other with it."""

import json
import math
from pathlib import Path
from types import ModuleType

import pytest
import torch

import ntm
from ntm.training import loop, race
from tests.tiny import small

CPU = torch.device("cpu")
SHORT = small()


@pytest.mark.usefixtures("quick")
def test_each_seed_is_trained_as_if_it_were_alone(tmp_path: Path) -> None:
    candidates = race.start(SHORT, 3, tmp_path / "run", CPU)
    assert race.train(candidates)
    threads = torch.get_num_threads()
    for candidate in candidates:
        alone = loop.start(candidate.settings, CPU)
        torch.set_num_threads(1)
        loop.train(alone, candidate.settings, tmp_path / "alone")
        torch.set_num_threads(threads)
        assert alone.curve == candidate.run.curve
        assert all(tensor.equal(candidate.run.best[name]) for name, tensor in alone.best.items())
    assert [candidate.settings.recipe.seed for candidate in candidates] == [0, 1, 2]
    assert race.best(candidates).run.best_validation == min(each.run.best_validation for each in candidates)


@pytest.mark.usefixtures("quick")
def test_stopped_seeds_go_on_and_those_not_begun_begin(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    candidates = race.start(SHORT, 2, folder, CPU)
    assert not race.train(candidates, stopping=lambda: any(each.run.update >= 20 for each in candidates))
    again = race.resume(SHORT, 3, folder, CPU)
    assert [each.run.update for each in again] == [*(each.run.update for each in candidates), 0]
    assert race.train(again)
    assert all(each.run.update == SHORT.recipe.updates for each in again)


@pytest.mark.usefixtures("quick")
def test_a_seed_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    candidates = race.start(SHORT, 2, tmp_path / "run", CPU)
    with torch.no_grad():
        next(candidates[0].run.model.parameters()).fill_(math.nan)
    assert race.train(candidates)
    assert "stopped being finite" in str(candidates[0].failure)
    assert candidates[1].failure is None
    assert race.best(candidates) is candidates[1]
    with torch.no_grad():
        next(candidates[1].run.model.parameters()).fill_(math.nan)
    candidates[1].run.update = 0
    with pytest.raises(loop.TrainingError, match="stopped being finite"):
        race.train(candidates)


def test_a_folder_of_one_run_is_not_taken_for_one_of_several(tmp_path: Path) -> None:
    loop.save(loop.start(SHORT, CPU), SHORT, tmp_path / "one")
    with pytest.raises(loop.TrainingError, match="without --seeds"):
        race.resume(SHORT, 2, tmp_path / "one", CPU)
    for candidate in race.start(SHORT, 2, tmp_path / "two", CPU):
        loop.save(candidate.run, candidate.settings, candidate.folder)
    with pytest.raises(loop.TrainingError, match="with --seeds"):
        race.resume(SHORT, 1, tmp_path / "two", CPU)
    for count in (1, 2):
        with pytest.raises(loop.TrainingError, match="no unfinished run"):
            race.resume(SHORT, count, tmp_path / "none", CPU)
        with pytest.raises(loop.TrainingError, match="holds an unfinished run"):
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
