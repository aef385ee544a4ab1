"""Recovery: a run that collapses goes back to where it did best, and goes on from there at a lower rate."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ntm.tasks.recipe import Curriculum
from ntm.training import loop
from ntm.training.loop import Progress
from ntm.training.recovery import REPORTS_A_LOOK, Recovery
from ntm.training.run import TrainingRun
from tests.tiny import CPU, small, start


def look(recovery: Recovery, *errors: float) -> float:
    """Look at a run whose only number is its error; what the number is after that."""
    number = torch.tensor(errors[-1])
    for _ in range(REPORTS_A_LOOK // len(errors)):
        for error in errors:
            recovery.take(error, {"number": number})
    return number.item()


def test_only_what_is_much_worse_and_not_negligible_is_a_collapse() -> None:
    recovery = Recovery()
    assert look(recovery, 10.0) == 10.0
    assert look(recovery, 12.9) == pytest.approx(12.9), "within 1.3 times the best"
    assert look(recovery, 13.1) == 10.0
    assert look(recovery, 14.0, 16.0) == 10.0, "the mean counts"
    assert look(recovery, 2.0, 30.0) == 30.0, "may be chance"
    assert recovery.times == 2
    assert look(recovery, 0.1) == pytest.approx(0.1)
    assert look(recovery, 0.49) == pytest.approx(0.49), "more than 1.3 times the best, but next to nothing"
    assert look(recovery, 0.51) == pytest.approx(0.1)
    assert recovery.rate == pytest.approx(0.8**3)
    recovery.forget()
    assert look(recovery, 50.0) == 50.0, "errors from before cannot be compared"
    assert recovery.rate == pytest.approx(0.8**3)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", ["copy", "dynamic-ngrams"])
def test_a_collapse_is_undone_down_to_the_optimiser_and_the_rate_is_lower_from_then_on(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    """Weights and moments are spoilt between the first look and the second."""
    monkeypatch.setattr(loop, "UPDATES_A_REPORT", 2)
    run = start(small(name, updates=60, batch_size=1), tmp_path)
    best: dict[str, Tensor] = {}
    rates = []

    def spoil(progress: Progress) -> None:
        rates.append(run.learning_rate / run.recipe.learning_rate_at(run.update) if not run.finished else None)
        if progress.update == 20:
            best.update({name: tensor.clone() for name, tensor in run.changing().items()})
            with torch.no_grad():
                for tensor in run.changing().values():
                    tensor.add_(1.0)
            monkeypatch.setattr(type(run.task), "errors", lambda self, logits, batch: torch.full((1,), 1e3))
        elif progress.update == 40:
            assert all(tensor.equal(best[name]) for name, tensor in run.changing().items())

    loop.train(run, on_progress=spoil)
    assert {name.split(".")[0] for name in best} == {"model", "optimizer"}
    assert [round(rate, 6) for rate in rates[:-1] if rate] == [1.0] * 19 + [0.8] * 10
    assert run.recovery.times == 2, "the third look finds it as bad, and goes back once more"
    assert TrainingRun.resume(run.settings, tmp_path, CPU).recovery.times == 2


@pytest.mark.usefixtures("quick")
def test_a_larger_size_is_no_collapse(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The limit goes up between two looks, and errors with it; the first look after that counts none from before."""
    run = start(small("repeat-copy", updates=60, batch_size=1, curriculum=Curriculum(2, math.inf)), tmp_path)
    monkeypatch.setattr(loop, "UPDATES_A_REPORT", 2)
    rises = {26: 3, 30: 4}
    monkeypatch.setattr(Curriculum, "next_limit", lambda self, limit, *_: rises.get(run.update, limit))
    real = loop._train_a_while
    monkeypatch.setattr(loop, "_train_a_while", lambda *given: real(*given)._replace(error=float(run.limit**3)))
    errors = {}
    loop.train(run, on_progress=lambda progress: errors.update({progress.update: run.recovery.error}))
    assert errors[20] == errors[24] == 8.0
    assert errors[26] == errors[48] == math.inf
    assert errors[50] == 64.0
    assert run.recovery.times == 0


def test_a_stopped_run_remembers_what_it_can_go_back_to(tmp_path: Path) -> None:
    run = start(small(updates=400, batch_size=1), tmp_path)
    assert loop.train(run, 240, validating=False)
    again = TrainingRun.resume(run.settings, tmp_path, CPU)
    assert again.recovery.error == run.recovery.error < math.inf
    assert again.recovery.recent == run.recovery.recent == [row["error"] for row in run.curve[-2:]]
    assert again.recovery.tensors.keys() == run.recovery.tensors.keys() == run.changing().keys()
    assert all(tensor.equal(again.recovery.tensors[name]) for name, tensor in run.recovery.tensors.items())
