"""One run of a machine on what a visitor gave it."""

from dataclasses import dataclass

from torch import Tensor

from ntm.machine import NTMState
from ntm.model import SequenceModel
from ntm.tasks import Batch
from ntm.tasks.copy import Copy
from ntm.trace import Trace


@dataclass(frozen=True)
class Run:
    """A single sequence, what the machine made of it, and all that happened inside."""

    batch: Batch
    trace: Trace
    initial_memory: Tensor
    """(N, M), before the first step; no slots where there is no memory"""
    captions: list[str]
    """(T), what each step is about, in words"""

    @property
    def target(self) -> Tensor:
        """(S, out), the bits that should come out on the S scored steps."""
        return self.batch.targets[:, 0][self.batch.mask[:, 0]]

    @property
    def probabilities(self) -> Tensor:
        """(S, out), the machine's probability that each of those bits is 1."""
        return self.trace.logits[:, 0][self.batch.mask[:, 0]].sigmoid()

    @property
    def output(self) -> Tensor:
        """(S, out), the bits that came out."""
        return (self.probabilities > 0.5).to(self.target.dtype)

    @property
    def bit_errors(self) -> int:
        """How many of them are wrong."""
        return int((self.output != self.target).sum())


def run_copy(model: SequenceModel, vectors: Tensor) -> Run:
    """Let a machine copy vectors (L, 8)."""
    length = len(vectors)
    batch = Copy().encode(vectors.unsqueeze(1))
    stored = [f"vector {number} of {length} comes in" for number in range(1, length + 1)]
    recalled = [f"vector {number} of {length} is due" for number in range(1, length + 1)]
    return _run(model, batch, ["start flag", *stored, "end flag", *recalled])


def _run(model: SequenceModel, batch: Batch, captions: list[str]) -> Run:
    state = model.initial_state(1)
    trace = model.trace(batch.inputs, state)
    return Run(batch, trace, state.memory[0] if isinstance(state, NTMState) else trace.memory[0, 0], captions)
