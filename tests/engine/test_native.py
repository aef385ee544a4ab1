"""The engine against the plain machine, which defines what is right."""

import copy
import gc
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

import ntm
from ntm import tasks
from ntm.engine import native
from ntm.engine.choose import Forward, plain
from ntm.machine.ntm import NTM, NTMState

KINDS: list[dict[str, Any]] = [
    {},
    {"extension": "analog"},
    {"extension": {"register": {"channel": 3, "mean": 1.5, "deviation": 1.0}}},
]
MACHINES = st.fixed_dictionaries(
    {
        "controller": st.sampled_from(["feedforward", "lstm"]),
        "controller_size": st.sampled_from([3, 16, 21]),
        "controller_layers": st.integers(1, 2),
        "memory_slots": st.sampled_from([7, 16, 37]),
        # At width 1 every cosine is 1 or -1, and its gradient nothing but rounding.
        "memory_width": st.sampled_from([2, 5, 16]),
        "read_heads": st.integers(1, 3),
        "write_heads": st.integers(1, 3),
        "shift_range": st.integers(0, 2),
        "memory_init": st.sampled_from(["constant", "learned", "random"]),
        "kind": st.sampled_from(KINDS),
    }
).map(lambda drawn: {name: value for name, value in drawn.items() if name != "kind"} | drawn["kind"])


