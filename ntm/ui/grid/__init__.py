"""The grid: what is asked of the machine as bits to toggle, priorities to slide and items to choose.

The browser gets the question's parts as JSON. An edit sends back the same with the question's `text` and `number`
written anew, which the page puts where they can be typed as well; so there is one way into the machine.
"""

import json
from typing import Any

import gradio as gr

from ntm.machine.model import SequenceModel
from ntm.tasks.associative_recall import AssociativeRecall
from ntm.ui.component import make_component
from ntm.ui.questions import Question
from ntm.ui.run import Run, run_question
from ntm.ui.text import InputError

WRITE_BACK = """
value => {
  const { text, number } = JSON.parse(value);
  return ["Bits", text, number];
}
"""
"""From the grid's value to how the input is written, its text and its number; runs in the browser."""
WRITE_NUMBER = "value => JSON.parse(value).number"
"""From the grid's value to the number."""


def make_grid(**options: Any) -> gr.HTML:
    """The component; its value is what `encode` makes, its events `input`, an edit, and `ask`, another number."""
    return make_component(__name__, **options)


def encode(model: SequenceModel, run: Run) -> str:
    """A run's question as JSON: rows of bits, and what its task has besides.

    Args:
        model: that ran it, and that is asked for its belief about the next bit of a stream.
        run: of a question that could be asked.
    """
    question = run.question
    lines = [line for line in question.text.splitlines() if line.strip()]
    parts: dict[str, Any] = {"task": question.task, "number": question.number}
    if question.task == "priority-sort":
        parts["priorities"] = [float(line.split()[-1]) for line in lines]
        lines = [line.rsplit(None, 1)[0] for line in lines]
    rows = ["".join(line.split()) for line in lines]
    if question.task == "associative-recall":
        parts["rowsAnItem"] = AssociativeRecall.vectors_an_item
    if question.task == "dynamic-ngrams":
        rows = ["".join(rows)]
        parts["belief"] = _believe(model, rows[0], run)
    return json.dumps(parts | {"rows": rows})


def _believe(model: SequenceModel, stream: str, run: Run) -> list[float] | None:
    """How likely the next bit is a 1, to the machine and to the optimal estimator; None where no bit fits any more."""
    slots = len(run.initial_memory) or None
    try:
        longer = run_question(model, Question("dynamic-ngrams", stream + "0"), slots=slots)
    except InputError:
        return None
    return [longer.probabilities[-1].item(), longer.optimal_probabilities[-1].item()]
