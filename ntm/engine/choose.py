"""The fastest way that a device offers to run a model while it is trained, chosen by measuring."""

import hashlib
import json
import time
import warnings
from collections.abc import Callable
from contextlib import suppress
from typing import Any, NamedTuple

import torch
from torch import Tensor

from ntm.engine import library, native
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM

Forward = Callable[[Tensor, Any], tuple[Tensor, Tensor | None]]
"""From inputs (T, B, in) and a state to logits (T, B, out) and, of a model with heads, its weightings (T, B, H, N)."""

ENGINES = ("eager", "compiled", "native")
"""step by step; step by step, with the step compiled by PyTorch; all steps at once by the C++ engine, on a CPU"""

_STEPS, _BATCH, _REPEATS = 8, 16, 3


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

    A warning says so where no compiler could be had, and the model then runs step by step.

    Args:
        model: an LSTM baseline runs as one operation already.
        engine: one of `ENGINES`, in place of the one that `choose` finds.

    Raises:
        ValueError: if there is no such engine.
        EngineUnavailableError: if the native one is asked for and cannot be had.
    """
    if engine not in (None, *ENGINES):
        raise ValueError(f"the engine must be one of {', '.join(ENGINES)}, not {engine!r}")
    if not isinstance(model, NTM):
        return plain(model)
    engine = engine or choose(model).engine
    if engine == "native":
        library.load()
        return lambda inputs, state: native.unroll(model, inputs, state)[:2]
    if engine == "compiled":
        model.cell.compile()
    return plain(model)


def plain(model: SequenceModel) -> Forward:
    """The model's own way."""
    if isinstance(model, NTM):
        return lambda inputs, state: model.unroll(inputs, state)[:2]
    return lambda inputs, state: (model(inputs, state)[0], None)


def choose(model: NTM) -> Choice:
    """The engine that is best for a machine like this one, here.

    On a CPU the native engine is timed against eager on the model at hand, once: the result is kept beside the compiled
    library. Compiling the step takes half a minute on a CPU, and helps less, so it is not among those tried there.
    """
    if next(model.parameters()).device.type != "cpu":
        return Choice("compiled" if _compiles(model) else "eager", {})
    if next(model.parameters()).dtype != torch.float32 or not library.available():
        return Choice("eager", {})
    facts = (library.SOURCE.read_text(), library.processor(), torch.__version__, torch.get_num_threads(), model.config)
    path = library.cache_folder() / f"choice-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}.json"
    with suppress(OSError, ValueError, TypeError):
        kept = Choice(**json.loads(path.read_text()))
        if kept.engine in ENGINES:
            return kept
    seconds = {"eager": _time(model, "eager"), "native": _time(model, "native")}
    found = Choice(min(seconds, key=lambda name: seconds[name]), seconds)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        library.write_whole(path, json.dumps(found._asdict()).encode())
    return found


@torch.enable_grad()
def _time(model: NTM, engine: str) -> float:
    """The least of some short updates, forward and backward, in seconds."""
    forward, inputs = fastest(model, engine), torch.zeros(_STEPS, _BATCH, model.input_size)
    generator, parameters = torch.Generator().manual_seed(0), list(model.parameters())
    found = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        logits, _ = forward(inputs, model.initial_state(_BATCH, generator=generator))
        torch.autograd.grad(logits.sum(), parameters, allow_unused=True)
        found.append(time.perf_counter() - start)
    return min(found)


def _compiles(model: NTM) -> bool:
    try:
        torch.compile(torch.neg)(torch.zeros(8, device=next(model.parameters()).device))
    except Exception as error:  # whatever is missing: a compiler, its headers, a cache folder that can be written
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"running step by step, which is slower: {reason}", stacklevel=3)
        return False
    return True
