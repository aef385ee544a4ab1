"""The study of initial memory: what it compares, and that it can be stopped."""

from dataclasses import replace
from pathlib import Path

import pytest

from ntm import tasks
from ntm.machine.memory import MEMORY_INITS
from ntm.studies import initialisation as study
from ntm.training import race

UPDATES = {"copy": 40, "associative-recall": 20}


def test_runs_of_a_task_differ_in_initial_memory_and_seed_alone() -> None:
    every = [study.settings("copy", scheme, seed, 40) for scheme in MEMORY_INITS for seed in range(2)]
    same = {
        str(replace(each.recipe, seed=0, arguments={**each.recipe.arguments, "memory_init": "constant"}))
        for each in every
    }
    assert len(same) == 1
    assert len({(each.recipe.arguments["memory_init"], each.recipe.seed) for each in every}) == 6
    assert set(study.UPDATES) <= set(tasks.names())


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_stopped_study_goes_on(tmp_path: Path) -> None:
    runs = study.open_runs(tmp_path, UPDATES, 2)
    assert len(runs) == 12
    assert not race.train(runs, validating=False, stopping=lambda: any(run.update >= 20 for run in runs))
    again = study.open_runs(tmp_path, UPDATES, 2)
    assert any(run.update for run in again)
    assert race.train(again, validating=False)
    found = study.record(again)
    assert found["sequences"] == {"copy": [640, 1280], "associative-recall": [640]}
    for task, schemes in found["errors"].items():
        assert list(schemes) == list(MEMORY_INITS)
        assert all(len(curve) == len(found["sequences"][task]) for curves in schemes.values() for curve in curves)
    assert len(study.outcomes(found)) == 6
