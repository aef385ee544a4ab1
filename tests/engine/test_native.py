"""The fused sequence against the plain machine, which defines what is right."""

import copy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

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


def compare(model: NTM, steps: int, batch_size: int) -> None:
    """Hold the fused sequence and the plain machine, both in float32, against the plain machine in float64."""
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
    found, gradients = run(lambda *given: native.unroll(model, *given), model, inputs, start(model))
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
    logits, gradients = run(lambda *given: native.unroll(model, *given), model, inputs, model.initial_state(4))
    assert logits.isfinite().all()
    assert all(gradient.isfinite().all() for gradient in gradients.values())


def test_the_same_run_gives_the_same_bits() -> None:
    model = build({"controller": "lstm"})
    inputs = torch.ones(20, 8, 4)
    first, second = (
        run(lambda *given: native.unroll(model, *given), model, inputs, model.initial_state(8)) for _ in range(2)
    )
    assert first[0].equal(second[0])
    assert all(first[1][name].equal(second[1][name]) for name in first[1])


def test_without_a_compiler_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    native.build.cache_clear()
    monkeypatch.setenv("CXX", str(tmp_path / "no-such-compiler"))
    with pytest.raises(native.FusedUnavailableError, match="no-such-compiler") as caught:
        native.build()
    assert "\n" not in str(caught.value)
    native.build.cache_clear()


def test_a_failing_compiler_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    compiler = tmp_path / "c++"
    compiler.write_text(
        '#!/bin/sh\n[ "$1" = --version ] && echo broken 1.0 && exit\necho "cannot compile" >&2\nexit 1\n'
    )
    compiler.chmod(0o755)
    native.build.cache_clear()
    monkeypatch.setenv("CXX", str(compiler))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(native.FusedUnavailableError, match="cannot compile"):
        native.build()
    assert not list((tmp_path / "cache").rglob("*.so"))
    native.build.cache_clear()
