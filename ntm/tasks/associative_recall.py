"""Associative recall (section 4.3 of the paper): shown a list of items and then one of them, say the item after it."""

from typing import ClassVar

import torch
from torch import Tensor

from ntm.tasks.base import Case, Task
from ntm.tasks.bits import random_bits
from ntm.tasks.forms import Items, Number, Typed
from ntm.tasks.layout import Batch, Given, Layout, Part
from ntm.tasks.recipe import Recipe


class AssociativeRecall(Task):
    """Rows: each item as an item flag and its three vectors; the queried item's vectors between two query flags; three
    empty rows, on which the item after it is due."""

    name = "associative-recall"
    title = "Recall"
    section = "4.3"
    tells = "It sees a list of items, then one of them again, and says the item that came after it."
    bits = 6
    vectors_an_item = 3
    item_channel = 6
    query_channel = 7
    input_size = 8
    output_size = 6
    sizes: ClassVar = {"items": range(2, 7)}
    smallest: ClassVar = {"items": 2}
    recipes: ClassVar = {
        "ntm": Recipe(updates=6_000, arguments={"controller": "lstm"}),
        # The size of the paper's (its table 3).
        "lstm": Recipe(
            updates=12_000, arguments={"hidden_size": 256, "num_layers": 3}, learning_rate=1e-3, gradient_norm=1.0
        ),
    }
    validation = tuple(Case({"items": items}) for items in (2, 3, 6))
    evaluation = (
        *(Case({"items": items}, bar=0.05) for items in (2, 3, 4, 5, 6)),
        *(Case({"items": items}, bar=0.2) for items in (8, 10, 12, 15, 20)),
        Case({"items": 30}),
    )

    form = Items(
        bits=bits,
        rows_an_item=vectors_an_item,
        needs="recall needs two or more",
        offered=range(2, 31),
        number=Number(name="query", label="The item to ask about", noun="The item to ask about"),
    )
    layout = Layout(
        each_item=(
            Part(caption="item {item}: flag", flag=item_channel),
            Part(caption="item {item}: vector {place} of {of} comes in", comes="item"),
        ),
        parts=(
            Part(caption="query flag", flag=query_channel),
            Part(caption="item {item} is asked about: vector {place} of {of} comes in", comes="asked"),
            Part(caption="query flag", flag=query_channel),
            Part(caption="item {item}: vector {place} of {of} is due", due="next"),
        ),
        rows_an_item=vectors_an_item,
    )

    def encode(self, items: Tensor, queries: Tensor) -> Batch:
        """The sequence that shows these items and asks for the one after each query.

        Args:
            items: (K, 3, B, 6), bits.
            queries: (B,), which item is shown again, from 0; never the last.
        """
        given = Given(items.flatten(0, 1), asked=queries)
        return self.layout.encode(given, self.input_size, self.output_size)

    def draw(
        self, batch_size: int, generator: torch.Generator | None, device: torch.device | str | None, **sizes: int
    ) -> Batch:
        """Draw fair coins, and a query for any item but the last with equal chance."""
        count = sizes["items"]
        items = random_bits((count, self.vectors_an_item, batch_size, self.bits), generator, device)
        source = generator.device if generator is not None else device
        queries = torch.randint(0, count - 1, (batch_size,), generator=generator, device=source)
        return self.encode(items, queries.to(items.device))

    def encode_typed(self, typed: Typed) -> Batch:
        """The sequence that asks a question, whose number counts from 1."""
        assert typed.number is not None
        return self.encode(typed.rows.unsqueeze(2), torch.tensor([typed.number - 1]))

    def captions(self, typed: Typed) -> list[str]:
        """What each step is about."""
        return self.layout.captions(typed)
