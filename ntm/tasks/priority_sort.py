"""Priority sort (section 4.5 of the paper): say vectors in the order of their priorities, all but the lowest four."""

from typing import ClassVar

import torch
from torch import Tensor

from ntm.tasks.base import Case, Task
from ntm.tasks.bits import random_bits
from ntm.tasks.forms import Rows, Typed
from ntm.tasks.layout import Batch, Given, Layout, Part
from ntm.tasks.recipe import Loss, Recipe


class PrioritySort(Task):
    """Rows: the vectors, each with its priority; an end flag; empty rows, on which the vectors of highest priority are
    due, highest first."""

    name = "priority-sort"
    title = "Sort"
    section = "4.5"
    tells = "It sees vectors, each with a priority, and says all but the lowest four, highest priority first."
    bits = 8
    priority_channel = 8
    end_channel = 9
    left_out = 4
    input_size = 10
    output_size = 8
    sizes: ClassVar = {"length": range(20, 21)}
    smallest: ClassVar = {"length": left_out + 1}
    recipes: ClassVar = {
        "ntm": Recipe(
            updates=20_000,
            arguments={"controller_size": 128, "extension": "analog"},
            # More than there are steps: on 32, which the heads go around, every second validation found a collapse.
            training_slots=(64, 96),
            # Which of two vectors comes first can only be guessed where their priorities are all but the same.
            loss=Loss(worst_bit=0.0),
        ),
        # The size of the paper's (its table 3).
        "lstm": Recipe(
            updates=26_000, arguments={"hidden_size": 128, "num_layers": 3}, learning_rate=1e-3, gradient_norm=1.0
        ),
    }
    validation = (Case({"length": 20}),)
    evaluation = (
        *(Case({"length": length}) for length in (8, 12)),
        *(Case({"length": length}, bar=1.5) for length in (16, 20)),
        *(Case({"length": length}) for length in (24, 28, 32)),
    )

    form = Rows(
        bits=bits,
        priorities=True,
        fewest=left_out + 1,
        most=60,
        needs=f"sorting takes {left_out + 1} to 60, for the lowest {left_out} are left out",
    )
    layout = Layout(
        parts=(
            Part(caption="vector {vector} comes in, priority {priority}", comes="all", priorities=priority_channel),
            Part(caption="end flag", flag=end_channel),
            Part(caption="number {place}: vector {vector} is due", due="sorted"),
        ),
        left_out=left_out,
    )

    def encode(self, vectors: Tensor, priorities: Tensor) -> Batch:
        """The sequence that asks for these vectors in order.

        Args:
            vectors: (L, B, 8), bits.
            priorities: (L, B), in [-1, 1]. Of equal ones the earlier vector goes first.
        """
        given = Given(vectors, priorities=priorities)
        return self.layout.encode(given, self.input_size, self.output_size)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins and uniform priorities."""
        vectors = random_bits((sizes["length"], batch_size, self.bits), generator, device)
        source = generator.device if generator is not None else device
        priorities = 2 * torch.rand(sizes["length"], batch_size, generator=generator, device=source) - 1
        return self.encode(vectors, priorities.to(vectors.device))

    def encode_typed(self, typed: Typed) -> Batch:
        """The sequence that asks a question."""
        assert typed.priorities is not None
        return self.encode(typed.rows.unsqueeze(1), typed.priorities.unsqueeze(1))

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        return self.layout.captions(typed)
