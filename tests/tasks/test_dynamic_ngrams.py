"""Dynamic N-grams against the contract's table, and the optimal estimator against brute force; what all tasks share is
in test_base.py."""

import math
from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ntm import tasks
from ntm.tasks import Batch
from ntm.tasks.dynamic_ngrams import DynamicNgrams
from tests.numerics import PROPERTY, normal, seeded, uniform

TASK = DynamicNgrams()
Rows = list[list[float]]


def encode_slowly(bits: list[float]) -> tuple[Rows, Rows, list[bool]]:
    """One sequence: in "bits 1..199", out "bits 2..200, scored from the first bit that has 5 before it"."""
    inputs, targets, mask = [], [], []
    for index in range(1, len(bits)):
        inputs.append([bits[index - 1]])
        targets.append([bits[index]])
        mask.append(len(bits[:index]) >= 5)
    return inputs, targets, mask


def decode(batch: Batch) -> list[list[float]]:
    """The bits of each sequence: those shown, and the last one, which is only asked for."""
    shown, asked = batch.inputs.squeeze(-1).T.tolist(), batch.targets.squeeze(-1).T.tolist()
    return [[*sequence, answer[-1]] for sequence, answer in zip(shown, asked, strict=True)]


def assert_is_ngrams(batch: Batch) -> None:
    """Every sequence is the encoding of the bits that it shows."""
    for b, bits in enumerate(decode(batch)):
        assert all(bit in (0.0, 1.0) for bit in bits)
        for actual, expected in zip(batch, encode_slowly(bits), strict=True):
            assert torch.equal(actual[:, b], torch.tensor(expected))


def count_slowly(bits: list[float], context: int = 5) -> list[tuple[int, int]]:
    """For each bit that has `context` bits before it, how often 0 and how often 1 came after the same ones."""
    counts = []
    seen: dict[tuple[float, ...], list[int]] = {}
    for index in range(context, len(bits)):
        zeros_and_ones = seen.setdefault(tuple(bits[index - context : index]), [0, 0])
        counts.append((zeros_and_ones[0], zeros_and_ones[1]))
        zeros_and_ones[int(bits[index])] += 1
    return counts


def test_the_registry_knows_it() -> None:
    task = tasks.get("dynamic-ngrams")
    assert isinstance(task, DynamicNgrams)
    assert (task.input_size, task.output_size, dict(task.sizes)) == (1, 1, {"length": range(200, 201)})


@pytest.mark.parametrize("length", [6, 7, 200, 1500])
def test_a_given_length_is_honoured_row_for_row(length: int) -> None:
    batch = TASK.sample(3, length=length, generator=seeded(length))
    assert len(batch.inputs) == length - 1
    assert batch.mask.sum(0).tolist() == [length - 5] * 3
    assert_is_ngrams(batch)


def test_without_a_length_it_is_200_bits_of_which_195_are_scored() -> None:
    batch = TASK.sample(4, generator=seeded())
    assert len(batch.inputs) == 199
    assert batch.mask.sum(0).tolist() == [195] * 4
    assert_is_ngrams(batch)


@PROPERTY
@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=40))
def test_encode_takes_any_bits(bits: list[float]) -> None:
    batch = TASK.encode(torch.tensor(bits).unsqueeze(1))
    for actual, expected in zip(batch, encode_slowly(bits), strict=True):
        assert torch.equal(actual[:, 0], torch.tensor(expected))


def test_the_first_five_bits_are_fair_coins() -> None:
    batch = TASK.sample(32_000, length=6, generator=seeded())
    starts = Counter(map(tuple, batch.inputs.squeeze(-1).T.tolist()))
    assert len(starts) == 32
    assert all(abs(count - 1000) < 5 * 1000**0.5 for count in starts.values())


