"""Bits drawn at random, which most tasks are made of."""

import torch
from torch import Tensor


def random_bits(shape: tuple[int, ...], generator: torch.Generator | None, device: torch.device | str | None) -> Tensor:
    """Fair coins as 0.0 and 1.0, drawn on the generator's device and moved to `device`."""
    source = generator.device if generator is not None else device
    return torch.randint(0, 2, shape, generator=generator, device=source).to(device, torch.float32)


def half_skewed_bits(
    shape: tuple[int, int, int], generator: torch.Generator | None, device: torch.device | str | None
) -> Tensor:
    """Bits (L, B, C) as 0.0 and 1.0: fair coins for one half of the sequences, and for the other few ones or few zeros.

    Each sequence of the second half has a share of ones of its own, anything from none to all. An all-zero vector looks
    like the empty rows of an answer. Of fair coins it comes once in 256 vectors, two in a row once in 65,536: too
    seldom for a machine to learn to tell them apart, and often enough to derail it.
    """
    length, batch_size, width = shape
    half = batch_size // 2
    source = generator.device if generator is not None else device
    fair = random_bits((length, batch_size - half, width), generator, device)
    density = torch.rand(1, half, 1, generator=generator, device=source)
    skewed = torch.rand(length, half, width, generator=generator, device=source) < density
    return torch.cat([fair, skewed.to(fair)], dim=1)
