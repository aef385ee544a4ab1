"""The fastest way that a device offers to run a model while it is trained, chosen by measuring."""

import hashlib
import json
import math
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import deepcopy
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ntm.engine import library, native
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM, NTMState

Forward = Callable[[Tensor, Any], tuple[Tensor, Tensor | None]]
"""From inputs (T, B, in) and a state to logits (T, B, out) and, of a model with heads, its weightings (T, B, H, N)."""

ENGINES = ("eager", "compiled", "native", "kernel")
"""step by step; step by step, with the step compiled by PyTorch; all steps at once, by the C++ engine on a CPU; or by a
kernel on a GPU"""
_FOR_ANOTHER = "native:"

_STEPS, _BATCH, _REPEATS = 8, 16, 10
# An older build of the engine takes the newest one's place only where it is faster by this: within it, it is chance.
_WORTH_IT = 0.95
# How far logits and gradients may be from the machine's own by rounding alone, relative to their size.
_ROUNDING = 1e-3


class Choice(NamedTuple):
    """An engine, and what it was chosen by."""

    engine: str
    seconds: dict[str, float]
    """a short update took, by engine; nothing where there was nothing to choose"""

    def __str__(self) -> str:
        if self.engine not in self.seconds or self.engine == "eager":
            return self.engine
        return f"{self.engine}, {self.seconds['eager'] / self.seconds[self.engine]:.1f} times as fast as eager"


