"""Addressing against the paper's equations, at the edges of float32, and by its properties."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ntm.machine import addressing
from tests import reference
from tests.numerics import (
    PROPERTY,
    assert_all_close,
    assert_all_finite,
    gradients,
    leaves,
    normal,
    one_hot,
    simplex,
    uniform,
    weightings,
)

BATCH, SLOTS, WIDTH = 2, 6, 3


def arguments(name: str, heads: int, shift_range: int = 1) -> list[Tensor]:
    """Ordinary arguments of one addressing function."""
    memory = normal(BATCH, SLOTS, WIDTH, seed=1)
    key = normal(BATCH, heads, WIDTH, seed=2)
    weighting = simplex(BATCH, heads, SLOTS, seed=3)
    return {
        "cosine_similarity": [memory, key],
        "content_weighting": [memory, key, 5 * uniform(BATCH, heads, seed=4)],
        "interpolate": [weighting, simplex(BATCH, heads, SLOTS, seed=5), uniform(BATCH, heads, seed=6)],
        "shift": [weighting, simplex(BATCH, heads, 2 * shift_range + 1, seed=7)],
        "sharpen": [weighting, 1 + 5 * uniform(BATCH, heads, seed=8)],
    }[name]


def by_reference(name: str, *tensors: Tensor) -> Tensor:
    """The same function, one sequence and one head at a time; memory alone has no dimension for the heads."""

    def single(b: int, h: int) -> Tensor:
        if name == "cosine_similarity":
            memory, key = tensors
            return torch.stack([reference.cosine_similarity(key[b, h], slot) for slot in memory[b]])
        if name == "content_weighting":
            memory, key, strength = tensors
            return reference.content_weighting(memory[b], key[b, h], strength[b, h])
        function: Callable[..., Tensor] = getattr(reference, name)
        return function(*(tensor[b, h] for tensor in tensors))

    heads = tensors[1].shape[1]
    return torch.stack([torch.stack([single(b, h) for h in range(heads)]) for b in range(BATCH)])


FUNCTIONS = ["cosine_similarity", "content_weighting", "interpolate", "shift", "sharpen"]


@pytest.mark.parametrize("heads", [1, 3])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_matches_the_paper(name: str, heads: int) -> None:
    ours, theirs = leaves(arguments(name, heads)), leaves(arguments(name, heads))
    result, expected = getattr(addressing, name)(*ours), by_reference(name, *theirs)
    assert_all_close([result], [expected])
    assert_all_close(gradients([result], ours), gradients([expected], theirs))


@pytest.mark.parametrize("shift_range", [0, 1, 2])
def test_shift_matches_the_paper_over_every_range(shift_range: int) -> None:
    ours, theirs = leaves(arguments("shift", 2, shift_range)), leaves(arguments("shift", 2, shift_range))
    result, expected = addressing.shift(*ours), by_reference("shift", *theirs)
    assert_all_close([result], [expected])
    assert_all_close(gradients([result], ours), gradients([expected], theirs))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_gradients_are_those_of_finite_differences(name: str) -> None:
    assert torch.autograd.gradcheck(getattr(addressing, name), leaves(arguments(name, heads=2)))


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_single_head_of_a_single_sequence_needs_no_batch(name: str) -> None:
    batched = arguments(name, heads=2)
    result = getattr(addressing, name)(*(tensor[0] for tensor in batched))
    assert_all_close([result], [getattr(addressing, name)(*batched)[0]])


def test_a_shift_of_plus_one_moves_to_the_next_slot() -> None:
    """Written out, since a mirrored convolution would still train."""
    moved = addressing.shift(torch.tensor([[[0.0, 1.0, 0.0, 0.0]]]), torch.tensor([[[0.0, 0.0, 1.0]]]))
    assert moved.tolist() == [[[0.0, 0.0, 1.0, 0.0]]]


@pytest.mark.parametrize("width", [1, 2, 20])
def test_similarity_is_exact_in_the_constant_initial_memory(width: int) -> None:
    """Whatever guards a norm against zero must not be seen beside the smallest memory that a machine starts with."""
    memory = torch.full((1, 4, width), 1e-6)
    key = torch.ones(1, 1, width)
    torch.testing.assert_close(addressing.cosine_similarity(memory, key), torch.ones(1, 1, 4), rtol=0, atol=1e-6)


@pytest.mark.parametrize(("memory_value", "key_value"), [(0.0, 1.0), (1.0, 0.0), (0.0, 0.0)])
def test_similarity_with_a_zero_vector_is_zero(memory_value: float, key_value: float) -> None:
    similarity = addressing.cosine_similarity(
        torch.full((1, SLOTS, WIDTH), memory_value), torch.full((1, 2, WIDTH), key_value)
    )
    assert torch.equal(similarity, torch.zeros(1, 2, SLOTS))


@pytest.mark.parametrize(("slots", "shifts"), [(6, 2), (6, 4), (6, 0), (6, 7), (5, 7), (1, 3)])
def test_shift_refuses_even_and_too_large_ranges(slots: int, shifts: int) -> None:
    with pytest.raises(ValueError, match=rf"odd and at most the {slots} slots, not {shifts}"):
        addressing.shift(torch.ones(1, 1, slots) / slots, torch.ones(1, 1, shifts))


# Float32 at its edges: values and gradients stay finite.

EXTREMES = [0.0, 1.0, 20.0, 1e4]


def check_finite(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """Evaluate in float32, and check the values and the gradients with respect to every argument."""
    inputs = leaves(tensor.float() for tensor in tensors)
    result = function(*inputs)
    assert_all_finite([result, *gradients([result], inputs)])
    return result


@pytest.mark.parametrize("strength", EXTREMES)
@pytest.mark.parametrize("memory_value", [0.0, 1e-30, 1e-6, 1.0, 1e3])
@pytest.mark.parametrize("key_value", [0.0, 1e-30, 1.0])
def test_content_weighting_is_finite(key_value: float, memory_value: float, strength: float) -> None:
    memory = memory_value * normal(BATCH, SLOTS, WIDTH)
    memory[:, 0] = 0
    key = key_value * normal(BATCH, 2, WIDTH, seed=1)
    strengths = torch.full((BATCH, 2), strength)
    check_finite(addressing.cosine_similarity, memory, key)
    result = check_finite(addressing.content_weighting, memory, key, strengths)
    torch.testing.assert_close(result.sum(-1), torch.ones(BATCH, 2))


class Focus(NamedTuple):
    """A weighting that makes trouble."""

    name: str
    weights: list[float]


FOCUSES = [
    Focus("one-hot", [0, 1, 0, 0, 0]),
    Focus("two-equal", [0, 0.5, 0, 0.5, 0]),
    Focus("uniform", [0.2, 0.2, 0.2, 0.2, 0.2]),
    Focus("tiny", [1, 1e-30, 1e-40, 1e-45, 0]),
    Focus("near-tie", [0.2 + 1e-7, 0.2, 0.2, 0.2, 0.2]),
]


@pytest.mark.parametrize("sharpening", [1.0, 1 + 1e-7, 20.0, 1e4])
@pytest.mark.parametrize("focus", FOCUSES, ids=lambda focus: focus.name)
def test_sharpen_is_finite(focus: Focus, sharpening: float) -> None:
    weighting = torch.tensor(focus.weights).expand(BATCH, 2, -1)
    result = check_finite(addressing.sharpen, weighting, torch.full((BATCH, 2), sharpening))
    torch.testing.assert_close(result.sum(-1), torch.ones(BATCH, 2))


@pytest.mark.parametrize("gate", [0.0, 1e-45, 0.5, 1.0])
@pytest.mark.parametrize("focus", FOCUSES, ids=lambda focus: focus.name)
def test_interpolate_and_shift_are_finite(focus: Focus, gate: float) -> None:
    weighting = torch.tensor(focus.weights).expand(BATCH, 2, -1)
    check_finite(addressing.interpolate, weighting, weighting.flip(-1), torch.full((BATCH, 2), gate))
    for shifts in (1, 3, 5):
        check_finite(addressing.shift, weighting, one_hot(0, shifts).expand(BATCH, 2, -1))


# Properties.

SMALL = st.integers(1, 7)
HEADS = st.integers(1, 3)


def assert_weighting(weights: Tensor) -> None:
    """Equation 1: no weight is negative and each head's sum to 1."""
    assert (weights >= 0).all()
    torch.testing.assert_close(weights.sum(-1), torch.ones(weights.shape[:-1]), rtol=0, atol=1e-5)


