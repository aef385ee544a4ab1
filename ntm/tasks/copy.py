"""Copy (section 4.1 of the paper): write down a sequence of bit vectors, then say it again."""

from typing import ClassVar

import torch
from torch import Tensor

from ntm.tasks.base import Batch, Case, Recipe, Task, random_bits, random_bits_of_any_density


class Copy(Task):
    """Rows: a start flag; the vectors; an end flag; as many empty rows, on which the vectors are due."""

    name = "copy"
    bits = 8
    start_channel = 8
    end_channel = 9
    input_size = 10
    output_size = 8
    sizes: ClassVar = {"length": range(1, 21)}
    recipe = Recipe(updates=10_000, machine={"controller": "lstm"}, worst_bit=0.03, seed=2)
    validation = (Case({"length": 20}), Case({"length": 120}), Case({"length": 120}, memory_slots=1024))
    evaluation = (
        *(Case({"length": length}) for length in (*range(1, 21), 30, 50, 100)),
        *(Case({"length": length}, memory_slots=1024) for length in (250, 500)),
    )

    def encode(self, vectors: Tensor) -> Batch:
        """The sequence that asks for these vectors.

        Args:
            vectors: (L, B, 8), bits.
        """
        length, batch_size, _ = vectors.shape
        steps = 2 * length + 2
        inputs = vectors.new_zeros(steps, batch_size, self.input_size)
        inputs[0, :, self.start_channel] = 1
        inputs[1 : length + 1, :, : self.bits] = vectors
        inputs[length + 1, :, self.end_channel] = 1
        targets = vectors.new_zeros(steps, batch_size, self.output_size)
        targets[-length:] = vectors
        mask = torch.zeros(steps, batch_size, dtype=torch.bool, device=vectors.device)
        mask[-length:] = True
        return Batch(inputs, targets, mask)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins."""
        return self.encode(random_bits((sizes["length"], batch_size, self.bits), generator, device))

    def draw_training(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins for one half of the batch, and for the other rows with few ones or few zeros.

        An all-zero vector looks like the empty rows of the answer. Of fair coins it comes once in 256 vectors, two in a
        row once in 65,536: too seldom for a machine to learn to tell them apart, and often enough to derail it.
        """
        length, half = sizes["length"], batch_size // 2
        fair = random_bits((length, batch_size - half, self.bits), generator, device)
        skewed = random_bits_of_any_density((length, half, self.bits), generator, device)
        return self.encode(torch.cat([fair, skewed], dim=1))
