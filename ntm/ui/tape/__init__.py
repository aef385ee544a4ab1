"""The tape: a run drawn in the browser, with everything it needs in one string of bytes.

The browser gets what the heads did, not what memory became: it replays the writing by equations 3 and 4 itself, which
makes a run a tenth of the size. Numbers travel as 16-bit fixed point, deflated, for most weights are nothing; base64
keeps Gradio from copying them one by one.
"""

import base64
import json
import zlib
from importlib.resources import files
from itertools import count
from typing import Any

import gradio as gr
import numpy as np
from torch import Tensor

from ntm import tasks
from ntm.ui.component import make_component
from ntm.ui.panels.intervention import ChangedRun
from ntm.ui.run import Run

WITHOUT_PAGE = ("run.js", "origin.js", "words.js", "lists.js")
"""The scripts that tell what happened in a run, and need no page to do so."""
SCRIPTS = (*WITHOUT_PAGE, "canvas.js", "memory.js", "history.js", "describe.js", "view.js", "input.js")
"""All scripts in their order. Data flows one way: from the text to the run, the view of it, the drawings and words."""
GO_TO_STEP_OF_ADDRESS = """
() => {
  const step = new URLSearchParams(location.search).get("step");
  const root = document.querySelector("#tape [data-part=root]"), scrubber = root.querySelector("[data-part=scrubber]");
  if (step === null || document.querySelector(".problem")) return;
  const observer = new MutationObserver(() => {
    observer.disconnect();
    setTimeout(() => {
      scrubber.value = step;
      scrubber.dispatchEvent(new Event("input"));
    });
  });
  observer.observe(root, {attributes: true, attributeFilter: ["data-run"]});
}
"""
"""Has the next run on show start at the step that the page's address asks for; runs in the browser."""
_HISTORY_STYLE = files(__package__).joinpath("history.css").read_text("utf-8")
_LEVELS = 65535
_run_ids = count()


def make_tape(value: str = "", **options: Any) -> gr.HTML:
    """The component that shows a run; its value is what `encode` makes."""
    return make_component(__name__, SCRIPTS, value=value, **options)


def make_history_place() -> gr.HTML:
    """Where the history stands. The tape, which draws it, moves it there."""
    return gr.HTML(
        html_template='<div data-part="place"></div>',
        css_template=_HISTORY_STYLE,
        js_on_load='document.dispatchEvent(new Event("history"))',
        apply_default_css=False,
        elem_id="history",
    )


def encode(run: Run, *, original: Run | None = None, baseline: Run | None = None) -> str:
    """A run as base64 of deflated bytes: the header's length (4 bytes), the header (JSON), then each field's 16-bit
    values in turn.

    Args:
        run: the run to show.
        original: the run as it was before somebody reached into it, if somebody did.
        baseline: the run of an LSTM on the same input, which is shown beside it.
    """
    trace = run.trace
    fields = {
        "inputs": run.batch.inputs[:, 0],
        "targets": run.batch.targets[:, 0],
        "mask": run.batch.mask[:, 0],
        "outputs": trace.logits[:, 0].sigmoid(),
        "readWeights": trace.read_weights[:, 0],
        "writeWeights": trace.write_weights[:, 0],
        "erases": trace.erases[:, 0],
        "adds": trace.adds[:, 0],
        "initialMemory": run.initial_memory,
        "strength": trace.strength[:, 0],
        "gate": trace.gate[:, 0],
        "shift": trace.shift[:, 0],
        "sharpening": trace.sharpening[:, 0],
        "contentShares": run.content_shares,
    }
    optimal = tasks.get(run.question.task).optimal_probabilities(run.batch.inputs)
    if optimal is not None:
        fields["optimal"] = optimal[:, 0]
    if isinstance(run, ChangedRun) and original is not None:
        fields["changedMemory"] = run.changed_memory
        fields["originalOutputs"] = original.trace.logits[:, 0].sigmoid()
    if baseline is not None:
        fields["baselineOutputs"] = baseline.trace.logits[:, 0].sigmoid()
    header: dict[str, Any] = {
        # Gradio does not tell the browser of a value equal to the last one; a run repeated must still start anew.
        "id": next(_run_ids),
        # The same question asked anew, of a machine with other weights or more memory, goes on where the last one was.
        "question": hash(run.question),
        "changedAt": run.intervention.step if isinstance(run, ChangedRun) else None,
        # The head that was put on another slot before that step, and the slot.
        "moved": run.intervention.move if isinstance(run, ChangedRun) else None,
        "captions": run.captions,
        "readDelay": run.read_delay,
        "certain": run.optimal_error is None,
        "register": run.register,
        "fields": {},
    }
    parts = []
    for name, tensor in fields.items():
        levels, low, high = _quantise(tensor)
        header["fields"][name] = {"shape": list(tensor.shape), "low": low, "high": high}
        parts.append(levels.tobytes())
    # Padded to an even length, so that the 16-bit values after it are aligned.
    text = json.dumps(header).encode()
    text += b" " * (len(text) % 2)
    packed = zlib.compress(b"".join([len(text).to_bytes(4, "little"), text, *parts]), level=1)
    return base64.b64encode(packed).decode()


def _quantise(tensor: Tensor) -> tuple[np.ndarray, float, float]:
    values = tensor.detach().cpu().double().numpy()
    low, high = float(values.min(initial=0.0)), float(values.max(initial=1.0))
    return np.round((values - low) * (_LEVELS / (high - low))).astype("<u2"), low, high
