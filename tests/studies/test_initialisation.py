"""The study of initial memory: what it compares, and that both presets can be stopped."""

import json
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import torch

from ntm import tasks
from ntm.machine.memory import MEMORY_INITS, MemoryInit
from ntm.studies import collier_beel
from ntm.studies import initialisation as study
from ntm.training import race
from tests.numerics import seeded


def test_runs_of_a_task_differ_in_initial_memory_and_seed_alone() -> None:
    every = [study.settings("copy", scheme, seed, 40) for scheme in MEMORY_INITS for seed in range(2)]
    same = {
        str(replace(each.recipe, seed=0, arguments={**each.recipe.arguments, "memory_init": "constant"}))
        for each in every
    }
    assert len(same) == 1
    assert len({(each.recipe.arguments["memory_init"], each.recipe.seed) for each in every}) == 6
    assert set(study.TASKS) <= set(tasks.names())


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_a_stopped_study_goes_on(tmp_path: Path) -> None:
    runs = study.open_runs(tmp_path, 40, 2)
    assert len(runs) == 12
    assert not race.train(runs, validating=False, stopping=lambda: any(run.update >= 20 for run in runs))
    again = study.open_runs(tmp_path, 40, 2)
    assert any(run.update for run in again)
    assert race.train(again, validating=False)
    found = study.record(again)
    assert found["sequences"] == {"copy": [640, 1280], "associative-recall": [640, 1280]}
    for task, schemes in found["errors"].items():
        assert list(schemes) == list(MEMORY_INITS)
        assert all(len(curve) == len(found["sequences"][task]) for curves in schemes.values() for curve in curves)
    assert len(study.outcomes(found)) == 6


def test_a_difference_is_tested_by_when_seeds_learned_and_those_that_never_did_come_last() -> None:
    seen = [640 * (index + 1) for index in range(6)]

    def learns_at(report: int | None) -> list[float]:
        return [9.0 if report is None or index < report else 0.5 for index in range(6)]

    curves = {
        "constant": [learns_at(index) for index in (0, 1, 2)],
        "random": [learns_at(index) for index in (3, 5, None)],
    }
    constant, random = study.outcomes({"sequences": {"copy": seen}, "errors": {"copy": curves}})
    assert (constant.significance, random.significance) == (1.0, pytest.approx(0.1)), (
        "2 of the 20 ways are so far apart"
    )
    assert (random.learned, random.seeds, random.sequences[2]) == (2, 3, 6 * 640)


# Collier and Beel's own.


def machine(scheme: MemoryInit, tmp_path: Path) -> collier_beel.LearnedStart:
    return collier_beel.Run("copy", scheme, 0, 1, tmp_path).build()


def test_their_machine_starts_as_they_say(tmp_path: Path) -> None:
    states = {scheme: machine(scheme, tmp_path).initial_state(2) for scheme in MEMORY_INITS}
    for state in states.values():
        assert (state.memory.shape, state.weights.shape, state.reads.shape) == ((2, 128, 20), (2, 2, 128), (2, 1, 20))
        assert state.weights.sum(-1).allclose(torch.ones(2, 2))
        assert 0.5 < 128 * state.weights.min() < 128 * state.weights.max() < 2, "nearly even"
        assert torch.equal(state.memory[0], state.memory[1]), "not drawn for every sequence"
    assert states["constant"].memory.unique().tolist() == pytest.approx([1e-6])
    assert states["learned"].memory.abs().max() < 0.05
    assert 0.3 < states["random"].memory.std() < 0.5, "what the hyperbolic tangent leaves of a deviation of 0.5"


@pytest.mark.parametrize("scheme", MEMORY_INITS)
def test_all_of_their_start_is_learned_by_the_engine_as_step_by_step(scheme: MemoryInit, tmp_path: Path) -> None:
    model = machine(scheme, tmp_path)
    batch = tasks.get("copy").sample(3, length=4, generator=seeded())
    found = []
    for forward in (model.forward, lambda inputs, state: model.unroll(inputs, state)[:1]):
        model.zero_grad()
        logits = forward(batch.inputs, model.initial_state(3))[0]
        logits.square().sum().backward()
        found.append({name: parameter.grad.clone() for name, parameter in model.named_parameters()})
    for name in ("start_memory", "start_reads", "start_weights"):
        assert found[0][name].abs().max() > 0
        torch.testing.assert_close(found[0][name], found[1][name], rtol=1e-3, atol=1e-5)


def test_their_machine_keeps_its_number_of_slots(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="128 slots"):
        machine("constant", tmp_path).initial_state(1, memory_slots=256)


@pytest.mark.slow
def test_their_study_goes_on_where_it_was_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(study, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(collier_beel, "UPDATES_AN_EVALUATION", 2)
    monkeypatch.setattr(collier_beel, "_EVALUATION_BATCHES", 1)
    folder = tmp_path / ".initialisation-collier-beel.run"
    runs = [collier_beel.Run("copy", scheme, 0, 4, folder) for scheme in get_args(MemoryInit)]
    assert not collier_beel.train_all(runs, lambda: None, stopping=folder.exists)
    kept = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    assert 1 <= len(kept) < 3
    assert sum(collier_beel.Run("copy", run.scheme, 0, 4, folder).done for run in runs) == len(kept)
    monkeypatch.setattr(study, "TASKS", ("copy",))
    removed: list[Path] = []
    monkeypatch.setattr(study.shutil, "rmtree", removed.append)
    assert study.main(["--preset", "collier-beel", "--seeds", "1", "--updates", "4"]) == 0
    assert removed == [folder]
    assert {path: path.stat().st_mtime_ns for path in kept} == kept, "what was done is not trained again"
    found = json.loads((tmp_path / study.RECORDS["collier-beel"]).read_text())
    assert found["sequences"] == {"copy": [64, 128]}
    assert all(0 < error < 90 for curves in found["errors"]["copy"].values() for error in curves[0])
    assert [outcome.seeds for outcome in study.outcomes(found)] == [1, 1, 1]
