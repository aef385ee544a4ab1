"""Layouts: how a question becomes a sequence, as data.

A task that declares its layout is encoded from it here, and in the page by `ntm/ui/browser/encode.js`, which is told
the same as JSON. So a question that is typed in the page becomes a sequence without the server.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor

from ntm.tasks.forms import Typed

Source = Literal["all", "all but the last", "all but the first", "repeated", "item", "asked", "next", "sorted"]
"""Which vectors of a question, in which order: "item" is the one that the part is of, "asked" the one whose number the
question has, "next" the one after it; "sorted" is by priority, highest first and of equal ones the earlier first,
without the lowest ones that are left out."""


class Given(NamedTuple):
    """What a batch of questions holds, all of one size. L is the number of vectors."""

    vectors: Tensor
    """(L, B, C), bits; those of items one after another"""
    number: int | None = None
    """how often to repeat them"""
    asked: Tensor | None = None
    """(B,), which item is asked about, from 0"""
    priorities: Tensor | None = None
    """(L, B)"""


class Batch(NamedTuple):
    """Sequences to learn from or to be judged on; rows are time steps."""

    inputs: Tensor
    """(T, B, in)"""
    targets: Tensor
    """(T, B, out), bits"""
    mask: Tensor
    """(T, B), true on the steps that are scored"""


@dataclass(frozen=True, kw_only=True)
class Count:
    """The question's number as an input."""

    channel: int
    mean: float
    """what is taken from it"""
    deviation: float
    """and what it is then divided by"""


@dataclass(frozen=True, kw_only=True)
class Part:
    """Rows of a sequence that follow one another: one for each of its vectors, a single one where it has none.

    A caption says what a row is about. It may hold {place}, which row of the part it is, {of}, how many there are,
    {vector}, the number of its vector, {next}, that plus one, {time}, how often the vector has come up in this part,
    {item}, the number of its item, {number}, that of the question, {bit}, the first bit of its vector, and {priority}.
    """

    caption: str
    flag: int | None = None
    """the input that is 1"""
    count: Count | None = None
    """the question's number comes in"""
    comes: Source | None = None
    """the vectors that come in, from the first input on"""
    priorities: int | None = None
    """the input on which their priorities come in"""
    due: Source | None = None
    """the vectors that are due, from the first output on"""
    marker: int | None = None
    """the output on which a 1 is due"""
    unscored: int = 0
    """on how many of the first rows what is due is not scored"""


@dataclass(frozen=True, kw_only=True)
class Layout:
    """The parts of a task's sequences, in their order."""

    parts: tuple[Part, ...]
    each_item: tuple[Part, ...] = ()
    """what comes before them, once for each item"""
    rows_an_item: int = 1
    left_out: int = 0
    """how many vectors, those of lowest priority, are not due"""
    most_due: int | None = None
    """how many rows can be due in what people ask"""
    context: int | None = None
    """so many bits are what the best possible guess of the next one is made from; None where nothing is guessed"""

    def encode(self, given: Given, input_size: int, output_size: int) -> Batch:
        """The sequences that ask these questions."""
        rows = [self._encode_part(part, item, given, input_size, output_size) for part, item in self._order(given)]
        return Batch(*map(torch.cat, zip(*rows, strict=True)))

    def captions(self, typed: Typed) -> list[str]:
        """What each row is about, (T), in words."""
        vectors = typed.rows.flatten(0, -2) if typed.rows.dim() > 1 else typed.rows.unsqueeze(-1)
        asked = None if typed.number is None else torch.tensor([typed.number - 1])
        priorities = None if typed.priorities is None else typed.priorities.unsqueeze(1)
        given = Given(vectors.unsqueeze(1), typed.number, asked, priorities)
        return [caption for part, item in self._order(given) for caption in self._caption_part(part, item, given)]

    def describe(self) -> dict[str, Any]:
        """The layout as JSON can hold it."""
        return asdict(self)

    def _order(self, given: Given) -> Iterator[tuple[Part, int]]:
        """The parts, each with the item that it is of, from 0."""
        for item in range(len(given.vectors) // self.rows_an_item if self.each_item else 0):
            yield from ((part, item) for part in self.each_item)
        yield from ((part, 0) for part in self.parts)

    def _find(self, source: Source, item: int, given: Given) -> Tensor:
        """The places of a part's vectors, (S, B) or, where they are those of every question, (S, 1)."""
        places = torch.arange(len(given.vectors), device=given.vectors.device).unsqueeze(1)
        if source == "all":
            return places
        if source == "all but the last":
            return places[:-1]
        if source == "all but the first":
            return places[1:]
        if source == "repeated":
            assert given.number is not None
            return places.repeat(given.number, 1)
        if source == "sorted":
            assert given.priorities is not None
            order = given.priorities.sort(dim=0, descending=True, stable=True).indices
            return order[: len(order) - self.left_out]
        first = places[: self.rows_an_item]
        if source == "item":
            return first + item * self.rows_an_item
        assert given.asked is not None
        return first + (given.asked + (source == "next")) * self.rows_an_item

    def _encode_part(self, part: Part, item: int, given: Given, input_size: int, output_size: int) -> Batch:
        vectors, width = given.vectors, given.vectors.shape[-1]
        sequences = torch.arange(vectors.shape[1], device=vectors.device)
        comes, due = (None if source is None else self._find(source, item, given) for source in (part.comes, part.due))
        rows = next((len(places) for places in (comes, due) if places is not None), 1)
        inputs = vectors.new_zeros(rows, len(sequences), input_size)
        targets = vectors.new_zeros(rows, len(sequences), output_size)
        if part.flag is not None:
            inputs[..., part.flag] = 1
        if part.count is not None:
            assert given.number is not None
            inputs[..., part.count.channel] = (given.number - part.count.mean) / part.count.deviation
        if comes is not None:
            inputs[..., :width] = vectors[comes, sequences]
            if part.priorities is not None:
                assert given.priorities is not None
                inputs[..., part.priorities] = given.priorities[comes, sequences]
        if due is not None:
            targets[..., :width] = vectors[due, sequences]
        if part.marker is not None:
            targets[..., part.marker] = 1
        scored = due is not None or part.marker is not None
        mask = torch.full(inputs.shape[:2], scored, device=vectors.device)
        mask[: part.unscored] = False
        return Batch(inputs, targets, mask)

    def _caption_part(self, part: Part, item: int, given: Given) -> list[str]:
        source = part.comes or part.due
        if source is None:
            return [part.caption.format(item=item + 1, number=given.number)]
        places = self._find(source, item, given)[:, 0].tolist()
        return [
            part.caption.format(
                place=row + 1,
                of=len(places),
                vector=vector + 1,
                next=vector + 2,
                time=row // len(given.vectors) + 1,
                item=vector // self.rows_an_item + 1,
                number=given.number,
                bit=int(given.vectors[vector, 0, 0]),
                priority=None if given.priorities is None else _format_priority(given.priorities[vector, 0].item()),
            )
            for row, vector in enumerate(places)
        ]


def _format_priority(priority: float) -> str:
    # Halves go up, as they do where the page rounds.
    return f"{math.floor(100 * priority + 0.5) / 100:.2f}"
