"""The compiled time step: several times faster than launching one small operation after another."""

import warnings

import torch

from ntm.machine import NTM
from ntm.model import SequenceModel


def compile_step(model: SequenceModel) -> bool:
    """Compile a machine's time step in place, where there is a compiler; its weights and its results stay the same.

    An LSTM baseline is left alone: it runs as one operation already.

    Returns:
        Whether the model will run compiled. A warning says so where no compiler could be had.
    """
    if not isinstance(model, NTM):
        return False
    try:
        torch.compile(torch.neg)(torch.zeros(8, device=next(model.parameters()).device))
    except Exception as error:  # whatever is missing: a compiler, its headers, a cache folder that can be written
        reason = str(error).strip().splitlines()[0]
        warnings.warn(f"running without compiling, which is slower: {reason}", stacklevel=2)
        return False
    model.cell.compile()
    return True
