"""The fastest way that a device offers to run a model while it is trained."""

import warnings
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ntm.engine import library, native
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM

Forward = Callable[[Tensor, Any], tuple[Tensor, Tensor | None]]
"""From inputs (T, B, in) and a state to logits (T, B, out) and, of a model with heads, its weightings (T, B, H, N)."""


def fastest(model: SequenceModel) -> Forward:
    """The fastest way to the logits of a model, as it is and where it is; what it computes stays the same.

    On the CPU that is `ntm.engine.native`, on a GPU the compiled step. An LSTM baseline runs as one operation already.
    A warning says so where no compiler could be had, and the model then runs step by step.
    """
    if not isinstance(model, NTM):
        return plain(model)
    if next(model.parameters()).device.type == "cpu":
        if not library.available():
            return plain(model)
        return lambda inputs, state: native.unroll(model, inputs, state)[:2]
    try:
        torch.compile(torch.neg)(torch.zeros(8, device=next(model.parameters()).device))
    except Exception as error:  # whatever is missing: a compiler, its headers, a cache folder that can be written
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"running step by step, which is slower: {reason}", stacklevel=2)
        return plain(model)
    model.cell.compile()
    return plain(model)


def plain(model: SequenceModel) -> Forward:
    """The model's own way."""
    if isinstance(model, NTM):
        return lambda inputs, state: model.unroll(inputs, state)[:2]
    return lambda inputs, state: (model(inputs, state)[0], None)
