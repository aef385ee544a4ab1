"""Controllers: the networks that see the input and what was read, and drive the heads (section 3.4 of the paper).

A controller is called once a step with the input (B, C) and its own state, a tuple of tensors, and returns its output
(B, size) and its next state.
"""

from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor, nn

ControllerKind = Literal["feedforward", "lstm"]
CONTROLLER_KINDS: tuple[str, ...] = get_args(ControllerKind)
ControllerState = tuple[Tensor, ...]


class FeedforwardController(nn.Module):
    """Fully connected layers with rectifiers. It keeps no state: what it remembers is in memory and nowhere else."""

    def __init__(self, input_size: int, size: int, layers: int) -> None:
        super().__init__()
        widths = [input_size, *[size] * layers]
        self.layers = nn.Sequential(
            *[nn.Sequential(nn.Linear(above, below), nn.ReLU()) for above, below in pairwise(widths)]
        )

    def initial_state(self, batch_size: int, like: Tensor) -> ControllerState:
        """No tensors at all."""
        return ()

    def forward(self, inputs: Tensor, state: ControllerState) -> tuple[Tensor, ControllerState]:
        """One step, (B, C) to (B, size)."""
        return self.layers(inputs), state


class LSTMController(nn.Module):
    """Stacked LSTM cells. The state is hidden and cell of the first layer, then of the second and so on."""

    def __init__(self, input_size: int, size: int, layers: int) -> None:
        super().__init__()
        self.size = size
        self.cells = nn.ModuleList([nn.LSTMCell(size if layer else input_size, size) for layer in range(layers)])

    def initial_state(self, batch_size: int, like: Tensor) -> ControllerState:
        """Zeros, (B, size) each, with the dtype and device of `like`."""
        return tuple(like.new_zeros(batch_size, self.size) for _ in range(2 * len(self.cells)))

    def forward(self, inputs: Tensor, state: ControllerState) -> tuple[Tensor, ControllerState]:
        """One step, (B, C) to (B, size)."""
        next_state: ControllerState = ()
        for cell, hidden, carry in zip(self.cells, state[::2], state[1::2], strict=True):
            inputs, next_carry = cell(inputs, (hidden, carry))
            next_state += (inputs, next_carry)
        return inputs, next_state


Controller = FeedforwardController | LSTMController


def make_controller(kind: ControllerKind, input_size: int, size: int, layers: int) -> Controller:
    """Build a controller of the named kind."""
    if kind == "feedforward":
        return FeedforwardController(input_size, size, layers)
    return LSTMController(input_size, size, layers)
