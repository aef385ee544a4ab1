"""Memory: reading, writing and what is there before the first step (sections 3.1 and 3.2 of the paper).

In the shapes below B is the batch, R and W the numbers of read and write heads, N the slots and M their width.
"""

from typing import Literal, get_args

import torch
from torch import Tensor, nn

MemoryInit = Literal["constant", "learned", "random"]
MEMORY_INITS: tuple[str, ...] = get_args(MemoryInit)

_CONSTANT = 1e-6
_DEVIATION = 0.5


def read(memory: Tensor, weights: Tensor) -> Tensor:
    """What the read heads see: the slots averaged by each head's weighting, equation 2.

    Args:
        memory: (B, N, M).
        weights: (B, R, N).

    Returns:
        (B, R, M).
    """
    return weights @ memory


def write(memory: Tensor, weights: Tensor, erases: Tensor, adds: Tensor) -> Tensor:
    """Memory after all write heads have erased (equation 3) and then added (equation 4).

    The heads write at once: their erasures multiply and their additions sum, so their order does not matter.

    Args:
        memory: (B, N, M).
        weights: (B, W, N).
        erases: (B, W, M), in [0, 1].
        adds: (B, W, M).

    Returns:
        (B, N, M).
    """
    for weight, erase in zip(weights.unbind(1), erases.unbind(1), strict=True):
        memory = memory * (1 - weight.unsqueeze(-1) * erase.unsqueeze(-2))
    return memory + weights.mT @ adds


def _draw(contents: Tensor, generator: torch.Generator | None = None) -> Tensor:
    # Without a cut, `normal_` would do, but on the meta device that imports PyTorch's compiler: 100 MB and two seconds.
    bound = 2 * _DEVIATION
    return nn.init.trunc_normal_(contents, std=_DEVIATION, a=-bound, b=bound, generator=generator)


class InitialMemory(nn.Module):
    """The contents before the first step, by one of the three schemes of Collier and Beel 2018 (arXiv 1807.08518).

    `constant` puts 1e-6 everywhere. `learned` trains the contents, which start from a normal distribution with
    deviation 0.5, cut off at two deviations. `random` draws every value of every sequence anew from that distribution.
    """

    def __init__(self, slots: int, width: int, scheme: MemoryInit) -> None:
        super().__init__()
        self.slots = slots
        self.width = width
        self.scheme = scheme
        if scheme == "learned":
            self.contents = nn.Parameter(_draw(torch.empty(slots, width)))

    def forward(self, batch_size: int, slots: int, like: Tensor, generator: torch.Generator | None) -> Tensor:
        """Contents for a batch.

        Args:
            batch_size: B.
            slots: N. Learned contents are repeated from the first slot on where there are more than were trained.
            like: a tensor with the wanted dtype and device.
            generator: the source of the `random` scheme's numbers, on the device of `like`; torch's own when None.

        Returns:
            (B, N, M).
        """
        shape = (batch_size, slots, self.width)
        if self.scheme == "learned":
            rows = torch.arange(slots, device=like.device) % self.slots
            return self.contents[rows].expand(shape)
        if self.scheme == "random":
            contents = torch.empty(shape, dtype=like.dtype, device=like.device)
            return _draw(contents, generator)
        return like.new_full(shape, _CONSTANT)
