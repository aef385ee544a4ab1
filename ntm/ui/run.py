"""One run of a machine on what a visitor asked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from ntm import tasks
from ntm.machine import addressing
from ntm.machine.extensions import Register
from ntm.machine.heads import focus_on_first_slot
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace
from ntm.tasks import Answer, Batch, InputError, Question
from ntm.ui.budget import admit, weigh

# Of every machine that is still in use, for a visitor's own must not outlive the visit.
_read_delays: WeakKeyDictionary[SequenceModel, int] = WeakKeyDictionary()


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
    read_delay: int
    """how many steps before an output that is read which it is made of: 0 where the layer of the logits looks at what
    was just read, 1 where the controller does, in its next step"""
    register: bool
    """whether the first column of memory counts, see `ntm.machine.extensions.Register`"""

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
    def previous_weights(self) -> Tensor:
        """(T, H, N), the heads' weightings that each step began with."""
        weights = torch.cat([self.trace.read_weights[:, 0], self.trace.write_weights[:, 0]], dim=1)
        _, heads, slots = weights.shape
        first = focus_on_first_slot(1, heads, slots, weights)
        return torch.cat([first, weights[:-1]])

    @property
    def content_shares(self) -> Tensor:
        """(T, H), how much of a head's weight on the slot that it is on came there by content, from 0 to 1.

        The rest came from where the head was before. Both are taken after the gate and the shift (equations 7 and 8);
        sharpening changes neither's order.
        """
        if not len(self.initial_memory):
            return self.trace.gate[:, 0]
        gate, shifts = self.trace.gate[:, 0, :, None], self.trace.shift[:, 0]
        by_content = addressing.shift(gate * self.trace.content_weights[:, 0], shifts)
        from_before = addressing.shift((1 - gate) * self.previous_weights, shifts)
        both = by_content + from_before
        focus = both.argmax(-1, keepdim=True)
        return (by_content.gather(-1, focus) / both.gather(-1, focus)).squeeze(-1)

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
    delay = _find_read_delay(model, tasks.get(question.task))
    register = isinstance(model, NTM) and isinstance(model.extension, Register)
    return Run(question, asked.batch, trace, memory, asked.captions, asked.sizes, asked.trained, delay, register)


def _check_slots(model: SequenceModel, slots: int | None) -> None:
    if isinstance(model, NTM) and slots is not None and slots <= 2 * model.shift_range:
        raise InputError(
            f"This machine's heads move by up to {model.shift_range} slots at once, so it needs "
            f"{2 * model.shift_range + 1:,} memory slots at least."
        )


@torch.no_grad()
def _find_read_delay(model: SequenceModel, task: tasks.Task) -> int:
    """See `Run.read_delay`; by which of the two summands of the logits is larger, that of what was just read or that of
    the controller, on sequences of the largest sizes of training."""
    if not isinstance(model, NTM):
        return 0
    if model in _read_delays:
        return _read_delays[model]
    sizes: dict[str, Any] = {name: trained[-1] for name, trained in task.sizes.items()}
    batch = task.sample(4, generator=torch.Generator().manual_seed(0), **sizes)
    admit(weigh(model, len(batch.mask), batch.mask.shape[1]))
    trace = model.trace(batch.inputs, model.initial_state(4))
    reads = model.extension.sense(trace.reads.flatten(2))
    from_reads = reads @ model.cell.output.weight[:, -reads.shape[-1] :].T
    from_controller = trace.logits - from_reads
    _read_delays[model] = int(from_controller[batch.mask].norm() > from_reads[batch.mask].norm())
    return _read_delays[model]