def test_bits_come_from_tables_drawn_from_the_beta_distribution() -> None:
    """Of all moments at which a sequence has seen n0 zeros and n1 ones after its last five bits, a share of
    (n1 + 1/2) / (n0 + n1 + 1) goes on with a one: that is so of Beta(1/2, 1/2), and of no other prior."""
    ones: Counter[tuple[int, int]] = Counter()
    moments: Counter[tuple[int, int]] = Counter()
    for bits in decode(TASK.sample(1500, length=100, generator=seeded())):
        for bit, seen in zip(bits[5:], count_slowly(bits), strict=True):
            ones[seen] += int(bit)
            moments[seen] += 1
    often = [seen for seen, count in moments.items() if count >= 400]
    assert {(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (0, 5), (5, 0)} <= set(often)
    for seen in often:
        expected = (seen[1] + 0.5) / (sum(seen) + 1)
        spread = (expected * (1 - expected) / moments[seen]) ** 0.5
        assert abs(ones[seen] / moments[seen] - expected) < 4.5 * spread, seen


def test_a_table_holds_for_all_of_its_sequence() -> None:
    """Late in a sequence what came after a context before is what it does, and the other sequences' tables differ."""
    early, late = [], []
    for bits in decode(TASK.sample(40, length=2000, generator=seeded())):
        halves = [dict.fromkeys(range(32), (0, 0)) for _ in range(2)]
        for index in range(5, len(bits)):
            context = int("".join(str(int(bit)) for bit in bits[index - 5 : index]), 2)
            half = halves[index >= 1000]
            zeros, ones = half[context]
            half[context] = (zeros + (bits[index] == 0), ones + (bits[index] == 1))
        for context in range(32):
            if min(sum(half[context]) for half in halves) >= 40:
                early.append(halves[0][context][1] / sum(halves[0][context]))
                late.append(halves[1][context][1] / sum(halves[1][context]))
    differences = torch.tensor(early) - torch.tensor(late)
    assert len(differences) > 200
    assert differences.square().mean() < 0.01
    assert torch.tensor(early).var() > 0.05


# The optimal estimator.


def estimate_by_quadrature(zeros: int, ones: int) -> float:
    """The chance of a one, integrated over all probabilities p of it: the mean of p under Beta(1/2, 1/2) times the
    likelihood of what was seen. With p = sin^2 x the density is constant, and the midpoint rule exact."""
    evidence = weighted = 0.0
    points = zeros + ones + 8
    for point in range(points):
        p = math.sin((point + 0.5) / points * math.pi / 2) ** 2
        likelihood = p**ones * (1 - p) ** zeros
        evidence += likelihood
        weighted += p * likelihood
    return weighted / evidence


@PROPERTY
@given(st.lists(st.sampled_from([0.0, 1.0]), min_size=6, max_size=70))
def test_the_optimal_estimate_is_the_posterior_mean(bits: list[float]) -> None:
    probabilities = TASK.optimal_probabilities(torch.tensor(bits[:-1]).view(-1, 1, 1)).flatten().tolist()
    assert probabilities[:4] == [0.5] * 4
    for estimate, (zeros, ones) in zip(probabilities[4:], count_slowly(bits), strict=True):
        assert estimate == pytest.approx((ones + 0.5) / (zeros + ones + 1), abs=1e-12)
        assert estimate == pytest.approx(estimate_by_quadrature(zeros, ones), abs=1e-9)


def test_the_optimal_estimate_of_drawn_sequences_is_a_count_in_each_alone() -> None:
    batch = TASK.sample(5, generator=seeded())
    probabilities = TASK.optimal_probabilities(batch.inputs)
    assert probabilities.shape == batch.targets.shape
    for b, bits in enumerate(decode(batch)):
        expected = [0.5] * 4 + [(ones + 0.5) / (zeros + ones + 1) for zeros, ones in count_slowly(bits)]
        assert probabilities[:, b, 0].tolist() == pytest.approx(expected, abs=1e-12)


def test_the_optimal_estimate_looks_at_no_bit_before_it_is_shown() -> None:
    inputs = TASK.sample(3, length=60, generator=seeded()).inputs
    whole = TASK.optimal_probabilities(inputs)
    for shown in (5, 20, 58):
        changed = inputs.clone()
        changed[shown:] = 1 - changed[shown:]
        assert torch.equal(TASK.optimal_probabilities(changed)[:shown], whole[:shown])
        assert torch.equal(TASK.optimal_probabilities(inputs[:shown]), whole[:shown])


@pytest.mark.parametrize("shown", [1, 4])
def test_the_optimal_estimate_is_a_half_before_there_is_a_context(shown: int) -> None:
    inputs = TASK.sample(2, length=6, generator=seeded()).inputs[:shown]
    assert torch.equal(TASK.optimal_probabilities(inputs), torch.full((shown, 2, 1), 0.5, dtype=torch.float64))


def log_loss_slowly(probabilities: Tensor, batch: Batch) -> list[float]:
    """The log loss in base 2 of each sequence, summed over the scored rows."""
    steps, batch_size = batch.mask.shape
    losses = [0.0] * batch_size
    for b in range(batch_size):
        for t in range(steps):
            if batch.mask[t, b]:
                chance = probabilities[t, b, 0].item()
                losses[b] -= math.log2(chance if batch.targets[t, b, 0] == 1 else 1 - chance)
    return losses


@pytest.mark.parametrize("seed", range(3))
def test_errors_match_a_slow_sum_of_log_losses(seed: int) -> None:
    """With masks that differ between sequences, so that none is charged for another's."""
    batch = TASK.sample(4, length=30, generator=seeded(seed))
    batch = batch._replace(mask=normal(29, 4, seed=seed) > 0)
    logits = 3 * normal(29, 4, 1, seed=seed + 10, dtype=torch.float32)
    expected = log_loss_slowly(torch.sigmoid(logits.double()), batch)
    assert TASK.errors(logits, batch).tolist() == pytest.approx(expected, rel=1e-5)
    optimal = log_loss_slowly(TASK.optimal_probabilities(batch.inputs), batch)
    assert TASK.optimal_errors(batch).tolist() == pytest.approx(optimal, rel=1e-5)


def test_knowing_nothing_costs_a_bit_a_bit() -> None:
    batch = TASK.sample(3, generator=seeded())
    assert TASK.errors(torch.zeros_like(batch.targets), batch).tolist() == [195] * 3


@pytest.mark.parametrize("size", [1e-3, 10.0, 30.0, 50.0, 1000.0])
def test_errors_of_sure_predictions_are_as_large_as_they_are_wrong(size: float) -> None:
    """A logit of x on the wrong side costs log2(1 + e^x) bits, however large x is."""
    batch = TASK.sample(2, length=6, generator=seeded())
    right = size * (2 * batch.targets - 1)
    cost = size / math.log(2) + math.log2(1 + math.exp(-size))
    assert TASK.errors(-right, batch).tolist() == pytest.approx([cost, cost], rel=1e-5)
    assert TASK.errors(right, batch).tolist() == pytest.approx([cost - size / math.log(2)] * 2, abs=1e-4)


def test_a_prediction_that_is_no_number_is_no_result() -> None:
    """Training looks at it to end a run that went wrong, so it must neither fail nor look like a loss."""
    batch = TASK.sample(2, length=8, generator=seeded())
    logits = torch.zeros_like(batch.targets)
    logits[5, 1] = torch.nan
    errors = TASK.errors(logits, batch)
    assert errors[0] == 3
    assert not torch.isfinite(errors[1])


@pytest.fixture(scope="module")
def many() -> Batch:
    return TASK.sample(400, length=120, generator=seeded(7))


@pytest.mark.parametrize("pseudo_count", [0.1, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("context", [4, 5, 6])
def test_no_other_count_beats_the_optimal_one(many: Batch, context: int, pseudo_count: float) -> None:
    probabilities = torch.full_like(many.targets, 0.5, dtype=torch.float64)
    for b, bits in enumerate(decode(many)):
        for row, (zeros, ones) in enumerate(count_slowly(bits, context), start=context - 1):
            probabilities[row, b] = (ones + pseudo_count) / (zeros + ones + 2 * pseudo_count)
    other = TASK.errors(torch.logit(probabilities), many)
    assert TASK.optimal_errors(many).mean() < other.mean()


@pytest.mark.parametrize("seed", range(5))
def test_no_random_predictor_beats_the_optimal_one(many: Batch, seed: int) -> None:
    best = torch.logit(TASK.optimal_probabilities(many.inputs))
    optimal = TASK.optimal_errors(many).mean()
    noise = normal(*best.shape, seed=seed)
    for size in (0.1, 0.5, 2.0):
        assert optimal < TASK.errors(best + size * noise, many).mean()
    assert optimal < TASK.errors(2 * uniform(1, seed=seed) * torch.ones_like(best), many).mean()
    for factor in (0.7, 1.4):
        assert optimal < TASK.errors(factor * best, many).mean()


@pytest.mark.parametrize(
    ("sizes", "error", "complaint"),
    [
        ({"length": 5}, ValueError, "length must be at least 6, not 5"),
        ({"length": 0}, ValueError, "length must be at least 6, not 0"),
        ({"length": 200.0}, TypeError, "length must be a whole number, not 200.0"),
        ({"repeats": 3}, ValueError, "dynamic-ngrams has no size 'repeats'; its sizes are length"),
    ],
)
def test_bad_sizes_are_refused(sizes: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        TASK.sample(1, **sizes)


@pytest.mark.parametrize("length", [6, 7, 200])
def test_bits_are_drawn_one_after_another_as_the_paper_says(length: int) -> None:
    """By another route, from the same numbers: what a seed draws does not depend on how it is computed."""
    task, drawn = tasks.get("dynamic-ngrams"), torch.Generator().manual_seed(3)
    angles = torch.rand(32, 4, generator=drawn)
    chances = torch.rand(length, 4, generator=drawn)
    batch = task.draw(4, torch.Generator().manual_seed(3), None, length=length)
    found = torch.cat([batch.inputs[:1], batch.targets]).squeeze(-1)
    for sequence in range(4):
        bits: list[int] = []
        for chance in chances[:, sequence].tolist():
            context = int("".join(map(str, bits[-5:])), 2) if len(bits) >= 5 else None
            bound = 0.5 if context is None else (angles[context, sequence] * (math.pi / 2)).sin().square().item()
            bits.append(int(chance < bound))
        assert found[:, sequence].tolist() == bits
