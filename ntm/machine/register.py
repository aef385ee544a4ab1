"""A register: a column of memory that counts, however far (an addition to the paper).

A controller cannot say the same number twice: whatever else it sees leaves a trace in it, and where it counts, the
traces add up. A register takes that off it. The controller only opens two gates, one that puts the count of the input
in and one that takes one away; and since it sees counts and reads squashed, it can tell no more than whether something
is left. So what it has learned for small counts holds for large ones.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from ntm.machine.checks import check_whole_number

_LARGEST = 1e6
# A count is put in less half a one: where all has been taken there is then as much below 0 as there is above where one
# is left.
_HALF = 0.5


@dataclass(frozen=True)
class Register:
    """Which count a register can take in, and how the input has it normalised.

    Raises:
        TypeError: if the channel is no whole number, or another field no number.
        ValueError: if a field is out of range.
    """

    channel: int
    """of the input; 0 in it means that there is no count"""
    mean: float
    """that was taken from the count"""
    deviation: float
    """by which the difference was divided, > 0"""

    def __post_init__(self) -> None:
        check_whole_number("the register's channel", self.channel, smallest=0)
        for name, value in (("mean", self.mean), ("deviation", self.deviation)):
            if type(value) not in (int, float):
                raise TypeError(f"the register's {name} must be a number, not {value!r}")
            if not (math.isfinite(value) and abs(value) <= _LARGEST):
                raise ValueError(f"the register's {name} must be from -{_LARGEST:,.0f} to {_LARGEST:,.0f}, not {value}")
        if self.deviation <= 0:
            raise ValueError(f"the register's deviation must be above 0, not {self.deviation}")

    def restore(self, inputs: Tensor) -> Tensor:
        """Inputs (..., in) with the count as it was before it was normalised, less half a one."""
        before, normalised, after = inputs.tensor_split([self.channel, self.channel + 1], dim=-1)
        count = self.deviation * normalised + (self.mean - _HALF)
        return torch.cat([before, torch.where(normalised == 0, 0.0, count), after], dim=-1)

    def added(self, put: Tensor, take: Tensor, restored: Tensor) -> Tensor:
        """What is added to the register when the gates (B, W, 1), in [0, 1], stand as they do.

        Args:
            put: how far the gate is open that puts the count in.
            take: how far that is that takes one away.
            restored: (B, in), from `restore`.

        Returns:
            (B, W, 1), from -1 up.
        """
        return put * restored[:, None, self.channel, None] - take