def fastest(model: SequenceModel, engine: str | None = None) -> Forward:
    """The fastest way to the logits of a model, as it is and where it is; what it computes stays the same.

    What was chosen is held against the machine itself on the first batch. Where it fails, or computes something else, a
    warning says so and the next best takes its place. A warning also says where no compiler could be had.

    Args:
        model: an LSTM baseline runs as one operation already.
        engine: one of `ENGINES`, in place of the one that `choose` finds, and trusted. "native:TARGET" is the native
            one, built for another kind of processor, whose sums are rounded otherwise.

    Raises:
        ValueError: if there is no such engine.
        EngineUnavailableError: if the native one or the kernel is asked for and cannot be had.
    """
    if engine is not None and not _is_engine(engine):
        raise ValueError(f"the engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if not isinstance(model, NTM):
        return plain(model)
    if engine is not None:
        return _way(model, engine)
    return _checked(model, _from(choose(model).engine, model))


def older_engines() -> tuple[str, ...]:
    """The native engine as `fastest` takes it for each of the older kinds of processor, see `ntm.engine.library.older`.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    return tuple(_FOR_ANOTHER + target for target in library.older())


def _is_engine(name: object) -> bool:
    return name in ENGINES or str(name).startswith(_FOR_ANOTHER)


def plain(model: SequenceModel) -> Forward:
    """The model's own way."""
    if isinstance(model, NTM):
        return lambda inputs, state: model.unroll(inputs, state)[:2]
    return lambda inputs, state: (model(inputs, state)[0], None)


def _way(model: NTM, engine: str) -> Forward:
    if engine == "native" or engine.startswith(_FOR_ANOTHER):
        target = engine.removeprefix(_FOR_ANOTHER)
        library.load(target)
        return lambda inputs, state: native.unroll(model, inputs, state, target=target)[:2]
    if engine == "compiled":
        # Of this model alone: there is a limit to how often what models share is compiled anew.
        step = torch.compile(model.cell.forward, isolate_recompiles=True)  # type: ignore[call-overload]
        return lambda inputs, state: model.unroll(inputs, state, step=step)[:2]
    if engine == "kernel":
        if not _has_triton(model):
            raise library.EngineUnavailableError("the kernel takes an NVIDIA GPU, and Triton")
        from ntm.engine import triton_kernel  # here, for Triton comes with PyTorch for CUDA only

        return lambda inputs, state: triton_kernel.unroll(model, inputs, state)
    return plain(model)


def _from(engine: str, model: NTM) -> tuple[str, ...]:
    """An engine and those that take its place, the best first."""
    order = ("kernel", "compiled", "eager") if _device(model).type != "cpu" else (engine, "eager")
    return tuple(dict.fromkeys(order[order.index(engine) :]))


def _checked(model: NTM, engines: Sequence[str]) -> Forward:
    """The first of these that gives what the machine itself gives on the first batch; the last one is the machine."""
    trusted: Forward | None = None

    def forward(inputs: Tensor, state: NTMState) -> tuple[Tensor, Tensor | None]:
        nonlocal trusted
        if trusted is None:
            trusted = _first_trusted(model, engines, inputs, state)
        return trusted(inputs, state)

    return forward


def _first_trusted(model: NTM, engines: Sequence[str], inputs: Tensor, state: NTMState) -> Forward:
    for engine, next_best in pairwise(engines):
        try:
            way = _way(model, engine)
            fault = _fault(model, way, inputs, state)
        except Exception as error:  # whatever is missing, or refused by a device: it costs speed, never the run
            fault = (str(error).strip() or type(error).__name__).splitlines()[0]
        if fault is None:
            return way
        warnings.warn(f"{engine} is left for {next_best}, which is slower: {fault}", stacklevel=4)
    return plain(model)


def _fault(model: NTM, way: Forward, inputs: Tensor, state: NTMState) -> str | None:
    """What is wrong with a way, judged by one batch forward and backward; None if nothing."""
    found, expected = (_update(model, each, inputs, state) for each in (way, plain(model)))
    if _distance(found, expected) < _ROUNDING:
        return None
    # A machine may multiply roundings until single precision says nothing: then double precision judges them both.
    exact = deepcopy(model).double()
    true = _update(exact, plain(exact), inputs.double(), _each(Tensor.double, state))
    off, allowed = _distance(found, true), _distance(expected, true)
    return (
        None
        if off <= 4 * allowed
        else f"what it computes is off by {off:.0e} of its size, the machine by {allowed:.0e}"
    )


@torch.enable_grad()
def _update(model: NTM, way: Forward, inputs: Tensor, state: NTMState) -> list[Tensor]:
    """Logits, and the gradients of the cell's parameters that a sum of their squares has."""
    logits, _ = way(inputs.detach(), _each(Tensor.detach, state))
    return [logits.detach(), *torch.autograd.grad(logits.square().mean(), list(model.cell.parameters()))]


def _distance(found: Sequence[Tensor], expected: Sequence[Tensor]) -> float:
    """Of the logits or of all gradients together, whichever is larger, relative to their size; infinite if none."""

    def relative(one: Sequence[Tensor], other: Sequence[Tensor]) -> float:
        a, b = (torch.cat([part.double().flatten() for part in parts]) for parts in (one, other))
        return float((a - b).norm() / b.norm().clamp_min(1e-12))

    distance = max(relative(found[:1], expected[:1]), relative(found[1:], expected[1:]))
    return distance if math.isfinite(distance) else math.inf


def _each(change: Callable[[Tensor], Tensor], state: NTMState) -> NTMState:
    """A state whose tensors are changed."""
    memory, weights, reads, controller = state
    return NTMState(change(memory), change(weights), change(reads), tuple(map(change, controller)))


def _device(model: NTM) -> torch.device:
    return next(model.parameters()).device


def choose(model: NTM) -> Choice:
    """The engine that is best for a machine like this one, here.

    On a CPU the native engine is timed against eager on the model at hand, once: the result is kept beside the compiled
    library. So is its build for the next older kind of processor, for there are some whose wide vectors are slow.
    Compiling the step takes half a minute on a CPU, and helps less, so it is timed there only where the native engine
    does not run the machine.
    """
    if _device(model).type != "cpu":
        return Choice("kernel" if _kernel_runs(model) else "compiled" if _compiles(model) else "eager", {})
    if not library.available():
        return Choice("eager", {})  # PyTorch's compiler wants the same C++ compiler
    single = next(model.parameters()).dtype == torch.float32
    runs_natively = single and native.has_few_layers(model)
    here = (library.SOURCE.read_text(), library.processor(), torch.__version__, torch.get_num_threads())
    key = hashlib.sha256(repr((here, older_engines(), single, model.config)).encode()).hexdigest()[:16]
    path = library.cache_folder() / f"choice-{key}.json"
    if (kept := _kept(path)) is not None:
        return kept
    if not runs_natively and not _compiles(model):
        return Choice("eager", {})
    candidates = ("eager", *_builds()) if runs_natively else ("eager", "compiled")
    seconds = _time(model, candidates)
    found = Choice(min(candidates, key=lambda name: seconds[name] * (_WORTH_IT if name == "native" else 1)), seconds)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        # What another process found meanwhile stands: a run that goes on in a third one is to go on in the same engine.
        if (kept := _kept(path)) is not None:
            return kept
        library.write_whole(path, json.dumps(found._asdict()).encode())
    return found


def _builds() -> tuple[str, ...]:
    """The native engine for this processor, and for the next older kind where the compiler knows of it."""
    older = older_engines()[:1]
    try:
        for engine in older:
            library.load(engine.removeprefix(_FOR_ANOTHER))
    except library.EngineUnavailableError:
        return ("native",)
    return ("native", *older)


def _kept(path: Path) -> Choice | None:
    with suppress(OSError, ValueError, TypeError):
        kept = Choice(**json.loads(path.read_text()))
        if _is_engine(kept.engine):
            return kept
    return None


def _has_triton(model: NTM) -> bool:
    return _device(model).type == "cuda" and find_spec("triton") is not None


def _kernel_runs(model: NTM) -> bool:
    if not _has_triton(model):
        return False
    from ntm.engine import triton_kernel

    return triton_kernel.refusal(model) is None


@torch.enable_grad()
def _time(model: NTM, engines: Sequence[str]) -> dict[str, float]:
    """The least of some short updates, forward and backward, in seconds, by engine.

    They take turns, so that what else the processor does meanwhile slows them alike.
    """
    ways = {engine: _way(model, engine) for engine in engines}
    inputs = torch.zeros(_STEPS, _BATCH, model.input_size, dtype=next(model.parameters()).dtype)
    generator, parameters = torch.Generator().manual_seed(0), list(model.parameters())
    least = dict.fromkeys(engines, math.inf)
    for _ in range(_REPEATS):
        for engine, forward in ways.items():
            start = time.perf_counter()
            logits, _ = forward(inputs, model.initial_state(_BATCH, generator=generator))
            torch.autograd.grad(logits.sum(), parameters, allow_unused=True)
            least[engine] = min(least[engine], time.perf_counter() - start)
    return least


def _compiles(model: NTM) -> bool:
    try:
        torch.compile(torch.neg)(torch.zeros(8, device=next(model.parameters()).device))
    except Exception as error:  # whatever is missing: a compiler, its headers, a cache folder that can be written
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"running step by step, which is slower: {reason}", stacklevel=3)
        return False
    return True
