"""Reading, writing and the initial memory."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ntm.machine.memory import MEMORY_INITS, InitialMemory, MemoryInit, read, write
from tests import reference
from tests.numerics import (
    PROPERTY,
    assert_all_close,
    assert_all_finite,
    gradients,
    leaves,
    normal,
    one_hot,
    seeded,
    simplex,
    uniform,
    weightings,
)

BATCH, SLOTS, WIDTH = 2, 5, 3
LIKE = torch.zeros(())


def arguments(heads: int) -> list[Tensor]:
    """Memory, weightings, erases and adds."""
    return [
        normal(BATCH, SLOTS, WIDTH, seed=1),
        simplex(BATCH, heads, SLOTS, seed=2),
        uniform(BATCH, heads, WIDTH, seed=3),
        normal(BATCH, heads, WIDTH, seed=4),
    ]


def read_by_reference(memory: Tensor, weights: Tensor) -> Tensor:
    return torch.stack(
        [torch.stack([reference.read(memory[b], weighting) for weighting in weights[b]]) for b in range(BATCH)]
    )


def write_by_reference(memory: Tensor, weights: Tensor, erases: Tensor, adds: Tensor) -> Tensor:
    return torch.stack(
        [reference.write(memory[b], list(weights[b]), list(erases[b]), list(adds[b])) for b in range(BATCH)]
    )


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_read_matches_the_paper(heads: int) -> None:
    ours, theirs = leaves(arguments(heads)[:2]), leaves(arguments(heads)[:2])
    result, expected = read(*ours), read_by_reference(*theirs)
    assert_all_close([result], [expected])
    assert_all_close(gradients([result], ours), gradients([expected], theirs))


@pytest.mark.parametrize("heads", [1, 2, 3])
def test_write_matches_the_paper(heads: int) -> None:
    ours, theirs = leaves(arguments(heads)), leaves(arguments(heads))
    result, expected = write(*ours), write_by_reference(*theirs)
    assert_all_close([result], [expected])
    assert_all_close(gradients([result], ours), gradients([expected], theirs))


def test_gradients_are_those_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(read, leaves(arguments(2)[:2]))
    assert torch.autograd.gradcheck(write, leaves(arguments(2)))


def test_writing_leaves_the_old_memory_alone() -> None:
    tensors = arguments(2)
    before = [tensor.clone() for tensor in tensors]
    write(*tensors)
    read(*tensors[:2])
    assert all(map(torch.equal, tensors, before))


@pytest.mark.parametrize("memory_value", [0.0, 1e-6, 1e4])
@pytest.mark.parametrize("erase", [0.0, 1.0])
def test_finite_for_one_hot_heads_on_the_same_slot(memory_value: float, erase: float) -> None:
    """Full erasures multiply to zero, where a gradient taken through a logarithm or a quotient would be lost."""
    tensors = leaves(
        [
            torch.full((BATCH, SLOTS, WIDTH), memory_value),
            one_hot(2, SLOTS, torch.float32).expand(BATCH, 3, -1),
            torch.full((BATCH, 3, WIDTH), erase),
            torch.zeros(BATCH, 3, WIDTH),
        ]
    )
    written = write(*tensors)
    seen = read(written, tensors[1])
    assert_all_finite([written, seen, *gradients([written, seen], tensors)])


# Properties.

HEADS = st.integers(1, 3)
SLOT = st.integers(0, SLOTS - 1)


@PROPERTY
@given(HEADS, st.integers(0, 99))
def test_a_zero_weighting_writes_nothing(heads: int, seed: int) -> None:
    memory, adds = normal(1, SLOTS, WIDTH, seed=seed), normal(1, heads, WIDTH, seed=seed + 100)
    erases = uniform(1, heads, WIDTH, seed=seed)
    assert torch.equal(write(memory, torch.zeros(1, heads, SLOTS, dtype=torch.float64), erases, adds), memory)


@PROPERTY
@given(SLOT, st.integers(0, 99))
def test_full_erasure_at_one_slot_replaces_it_and_nothing_else(slot: int, seed: int) -> None:
    memory, adds = normal(1, SLOTS, WIDTH, seed=seed), normal(1, 1, WIDTH, seed=seed + 100)
    expected = memory.clone()
    expected[0, slot] = adds[0, 0]
    weights = one_hot(slot, SLOTS).reshape(1, 1, SLOTS)
    assert torch.equal(write(memory, weights, torch.ones(1, 1, WIDTH, dtype=torch.float64), adds), expected)


@PROPERTY
@given(st.data(), st.permutations(range(3)))
def test_the_order_of_write_heads_does_not_matter(data: st.DataObject, order: list[int]) -> None:
    weights = data.draw(weightings(3, SLOTS, torch.float64))
    memory, erases, adds = normal(1, SLOTS, WIDTH), uniform(1, 3, WIDTH), normal(1, 3, WIDTH, seed=1)
    one = write(memory, weights, erases, adds)
    other = write(memory, weights[:, order], erases[:, order], adds[:, order])
    assert_all_close([one], [other], tolerance=1e-12)


@PROPERTY
@given(SLOT, st.integers(0, 99))
def test_a_one_hot_head_reads_its_slot(slot: int, seed: int) -> None:
    memory = normal(1, SLOTS, WIDTH, seed=seed)
    assert torch.equal(read(memory, one_hot(slot, SLOTS).reshape(1, 1, SLOTS))[0, 0], memory[0, slot])


@PROPERTY
@given(st.data())
def test_reading_never_leaves_the_range_of_what_is_there(data: st.DataObject) -> None:
    memory = normal(1, SLOTS, WIDTH, seed=data.draw(st.integers(0, 99)))
    seen = read(memory, data.draw(weightings(2, SLOTS, torch.float64)))
    assert (seen <= memory.amax(1, keepdim=True) + 1e-12).all()
    assert (seen >= memory.amin(1, keepdim=True) - 1e-12).all()


# What is in memory before the first step.


@pytest.mark.parametrize("scheme", MEMORY_INITS)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("slots", [2, SLOTS, 3 * SLOTS + 2])
def test_initial_memory_has_the_wanted_shape_and_dtype(scheme: MemoryInit, dtype: torch.dtype, slots: int) -> None:
    initial = InitialMemory(SLOTS, WIDTH, scheme).to(dtype)
    contents = initial(BATCH, slots, LIKE.to(dtype), None)
    assert contents.shape == (BATCH, slots, WIDTH)
    assert contents.dtype == dtype


def test_constant_memory_is_the_same_small_number_everywhere() -> None:
    initial = InitialMemory(SLOTS, WIDTH, "constant")
    assert torch.equal(initial(BATCH, SLOTS, LIKE, None), torch.full((BATCH, SLOTS, WIDTH), 1e-6))
    assert not list(initial.parameters())


def test_learned_memory_repeats_from_the_first_slot() -> None:
    initial = InitialMemory(SLOTS, WIDTH, "learned")
    contents = initial(BATCH, 2 * SLOTS + 2, LIKE, None)
    for slot in range(2 * SLOTS + 2):
        assert torch.equal(contents[:, slot], initial.contents[slot % SLOTS].expand(BATCH, -1))


def test_learned_memory_starts_apart_in_every_slot_and_learns() -> None:
    """Slots that start alike would get gradients alike wherever only content tells them apart."""
    initial = InitialMemory(SLOTS, WIDTH, "learned")
    assert initial.contents.unique(dim=0).shape == (SLOTS, WIDTH)
    (gradient,) = torch.autograd.grad(initial(BATCH, 2 * SLOTS, LIKE, None).sum(), initial.contents)
    assert torch.equal(gradient, torch.full((SLOTS, WIDTH), 2.0 * BATCH))


def test_random_memory_comes_from_the_generator_alone() -> None:
    initial = InitialMemory(SLOTS, WIDTH, "random")
    before = torch.get_rng_state()
    first = initial(BATCH, SLOTS, LIKE, seeded(7))
    assert torch.equal(first, initial(BATCH, SLOTS, LIKE, seeded(7)))
    assert not torch.equal(first, initial(BATCH, SLOTS, LIKE, seeded(8)))
    assert torch.equal(before, torch.get_rng_state())


def test_random_memory_is_fresh_every_time() -> None:
    initial = InitialMemory(SLOTS, WIDTH, "random")
    first, second = initial(BATCH, SLOTS, LIKE, None), initial(BATCH, SLOTS, LIKE, None)
    assert not torch.equal(first, second)
    assert not torch.equal(first[0], first[1])


def test_random_memory_is_a_normal_distribution_cut_off_at_two_deviations() -> None:
    contents = InitialMemory(1000, 20, "random")(1, 1000, LIKE, seeded())
    assert contents.abs().max() <= 1
    assert contents.mean().abs() < 0.02
    # Cutting at two deviations leaves 0.8796 of the deviation.
    assert abs(contents.std().item() - 0.5 * 0.8796) < 0.01
