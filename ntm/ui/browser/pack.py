"""A sequence, and where the server ran it a run, in one string of bytes for the page.

Numbers travel as 16-bit fixed point, deflated, for most weights are nothing; base64 keeps Gradio from copying them one
by one. Memory is not among them: the page replays the writing by equations 3 and 4 itself, which makes a run a tenth of
the size.
"""

import base64
import json
import zlib
from typing import Any

import numpy as np
from torch import Tensor

from ntm import tasks
from ntm.machine.trace import Trace
from ntm.tasks import Asked, Question
from ntm.ui.run import Run

_LEVELS = 65535


def pack_sequence(question: Question, asked: Asked) -> str:
    """The sequence that asks a question."""
    return _pack(_header(question, asked), _of_the_sequence(question, asked))


def pack_run(run: Run, baseline: Run | None = None) -> str:
    """A run with its sequence.

    Args:
        run: what the machine did.
        baseline: the run of an LSTM on the same input.
    """
    fields = _of_the_sequence(run.question, run.asked) | _of_the_trace(run.trace, run.initial_memory)
    if baseline is not None:
        fields["baselineOutputs"] = baseline.trace.logits[:, 0].sigmoid()
    return _pack(_header(run.question, run.asked), fields)


def _header(question: Question, asked: Asked) -> dict[str, Any]:
    form = tasks.get(question.task).form
    text = form.write(form.parse(question.text, question.number))  # as the page reads it, however it was typed
    return {"text": text, "captions": asked.captions, "sizes": dict(asked.sizes), "trained": asked.trained}


def _of_the_sequence(question: Question, asked: Asked) -> dict[str, Tensor]:
    fields = {name: tensor[:, 0] for name, tensor in asked.batch._asdict().items()}
    optimal = tasks.get(question.task).optimal_probabilities(asked.batch.inputs)
    return fields if optimal is None else fields | {"optimal": optimal[:, 0]}


def _of_the_trace(trace: Trace, initial_memory: Tensor) -> dict[str, Tensor]:
    """The trace's fields by the names that they have in the page, but for memory."""
    fields = {_camel(name): tensor[:, 0] for name, tensor in trace._asdict().items() if name != "memory"}
    return fields | {"initialMemory": initial_memory}


def _camel(name: str) -> str:
    first, *others = name.split("_")
    return "".join([first, *(other.capitalize() for other in others)])


def _pack(header: dict[str, Any], fields: dict[str, Tensor]) -> str:
    """Base64 of deflated bytes: the header's length (4 bytes), the header (JSON), then each field's 16-bit values."""
    parts, described = [], {}
    for name, tensor in fields.items():
        levels, low, step = _quantise(tensor)
        described[name] = {"shape": list(tensor.shape), "low": low, "step": step}
        parts.append(levels.tobytes())
    # Padded to an even length, so that the 16-bit values after it are aligned.
    text = json.dumps({**header, "fields": described}).encode()
    text += b" " * (len(text) % 2)
    packed = zlib.compress(b"".join([len(text).to_bytes(4, "little"), text, *parts]), level=6)
    return base64.b64encode(packed).decode()


def _quantise(tensor: Tensor) -> tuple[np.ndarray, float, float]:
    """The level of each number, from 0 to `_LEVELS`; the number that is level 0, and the size of a step to the next."""
    values = tensor.detach().cpu().double().numpy()
    low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 0.0)
    step = (high - low) / _LEVELS
    return np.round((values - low) / (step or 1)).astype("<u2"), low, step
