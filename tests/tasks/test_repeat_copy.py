"""Repeat copy, row for row against the contract's table; what all tasks share is in test_base.py."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import Batch
from ntm.tasks.repeat_copy import RepeatCopy
from tests.numerics import PROPERTY, seeded

TASK = RepeatCopy()
Rows = list[list[float]]


def encode_slowly(vectors: Rows, repeats: int) -> tuple[Rows, Rows, list[bool]]:
    """One sequence: "start; L vectors; one row with count (R - 5.5) / 2.8723; L*R + 1 zero rows"; due on the last
    L*R + 1 rows are "the vectors R times, then a row whose channel 8 is 1"."""
    shown = len(vectors) + 2
    inputs = [[0.0] * 8 + [1.0, 0.0]]
    inputs += [[*vector, 0.0, 0.0] for vector in vectors]
    inputs += [[0.0] * 9 + [(repeats - 5.5) / 2.8723]]
    answer = []
    for _ in range(repeats):
        answer += [[*vector, 0.0] for vector in vectors]
    answer += [[0.0] * 8 + [1.0]]
    inputs += [[0.0] * 10 for _ in answer]
    return inputs, [[0.0] * 9] * shown + answer, [False] * shown + [True] * len(answer)


def decode(batch: Batch, b: int) -> tuple[Rows, int]:
    """The vectors of a sequence and their number of repeats, from its inputs. No count is encoded as 0."""
    rows = batch.inputs[:, b].tolist()
    count = next(row for row in range(len(rows)) if rows[row][9] != 0)
    return [row[:8] for row in rows[1:count]], round(rows[count][9] * 2.8723 + 5.5)


def assert_is_repeat_copy(batch: Batch) -> tuple[int, int]:
    """Every sequence is the encoding of what it shows; length and repeats, of which there is one in the batch."""
    sizes = set()
    for b in range(batch.inputs.shape[1]):
        vectors, repeats = decode(batch, b)
        assert all(bit in (0.0, 1.0) for vector in vectors for bit in vector)
        for actual, expected in zip(batch, encode_slowly(vectors, repeats), strict=True):
            assert torch.equal(actual[:, b], torch.tensor(expected))
        sizes.add((len(vectors), repeats))
    (size,) = sizes
    return size


def test_the_registry_knows_it() -> None:
    task = tasks.get("repeat-copy")
    assert isinstance(task, RepeatCopy)
    assert (task.input_size, task.output_size) == (10, 9)
    assert dict(task.sizes) == {"length": range(1, 11), "repeats": range(1, 11)}


@pytest.mark.parametrize(("length", "repeats"), [(1, 1), (1, 10), (10, 1), (10, 10), (3, 5), (3, 6), (40, 2), (2, 70)])
def test_given_sizes_are_honoured_row_for_row(length: int, repeats: int) -> None:
    batch = TASK.sample(3, length=length, repeats=repeats, generator=seeded(length))
    assert assert_is_repeat_copy(batch) == (length, repeats)


def test_one_size_may_be_given_and_the_other_drawn() -> None:
    generator = seeded()
    drawn = [assert_is_repeat_copy(TASK.sample(1, repeats=30, generator=generator)) for _ in range(60)]
    assert {repeats for _, repeats in drawn} == {30}
    assert {length for length, _ in drawn} == set(range(1, 11))


def test_sizes_are_drawn_from_the_whole_training_range_each_on_its_own() -> None:
    generator = seeded()
    drawn = [tuple(TASK.draw_sizes(generator).values()) for _ in range(1500)]
    assert set(drawn) == {(length, repeats) for length in range(1, 11) for repeats in range(1, 11)}
    for _ in range(20):
        length, repeats = assert_is_repeat_copy(TASK.sample(2, generator=generator))
        assert 1 <= length <= 10
        assert 1 <= repeats <= 10


def test_the_count_has_mean_0_and_variance_1_over_the_training_range() -> None:
    counts = [TASK.sample(1, length=1, repeats=repeats).inputs[2, 0, 9].item() for repeats in range(1, 11)]
    assert sum(counts) == pytest.approx(0, abs=1e-5)
    assert math.fsum(count**2 for count in counts) / 10 == pytest.approx(1, abs=1e-4)


def test_bits_are_fair_coins_in_every_place() -> None:
    bits = TASK.sample(1000, length=10, repeats=1, generator=seeded()).inputs[1:11, :, :8]
    assert (bits.mean(1) - 0.5).abs().max() < 0.1
    assert abs((bits[1:] == bits[:-1]).float().mean().item() - 0.5) < 0.02
    assert abs((bits[:, 1:] == bits[:, :-1]).float().mean().item() - 0.5) < 0.02


@pytest.mark.parametrize(("repeats", "noise"), [(2, 0.09), (10, 0.45), (20, 0.45)])
def test_training_shows_noisy_counts_that_another_answer_is_never_nearer_to(repeats: int, noise: float) -> None:
    batch = TASK.draw_training(400, seeded(), None, length=3, repeats=repeats)
    off = batch.inputs[4, :, 9] * 2.8723 + 5.5 - repeats
    assert 0.9 * noise < off.abs().max() < 1.001 * noise
    assert off.mean().abs() < noise / 5
    batch.inputs[4, :, 9] = TASK.sample(1, length=3, repeats=repeats).inputs[4, 0, 9]
    assert assert_is_repeat_copy(batch) == (3, repeats)


def test_weights_are_chosen_on_exact_counts() -> None:
    assert assert_is_repeat_copy(TASK.draw_validation(400, seeded(), None, length=3, repeats=10)) == (3, 10)


@pytest.mark.parametrize("draw", [TASK.draw_training, TASK.draw_validation])
def test_training_and_validation_show_vectors_of_all_zeros_and_ones_more_often(draw: Callable[..., Batch]) -> None:
    """A vector of fair coins is all zero once in 256 times."""
    batch = draw(400, seeded(), None, length=10, repeats=2)
    fair, skewed = batch.inputs[1:11, :200, :8], batch.inputs[1:11, 200:, :8]
    for bit in (0, 1):
        assert (fair == bit).all(-1).float().mean() < 0.02
        assert (skewed == bit).all(-1).float().mean() > 0.05


@PROPERTY
@given(
    st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=8, max_size=8), min_size=1, max_size=6), st.integers(1, 30)
)
def test_encode_takes_any_vectors_and_repeats(vectors: Rows, repeats: int) -> None:
    """Among them vectors that are all zero, which look like the empty rows of the answer."""
    batch = TASK.encode(torch.tensor(vectors).unsqueeze(1), repeats)
    for actual, expected in zip(batch, encode_slowly(vectors, repeats), strict=True):
        assert torch.equal(actual[:, 0], torch.tensor(expected))


def test_the_end_marker_is_an_error_when_early_and_when_missing() -> None:
    batch = TASK.sample(2, length=3, repeats=4, generator=seeded())
    right = 2 * batch.targets - 1
    assert TASK.errors(right, batch).tolist() == [0, 0]
    early, missing = right.clone(), right.clone()
    early[-3, 1, 8] = 1
    missing[-1, 0, 8] = -1
    assert TASK.errors(early, batch).tolist() == [0, 1]
    assert TASK.errors(missing, batch).tolist() == [1, 0]


@pytest.mark.parametrize(
    ("sizes", "error", "complaint"),
    [
        ({"length": 0}, ValueError, "length must be at least 1, not 0"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1, not 0"),
        ({"repeats": -3}, ValueError, "repeats must be at least 1, not -3"),
        ({"repeats": 2.5}, TypeError, "repeats must be a whole number, not 2.5"),
        ({"repeats": 2.0}, TypeError, "repeats must be a whole number, not 2.0"),
        ({"repeats": True}, TypeError, "repeats must be a whole number, not True"),
        ({"items": 3}, ValueError, "repeat-copy has no size 'items'; its sizes are length, repeats"),
    ],
)
def test_bad_sizes_are_refused(sizes: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        TASK.sample(1, **sizes)
