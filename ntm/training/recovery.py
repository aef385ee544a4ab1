"""Recovery: going back to the weights from before a collapse, and on from there at a lower rate.

A machine that works can fall back to chance within a few updates: one step on a gradient a thousand times as long as
usual is enough, and from there it seldom finds its way again. Clipping makes that rarer and does not prevent it. So a
run remembers what it was like when it did best, and goes back there.
"""

import math
from dataclasses import dataclass, field
from statistics import fmean, stdev

import torch
from torch import Tensor

REPORTS_A_LOOK = 10
"""how many reports an error is the mean of"""
_WORSE = 1.3
_NEGLIGIBLE = 0.5
_STANDARD_ERRORS = 3
_SLOWER = 0.8


@dataclass
class Recovery:
    """What a run can go back to, and how often it has."""

    error: float = math.inf
    """the mean error in training of the best look so far"""
    uncertainty: float = 0.0
    """the standard error of that mean: sizes are drawn, and large ones have more to get wrong"""
    tensors: dict[str, Tensor] = field(default_factory=dict)
    """all that the run changes, as it was then"""
    times: int = 0
    """how often training went back"""
    recent: list[float] = field(default_factory=list)
    """the errors since the last look"""

    @property
    def rate(self) -> float:
        """What the learning rate is multiplied by."""
        return _SLOWER**self.times

    def forget(self) -> None:
        """Begin anew, where errors cannot be compared with those before: the curriculum has come to a larger size."""
        self.error, self.uncertainty, self.tensors, self.recent = math.inf, 0.0, {}, []

    def take(self, error: float, tensors: dict[str, Tensor]) -> None:
        """Take in a report. Every few, remember the run if it does best now, or put it back if it has collapsed.

        Args:
            error: mean of the updates since the last report.
            tensors: all that the run changes; put back in place.
        """
        self.recent.append(error)
        if len(self.recent) == REPORTS_A_LOOK:
            self._look(fmean(self.recent), stdev(self.recent) / math.sqrt(REPORTS_A_LOOK), tensors)
            self.recent = []

    @torch.no_grad()
    def _look(self, error: float, uncertainty: float, tensors: dict[str, Tensor]) -> None:
        if error < self.error:
            self.error, self.uncertainty = error, uncertainty
            self.tensors = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        elif self._is_collapse(error, uncertainty):
            for name, tensor in self.tensors.items():
                tensors[name].copy_(tensor)
            self.times += 1

    def _is_collapse(self, error: float, uncertainty: float) -> bool:
        """Whether an error is much worse than the best, not negligible, and neither by chance."""
        surely = error - self.error > _STANDARD_ERRORS * math.hypot(uncertainty, self.uncertainty)
        return surely and error > max(_WORSE * self.error, _NEGLIGIBLE)
