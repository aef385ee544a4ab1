"""Heads: what the controller's output says to them, and how it moves their focus (sections 3.1 to 3.3 of the paper).

In the shapes below B is the batch, R and W the numbers of read and write heads, H = R + W (read heads first), N the
slots, M their width and S the number of allowed shifts.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntm.machine import addressing
from ntm.machine.extensions import PAPER, Extension

# Beyond this the raw outputs saturate every squashing function below; Collier and Beel clip at the same value.
_CLIP = 20.0


class HeadOutputs(NamedTuple):
    """What the heads emit in one step, squashed into range."""

    key: Tensor
    """(B, H, M), in [-1, 1]"""
    strength: Tensor
    """(B, H), beta >= 0"""
    gate: Tensor
    """(B, H), interpolation gate g in [0, 1]"""
    shift: Tensor
    """(B, H, S), summing to 1"""
    sharpening: Tensor
    """(B, H), gamma >= 1"""
    erases: Tensor
    """(B, W, M), in [0, 1]"""
    adds: Tensor
    """(B, W, M), in [-1, 1] unless the machine has an extension"""


class Weighting(NamedTuple):
    """Where the heads focus after one step, and what content addressing alone would have said."""

    weights: Tensor
    """(B, H, N), summing to 1"""
    content_weights: Tensor
    """(B, H, N), summing to 1"""


class Heads(nn.Module):
    """All read and write heads: two linear layers from the controller say what they do.

    Args:
        input_size: C, of what the heads see.
        memory_width: M.
        read_heads: R.
        write_heads: W.
        shift_range: k.
        extension: what the machine has beyond the paper's.
    """

    def __init__(
        self,
        input_size: int,
        memory_width: int,
        read_heads: int,
        write_heads: int,
        shift_range: int,
        extension: Extension = PAPER,
    ) -> None:
        super().__init__()
        self.extension = extension
        heads = read_heads + write_heads
        self.heads = heads
        self.write_heads = write_heads
        self.widths = [memory_width, 1, 1, 2 * shift_range + 1, 1]
        self.addressing = nn.Linear(input_size, heads * sum(self.widths))
        self.writing = nn.Linear(input_size, write_heads * 2 * memory_width)
        with torch.no_grad():
            moving = self.addressing.weight.view(heads, -1, input_size), self.addressing.bias.view(heads, -1)
            extension.initialise(moving, self.writing.bias.view(write_heads, 2, memory_width))

    def forward(self, controller_output: Tensor, inputs: Tensor) -> HeadOutputs:
        """Emit every head's parameters.

        Args:
            controller_output: (B, C).
            inputs: (B, in), as the extension takes them in.
        """
        seen = self.extension.drive(controller_output, inputs)
        addressing_raw = self.addressing(seen).clamp(-_CLIP, _CLIP).unflatten(-1, (self.heads, -1))
        key, strength, gate, shift, sharpening = addressing_raw.split(self.widths, dim=-1)
        writing_raw = self.writing(seen).clamp(-_CLIP, _CLIP).unflatten(-1, (self.write_heads, -1))
        erases_raw, adds_raw = writing_raw.chunk(2, dim=-1)
        erases, adds = self.extension.squash_writing(erases_raw, adds_raw, inputs)
        return HeadOutputs(
            key=key.tanh(),
            strength=functional.softplus(strength).squeeze(-1),
            gate=gate.sigmoid().squeeze(-1),
            shift=shift.softmax(-1),
            sharpening=1 + functional.softplus(sharpening).squeeze(-1),
            erases=erases,
            adds=adds,
        )

    @torch.no_grad()
    def share_gradients(self) -> None:
        """Give all heads the mean of the gradients by which they move, where the extension keeps them together."""
        if not self.extension.heads_together:
            return
        for parameter in self.addressing.parameters():
            if parameter.grad is not None:
                by_head = parameter.grad.view(self.heads, -1)
                by_head.copy_(by_head.mean(0, keepdim=True).expand_as(by_head))


def address(outputs: HeadOutputs, memory: Tensor, previous: Tensor, *, searched: slice = slice(None)) -> Weighting:
    """Move every head: content, interpolation, shift and sharpening, the whole of the paper's figure 2.

    Args:
        outputs: what the heads emitted in this step.
        memory: (B, N, M), as the previous step left it.
        previous: (B, H, N), the weightings of the previous step.
        searched: the columns of memory that content addressing looks at.
    """
    content = addressing.content_weighting(memory[..., searched], outputs.key[..., searched], outputs.strength)
    gated = addressing.interpolate(content, previous, outputs.gate)
    shifted = addressing.shift(gated, outputs.shift)
    return Weighting(addressing.sharpen(shifted, outputs.sharpening), content)


def focus_on_first_slot(batch_size: int, heads: int, slots: int, like: Tensor) -> Tensor:
    """The weightings before the first step, (B, H, N): every head one-hot on slot 0, whatever the number of slots."""
    weights = like.new_zeros(batch_size, heads, slots)
    weights[..., 0] = 1
    return weights
