"""Priority sort, row for row against the contract's table; what all tasks share is in test_base.py."""

from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import Batch
from ntm.tasks.priority_sort import PrioritySort
from tests.numerics import PROPERTY, seeded

TASK = PrioritySort()
Rows = list[list[float]]


def encode_slowly(vectors: Rows, priorities: list[float]) -> tuple[Rows, Rows, list[bool]]:
    """One sequence: "20 vectors with their priority; end; 16 zero rows", and on the last 16 rows "the 16 vectors of
    highest priority, highest first". Picked out one by one; of equal priorities the first is met first."""
    inputs = [[*vector, priority, 0.0] for vector, priority in zip(vectors, priorities, strict=True)]
    inputs += [[0.0] * 9 + [1.0]]
    shown = len(inputs)
    left, answer = list(range(len(vectors))), []
    for _ in range(len(vectors) - 4):
        highest = left[0]
        for index in left:
            if priorities[index] > priorities[highest]:
                highest = index
        left.remove(highest)
        answer.append(vectors[highest])
    inputs += [[0.0] * 10 for _ in answer]
    return inputs, [[0.0] * 8] * shown + answer, [False] * shown + [True] * len(answer)


def assert_is_priority_sort(batch: Batch, length: int) -> None:
    """Every sequence is the encoding of the vectors and priorities that it shows."""
    for b in range(batch.inputs.shape[1]):
        vectors = batch.inputs[:length, b, :8].tolist()
        priorities = batch.inputs[:length, b, 8].tolist()
        assert all(bit in (0.0, 1.0) for vector in vectors for bit in vector)
        assert all(-1 <= priority <= 1 for priority in priorities)
        for actual, expected in zip(batch, encode_slowly(vectors, priorities), strict=True):
            assert torch.equal(actual[:, b], torch.tensor(expected))


def test_the_registry_knows_it() -> None:
    task = tasks.get("priority-sort")
    assert isinstance(task, PrioritySort)
    assert (task.input_size, task.output_size, dict(task.sizes)) == (10, 8, {"length": range(20, 21)})


@pytest.mark.parametrize("length", [5, 6, 20, 200])
def test_a_given_length_is_honoured_row_for_row(length: int) -> None:
    assert_is_priority_sort(TASK.sample(5, length=length, generator=seeded(length)), length)


def test_without_a_length_it_is_20_in_and_16_out() -> None:
    batch = TASK.sample(4, generator=seeded())
    assert len(batch.inputs) == 37
    assert batch.mask.sum(0).tolist() == [16] * 4
    assert_is_priority_sort(batch, 20)


def test_priorities_are_uniform_and_bits_fair_coins_in_every_place() -> None:
    shown = TASK.sample(2000, length=20, generator=seeded()).inputs[:20]
    priorities, bits = shown[..., 8], shown[..., :8]
    assert priorities.abs().max() <= 1
    for below in (-0.9, -0.5, 0.0, 0.5, 0.9):
        shares = (priorities < below).float().mean(1)
        assert (shares - (below + 1) / 2).abs().max() < 0.06
    assert (bits.mean(1) - 0.5).abs().max() < 0.06
    assert abs((bits[1:] == bits[:-1]).float().mean().item() - 0.5) < 0.01
    assert abs((bits[:, 1:] == bits[:, :-1]).float().mean().item() - 0.5) < 0.01
    # Priorities say nothing of each other, of the vectors, or of the other sequences'.
    centred = priorities.flatten()
    assert abs((centred[1:] * centred[:-1]).mean().item()) < 0.01
    assert abs((priorities[1:] * priorities[:-1]).mean().item()) < 0.01
    assert (priorities.unsqueeze(-1) * (bits - 0.5)).mean((0, 1)).abs().max() < 0.01


BIT_VECTOR = st.lists(st.sampled_from([0.0, 1.0]), min_size=8, max_size=8)


@PROPERTY
@given(st.lists(st.tuples(BIT_VECTOR, st.sampled_from([-1.0, -0.25, -0.0, 0.0, 0.25, 1.0])), min_size=5, max_size=40))
def test_of_equal_priorities_the_earlier_vector_goes_first(shown: list[tuple[list[float], float]]) -> None:
    vectors, priorities = [vector for vector, _ in shown], [priority for _, priority in shown]
    batch = TASK.encode(torch.tensor(vectors).unsqueeze(1), torch.tensor(priorities).unsqueeze(1))
    for actual, expected in zip(batch, encode_slowly(vectors, priorities), strict=True):
        assert torch.equal(actual[:, 0], torch.tensor(expected))


@pytest.mark.parametrize(
    ("sizes", "error", "complaint"),
    [
        ({"length": 4}, ValueError, "length must be at least 5, not 4"),
        ({"length": 0}, ValueError, "length must be at least 5, not 0"),
        ({"length": 20.0}, TypeError, "length must be a whole number, not 20.0"),
        ({"items": 3}, ValueError, "priority-sort has no size 'items'; its sizes are length"),
    ],
)
def test_bad_sizes_are_refused(sizes: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        TASK.sample(1, **sizes)
