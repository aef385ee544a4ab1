"""Copy, row for row against the contract's table; what all tasks share is in test_base.py."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import Batch
from ntm.tasks.copy import Copy
from tests.numerics import PROPERTY, normal, seeded

COPY = Copy()
Rows = list[list[float]]


def encode_slowly(vectors: Rows) -> tuple[Rows, Rows, list[bool]]:
    """One sequence: "start; L vectors; end; L zero rows", the vectors due on the last L rows."""
    blank = [0.0] * 8
    start_row = [[*blank, 1.0, 0.0]]
    end_row = [[*blank, 0.0, 1.0]]
    inputs = start_row + [[*vector, 0.0, 0.0] for vector in vectors] + end_row + [[0.0] * 10 for _ in vectors]
    targets = [blank] * (len(vectors) + 2) + vectors
    mask = [False] * (len(vectors) + 2) + [True] * len(vectors)
    return inputs, targets, mask


def assert_is_copy(batch: Batch, length: int) -> None:
    """Every sequence is the encoding of the vectors that it shows."""
    for b in range(batch.inputs.shape[1]):
        vectors = batch.inputs[1 : length + 1, b, :8].tolist()
        assert all(bit in (0.0, 1.0) for vector in vectors for bit in vector)
        inputs, targets, mask = encode_slowly(vectors)
        assert batch.inputs[:, b].tolist() == inputs
        assert batch.targets[:, b].tolist() == targets
        assert batch.mask[:, b].tolist() == mask


def test_the_registry_knows_it() -> None:
    task = tasks.get("copy")
    assert isinstance(task, Copy)
    assert (task.input_size, task.output_size, dict(task.sizes)) == (10, 8, {"length": range(1, 21)})


@pytest.mark.parametrize("length", [1, 2, 20, 150])
def test_a_given_length_is_honoured_row_for_row(length: int) -> None:
    assert_is_copy(COPY.sample(3, length=length, generator=seeded(length)), length)


def test_lengths_are_drawn_from_the_whole_training_range() -> None:
    generator = seeded()
    lengths = []
    for _ in range(300):
        batch = COPY.sample(1, generator=generator)
        lengths.append(len(batch.inputs) // 2 - 1)
        assert_is_copy(batch, lengths[-1])
    assert set(lengths) == set(range(1, 21))


def test_bits_are_fair_coins_in_every_place() -> None:
    bits = COPY.sample(1000, length=20, generator=seeded()).inputs[1:21, :, :8]
    assert (bits.mean(1) - 0.5).abs().max() < 0.1
    assert abs(bits.mean().item() - 0.5) < 0.01
    # Neighbours in time and in the batch agree half of the time: no number is used twice.
    assert abs((bits[1:] == bits[:-1]).float().mean().item() - 0.5) < 0.01
    assert abs((bits[:, 1:] == bits[:, :-1]).float().mean().item() - 0.5) < 0.01


def test_training_shows_vectors_of_all_zeros_and_ones_more_often() -> None:
    """And is the same encoding; a vector of fair coins is all zero once in 256 times."""
    batch = COPY.draw_training(400, seeded(), None, length=10)
    assert_is_copy(batch, 10)
    fair, skewed = batch.inputs[1:11, :200, :8], batch.inputs[1:11, 200:, :8]
    for bit in (0, 1):
        assert (fair == bit).all(-1).float().mean() < 0.02
        assert (skewed == bit).all(-1).float().mean() > 0.05


@PROPERTY
@given(st.lists(st.lists(st.sampled_from([0.0, 1.0]), min_size=8, max_size=8), min_size=1, max_size=6))
def test_encode_takes_any_vectors(vectors: Rows) -> None:
    given_vectors = torch.tensor(vectors).unsqueeze(1)
    batch = COPY.encode(given_vectors)
    inputs, targets, mask = encode_slowly(vectors)
    assert (batch.inputs[:, 0].tolist(), batch.targets[:, 0].tolist(), batch.mask[:, 0].tolist()) == (
        inputs,
        targets,
        mask,
    )
    assert given_vectors.squeeze(1).tolist() == vectors


def count_slowly(logits: torch.Tensor, batch: Batch) -> list[float]:
    """Wrong bits of each sequence after rounding its probabilities, over the scored rows."""
    steps, batch_size, width = logits.shape
    errors = [0.0] * batch_size
    for b in range(batch_size):
        for t in range(steps):
            for channel in range(width):
                said = 1 if torch.sigmoid(logits[t, b, channel]).item() > 0.5 else 0
                errors[b] += bool(batch.mask[t, b]) and said != int(batch.targets[t, b, channel])
    return errors


@pytest.mark.parametrize("seed", range(3))
def test_errors_match_a_slow_count(seed: int) -> None:
    """With masks that differ between sequences, so that none is counted by another's."""
    batch = COPY.sample(4, length=3, generator=seeded(seed))
    batch = batch._replace(mask=normal(8, 4, seed=seed) > 0)
    logits = normal(8, 4, 8, seed=seed + 10, dtype=torch.float32)
    assert COPY.errors(logits, batch).tolist() == count_slowly(logits, batch)


def test_errors_of_the_right_and_the_opposite_answer() -> None:
    batch = COPY.sample(2, length=5, generator=seeded())
    right = 2 * batch.targets - 1
    assert COPY.errors(right, batch).tolist() == [0, 0]
    assert COPY.errors(-right, batch).tolist() == [40, 40]
    elsewhere = right.masked_fill(~batch.mask.unsqueeze(-1), 5.0)
    assert COPY.errors(elsewhere, batch).tolist() == [0, 0]


def test_an_undecided_answer_is_rounded_down() -> None:
    """A probability of exactly one half reads as 0, so a silent model errs on every 1 and on nothing else."""
    batch = COPY.sample(3, length=4, generator=seeded())
    errors = COPY.errors(torch.zeros_like(batch.targets), batch)
    assert torch.equal(errors, batch.targets.sum((0, 2)))
