"""Extensions: what a machine may have beyond the paper's, at most one at a time.

The files of the paper's section 3 ask the machine's extension wherever a machine may differ from the paper's.
`Extension` itself changes nothing: with it a machine is the paper's, to the letter.
"""

import math
from collections.abc import Sequence
from typing import Any, Literal

import torch
from torch import Tensor

from ntm.machine import memory as memory_ops
from ntm.machine.checks import check_whole_number

ExtensionSpec = None | Literal["analog"] | dict[str, Any]
"""How an extension is named in a machine's arguments: None, "analog" or {"register": {...}}; JSON can hold it."""

_LARGEST = 1e6


class Extension:
    """What may differ from the paper. This one differs in nothing; others override a part of it.

    In the shapes B is the batch, W the number of write heads and M the width of memory.
    """

    spec: ExtensionSpec = None
    name: str = ""
    """what tables and cards call it"""
    about: str = ""
    """what it adds, and why, in two sentences"""
    sees_input: bool = False
    """whether the heads see the input besides the controller's output"""
    linear_adds: bool = False
    """whether adds are left as they are, of any size"""
    register_columns: int = 0
    """how many of memory's first columns count, and are not looked at when heads look for content"""
    heads_together: bool = False
    """whether training moves all heads as one, see `Heads.share_gradients`"""
    gain: float | None = None
    """how steep the squashing is through which the controller sees quantities; None where it sees them as they are"""

    @property
    def searched(self) -> slice:
        """The columns of memory that heads compare with their keys."""
        return slice(self.register_columns, None)

    def check(self, input_size: int, memory_width: int) -> None:
        """Refuse a machine that cannot have this extension.

        Raises:
            ValueError: if it cannot.
        """

    def initialise(self, addressing: Sequence[Tensor], writing_bias: Tensor) -> None:
        """Change, in place, what the heads begin with.

        Args:
            addressing: the weights (H, E, C) and biases (H, E) of what moves each of the H heads, read heads first.
            writing_bias: (W, 2, M), the biases of what write heads erase and of what they add.
        """

    def take_in(self, inputs: Tensor) -> Tensor:
        """The inputs (..., in) as the machine uses them."""
        return inputs

    def sense(self, quantities: Tensor) -> Tensor:
        """What the controller, and the layer of the logits, see of inputs and reads."""
        return quantities if self.gain is None else torch.tanh(self.gain * quantities)

    def drive(self, controller_output: Tensor, inputs: Tensor) -> Tensor:
        """What the heads see."""
        return torch.cat([controller_output, inputs], dim=-1) if self.sees_input else controller_output

    def read(self, memory: Tensor, weights: Tensor) -> Tensor:
        """What the read heads read, (B, R, M), of memory (B, N, M) with their weightings (B, R, N)."""
        return memory_ops.read(memory, weights)

    def squash_writing(self, erases: Tensor, adds: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Erase and add vectors, (B, W, M) each, from what the heads emit."""
        return erases.sigmoid(), adds if self.linear_adds else adds.tanh()


PAPER = Extension()
"""The paper's own machine, with nothing beyond it."""


class Analog(Extension):
    """Quantities pass into memory as they are: a priority can be kept there, and found there, whatever its size.

    The heads see the input besides the controller's output, and they add without squashing. The controller sees inputs
    and reads squashed, so that it can tell bits apart and not much more. All heads start at one place and stay together
    in training, as the one head of Greve, Jacob and Risi (2016, "Evolving Neural Turing Machines for Reward-based
    Learning") reads and writes: what is read is what is erased.
    """

    spec: ExtensionSpec = "analog"
    name = "analog memory"
    about = (
        "Heads see the input and add to memory without squashing, so that a priority gets there as it is. In the paper "
        "they see only what the controller makes of it, and squash what they add."
    )
    sees_input = True
    linear_adds = True
    heads_together = True
    gain = 3.0

    # What erasing first emits, before squashing: little goes before the machine knows what.
    _HARDLY_ERASING = -2.0

    def initialise(self, addressing: Sequence[Tensor], writing_bias: Tensor) -> None:
        """Start with all heads at one place, so that what is read can be erased there and then.

        Of twenty seeds that learn to sort, twelve come to do so from here, and five where each head starts by itself.
        """
        for weights in addressing:
            weights[1:] = weights[:1]
        writing_bias[:, 0] = self._HARDLY_ERASING


class Register(Extension):
    """The first column of memory counts, however far.

    A controller cannot say the same number twice: whatever else it sees leaves a trace in it, and where it counts, the
    traces add up. A register takes that off it. The controller only opens two gates, one that puts the count of the
    input in and one that takes one away. It sees counts and reads squashed, so it can tell no more than whether
    something is left. So what it has learned for small counts holds for large ones. Heads that look for content do not
    look at this column. What is read of it is all that it holds, in whatever slots: a share of a large count would look
    like a small one. All else is as in the paper.

    Args:
        channel: the channel of the input that brings the count; 0 in it means that there is no count.
        mean: what was taken from the count to normalise it.
        deviation: what the difference was divided by, > 0.

    Raises:
        TypeError: if the channel is no whole number, or another argument no number.
        ValueError: if an argument is out of range.
    """

    name = "register"
    about = (
        "The first column of memory counts: the controller opens one gate to put in the number that the input brings, "
        "and another to take one away. The paper's machine has to count with the units of its controller, and does not "
        "get past the numbers that it was trained on."
    )
    register_columns = 1
    gain = 3.0

    # A count is put in less half a one: where all has been taken there is then as much below 0 as there is above where
    # one is left.
    _HALF = 0.5
    # What the two gates first emit, before squashing. They start all but closed: what they let through at every step
    # would soon hide what is counted.
    _ALL_BUT_CLOSED = -3.0

    def __init__(self, channel: int, mean: float, deviation: float) -> None:
        check_whole_number("the register's channel", channel, smallest=0)
        for name, value in (("mean", mean), ("deviation", deviation)):
            if type(value) not in (int, float):
                raise TypeError(f"the register's {name} must be a number, not {value!r}")
            if not (math.isfinite(value) and abs(value) <= _LARGEST):
                raise ValueError(f"the register's {name} must be from -{_LARGEST:,.0f} to {_LARGEST:,.0f}, not {value}")
        if deviation <= 0:
            raise ValueError(f"the register's deviation must be above 0, not {deviation}")
        self.channel = channel
        self.mean = mean
        self.deviation = deviation
        self.spec = {"register": {"channel": channel, "mean": mean, "deviation": deviation}}

    def check(self, input_size: int, memory_width: int) -> None:
        """Refuse a machine whose input has no such channel, or whose memory has no column besides.

        Raises:
            ValueError: if it is one.
        """
        check_whole_number("memory_width", memory_width, smallest=2)
        if self.channel >= input_size:
            raise ValueError(f"the register's channel must be below the {input_size} of the input, not {self.channel}")

    def initialise(self, addressing: Sequence[Tensor], writing_bias: Tensor) -> None:
        """Start with both gates all but closed."""
        writing_bias[..., 0] = self._ALL_BUT_CLOSED

    def take_in(self, inputs: Tensor) -> Tensor:
        """Inputs (..., in) with the count as it was before it was normalised, less half a one."""
        before, normalised, after = inputs.tensor_split([self.channel, self.channel + 1], dim=-1)
        count = self.deviation * normalised + (self.mean - self._HALF)
        return torch.cat([before, torch.where(normalised == 0, 0.0, count), after], dim=-1)

    def read(self, memory: Tensor, weights: Tensor) -> Tensor:
        """As in the paper, but of the first column every head reads the sum."""
        first = torch.arange(memory.shape[-1], device=memory.device) < self.register_columns
        # Of columns put together with `cat`, PyTorch's compiler (2.13) gets the gradient wrong.
        return torch.where(first, memory[..., :1].sum(-2, keepdim=True), super().read(memory, weights))

    def squash_writing(self, erases: Tensor, adds: Tensor, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """As in the paper, but in the first column.

        There the gate in the erase vector's place puts the count in, the gate in the add vector's takes one away, and
        nothing is erased.

        Args:
            erases: (B, W, M), before squashing.
            adds: (B, W, M), before squashing.
            inputs: (B, in), from `take_in`.
        """
        erases, squashed = super().squash_writing(erases, adds, inputs)
        count = inputs[:, None, self.channel, None]
        added = erases[..., :1] * count - adds[..., :1].sigmoid()
        return (
            torch.cat([torch.zeros_like(added), erases[..., 1:]], dim=-1),
            torch.cat([added, squashed[..., 1:]], dim=-1),
        )


def make_extension(spec: ExtensionSpec) -> Extension:
    """The extension of this name; `PAPER` for None.

    Raises:
        TypeError: if the name, or an argument of the extension, is of the wrong type.
        ValueError: if there is no extension of this name, or an argument is out of range.
    """
    if spec is None:
        return PAPER
    if spec == "analog":
        return Analog()
    if isinstance(spec, dict) and spec.keys() == {"register"} and isinstance(spec["register"], dict):
        return Register(**spec["register"])
    raise ValueError(f'extension must be None, "analog" or {{"register": ...}}, not {spec!r}')
