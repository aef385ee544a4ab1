"""What came of a question: the run of the machine that was asked, and what the page shows beside it."""

from typing import NamedTuple

from ntm.machine.model import SequenceModel
from ntm.ui.links import Link
from ntm.ui.machines import Machines, baseline_of
from ntm.ui.run import Run, run_question


class Outcome(NamedTuple):
    """A run, and what is shown beside it."""

    link: Link
    """what reopens it"""
    model: SequenceModel
    """the machine that was asked"""
    run: Run
    baseline: Run | None
    """the LSTM's on the same question, where there is one"""


def ask(machines: Machines, link: Link, key: str | None) -> Outcome:
    """Ask a machine, and the LSTM beside it.

    Args:
        machines: those of the page.
        link: the question, and how the machine is to be run.
        key: the key of the visitor's own machine; None where there is none.

    Raises:
        InputError: if the question cannot be asked.
        CheckpointError: if the machine cannot be had.
    """
    model = machines.model_for(link, key)
    run = run_question(model, link.question, slots=link.slots)
    lstm = baseline_of(link.question.task)
    baseline = None if lstm is None else run_question(lstm, link.question)
    return Outcome(link, model, run, baseline)


def run_again(machines: Machines, link: Link, key: str | None) -> Run:
    """Repeat a run that is on show, without what is beside it.

    Args:
        machines: those of the page.
        link: what reopens the run.
        key: the key of the visitor's own machine; None where there is none.

    Raises:
        CheckpointError: if the machine cannot be had any more.
    """
    return run_question(machines.model_for(link, key), link.question, slots=link.slots)
