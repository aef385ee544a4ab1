"""Validation: on how many sequences weights are judged."""

from typing import Any

import pytest
import torch
from torch import Tensor

from ntm import tasks
from ntm.tasks import Batch, Case, Task
from ntm.training.validation import validate
from tests.tiny import SHORT, start

COPY = tasks.get("copy")


@pytest.mark.parametrize(("wrong", "batches", "error"), [(None, 3, 0), (0, 1, 0.04), (1, 2, 0.02), (2, 3, 0.04 / 3)])
def test_a_case_is_judged_on_no_more_sequences_than_it_takes_to_find_an_error(
    monkeypatch: pytest.MonkeyPatch, wrong: int | None, batches: int, error: float
) -> None:
    drawn: list[Batch] = []
    draw = type(COPY).draw_validation

    def remember(*given: Any, **sizes: int) -> Batch:
        drawn.append(draw(*given, **sizes))
        return drawn[-1]

    def find_four_wrong_bits(_: Task, logits: Tensor, batch: Batch) -> Tensor:
        return 4.0 * torch.eye(100)[7] * (len(drawn) - 1 == wrong)

    monkeypatch.setattr(type(COPY), "draw_validation", remember)
    monkeypatch.setattr(type(COPY), "errors", find_four_wrong_bits)
    monkeypatch.setattr(type(COPY), "validation", (Case({"length": 3}),))
    assert validate(start(SHORT).model, COPY).error == pytest.approx(error)
    assert [batch.inputs.shape for batch in drawn] == [(8, 100, 10)] * batches
    assert len({tuple(batch.inputs.flatten().tolist()) for batch in drawn}) == batches
