"""A race of seeds: each is as if it were alone, the worse are dropped, and one that fails takes no other with it."""

import itertools
import json
import math
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

import ntm
from ntm import tasks
from ntm.training import loop, race, recovery
from ntm.training.loop import Progress
from ntm.training.run import Settings, TrainingError, TrainingRun
from tests.tiny import CPU, SHORT, small


def several(count: int, updates: int = SHORT.recipe.updates) -> Settings:
    """So many seeds of a short run."""
    return replace(SHORT, recipe=replace(SHORT.recipe, seeds=count, updates=updates))


@pytest.mark.usefixtures("quick")
def test_each_seed_is_trained_as_if_it_were_alone(tmp_path: Path) -> None:
    runs = race.start(several(3), tmp_path / "run", CPU)
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
    runs = race.start(several(2), folder, CPU)
    assert not race.train(runs, stopping=lambda: any(run.update >= 20 for run in runs))
    again = race.resume(several(3), folder, CPU)
    assert [run.update for run in again] == [*(run.update for run in runs), 0]
    assert race.train(again)
    assert all(run.finished for run in again)


@pytest.mark.usefixtures("quick")
def test_a_seed_that_fails_leaves_the_others_alone(tmp_path: Path) -> None:
    runs = race.start(several(2), tmp_path / "run", CPU)
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
    with pytest.raises(TrainingError, match="of one seed"):
        race.resume(several(2), tmp_path / "one", CPU)
    for run in race.start(several(2), tmp_path / "two", CPU):
        run.save()
    with pytest.raises(TrainingError, match="of several seeds"):
        race.resume(several(1), tmp_path / "two", CPU)
    for count in (1, 2):
        with pytest.raises(TrainingError, match="no unfinished run"):
            race.resume(several(count), tmp_path / "none", CPU)
        with pytest.raises(TrainingError, match="holds an unfinished run"):
            race.start(several(count), tmp_path / "one", CPU)


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


