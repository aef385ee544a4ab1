"""The published weights on sequences that nobody has seen."""

import json

import pytest
import torch

import ntm
from ntm.evaluation import measure
from ntm.tasks import Case
from tests.conftest import ROOT

FOLDER = ROOT / "checkpoints" / "ntm-copy"
FRESH_SEED = 20_260_101


@pytest.mark.parametrize(
    ("length", "slots", "sequences"),
    [
        (1, None, 500),
        (2, None, 500),
        (5, None, 500),
        (20, None, 500),
        (50, None, 100),
        (100, None, 100),
        (250, 1024, 6),
    ],
)
def test_copy_makes_no_error(length: int, slots: int | None, sequences: int) -> None:
    case = Case({"length": length}, slots)
    score = measure(ntm.load(FOLDER), ntm.tasks.get("copy"), case, sequences=sequences, seed=FRESH_SEED)
    assert score.error == 0


def test_rows_that_look_like_nothing_are_copied_too() -> None:
    model, task = ntm.load(FOLDER), ntm.tasks.get("copy")
    for fill in (0.0, 1.0):
        batch = task.encode(torch.full((20, 1, 8), fill))
        logits, _ = model(batch.inputs)
        assert task.errors(logits, batch).item() == 0


def test_the_recorded_evaluation_is_of_a_thousand_sequences_at_every_size_of_the_contract() -> None:
    evaluation = json.loads((FOLDER / "evaluation.json").read_text())
    recorded = {score["sizes"]["length"]: score for score in evaluation["scores"]}
    assert set(recorded) >= {*range(1, 21), 30, 50, 100, 250, 500}
    assert all(score["sequences"] == 1000 for score in recorded.values())
    assert recorded[250]["memory_slots"] == recorded[500]["memory_slots"] == 1024


def test_training_never_saw_more_than_the_training_range() -> None:
    training = json.loads((FOLDER / "training.json").read_text())
    assert training["task"] == "copy"
    assert training["machine"] == dict(ntm.tasks.get("copy").recipe.machine)
    assert training["updates"] == ntm.tasks.get("copy").recipe.updates