@PROPERTY
@given(st.data(), SMALL, HEADS)
def test_weightings_stay_weightings(data: st.DataObject, slots: int, heads: int) -> None:
    previous = data.draw(weightings(heads, slots))
    memory = torch.tensor(data.draw(st.lists(st.floats(-1e3, 1e3), min_size=slots, max_size=slots)))[None, :, None]
    key = torch.tensor(data.draw(st.lists(st.floats(-1, 1), min_size=heads, max_size=heads)))[None, :, None]
    strength, gate, sharpening = (
        torch.tensor([data.draw(st.lists(st.floats(low, high), min_size=heads, max_size=heads))])
        for low, high in ((0, 1e4), (0, 1), (1, 1e4))
    )
    shifts = data.draw(weightings(heads, 2 * data.draw(st.integers(0, (slots - 1) // 2)) + 1))

    content = addressing.content_weighting(memory, key, strength)
    gated = addressing.interpolate(content, previous, gate)
    shifted = addressing.shift(gated, shifts)
    for weights in (content, gated, shifted, addressing.sharpen(shifted, sharpening)):
        assert_weighting(weights)


@PROPERTY
@given(st.data(), SMALL, HEADS)
def test_a_one_hot_shift_rotates_exactly(data: st.DataObject, slots: int, heads: int) -> None:
    reach = data.draw(st.integers(0, (slots - 1) // 2))
    distances = data.draw(st.lists(st.integers(-reach, reach), min_size=heads, max_size=heads))
    weights = data.draw(weightings(heads, slots))
    shift_weights = torch.stack([one_hot(distance + reach, 2 * reach + 1, weights.dtype) for distance in distances])
    rotated = torch.stack([weights[0, head].roll(distance) for head, distance in enumerate(distances)])
    assert torch.equal(addressing.shift(weights, shift_weights[None])[0], rotated)


@PROPERTY
@given(st.data(), SMALL, HEADS)
def test_sharpening_of_one_changes_nothing(data: st.DataObject, slots: int, heads: int) -> None:
    weights = data.draw(weightings(heads, slots))
    torch.testing.assert_close(addressing.sharpen(weights, torch.ones(1, heads)), weights)


@PROPERTY
@given(st.data(), SMALL, st.floats(1, 1e4))
def test_sharpening_keeps_the_order_and_favours_the_largest(data: st.DataObject, slots: int, sharpening: float) -> None:
    weights = data.draw(weightings(1, slots))
    sharpened = addressing.sharpen(weights, torch.tensor([[sharpening]]))
    assert (sharpened.gather(-1, weights.argsort(-1)).diff(dim=-1) >= 0).all()
    assert sharpened.amax() >= weights.amax() - 1e-6


@PROPERTY
@given(st.data(), SMALL, HEADS)
def test_the_gate_selects(data: st.DataObject, slots: int, heads: int) -> None:
    content, previous = data.draw(weightings(heads, slots)), data.draw(weightings(heads, slots))
    assert torch.equal(addressing.interpolate(content, previous, torch.ones(1, heads)), content)
    assert torch.equal(addressing.interpolate(content, previous, torch.zeros(1, heads)), previous)


@PROPERTY
@given(st.data(), st.floats(1e-3, 1e3), st.floats(1e-3, 1e3))
def test_similarity_depends_on_direction_only(data: st.DataObject, memory_scale: float, key_scale: float) -> None:
    seed = data.draw(st.integers(0, 99))
    memory, key = normal(1, 4, 3, seed=seed), normal(1, 2, 3, seed=seed + 100)
    similarity = addressing.cosine_similarity(memory, key)
    scaled = addressing.cosine_similarity(memory_scale * memory, key_scale * key)
    torch.testing.assert_close(scaled, similarity, rtol=1e-6, atol=1e-6)
    assert similarity.abs().max() <= 1 + 1e-6


def test_no_strength_makes_content_uniform() -> None:
    content = addressing.content_weighting(normal(1, 5, 3), normal(1, 2, 3, seed=1), torch.zeros(1, 2))
    assert_all_close([content], [torch.full((1, 2, 5), 0.2, dtype=torch.float64)])


def test_great_strength_finds_the_slot_that_holds_the_key() -> None:
    memory = normal(1, 5, 3)
    content = addressing.content_weighting(memory, 7 * memory[:, [3]], torch.full((1, 1), 1e4))
    assert_all_close([content], [one_hot(3, 5).expand(1, 1, 5)])
