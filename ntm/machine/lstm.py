"""The LSTM baseline that the paper compares the machine with, behind the machine's interface."""

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from ntm.machine.checks import check_whole_number
from ntm.machine.model import SequenceModel
from ntm.machine.trace import Trace


class LSTMState(NamedTuple):
    """Hidden and cell state of every layer."""

    hidden: Tensor
    """(L, B, C)"""
    cell: Tensor
    """(L, B, C)"""


class LSTMBaseline(SequenceModel):
    """Stacked LSTM with a linear read-out; three layers of 256 units as in the paper's tables.

    Args:
        input_size: channels in.
        output_size: channels out.
        hidden_size: C, units in each layer.
        num_layers: L.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if an argument is of the wrong type.
    """

    def __init__(self, input_size: int, output_size: int, *, hidden_size: int = 256, num_layers: int = 3) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "input_size": input_size,
            "output_size": output_size,
            "hidden_size": hidden_size,
            "num_layers": num_layers,
        }
        for name, value in self.config.items():
            check_whole_number(name, value)
        self.input_size = input_size
        self.output_size = output_size
        self.lstm = nn.LSTM(input_size, hidden_size, num_layers)
        self.output = nn.Linear(hidden_size, output_size)

    def initial_state(
        self, batch_size: int, memory_slots: int | None = None, *, generator: torch.Generator | None = None
    ) -> LSTMState:
        """Zeros; there is no memory, so `memory_slots` changes nothing."""
        check_whole_number("batch_size", batch_size)
        shape = (self.lstm.num_layers, batch_size, self.lstm.hidden_size)
        return LSTMState(self.output.weight.new_zeros(shape), self.output.weight.new_zeros(shape))

    def forward(self, inputs: Tensor, state: LSTMState | None = None) -> tuple[Tensor, LSTMState]:
        """Run a whole sequence: (T, B, in) to logits (T, B, out) and the last state.

        Raises:
            ValueError: if the inputs have another shape.
        """
        self._check_inputs(inputs)
        state = self.initial_state(inputs.shape[1]) if state is None else state
        hidden, next_state = self.lstm(inputs, tuple(state))
        return self.output(hidden), LSTMState(*next_state)

    @torch.no_grad()
    def trace(self, inputs: Tensor, state: LSTMState | None = None) -> Trace:
        """Run as `forward` does, without gradients. No heads and no slots: all fields but the logits are empty."""
        logits, _ = self(inputs, state)
        steps_and_batch = logits.shape[:2]
        per_head = logits.new_empty(*steps_and_batch, 0)
        per_head_vector = logits.new_empty(*steps_and_batch, 0, 0)
        return Trace(
            logits=logits,
            memory=per_head_vector,
            read_weights=per_head_vector,
            write_weights=per_head_vector,
            reads=per_head_vector,
            erases=per_head_vector,
            adds=per_head_vector,
            key=per_head_vector,
            strength=per_head,
            gate=per_head,
            shift=per_head_vector,
            sharpening=per_head,
            content_weights=per_head_vector,
        )
