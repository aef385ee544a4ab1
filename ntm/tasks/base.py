"""What a task is. A new one is a subclass of `Task` in a file of its own beside this one; nothing else changes."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ntm.machine.checks import check_whole_number
from ntm.machine.models import Architecture
from ntm.tasks.recipe import Recipe

Sizes = Mapping[str, int]


class Batch(NamedTuple):
    """Sequences to learn from or to be judged on; rows are time steps."""

    inputs: Tensor
    """(T, B, in)"""
    targets: Tensor
    """(T, B, out), bits"""
    mask: Tensor
    """(T, B), true on the steps that are scored"""


class Case(NamedTuple):
    """One point at which a model is judged: sizes, and the number of memory slots if not the model's own."""

    sizes: Sizes
    memory_slots: int | None = None
    weight: float = 1.0
    """how much an error here counts where weights are chosen"""


class Task(ABC):
    """A kind of sequence problem: its encoding, its sizes, and how a model is trained and judged on it."""

    name: str
    input_size: int
    output_size: int
    sizes: ClassVar[Mapping[str, range]]
    """the sizes that a sequence has, each with its training range"""
    smallest: ClassVar[Mapping[str, int]] = {}
    """the least that a size can be, where that is not 1"""
    recipes: ClassVar[Mapping[Architecture, Recipe]]
    validation: tuple[Case, ...]
    """where weights are chosen while training"""
    evaluation: tuple[Case, ...]
    """where published weights are judged, on sequences never used to choose them"""
    error_name: str = "bit errors"
    excess_name: str = "bit errors"
    """of what an error is above the least possible one, which is what curves show"""

    @abstractmethod
    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences of exactly these sizes with tensor operations only."""

    def draw_training(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences to learn from: as `draw`, unless a task shows rare but possible ones more often."""
        return self.draw(batch_size, generator, device, **sizes)

    def draw_validation(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw sequences to choose weights on: as `draw_training`, unless that makes them harder than they are."""
        return self.draw_training(batch_size, generator, device, **sizes)

    def sample(
        self,
        batch_size: int,
        *,
        generator: torch.Generator | None = None,
        device: torch.device | str | None = None,
        **sizes: int,
    ) -> Batch:
        """Draw a batch of sequences, all of one size.

        Args:
            batch_size: B.
            generator: the source of all randomness; torch's own when None. Numbers are drawn on its device, so that
                one seed gives the same batch wherever the batch goes.
            device: where the batch goes; the generator's own device, or the CPU, when None.
            **sizes: sizes by name; those not given are drawn from the training range.

        Raises:
            ValueError: if a size is not one of this task's or is too small for it.
            TypeError: if a size is no whole number.
        """
        self.check_sizes(sizes)
        check_whole_number("batch_size", batch_size)
        if device is None and generator is not None:
            device = generator.device
        return self.draw(batch_size, generator, device, **(self.draw_sizes(generator) | sizes))

    def draw_sizes(self, generator: torch.Generator | None, limit: int | None = None) -> dict[str, int]:
        """One size of each kind from the training range, none above the limit."""
        device = generator.device if generator is not None else None
        return {
            name: int(torch.randint(choices.start, _stop(choices, limit), (), generator=generator, device=device))
            for name, choices in self.sizes.items()
        }

    @property
    def largest(self) -> int:
        """The largest size of any kind in the training range."""
        return max(choices.stop - 1 for choices in self.sizes.values())

    def check_sizes(self, sizes: Sizes) -> None:
        """Refuse sizes that this task does not have.

        Raises:
            ValueError: if a size is not one of this task's or is too small for it.
            TypeError: if a size is no whole number.
        """
        for name, size in sizes.items():
            if name not in self.sizes:
                raise ValueError(f"{self.name} has no size {name!r}; its sizes are {', '.join(self.sizes)}")
            check_whole_number(name, size, self.smallest.get(name, 1))

    def errors(self, logits: Tensor, batch: Batch) -> Tensor:
        """The error of each sequence, (B,): wrong bits over the scored steps, after rounding at 0.5."""
        wrong = ((logits > 0) != (batch.targets > 0.5)) | logits.isnan()
        return (wrong & batch.mask.unsqueeze(-1)).sum((0, 2)).float()

    def optimal_errors(self, batch: Batch) -> Tensor | None:
        """The error of the best that can be done on each sequence, (B,), for tasks where that is known and not zero."""
        return None


def _stop(choices: range, limit: int | None) -> int:
    return choices.stop if limit is None else min(choices.stop, max(limit, choices.start) + 1)


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
