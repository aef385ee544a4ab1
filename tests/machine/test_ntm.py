"""The whole machine against the reference; what it shares with the baseline is in test_model.py."""

import itertools
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from ntm import NTM, NTMState, Trace
from ntm.machine.extensions import ExtensionSpec, Register
from tests import reference
from tests.numerics import (
    assert_all_close,
    assert_all_finite,
    flatten,
    gradients,
    leaves,
    normal,
    one_hot,
    randomise,
    seeded,
)

STEPS, BATCH, INPUTS, OUTPUTS = 4, 2, 3, 2
REGISTER = {"channel": 1, "mean": 5.5, "deviation": 2.9}
SMALL: dict[str, Any] = {"controller_size": 6, "memory_slots": 5, "memory_width": 3}


def make_machine(scale: float = 0.5, seed: int = 0, **arguments: Any) -> NTM:
    """A small machine in float64 whose heads move about, rather than one fresh from initialisation."""
    model = NTM(INPUTS, OUTPUTS, **SMALL | arguments).double()
    randomise(model, scale, seed)
    return model


def run_reference(
    model: NTM, inputs: Tensor, weights: dict[str, Tensor], memory: Tensor | None = None
) -> reference.Run:
    """The reference with these weights, from `memory` or from what the model's own scheme starts with."""
    if memory is None:
        slots, width = model.config["memory_slots"], model.config["memory_width"]
        constant = torch.full((slots, width), 1e-6, dtype=torch.float64)
        memory = weights.get("initial_memory.contents", constant).expand(inputs.shape[1], -1, -1)
    return reference.run(model.config, weights, inputs, memory)


def assert_matches_reference(model: NTM, tolerance: float, state: NTMState | None = None) -> None:
    """Every step's values, the last state, and the gradients with respect to all parameters and the inputs."""
    (inputs,) = leaves([normal(STEPS, BATCH, INPUTS)])
    logits, last = model(inputs, state)
    names, parameters = zip(*model.named_parameters(), strict=True)

    (their_inputs,) = leaves([inputs])
    weights = dict(zip(names, leaves(parameters), strict=True))
    expected = run_reference(model, their_inputs, weights, None if state is None else state.memory)

    outputs = [logits, last.memory, last.weights, last.reads, *last.controller]
    expected_outputs = [
        expected.logits,
        expected.memory[-1],
        expected.weights[-1],
        expected.reads[-1],
        *expected.controller,
    ]
    assert_all_close(outputs, expected_outputs, tolerance)
    ours = gradients(outputs, [inputs, *parameters])
    assert_all_close(ours, gradients(expected_outputs, [their_inputs, *weights.values()]), tolerance)

    trace = model.trace(inputs.detach(), state)
    steps = [trace.logits, trace.memory, torch.cat([trace.read_weights, trace.write_weights], dim=2), trace.reads]
    assert_all_close(steps, [step.detach() for step in expected[:4]], tolerance)


KINDS = pytest.mark.parametrize(
    "kind", [{}, {"extension": "analog"}, {"extension": {"register": REGISTER}}], ids=["plain", "analog", "register"]
)
SHAPES = [
    pytest.param(1, 1, 1, id="R1-W1-k1"),
    pytest.param(2, 1, 2, id="R2-W1-k2"),
    pytest.param(1, 3, 1, id="R1-W3-k1"),
    pytest.param(3, 2, 0, id="R3-W2-k0"),
]


@pytest.mark.parametrize(("read_heads", "write_heads", "shift_range"), SHAPES)
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_matches_the_reference(
    kind: dict[str, Any], controller: str, layers: int, read_heads: int, write_heads: int, shift_range: int
) -> None:
    model = make_machine(
        controller=controller,
        controller_layers=layers,
        read_heads=read_heads,
        write_heads=write_heads,
        shift_range=shift_range,
        memory_init="learned",
        **kind,
    )
    assert_matches_reference(model, tolerance=1e-8)


