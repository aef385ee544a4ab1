"""Tasks without a recipe of their own: what does the default recipe make of them?

    python -m ntm.studies.success ntm/studies/new_tasks/[a-z]*.py --races 2

Each is a file like one of one's own, so `train.py` and `app.py --task` take it too. In all of them vectors come in,
then a flag, and then an answer is due.
"""

from abc import abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from ntm.tasks import Batch, Case, Recipe, Rows, Task, Typed, random_bits
from ntm.tasks.text import caption_each


class Answered(Task):
    """Rows: the vectors; a flag; empty rows, on which the answer is due."""

    input_size, output_size = 9, 8
    sizes: ClassVar = {"length": range(1, 11)}
    recipes: ClassVar = {"ntm": Recipe(updates=10_000, arguments={"controller": "lstm"})}
    validation = (Case({"length": 10}),)
    evaluation = (*(Case({"length": length}, bar=0.1) for length in range(1, 11)), Case({"length": 20}))
    form = Rows(bits=8)

    @abstractmethod
    def answer(self, vectors: Tensor) -> Tensor:
        """What is due, (S, B, out), on vectors (L, B, C) of bits; S depends on L alone."""

    def encode(self, vectors: Tensor) -> Batch:
        """The sequences that ask for what there is to say of these vectors.

        Args:
            vectors: (L, B, C), bits.
        """
        due = self.answer(vectors)
        length, batch_size, _ = vectors.shape
        steps = length + 1 + len(due)
        inputs = vectors.new_zeros(steps, batch_size, self.input_size)
        inputs[:length, :, :-1] = vectors
        inputs[length, :, -1] = 1
        targets = vectors.new_zeros(steps, batch_size, self.output_size)
        targets[length + 1 :] = due
        mask = torch.zeros(steps, batch_size, dtype=torch.bool, device=vectors.device)
        mask[length + 1 :] = True
        return Batch(inputs, targets, mask)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins."""
        return self.encode(random_bits((sizes["length"], batch_size, self.input_size - 1), generator, device))

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        due = len(self.answer(typed.rows.unsqueeze(1)))
        return [*caption_each("vector", len(typed.rows), "comes in"), "flag", *caption_each("row", due, "is due")]
