"""Heads: what they emit, and where that moves them."""

import itertools

import pytest
import torch
from torch import Tensor

from ntm.machine.extensions import PAPER, Analog, Extension
from ntm.machine.heads import HeadOutputs, Heads, address, focus_on_first_slot
from tests import reference
from tests.numerics import (
    assert_all_close,
    assert_all_finite,
    gradients,
    leaves,
    normal,
    one_hot,
    randomise,
    simplex,
    uniform,
)

BATCH, SLOTS, WIDTH, CONTROLLER, INPUTS = 2, 5, 3, 4, 2
HEAD_COUNTS = [(1, 1), (2, 1), (1, 3)]


def make_heads(
    read_heads: int, write_heads: int, shift_range: int = 1, scale: float = 0.5, extension: Extension = PAPER
) -> Heads:
    seen = CONTROLLER + INPUTS if extension.sees_input else CONTROLLER
    heads = Heads(seen, WIDTH, read_heads, write_heads, shift_range, extension).double()
    randomise(heads, scale)
    return heads


def make_outputs(heads: int, shift_range: int = 1, write_heads: int = 1) -> HeadOutputs:
    """Ordinary outputs, drawn freely."""
    return HeadOutputs(
        key=normal(BATCH, heads, WIDTH, seed=1).tanh(),
        strength=5 * uniform(BATCH, heads, seed=2),
        gate=uniform(BATCH, heads, seed=3),
        shift=simplex(BATCH, heads, 2 * shift_range + 1, seed=4),
        sharpening=1 + 5 * uniform(BATCH, heads, seed=5),
        erases=uniform(BATCH, write_heads, WIDTH, seed=6),
        adds=normal(BATCH, write_heads, WIDTH, seed=7).tanh(),
    )


@pytest.mark.parametrize("scale", [0.5, 20.0])
@pytest.mark.parametrize("shift_range", [0, 1, 2])
@pytest.mark.parametrize(("read_heads", "write_heads"), HEAD_COUNTS)
@pytest.mark.parametrize("extension", [PAPER, Analog()], ids=["paper", "analog"])
def test_emissions_match_the_reference(
    extension: Extension, read_heads: int, write_heads: int, shift_range: int, scale: float
) -> None:
    """The larger scale drives most raw outputs beyond where they are clipped."""
    heads = make_heads(read_heads, write_heads, shift_range, scale, extension)
    controller_output, inputs = normal(BATCH, CONTROLLER), normal(BATCH, INPUTS)
    emitted = heads(controller_output, inputs)
    weights = heads.state_dict()
    seen = torch.cat([controller_output, inputs], dim=-1) if extension.sees_input else controller_output
    for b, output in enumerate(seen):
        raws = reference.linear(weights, "addressing", output).chunk(read_heads + write_heads)
        for h, raw in enumerate(raws):
            ours = [getattr(emitted, name)[b, h] for name in reference.Head._fields]
            assert_all_close(ours, reference.emit_head(raw, WIDTH, shift_range))
        for h, raw in enumerate(reference.linear(weights, "writing", output).chunk(write_heads)):
            expected = reference.emit_erase_and_add(raw, WIDTH, extension.linear_adds)
            assert_all_close([emitted.erases[b, h], emitted.adds[b, h]], expected)


@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, 1e30])
@pytest.mark.parametrize("extension", [PAPER, Analog()], ids=["paper", "analog"])
def test_emissions_are_finite_and_in_range_for_any_controller_output(extension: Extension, size: float) -> None:
    heads = make_heads(2, 2, extension=extension).float()
    (controller_output,) = leaves([size * normal(BATCH, CONTROLLER, dtype=torch.float32)])
    emitted = heads(controller_output, normal(BATCH, INPUTS, dtype=torch.float32))
    assert_all_finite([*emitted, *gradients(emitted, [controller_output, *heads.parameters()])])
    for name in ("gate", "shift", "erases"):
        values = getattr(emitted, name)
        assert values.min() >= 0, name
        assert values.max() <= 1, name
    assert emitted.key.abs().max() <= 1
    assert emitted.adds.abs().max() <= (20 if extension.linear_adds else 1)
    assert emitted.strength.min() >= 0
    assert emitted.sharpening.min() >= 1
    torch.testing.assert_close(emitted.shift.sum(-1), torch.ones(BATCH, 4))


