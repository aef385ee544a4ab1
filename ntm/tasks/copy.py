"""Copy (section 4.1 of the paper): write down a sequence of bit vectors, then say it again."""

from typing import ClassVar

import torch
from torch import Tensor

from ntm.tasks.base import Case, Task
from ntm.tasks.bits import half_skewed_bits, random_bits
from ntm.tasks.forms import Rows, Typed
from ntm.tasks.layout import Batch, Given, Layout, Part
from ntm.tasks.recipe import Curriculum, Loss, Recipe


class Copy(Task):
    """Rows: a start flag; the vectors; an end flag; as many empty rows, on which the vectors are due."""

    name = "copy"
    section = "4.1"
    tells = "It sees vectors one after another, then says them again from memory."
    bits = 8
    start_channel = 8
    end_channel = 9
    input_size = 10
    output_size = 8
    sizes: ClassVar = {"length": range(1, 21)}
    recipes: ClassVar = {
        "ntm": Recipe(
            updates=5_000,
            arguments={"controller": "lstm"},
            loss=Loss(focus=0.005),
        ),
        # The size of the paper's (its table 3).
        "lstm": Recipe(
            updates=20_000,
            arguments={"hidden_size": 256, "num_layers": 3},
            learning_rate=1e-3,
            gradient_norm=1.0,
            curriculum=Curriculum(first_limit=2),
        ),
    }
    validation = tuple(Case({"length": 20}, memory_slots=slots) for slots in (24, 128, 1024))
    evaluation = (
        *(Case({"length": length}, bar=0.01) for length in range(1, 21)),
        *(Case({"length": length}, bar=0.1) for length in (30, 50, 100)),
        *(Case({"length": length}, memory_slots=1024, bar=1.0) for length in (250, 500)),
        Case({"length": 1000}, memory_slots=2048),
    )

    form = Rows(bits=bits, word="It only ever practised up to 20 letters.")
    layout = Layout(
        parts=(
            Part(caption="start flag", flag=start_channel),
            Part(caption="vector {place} of {of} comes in", comes="all"),
            Part(caption="end flag", flag=end_channel),
            Part(caption="vector {place} of {of} is due", due="all"),
        )
    )

    def encode(self, vectors: Tensor) -> Batch:
        """The sequence that asks for these vectors.

        Args:
            vectors: (L, B, 8), bits.
        """
        return self.layout.encode(Given(vectors), self.input_size, self.output_size)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins."""
        return self.encode(random_bits((sizes["length"], batch_size, self.bits), generator, device))

    def draw_training(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins for one half of the batch, and for the other few ones or few zeros."""
        return self.encode(half_skewed_bits((sizes["length"], batch_size, self.bits), generator, device))

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        return self.layout.captions(typed)