def test_the_good_seed_is_written_and_one_that_failed_before_its_first_validation_is_named(
    command: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = Settings.of(tasks.get("copy"), updates=20, batch_size=2, seed=5, seeds=2)
    spoilt, sound = race.start(settings, tmp_path / ".ntm-copy.run", CPU)
    with torch.no_grad():
        next(spoilt.model.parameters()).fill_(math.nan)
    spoilt.save()
    sound.save()
    output = tmp_path / "ntm-copy"
    arguments = ["copy", "--updates", "20", "--batch-size", "2", "--seed", "5", "--seeds", "2", "--resume"]
    assert command.main([*arguments, "--output", str(output)]) == 0
    assert "note: seed 5: the loss or a weight stopped being finite" in capsys.readouterr().err
    facts = json.loads((output / "training.json").read_text())
    assert facts["seed"] == 6
    (other,) = facts["other_seeds"]
    assert "stopped being finite" in other["failure"]
    assert "best_validation" not in other
    ntm.load(output)


def test_a_seed_that_cannot_be_saved_fails_alone(
    command: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".ntm-copy.run").mkdir()
    (tmp_path / ".ntm-copy.run" / "seed-5").write_text("a file in the folder's place")
    output = tmp_path / "ntm-copy"
    arguments = ["copy", "--updates", "20", "--batch-size", "2", "--seed", "5", "--seeds", "2"]
    assert command.main([*arguments, "--output", str(output)]) == 0
    assert "note: seed 5: the run cannot be saved" in capsys.readouterr().err
    assert json.loads((output / "training.json").read_text())["seed"] == 6


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 1 MB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small disk is not allowed here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def fill(file: Path) -> None:
    """Write to a file until its disk is full."""
    with file.open("wb", buffering=0) as opened:
        while True:
            opened.write(bytes(4096))


@pytest.mark.usefixtures("quick")
@pytest.mark.filterwarnings("always:seed 0 goes on unsaved")
def test_a_disk_that_is_full_for_a_moment_costs_nothing(monkeypatch: pytest.MonkeyPatch, small_disk: Path) -> None:
    monkeypatch.setattr(loop, "_SECONDS_A_SAVE", 0.0)
    settings = small(updates=80)
    (run,) = race.start(settings, small_disk / "run", CPU)
    filler = small_disk / "filler"

    def fill_for_a_moment(_: TrainingRun, progress: Progress) -> None:
        if progress.update == 20:
            with pytest.raises(OSError, match="No space left"):
                fill(filler)
        elif progress.update == 40:
            assert TrainingRun.resume(settings, small_disk / "run", CPU).update == 0, "what was saved is still there"
        elif progress.update == 60:
            filler.unlink()

    with pytest.warns(UserWarning, match="seed 0 goes on unsaved at update 20: the run cannot be saved .* No space"):
        assert race.train([run], on_progress=fill_for_a_moment)
    assert run.failure is None
    assert TrainingRun.resume(settings, small_disk / "run", CPU).finished
    assert not list((small_disk / "run").glob("*.partial"))


@given(count=st.integers(1, 100), updates=st.integers(1, 100_000))
def test_heats_follow_one_another_and_halve_the_field(count: int, updates: int) -> None:
    found = race.heats(count, updates)
    assert (found[0].begun, found[-1].until) == (0, updates)
    assert found[0].runs == count
    for earlier, later in itertools.pairwise(found):
        assert earlier.until == later.begun < later.until
        assert later.runs == max(math.ceil(earlier.runs / 2), 2) < earlier.runs
        assert earlier.until % 200 == 0, "there is an error to compare"
    assert race.budget(count, updates) <= count * updates


@pytest.fixture
def hopeless(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Looks every other report, and seeds from the worst to the best, for the errors that training finds."""
    monkeypatch.setattr(race, "REPORTS_A_LOOK", 2)
    monkeypatch.setattr(recovery, "REPORTS_A_LOOK", 2)
    order = [2, 0, 5, 1, 4, 3]
    real = loop._train_a_while

    def train_a_while(run: TrainingRun, *arguments: Any) -> Progress:
        return real(run, *arguments)._replace(error=100.0 - order.index(run.recipe.seed))

    monkeypatch.setattr(loop, "_train_a_while", train_a_while)
    return order


@pytest.mark.usefixtures("quick")
def test_the_worse_half_is_dropped_heat_after_heat(hopeless: list[int], tmp_path: Path) -> None:
    runs = race.start(several(6, updates=200), tmp_path / "run", CPU)
    assert race.train(runs)
    assert [run.update for run in sorted(runs, key=lambda run: hopeless.index(run.recipe.seed))] == [
        *(40, 40, 40),
        160,
        *(200, 200),
    ]
    assert race.best(runs).recipe.seed in hopeless[-2:]
    others = {other["seed"]: other["updates"] for other in race.facts(runs)["other_seeds"]}
    assert others | {race.best(runs).recipe.seed: 200} == {run.recipe.seed: run.update for run in runs}


@pytest.mark.usefixtures("quick", "hopeless")
def test_a_study_that_compares_seeds_drops_none(tmp_path: Path) -> None:
    runs = race.start(several(6, updates=200), tmp_path / "run", CPU)
    assert race.train(runs, dropping=False)
    assert all(run.finished for run in runs)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("stop", [60, 100, 250, 340, 520])
def test_a_race_that_was_stopped_goes_on_with_the_same_seeds(hopeless: list[int], tmp_path: Path, stop: int) -> None:
    settings = several(6, updates=200)
    runs = race.start(settings, tmp_path / "run", CPU)
    assert not race.train(runs, stopping=lambda: sum(run.update for run in runs) >= stop)
    again = race.resume(settings, tmp_path / "run", CPU)
    assert race.train(again)
    assert sum(run.update for run in again) == 3 * 40 + 160 + 2 * 200
    assert {run.recipe.seed for run in again if run.finished} == set(hopeless[-2:])


@pytest.mark.usefixtures("quick")
def test_where_a_seed_fails_the_best_of_those_dropped_takes_its_place(hopeless: list[int], tmp_path: Path) -> None:
    runs = race.start(several(6, updates=200), tmp_path / "run", CPU)

    def spoil(run: TrainingRun, progress: Progress) -> None:
        if run.recipe.seed in hopeless[-2:] and progress.update == 120:
            with torch.no_grad():
                next(run.model.parameters()).fill_(math.nan)

    assert race.train(runs, on_progress=spoil)
    assert {run.recipe.seed for run in runs if run.failure} == set(hopeless[-2:])
    assert {run.recipe.seed for run in runs if run.finished} == set(hopeless[-4:-2])