@pytest.mark.parametrize("shift_range", [0, 1, 2])
@pytest.mark.parametrize("heads", [1, 2, 3])
def test_addressing_matches_the_paper(heads: int, shift_range: int) -> None:
    parts = [*make_outputs(heads, shift_range), normal(BATCH, SLOTS, WIDTH), simplex(BATCH, heads, SLOTS, seed=9)]

    def expected(outputs: HeadOutputs, memory: Tensor, previous: Tensor) -> Tensor:
        rows = []
        for b, h in itertools.product(range(BATCH), range(heads)):
            head = reference.Head(*(getattr(outputs, name)[b, h] for name in reference.Head._fields))
            rows.append(reference.address(head, memory[b], previous[b, h]))
        return torch.stack(rows).unflatten(0, (BATCH, heads))

    ours, theirs = leaves(parts), leaves(parts)
    result = address(HeadOutputs(*ours[:-2]), *ours[-2:]).weights
    wanted = expected(HeadOutputs(*theirs[:-2]), *theirs[-2:])
    assert_all_close([result], [wanted])
    assert_all_close(gradients([result], ours), gradients([wanted], theirs))


def test_content_weights_are_what_content_alone_would_choose() -> None:
    """Gate, shift and sharpening must not show in them: plots compare the two."""
    outputs, memory = make_outputs(2), normal(BATCH, SLOTS, WIDTH)
    content = address(outputs, memory, simplex(BATCH, 2, SLOTS)).content_weights
    open_gate = outputs._replace(
        gate=torch.ones_like(outputs.gate),
        shift=one_hot(1, 3).expand(BATCH, 2, -1),
        sharpening=torch.ones_like(outputs.sharpening),
    )
    assert_all_close([address(open_gate, memory, simplex(BATCH, 2, SLOTS, seed=1)).weights], [content])


@pytest.mark.parametrize("sharpening", [1.0, 20.0, 1e4])
@pytest.mark.parametrize("strength", [0.0, 20.0, 1e4])
@pytest.mark.parametrize("gate", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("memory_value", [0.0, 1e-6, 1.0])
@pytest.mark.parametrize("key_value", [0.0, 1.0])
def test_addressing_is_finite_at_every_corner(
    key_value: float, memory_value: float, gate: float, strength: float, sharpening: float
) -> None:
    """One-hot weightings and shifts put exact zeros into every power; all corners meet here, in float32."""
    parts = [
        key_value * normal(BATCH, 2, WIDTH, seed=1),
        torch.full((BATCH, 2), strength),
        torch.full((BATCH, 2), gate),
        one_hot(2, 3).expand(BATCH, 2, -1),
        torch.full((BATCH, 2), sharpening),
        torch.zeros(BATCH, 1, WIDTH),
        torch.zeros(BATCH, 1, WIDTH),
        memory_value * normal(BATCH, SLOTS, WIDTH),
        one_hot(0, SLOTS).expand(BATCH, 2, -1),
    ]
    inputs = leaves(part.float() for part in parts)
    weighting = address(HeadOutputs(*inputs[:-2]), *inputs[-2:])
    assert_all_finite([*weighting, *gradients(weighting, inputs)])
    assert (weighting.weights >= 0).all()
    torch.testing.assert_close(weighting.weights.sum(-1), torch.ones(BATCH, 2))


@pytest.mark.parametrize("slots", [1, 5, 1024])
def test_every_head_starts_on_the_first_slot(slots: int) -> None:
    weights = focus_on_first_slot(BATCH, 3, slots, torch.zeros((), dtype=torch.float64))
    assert torch.equal(weights, one_hot(0, slots).expand(BATCH, 3, slots))