@pytest.mark.parametrize("scale", [0.5, 2.0])
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_matches_the_reference_from_constant_memory(kind: dict[str, Any], controller: str, scale: float) -> None:
    """Decided heads leave slots near their first 1e-6, where a guard against a norm of zero could be felt."""
    model = make_machine(scale, controller=controller, read_heads=2, **kind)
    assert_matches_reference(model, tolerance=1e-6)


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_matches_the_reference_from_random_memory(controller: str) -> None:
    model = make_machine(controller=controller, memory_init="random")
    assert_matches_reference(model, 1e-8, model.initial_state(BATCH, generator=seeded(3)))


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_matches_the_reference_with_other_than_its_own_slots(kind: dict[str, Any], controller: str) -> None:
    model = make_machine(controller=controller, memory_init="random", write_heads=2, **kind)
    for slots in (3, 9):
        assert_matches_reference(model, 1e-8, model.initial_state(BATCH, slots, generator=seeded(slots)))


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_matches_the_reference_where_outputs_are_clipped(kind: dict[str, Any], controller: str) -> None:
    model = make_machine(scale=4.0, controller=controller, memory_init="learned", **kind)
    assert_matches_reference(model, tolerance=1e-6)


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_the_published_size_in_float32_is_near_the_reference(kind: dict[str, Any], controller: str) -> None:
    """128 slots of 20, constant memory, weights as they are initialised: what training starts from."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = NTM(INPUTS, OUTPUTS, controller=controller, **kind)  # type: ignore[arg-type]
    inputs = normal(3, 1, INPUTS)
    logits, last = model(inputs.float())
    with torch.no_grad():
        expected = run_reference(model, inputs, {name: weight.double() for name, weight in model.state_dict().items()})
    outputs = [logits.double(), last.memory.double(), last.weights.double(), last.reads.double()]
    assert_all_close(outputs, [expected.logits, expected.memory[-1], expected.weights[-1], expected.reads[-1]], 1e-5)


# Machines with weights set by hand.


def keep_heads_on_slot_0(model: NTM) -> None:
    """And let them write nothing in particular, whatever the controller says."""
    for parameter in model.cell.heads.parameters():
        parameter.zero_()
    gate, shift, sharpening = (20.0 * one_hot(place, 9) for place in (4, 6, 8))
    model.cell.heads.addressing.bias.copy_((shift - gate + sharpening).repeat(2))


# Analog machines.


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_a_quantity_in_the_input_reaches_the_memory_of_an_analog_machine_as_it_is(controller: str) -> None:
    """Weights set by hand: the write head stays on slot 0, erases it and adds its input. Beyond 1 the controller can
    hardly tell quantities apart; memory holds them to the last digit."""
    model = NTM(1, 1, controller=controller, extension="analog", **SMALL).double()  # type: ignore[arg-type]
    with torch.no_grad():
        keep_heads_on_slot_0(model)
        model.cell.heads.writing.bias[:3] = 20.0
        model.cell.heads.writing.weight[3:, -1] = 1.0
    quantities = torch.tensor([0.25, -7.5, 3.0, 3.5, 19.0], dtype=torch.float64)
    trace = model.trace(quantities.view(5, 1, 1))
    assert_all_close([trace.memory[:, 0, 0]], [quantities.unsqueeze(1).expand(5, 3)], tolerance=1e-6)


def test_the_heads_of_an_analog_machine_begin_at_one_place_and_hardly_erase() -> None:
    torch.manual_seed(0)
    model = NTM(4, 3, read_heads=2, write_heads=2, extension="analog", **SMALL)
    trace = model.trace(torch.ones(6, 2, 4))
    heads = torch.cat([trace.read_weights, trace.write_weights], dim=2)
    torch.testing.assert_close(heads, heads[:, :, :1].expand_as(heads))
    assert trace.erases[0].max() < 0.25


@pytest.mark.parametrize("kind", [None, "analog"], ids=["plain", "analog"])
def test_training_keeps_the_heads_of_an_analog_machine_together_and_no_others(kind: ExtensionSpec) -> None:
    model = NTM(4, 3, read_heads=2, write_heads=2, extension=kind, **SMALL)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    torch.manual_seed(0)
    inputs = torch.randn(6, 5, 4)
    begun = model.cell.heads.addressing.weight.detach().clone()
    for _ in range(5):
        optimizer.zero_grad()
        model(inputs)[0].square().mean().backward()
        model.share_gradients()
        optimizer.step()
    moved = model.cell.heads.addressing.weight.detach() - begun
    moved_by_head = moved.unflatten(0, (4, -1))
    assert (moved_by_head[0] != 0).any()
    assert moved_by_head.allclose(moved_by_head[:1].expand_as(moved_by_head), atol=1e-6) == (kind == "analog")


def test_what_an_analog_machine_sees_beyond_1_changes_its_heads_and_not_its_controller() -> None:
    model = make_machine(extension="analog")
    seen = []
    model.cell.controller.register_forward_hook(lambda _module, _inputs, output: seen.append(output[0]))
    one, other = (model.trace(torch.full((1, 1, INPUTS), size, dtype=torch.float64)) for size in (7.0, 8.0))
    assert_all_close([seen[0]], [seen[1]], tolerance=1e-9)
    assert (one.adds - other.adds).abs().max() > 0.1


# Machines with a register.


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_a_register_counts_down_from_any_number_while_the_other_columns_stay_as_in_the_paper(controller: str) -> None:
    """Weights set by hand: the write head stays on slot 0 with both gates of the register open, at every step. It puts
    in what the first step says, and nothing where the input is silent."""
    model = NTM(2, 1, controller=controller, extension={"register": REGISTER}, **SMALL).double()  # type: ignore[arg-type]
    with torch.no_grad():
        keep_heads_on_slot_0(model)
        model.cell.heads.writing.bias.fill_(20.0)
    inputs = torch.zeros(8, 1, 2, dtype=torch.float64)
    inputs[0, 0, 1] = (500 - 5.5) / 2.9
    trace = model.trace(inputs)
    left = 500 - 0.5 - torch.arange(1, 9, dtype=torch.float64)
    assert_all_close([trace.memory[:, 0, 0, 0]], [left], tolerance=1e-5)
    assert trace.erases[..., 0].abs().max() == 0
    assert trace.adds[..., 1:].abs().max() <= 1


def test_a_fresh_register_hardly_changes() -> None:
    model = NTM(INPUTS, OUTPUTS, extension={"register": REGISTER}, **SMALL)
    trace = model.trace(normal(STEPS, BATCH, INPUTS).float() * torch.tensor([1.0, 0.0, 1.0]))
    assert trace.adds[..., 0].abs().max() < 0.15


def test_heads_look_past_the_register_and_its_size_is_not_seen() -> None:
    model = make_machine(extension={"register": REGISTER})
    state = model.initial_state(BATCH)
    inputs = normal(1, BATCH, INPUTS)
    memory, other = state.memory.clone(), state.memory.clone()
    memory[..., 0], other[..., 0] = 5.0, 20.0
    one, another = (model.trace(inputs, state._replace(memory=contents)) for contents in (memory, other))
    assert_all_close([one.content_weights, one.logits], [another.content_weights, another.logits], tolerance=1e-6)
    assert (one.memory - another.memory)[..., 0].abs().min() > 1


def test_a_register_is_read_whole_wherever_heads_look() -> None:
    """What a head writes is spread over slots as its weighting is, and another head need not look at all of them."""
    model = make_machine(extension={"register": REGISTER}, read_heads=2)
    trace = model.trace(normal(STEPS, BATCH, INPUTS))
    held = trace.memory[..., 0].sum(-1, keepdim=True)
    assert_all_close([trace.reads[..., 0]], [held.expand(-1, -1, 2)])


def test_the_size_of_a_count_reaches_the_register_and_nothing_else() -> None:
    model = make_machine(extension={"register": REGISTER})
    few, many = normal(1, BATCH, INPUTS), normal(1, BATCH, INPUTS)
    few[..., 1], many[..., 1] = (12 - 5.5) / 2.9, (300 - 5.5) / 2.9
    one, another = model.trace(few), model.trace(many)
    assert_all_close([one.key, one.memory[..., 1:]], [another.key, another.memory[..., 1:]], tolerance=1e-9)
    assert (one.memory - another.memory)[..., 0].abs().amax() > 1


def test_a_machine_is_plain_unless_asked() -> None:
    plain, analog = make_machine(), make_machine(extension="analog")
    assert plain.config["extension"] is None
    inputs = normal(STEPS, BATCH, INPUTS)
    assert torch.equal(plain(inputs)[0], make_machine(extension=None)(inputs)[0])
    assert plain.cell.heads.writing.in_features == SMALL["controller_size"]
    assert analog.cell.heads.writing.in_features == SMALL["controller_size"] + INPUTS


# State.


@pytest.mark.parametrize("memory_init", ["constant", "learned", "random"])
@pytest.mark.parametrize("slots", [None, 3, 1024])
def test_initial_state(memory_init: str, slots: int | None) -> None:
    model = make_machine(read_heads=2, write_heads=3, memory_init=memory_init)
    state = model.initial_state(BATCH, memory_slots=slots)
    size = slots or SMALL["memory_slots"]
    assert state.memory.shape == (BATCH, size, 3)
    assert torch.equal(state.weights, one_hot(0, size).expand(BATCH, 5, size))
    assert_all_close([state.reads], [state.memory[:, [0, 0]]], tolerance=0)


def test_a_state_cannot_be_assigned_to() -> None:
    state = make_machine().initial_state(BATCH)
    with pytest.raises(AttributeError):
        state.memory = state.memory + 1  # type: ignore[misc]


def test_random_memory_is_reproducible_by_generator_and_fresh_without() -> None:
    model = make_machine(memory_init="random")
    one, same = (model.initial_state(BATCH, generator=seeded(5)) for _ in range(2))
    assert_all_close(flatten(one), flatten(same), tolerance=0)
    assert not torch.equal(model.initial_state(BATCH).memory, model.initial_state(BATCH).memory)
    inputs = normal(STEPS, BATCH, INPUTS)
    assert not torch.equal(model(inputs)[0], model(inputs)[0])
    assert torch.equal(model(inputs, one)[0], model(inputs, same)[0])


def test_learned_memory_repeats_over_more_slots() -> None:
    model = make_machine(memory_init="learned")
    memory = model.initial_state(1, memory_slots=12).memory[0]
    assert torch.equal(memory, model.initial_memory.contents[[0, 1, 2, 3, 4, 0, 1, 2, 3, 4, 0, 1]])


@pytest.mark.parametrize("slots", [3, 4, 50])
def test_more_slots_at_run_time_is_the_same_as_at_construction(slots: int) -> None:
    """So nothing learned depends on their number."""
    built, small = make_machine(memory_slots=slots), make_machine()
    built.load_state_dict(small.state_dict())
    inputs = normal(STEPS, BATCH, INPUTS)
    state = small.initial_state(BATCH, memory_slots=slots)
    logits, last = small(inputs, state)
    expected, expected_last = built(inputs)
    assert torch.equal(logits, expected)
    assert_all_close(flatten(last), flatten(expected_last), tolerance=0)


def test_1024_slots_are_used_without_being_asked_for_again() -> None:
    model = make_machine()
    inputs = normal(STEPS, BATCH, INPUTS)
    _, state = model(inputs, model.initial_state(BATCH, memory_slots=1024))
    _, state = model(inputs, state)
    assert state.memory.shape == (BATCH, 1024, 3)
    assert state.weights.shape == (BATCH, 2, 1024)
    assert torch.isfinite(model.trace(inputs, state).memory).all()


@pytest.mark.parametrize("shift_range", [0, 1, 2])
def test_fewer_slots_than_a_head_can_shift_over_are_refused(shift_range: int) -> None:
    model = make_machine(shift_range=shift_range)
    fewest = 2 * shift_range + 1
    model.initial_state(BATCH, memory_slots=fewest)
    for slots in (fewest - 1, 0, -1):
        with pytest.raises(ValueError, match=rf"memory_slots must be at least {fewest}, not {slots}"):
            model.initial_state(BATCH, memory_slots=slots)


# Trace.


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@pytest.mark.parametrize(("read_heads", "write_heads"), [(1, 1), (2, 3)])
def test_trace_has_the_shapes_of_the_contract(controller: str, read_heads: int, write_heads: int) -> None:
    model = make_machine(controller=controller, read_heads=read_heads, write_heads=write_heads, shift_range=2)
    slots, width, heads = 7, 3, read_heads + write_heads
    trace = model.trace(normal(STEPS, BATCH, INPUTS), model.initial_state(BATCH, memory_slots=slots))
    shapes = {
        "logits": (OUTPUTS,),
        "memory": (slots, width),
        "read_weights": (read_heads, slots),
        "write_weights": (write_heads, slots),
        "reads": (read_heads, width),
        "erases": (write_heads, width),
        "adds": (write_heads, width),
        "key": (heads, width),
        "strength": (heads,),
        "gate": (heads,),
        "shift": (heads, 5),
        "sharpening": (heads,),
        "content_weights": (heads, slots),
    }
    assert set(shapes) == set(Trace._fields)
    for name, shape in shapes.items():
        assert getattr(trace, name).shape == (STEPS, BATCH, *shape), name


@KINDS
def test_a_trace_can_be_replayed(kind: dict[str, Any]) -> None:
    """Each field is that of its own step: memory after writing, reads of that memory, weightings from the gates."""
    model = make_machine(read_heads=2, write_heads=2, **kind)
    state = model.initial_state(BATCH)
    trace = model.trace(normal(STEPS, BATCH, INPUTS), state)
    memory, weights = state.memory, state.weights
    hidden = 1 if isinstance(model.extension, Register) else 0
    read = reference.read_beside_register if hidden else reference.read
    for t, b in itertools.product(range(STEPS), range(BATCH)):
        before = memory[b] if t == 0 else trace.memory[t - 1, b]
        focus = weights[b] if t == 0 else torch.cat([trace.read_weights[t - 1, b], trace.write_weights[t - 1, b]])
        moved = []
        for h in range(4):
            head = reference.Head(*(getattr(trace, name)[t, b, h] for name in reference.Head._fields))
            content = reference.content_weighting(before[:, hidden:], head.key[hidden:], head.strength)
            assert_all_close([trace.content_weights[t, b, h]], [content], tolerance=1e-4)
            moved.append(reference.address(head, before, focus[h], hidden))
        assert_all_close([trace.read_weights[t, b], trace.write_weights[t, b]], torch.stack(moved).split(2), 1e-4)
        written = reference.write(
            before, list(trace.write_weights[t, b]), list(trace.erases[t, b]), list(trace.adds[t, b])
        )
        assert_all_close([trace.memory[t, b]], [written])
        assert_all_close([trace.reads[t, b]], [torch.stack([read(written, w) for w in trace.read_weights[t, b]])])


def test_the_last_step_of_a_trace_is_the_last_state() -> None:
    model = make_machine(read_heads=2)
    inputs = normal(STEPS, BATCH, INPUTS)
    _, state = model(inputs)
    trace = model.trace(inputs)
    last = [trace.memory[-1], torch.cat([trace.read_weights[-1], trace.write_weights[-1]], dim=1), trace.reads[-1]]
    assert all(map(torch.equal, last, [state.memory, state.weights, state.reads]))


# Numbers at their edges, in float32.


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@pytest.mark.parametrize("memory_value", [0.0, 1e-6])
@KINDS
def test_finite_with_all_weights_zero(kind: dict[str, Any], controller: str, memory_value: float) -> None:
    """All keys are then zero, and so is memory: every cosine is 0 / 0."""
    model = NTM(INPUTS, OUTPUTS, controller=controller, **kind, **SMALL)  # type: ignore[arg-type]
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    state = model.initial_state(BATCH)
    state = state._replace(memory=torch.full_like(state.memory, memory_value), reads=torch.zeros_like(state.reads))
    logits, last = model(normal(STEPS, BATCH, INPUTS, dtype=torch.float32), state)
    assert_all_finite([logits, *flatten(last), *gradients([logits, *flatten(last)], list(model.parameters()))])


@pytest.mark.parametrize("memory_init", ["constant", "learned"])
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@KINDS
def test_finite_over_many_steps_with_every_output_saturated(
    kind: dict[str, Any], controller: str, memory_init: str
) -> None:
    model = make_machine(50.0, controller=controller, memory_init=memory_init, read_heads=2, **kind).float()
    logits, state = model(normal(30, BATCH, INPUTS, dtype=torch.float32))
    assert_all_finite([logits, *flatten(state), *gradients([logits], list(model.parameters()))])
    torch.testing.assert_close(state.weights.sum(-1), torch.ones(BATCH, 3))


# Arguments.

COUNTS = [
    "input_size",
    "output_size",
    "controller_size",
    "controller_layers",
    "memory_slots",
    "memory_width",
    "read_heads",
    "write_heads",
    "shift_range",
]


BAD_NUMBERS = [
    (0, ValueError),
    (-1, ValueError),
    (2.0, TypeError),
    (True, TypeError),
    ("3", TypeError),
    (None, TypeError),
]


@pytest.mark.parametrize(
    ("name", "value", "error"),
    # A shift range of 0 is allowed: heads that never shift.
    [(name, *bad) for name in COUNTS for bad in BAD_NUMBERS if (name, bad[0]) != ("shift_range", 0)],
)
def test_bad_numbers_are_refused(name: str, value: Any, error: type[Exception]) -> None:
    arguments = {"input_size": INPUTS, "output_size": OUTPUTS} | SMALL | {name: value}
    with pytest.raises(error, match=name):
        NTM(**arguments)


@pytest.mark.parametrize("name", ["controller", "memory_init"])
@pytest.mark.parametrize("value", ["LSTM", "", None, 1])
def test_unknown_choices_are_refused_with_the_known_ones(name: str, value: Any) -> None:
    known = {"controller": "feedforward, lstm", "memory_init": "constant, learned, random"}[name]
    with pytest.raises(ValueError, match=rf"{name} must be one of {known}"):
        NTM(INPUTS, OUTPUTS, **{name: value})


@pytest.mark.parametrize("value", [1, True, "register", {}, {"analog": True}, {"register": REGISTER, "analog": {}}])
def test_an_unknown_extension_is_refused(value: Any) -> None:
    with pytest.raises(
        ValueError, match=re.escape(f'extension must be None, "analog" or {{"register": ...}}, not {value!r}')
    ):
        NTM(INPUTS, OUTPUTS, extension=value)


@pytest.mark.parametrize(
    ("register", "error", "message"),
    [
        (True, ValueError, "extension must be None"),
        ({"channel": 1}, TypeError, "mean"),
        ({**REGISTER, "unit": 1}, TypeError, "unit"),
        ({**REGISTER, "channel": 1.0}, TypeError, "channel must be a whole number, not 1.0"),
        ({**REGISTER, "channel": -1}, ValueError, "channel must be at least 0, not -1"),
        ({**REGISTER, "channel": INPUTS}, ValueError, "channel must be below the 3 of the input, not 3"),
        ({**REGISTER, "mean": "5"}, TypeError, "mean must be a number, not '5'"),
        ({**REGISTER, "mean": math.nan}, ValueError, "mean must be from -1,000,000 to 1,000,000, not nan"),
        ({**REGISTER, "deviation": 0}, ValueError, "deviation must be above 0, not 0"),
        ({**REGISTER, "deviation": 1e9}, ValueError, "deviation must be from -1,000,000 to 1,000,000"),
    ],
)
def test_a_register_that_cannot_be_is_refused(register: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        NTM(INPUTS, OUTPUTS, extension={"register": register})


def test_a_register_needs_a_column_besides() -> None:
    with pytest.raises(ValueError, match="memory_width must be at least 2, not 1"):
        NTM(INPUTS, OUTPUTS, extension={"register": REGISTER}, memory_width=1)


@pytest.mark.parametrize(("shift_range", "slots"), [(1, 2), (2, 4), (3, 5)])
def test_a_shift_range_that_does_not_fit_is_refused(shift_range: int, slots: int) -> None:
    with pytest.raises(ValueError, match=f"memory_slots must be at least {2 * shift_range + 1}, not {slots}"):
        NTM(INPUTS, OUTPUTS, shift_range=shift_range, memory_slots=slots)
    NTM(INPUTS, OUTPUTS, shift_range=shift_range, memory_slots=2 * shift_range + 1)


def test_options_are_by_keyword_only() -> None:
    with pytest.raises(TypeError):
        NTM(INPUTS, OUTPUTS, "lstm")  # type: ignore[misc]
