"""The loop: the curriculum, collapses, the weights that are kept, and what becomes of a run that goes wrong."""

import copy
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from ntm import tasks
from ntm.tasks.recipe import Curriculum, Loss, Recipe
from ntm.training import loop
from ntm.training.run import Settings, TrainingError
from ntm.training.validation import Validation, validate
from tests.tiny import CURRICULUM, SHORT, small, start


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
@pytest.mark.parametrize("curriculum", [Curriculum(), Curriculum(first_limit=2, raise_below=math.inf)])
@pytest.mark.parametrize("learned_below", [0.0, 0.68, math.inf])
def test_a_task_is_learned_once_the_loss_was_low_with_all_sizes_drawn(
    tmp_path: Path, curriculum: Curriculum, learned_below: float
) -> None:
    settings = small("repeat-copy", "lstm", updates=200, curriculum=curriculum, loss=Loss(learned_below=learned_below))
    run = start(settings, tmp_path)
    learned: list[bool] = []
    loop.train(run, stopping=lambda: learned.append(run.has_learned))
    expected, limit = [False], curriculum.first_limit
    for row in run.curve:
        expected.append(expected[-1] or (limit in (None, 10) and row["loss"] < learned_below))
        limit = limit and min(limit + 1, 10)
    assert [*learned, run.has_learned] == expected
    assert (expected[-1], True in expected[:-1]) == ((learned_below > 0,) * 2)


@pytest.mark.usefixtures("quick")
def test_without_a_first_limit_there_is_none(tmp_path: Path) -> None:
    run = start(small(architecture="lstm", curriculum=Curriculum(raise_below=math.inf)), tmp_path)
    loop.train(run)
    assert run.limit is None


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


@pytest.mark.usefixtures("quick")
def test_the_best_weights_that_were_judged_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(loop, "_UPDATES_A_VALIDATION", 20)
    run = start(small(updates=60), tmp_path)
    judged: dict[int, tuple[Validation, dict[str, Tensor]]] = {}

    def judge(*given: Any) -> Validation:
        judged[run.update] = validate(*given), copy.deepcopy(run.model.state_dict())
        return judged[run.update][0]

    monkeypatch.setattr(loop, "validate", judge)
    loop.train(run)
    assert list(judged) == [20, 40, 60]
    best, weights = judged[run.best_update]
    assert best == min(validation for validation, _ in judged.values()) == run.best_validation
    assert all(weights[name].equal(tensor) for name, tensor in run.best.items())
    last = load_file(tmp_path / "snapshots" / "0000060.safetensors")
    assert all(tensor.equal(last[name]) for name, tensor in judged[60][1].items())


def test_the_rate_falls_along_a_cosine() -> None:
    recipe = Recipe(updates=80, learning_rate=0.25)
    found = [recipe.learning_rate_at(update) for update in (0, 20, 40, 80, 81)]
    assert found == pytest.approx([0.25, 0.125 * (1 + math.sqrt(0.5)), 0.125, 0.0, 0.0])


def test_a_batch_that_would_take_all_memory_is_refused_before_it_does(tmp_path: Path) -> None:
    """Linux grants more than there is, and kills whoever uses it."""
    run = start(SHORT, tmp_path)
    loop._check_memory(run, torch.zeros(22, 32, 10), None)
    with pytest.raises(MemoryError):
        loop._check_memory(run, torch.zeros(1, 1, 1).expand(22, 10**12, 10), None)  # which takes four bytes
