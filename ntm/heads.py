"""Heads: what the controller's output says to them, and how it moves their focus (sections 3.1 to 3.3 of the paper).

In the shapes below B is the batch, R and W the numbers of read and write heads, H = R + W (read heads first), N the
slots, M their width and S the number of allowed shifts.
"""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntm import addressing

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
    """(B, W, M), in [-1, 1]; of any size with linear adds, from -1 up in a register"""


class Weighting(NamedTuple):
    """Where the heads focus after one step, and what content addressing alone would have said."""

    weights: Tensor
    """(B, H, N), summing to 1"""
    content_weights: Tensor
    """(B, H, N), summing to 1"""


class Heads(nn.Module):
    """All read and write heads: one linear layer from the controller, then addressing for all of them at once.

    Args:
        input_size: C, of what the controller says.
        memory_width: M.
        read_heads: R.
        write_heads: W.
        shift_range: k.
        linear_adds: whether adds are left as they are, of any size.
        register_inputs: channels of the machine's input that reach the register, the first column of memory, in which
            `put_or_take_one` takes the place of tanh; 0 where there is none.
    """

    def __init__(
        self,
        input_size: int,
        memory_width: int,
        read_heads: int,
        write_heads: int,
        shift_range: int,
        *,
        linear_adds: bool = False,
        register_inputs: int = 0,
    ) -> None:
        super().__init__()
        self.linear_adds = linear_adds
        heads = read_heads + write_heads
        self.heads = heads
        self.write_heads = write_heads
        self.widths = [memory_width, 1, 1, 2 * shift_range + 1, 1]
        self.addressing = nn.Linear(input_size, heads * sum(self.widths))
        self.writing = nn.Linear(input_size, write_heads * 2 * memory_width)
        self.register = nn.Linear(register_inputs, write_heads, bias=False) if register_inputs else None

    def forward(self, controller_output: Tensor, inputs: Tensor) -> HeadOutputs:
        """Emit every head's parameters from the controller's output (B, C) and, for a register, the inputs (B, in)."""
        addressing_raw = self.addressing(controller_output).clamp(-_CLIP, _CLIP).unflatten(-1, (self.heads, -1))
        key, strength, gate, shift, sharpening = addressing_raw.split(self.widths, dim=-1)
        erases, adds = self.writing(controller_output).unflatten(-1, (self.write_heads, -1)).chunk(2, dim=-1)
        return HeadOutputs(
            key=key.tanh(),
            strength=functional.softplus(strength).squeeze(-1),
            gate=gate.sigmoid().squeeze(-1),
            shift=shift.softmax(-1),
            sharpening=1 + functional.softplus(sharpening).squeeze(-1),
            erases=erases.clamp(-_CLIP, _CLIP).sigmoid(),
            adds=self._squash_adds(adds, inputs),
        )

    def _squash_adds(self, raw: Tensor, inputs: Tensor) -> Tensor:
        if self.register is None:
            clipped = raw.clamp(-_CLIP, _CLIP)
            return clipped if self.linear_adds else clipped.tanh()
        quantity = (raw[..., :1] + self.register(inputs).unsqueeze(-1)).clamp(-_CLIP, _CLIP)
        others = raw[..., 1:].clamp(-_CLIP, _CLIP)
        return torch.cat([put_or_take_one(quantity), others.tanh()], dim=-1)


def put_or_take_one(raw: Tensor) -> Tensor:
    """What is added to a register: as much as `raw` where that is large, -1 where it is far below 0, hardly anything
    around 0.

    A controller cannot say the same number twice: whatever else it sees leaves a trace in it. Where it puts a quantity
    in that does no harm, but where it counts down the traces would add up. Here it can take one, or leave things as
    they are, without being exact about it.
    """
    squashed = raw.tanh()
    return squashed.abs() * torch.maximum(raw, squashed)


def address(outputs: HeadOutputs, memory: Tensor, previous: Tensor, *, hidden_columns: int = 0) -> Weighting:
    """Move every head: content, interpolation, shift and sharpening, the whole of the paper's figure 2.

    Args:
        outputs: what the heads emitted in this step.
        memory: (B, N, M), as the previous step left it.
        previous: (B, H, N), the weightings of the previous step.
        hidden_columns: how many of memory's first columns content addressing does not look at.
    """
    content = addressing.content_weighting(
        memory[..., hidden_columns:], outputs.key[..., hidden_columns:], outputs.strength
    )
    gated = addressing.interpolate(content, previous, outputs.gate)
    shifted = addressing.shift(gated, outputs.shift)
    return Weighting(addressing.sharpen(shifted, outputs.sharpening), content)


def focus_on_first_slot(batch_size: int, heads: int, slots: int, like: Tensor) -> Tensor:
    """The weightings before the first step, (B, H, N): every head one-hot on slot 0, whatever the number of slots."""
    weights = like.new_zeros(batch_size, heads, slots)
    weights[..., 0] = 1
    return weights
