"""One run of a machine on what a visitor asked."""

from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace
from ntm.tasks import Answer, Asked, Batch, InputError, Question
from ntm.ui.budget import admit, weigh


@dataclass(frozen=True)
class Run:
    """A single sequence, what the machine made of it, and all that happened inside."""

    question: Question
    batch: Batch
    trace: Trace
    initial_memory: Tensor
    """(N, M), before the first step; no slots where there is no memory"""
    captions: list[str]
    """(T), what each step is about, in words"""
    sizes: Mapping[str, int]
    trained: bool
    """whether machines are trained on sequences of these sizes"""

    @property
    def asked(self) -> Asked:
        """The question as the machine got it."""
        return Asked(self.batch, self.captions, self.sizes, self.trained)

    @property
    def answer(self) -> Answer:
        """What the machine made of the question."""
        return Answer(self.batch, self.trace.logits)

    @property
    def target(self) -> Tensor:
        """(S, out), the bits that should come out on the S scored steps."""
        return self.answer.target

    @property
    def probabilities(self) -> Tensor:
        """(S, out), the machine's probability that each of those bits is 1."""
        return self.answer.probabilities

    @property
    def output(self) -> Tensor:
        """(S, out), the bits that came out."""
        return self.answer.output

    @property
    def bit_errors(self) -> int:
        """How many of them are wrong."""
        return self.answer.bit_errors

    @property
    def error(self) -> float:
        """The task's own measure: wrong bits, or bits of log loss."""
        return self._task.errors(self.trace.logits, self.batch).item()

    @property
    def optimal_error(self) -> float | None:
        """The least that measure could be expected to be, where that is known and not zero."""
        best = self._task.optimal_errors(self.batch)
        return None if best is None else best.item()

    @property
    def optimal_probabilities(self) -> Tensor | None:
        """(S, out), the best possible estimate of each bit being 1, where that is known."""
        best = self._task.optimal_probabilities(self.batch.inputs)
        return None if best is None else best[self.batch.mask]

    @property
    def _task(self) -> tasks.Task:
        return tasks.get(self.question.task)


def run_question(model: SequenceModel, question: Question, *, slots: int | None = None) -> Run:
    """Let a machine answer a question.

    Args:
        model: trained on the question's task.
        question: what a visitor asks.
        slots: how many slots of memory it has; the machine's own number when None.

    Raises:
        InputError: if it cannot be asked, or takes more memory than there is for it.
    """
    asked = tasks.ask(question)
    _check_slots(model, slots)
    admit(weigh(model, len(asked.batch.mask), slots=slots))
    state = model.initial_state(1, slots)
    trace = model.trace(asked.batch.inputs, state)
    if not trace.logits.isfinite().all():
        raise InputError("This machine's numbers grow beyond all bounds on this input, so it has no answer.")
    memory = state.memory[0] if isinstance(state, NTMState) else trace.memory[0, 0]
    return Run(question, asked.batch, trace, memory, asked.captions, asked.sizes, asked.trained)


def _check_slots(model: SequenceModel, slots: int | None) -> None:
    if isinstance(model, NTM) and slots is not None and slots <= 2 * model.shift_range:
        raise InputError(
            f"This machine's heads move by up to {model.shift_range} slots at once, so it needs "
            f"{2 * model.shift_range + 1:,} memory slots at least."
        )
