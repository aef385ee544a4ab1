"""The grid: what is asked of the machine as bits to toggle, priorities to slide and items to choose.

The browser gets the question's parts as JSON. An edit sends back the same with the question's `text` and `number`
written anew, which the page puts where they can be typed as well; so there is one way into the machine.
"""

import json
from typing import Any

import gradio as gr

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.tasks import InputError, Question
from ntm.tasks.forms import Stream
from ntm.ui.component import make_component
from ntm.ui.run import Run, run_question

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
    """A run's question as JSON: rows of bits, and what its form has besides.

    Args:
        model: the machine that ran it, which is asked for its belief about the next bit of a stream.
        run: the run of a question that could be asked.
    """
    question = run.question
    parts = {"task": question.task, "number": question.number, "belief": _believe(model, run)}
    return json.dumps(parts | tasks.get(question.task).form.lay_out(question.text))


def _believe(model: SequenceModel, run: Run) -> list[float] | None:
    """How likely the next bit of a stream is a 1, to the machine and to the optimal estimator.

    None of what is no stream to be predicted, and where no bit fits any more.
    """
    question = run.question
    if not isinstance(tasks.get(question.task).form, Stream) or run.optimal_probabilities is None:
        return None
    slots = len(run.initial_memory) or None
    try:
        longer = run_question(model, Question(question.task, question.text + "0"), slots=slots)
    except InputError:
        return None
    assert longer.optimal_probabilities is not None
    return [longer.probabilities[-1].item(), longer.optimal_probabilities[-1].item()]
