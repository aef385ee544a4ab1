"""Randomness: every stream of numbers is named by what it is for, so no two purposes ever share sequences."""

import hashlib
from typing import Literal

import torch

Purpose = Literal["weights", "training", "validation", "evaluation", "demo"]


def seed_generator(generator: torch.Generator, purpose: Purpose, seed: int, index: int = 0) -> torch.Generator:
    """Set a generator to the start of the stream for one purpose, seed and index, and return it.

    Training draws its batch number u from index u, so a resumed run needs no record of a generator's state.
    """
    digest = hashlib.sha256(f"{purpose}/{seed}/{index}".encode()).digest()
    return generator.manual_seed(int.from_bytes(digest[:8], "big", signed=True))


def make_generator(purpose: Purpose, seed: int, index: int = 0, device: torch.device | str = "cpu") -> torch.Generator:
    """A new generator at the start of the stream for one purpose, seed and index."""
    return seed_generator(torch.Generator(device), purpose, seed, index)