def build(arguments: dict[str, Any], scale: float = 1.0) -> NTM:
    torch.manual_seed(0)
    model = NTM(4, 3, **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(scale)
    return model


def run(forward: Forward, model: NTM, inputs: Tensor, state: NTMState) -> tuple[Tensor, dict[str, Tensor]]:
    """Logits, and the gradients of a sum of them and the weightings in which every one counts differently."""
    logits, weightings = forward(inputs, state)
    generator = torch.Generator().manual_seed(2)
    total = torch.zeros((), dtype=logits.dtype)
    for values in (logits, weightings):
        assert values is not None
        total = total + (values * torch.randn(values.shape, generator=generator).to(values)).sum()
    gradients = torch.autograd.grad(total, list(model.parameters()))
    named = zip((name for name, _ in model.named_parameters()), gradients, strict=True)
    return logits.detach().double(), {name: gradient.double() for name, gradient in named}


def engine(model: NTM) -> Forward:
    """The engine's way."""
    return lambda inputs, state: native.unroll(model, inputs, state)[:2]


def compare(model: NTM, steps: int, batch_size: int, way: Callable[[NTM], Forward] = engine) -> None:
    """Hold the engine and the plain machine, both in float32, against the plain machine in float64."""
    inputs = torch.randint(-1, 2, (steps, batch_size, 4), generator=torch.Generator().manual_seed(1)).float()
    exact = copy.deepcopy(model).double()

    def start(of: NTM) -> NTMState:
        with torch.random.fork_rng():  # random contents are drawn in float32 for all, so that they start alike
            torch.manual_seed(3)
            state = model.initial_state(batch_size)
        if model.config["memory_init"] == "learned":
            return of.initial_state(batch_size)
        dtype = next(of.parameters()).dtype
        controller = tuple(each.to(dtype) for each in state.controller)
        return NTMState(*(each.to(dtype) for each in state[:3]), controller)

    expected, expected_gradients = run(plain(exact), exact, inputs.double(), start(exact))
    found, gradients = run(way(model), model, inputs, start(model))
    _, rounded = run(plain(model), model, inputs, start(model))
    assert distance(found, expected) < 1e-5
    for name, gradient in gradients.items():
        rounding = distance(rounded[name], expected_gradients[name])
        assert distance(gradient, expected_gradients[name]) < max(1e-4, 4 * rounding), name


def distance(found: Tensor, expected: Tensor) -> float:
    return ((found - expected).norm() / expected.norm().clamp_min(1e-9)).item()


@settings(max_examples=60, deadline=None, derandomize=True)
@given(MACHINES, st.integers(1, 12), st.integers(1, 9), st.sampled_from([0.5, 1.0, 3.0]))
def test_it_computes_what_the_plain_machine_does(
    arguments: dict[str, Any], steps: int, batch_size: int, scale: float
) -> None:
    compare(build(arguments, scale), steps, batch_size)


@pytest.mark.slow
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
@pytest.mark.parametrize("threads", [1, 2])
def test_long_sequences_and_several_threads(controller: str, threads: int) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        compare(build({"controller": controller, "read_heads": 2}), 60, 13)
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("scale", [30.0, 1000.0])
@pytest.mark.parametrize("kind", KINDS, ids=["plain", "analog", "register"])
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_weights_of_any_size_give_finite_numbers(controller: str, kind: dict[str, bool], scale: float) -> None:
    # Gates far beyond saturation once came out as NaN: a fast division by infinity.
    model = build({"controller": controller, **kind}, scale)
    inputs = torch.ones(30, 4, 4)
    logits, gradients = run(engine(model), model, inputs, model.initial_state(4))
    assert logits.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_the_same_run_gives_the_same_bits() -> None:
    model = build({"controller": "lstm"})
    inputs = torch.ones(20, 8, 4)
    first, second = (run(engine(model), model, inputs, model.initial_state(8)) for _ in range(2))
    assert first[0].equal(second[0])
    assert all(first[1][name].equal(second[1][name]) for name in first[1])


@pytest.mark.parametrize("kind", KINDS, ids=["plain", "analog", "register"])
@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_gradients_reach_inputs_and_every_part_of_the_state(controller: str, kind: dict[str, Any]) -> None:
    """An embedding in front of the machine once never learned; two runs in a row are as one of both lengths."""
    model = build({"controller": controller, "read_heads": 2, "write_heads": 2, **kind})
    exact = copy.deepcopy(model).double()
    tokens = torch.randint(0, 5, (9, 3), generator=torch.Generator().manual_seed(1))
    found = []
    for machine, way in ((model, lambda *given: native.unroll(model, *given)), (exact, exact.unroll)):
        dtype = next(machine.parameters()).dtype
        torch.manual_seed(4)
        embedding = torch.nn.Embedding(5, 4).to(dtype)
        embedded = embedding(tokens)
        first, _, state = way(embedded[:4], machine.initial_state(3))
        second, _, state = way(embedded[4:], state)
        parts = [first, second, *state[:3], *state.controller]
        generator = torch.Generator().manual_seed(2)
        total = sum((part * torch.randn(part.shape, generator=generator).to(dtype)).sum() for part in parts)
        found.append(torch.autograd.grad(total, [embedding.weight, *machine.parameters()]))
    for one, other in zip(*found, strict=True):
        assert distance(one.double(), other) < 1e-4


def test_the_last_state_is_the_plain_one() -> None:
    model = build({"controller": "lstm", "controller_layers": 2})
    inputs = torch.ones(6, 3, 4)
    with torch.no_grad():
        logits, state = model(inputs)
        expected, _, expected_state = model.unroll(inputs)
    torch.testing.assert_close(logits, expected)
    torch.testing.assert_close([*state[:3], *state.controller], [*expected_state[:3], *expected_state.controller])


def test_inputs_and_states_of_a_wrong_shape_are_refused() -> None:
    """Inputs too wide or too narrow were once read past their end."""
    model = build({})
    for width in (3, 5):
        with pytest.raises(ValueError, match=r"inputs must be \(T, B, 4\)"):
            native.unroll(model, torch.zeros(2, 3, width), model.initial_state(3))
    with pytest.raises(ValueError, match="the state must have the shapes"):
        native.unroll(model, torch.zeros(2, 3, 4), model.initial_state(2))
    with pytest.raises(ValueError, match="the state must have the shapes"):
        native.unroll(model, torch.zeros(2, 3, 4), build({"memory_width": 7}).initial_state(3))


@pytest.mark.parametrize("controller", ["feedforward", "lstm"])
def test_threads_at_different_layers_keep_out_of_each_others_way(controller: str) -> None:
    """Parts of a batch once shared the row of one gradient, where layers see rows of different sizes: one update in
    five was wrong on a busy machine."""
    model = build({"controller": controller, "controller_layers": 3, "read_heads": 3})
    inputs, before, found = torch.ones(12, 8, 4), torch.get_num_threads(), []
    torch.set_num_threads(4)
    try:
        for _ in range(100):
            _, gradients = run(engine(model), model, inputs, model.initial_state(8))
            found.append(gradients)
    finally:
        torch.set_num_threads(before)
    assert all(gradients[name].equal(found[0][name]) for gradients in found for name in gradients)


def test_any_number_of_threads_gives_the_same_bits() -> None:
    model = build({"controller": "lstm"})
    inputs, before, found = torch.ones(20, 7, 4), torch.get_num_threads(), []
    try:
        for threads in (1, 2, 3):
            torch.set_num_threads(threads)
            found.append(run(engine(model), model, inputs, model.initial_state(7)))
    finally:
        torch.set_num_threads(before)
    for logits, gradients in found[1:]:
        assert logits.equal(found[0][0])
        assert all(gradients[name].equal(found[0][1][name]) for name in gradients)


def test_a_run_is_forgotten_when_its_results_are() -> None:
    """A run that knew its own results once lived until the garbage collector came by, tape and all."""
    model = build({})
    gc.disable()
    try:
        results = native.unroll(model, torch.ones(3, 2, 4), model.initial_state(2))
        known = weakref.ref(results[0].grad_fn.run)  # type: ignore[union-attr]
        del results
        assert known() is None
    finally:
        gc.enable()


@pytest.mark.parametrize("name", tasks.names())
def test_a_trace_is_the_plain_one(name: str) -> None:
    """In single precision a run may drift; then it is held against the run in double precision."""
    model = ntm.load(f"checkpoints/ntm-{name}")
    inputs = tasks.get(name).sample(2, generator=torch.Generator().manual_seed(1)).inputs
    found = model.trace(inputs)
    plain_trace = model.trace(inputs, change_heads=lambda heads: heads)  # which the engine does not do
    exact = copy.deepcopy(model).double().trace(inputs.double())
    for field, one, rounded, true in zip(found._fields, found, plain_trace, exact, strict=True):
        rounding = (rounded - true).abs().max().item()
        assert (one - true).abs().max().item() < max(1e-5 * true.abs().max().item(), 4 * rounding), field


def test_hooks_see_every_step() -> None:
    """Someone who looks at single steps gets them: the machine then goes step by step."""
    model, seen = build({}), []
    model.cell.controller.register_forward_hook(lambda *_: seen.append(1))
    model(torch.ones(5, 2, 4))
    assert len(seen) == 5


def test_gradients_of_gradients_are_had_step_by_step() -> None:
    """A penalty on the slope once failed with PyTorch's own words, which name no way out."""
    model = build({})
    inputs = torch.ones(3, 2, 4, requires_grad=True)
    with pytest.raises(RuntimeError, match=r"model\.unroll\(inputs, state\)"):
        torch.autograd.grad(model(inputs)[0].sum(), inputs, create_graph=True)
    (slope,) = torch.autograd.grad(model.unroll(inputs)[0].sum(), inputs, create_graph=True)
    slope.square().sum().backward()
    assert all(parameter.grad is None or parameter.grad.isfinite().all() for parameter in model.parameters())
