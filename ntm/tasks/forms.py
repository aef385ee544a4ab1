"""Forms: how a task is asked. A form reads a question typed as text, draws one at random, and lays it out on the page.

There are three: `Rows` of bits, a vector a line; `Items` of several rows, with an empty line between them; and a
`Stream` of bits, however it is broken into lines. A task declares which one is its own.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ntm.tasks.bits import random_bits
from ntm.tasks.text import BITS, MAX_ROWS, InputError, check_length, count, format_bits, read_rows


class Typed(NamedTuple):
    """A question as numbers."""

    rows: Tensor
    """the bits: (L, C) of rows, (K, R, C) of items, (L,) of a stream"""
    priorities: Tensor | None = None
    """(L,), where rows have them"""
    number: int | None = None
    """what the form's `Number` is, where it has one"""


@dataclass(frozen=True, kw_only=True)
class Number:
    """A whole number that a question has besides its text."""

    name: str
    """the endpoint's argument. Where it is one of the task's sizes, that size has this name"""
    label: str
    """what its field on the page is called"""
    noun: str
    """what messages call it: "The number of repeats" is a whole number"""
    choices: range | None = None
    """what it can be. None for the number of an item, from 1, and never the last"""
    offered: range | None = None
    """what random questions have, where it is a size; all choices when None"""
    first: int = 1
    """its value in the example that the page begins with"""

    def describe(self) -> dict[str, Any]:
        """What it can be, as JSON can hold it; the last choice is None where it is the number of an item."""
        first, last = (1, None) if self.choices is None else (self.choices[0], self.choices[-1])
        return {"name": self.name, "first": first, "last": last}

    def check(self, number: float | None, choices: range) -> int:
        """The number, if it is one of the choices.

        Raises:
            InputError: if it is missing, not whole or out of range.
        """
        if number is None or not math.isfinite(number) or number != int(number):
            raise InputError(f"{self.noun} is a whole number, not {'nothing' if number is None else f'{number:g}'}.")
        if number not in choices:
            raise InputError(f"{self.noun} can be {choices[0]} to {choices[-1]}, not {number:g}.")
        return int(number)


@dataclass(frozen=True, kw_only=True)
class Form(ABC):
    """How a task is asked. What is counted here are rows, items or bits, whichever the form is made of."""

    fewest: int = 1
    most: int
    offered: range | None = None
    """the sizes of random questions; from the fewest to the most when None"""
    needs: str = ""
    """what messages about a wrong size end in: "recall needs two or more", say; the fewest and the most when empty"""
    number: Number | None = None

    kind: ClassVar[str]
    """what it is made of, for the page: "rows", "items" or "stream\""""
    argument: ClassVar[str] = "bits"
    """the name that the endpoint gives to the text"""
    noun: ClassVar[str]
    """what is counted"""

    @property
    @abstractmethod
    def hint(self) -> str:
        """How to type it, in a sentence."""

    @property
    @abstractmethod
    def example(self) -> str:
        """A line as it may be typed."""

    @property
    def word(self) -> str | None:
        """A word to begin with, where one may be typed instead of bits."""
        return None

    @property
    def sizes(self) -> range:
        """The sizes of random questions."""
        return self.offered or range(self.fewest, self.most + 1)

    @abstractmethod
    def parse(self, text: str, number: float | None = None) -> Typed:
        """Read a question.

        Args:
            text: as it was typed.
            number: as it was typed; passed over where the form has none.

        Raises:
            InputError: if it is not in this form.
        """

    @abstractmethod
    def draw(self, size: int, number: int | None = None, generator: torch.Generator | None = None) -> Typed:
        """Draw fair coins.

        Args:
            size: how many rows, items or bits.
            number: the question's number, where that is one of the task's sizes.
            generator: the source of all randomness; torch's own when None.
        """

    @abstractmethod
    def write(self, typed: Typed) -> str:
        """A question as text, which `parse` reads."""

    def write_answer(self, answer: Tensor, question: str) -> str:
        """An answer as text.

        Args:
            answer: (S, out), bits.
            question: the text of the question, for an answer that looks like it.
        """
        return format_bits(answer)

    @abstractmethod
    def lay_out(self, text: str) -> dict[str, Any]:
        """A question as the page's grid takes it: its `layout`, its `rows` as text, and what else the layout has.

        Args:
            text: the text of a question that can be read.
        """

    def describe(self) -> dict[str, Any]:
        """What a page has to know to read questions in this form, as JSON can hold it."""
        number = None if self.number is None else self.number.describe()
        return {"kind": self.kind, "fewest": self.fewest, "most": self.most, "number": number}

    def _check_size(self, found: str, size: int) -> None:
        if not self.fewest <= size <= self.most:
            raise InputError(f"{found}; {self.needs or f'it takes {self.fewest} to {self.most}'}.")


@dataclass(frozen=True, kw_only=True)
class Rows(Form):
    """Vectors of bits, one a line, such as "10110010"."""

    bits: int = BITS
    """how many a vector has"""
    most: int = MAX_ROWS
    priorities: bool = False
    """whether each line ends in a number from -1 to 1: "10110010 0.25" is one"""
    word: str | None = None
    """a word to begin with, where words may be typed instead: a character is a vector of 8 bits"""

    kind, noun = "rows", "vectors"

    def __post_init__(self) -> None:
        if self.word is not None and (self.bits != BITS or self.priorities):
            raise ValueError(f"words are rows of {BITS} bits without priorities")

    @property
    def hint(self) -> str:
        """How to type it, in a sentence."""
        lines = f"{'up' if self.fewest == 1 else self.fewest} to {self.most} lines"
        if self.priorities:
            return f"{self.bits} bits and a priority from -1 to 1 a line, {lines}."
        return f"One vector of {self.bits} bits a line, {lines}."

    @property
    def example(self) -> str:
        """A line as it may be typed."""
        return _example_bits(self.bits) + (" 0.25" if self.priorities else "")

    def parse(self, text: str, number: float | None = None) -> Typed:
        """Read a question.

        Returns:
            The rows (L, C), with their priorities (L,) and the number where the form has them.

        Raises:
            InputError: if it is not in this form.
        """
        if self.priorities:
            check_length(text)
            lines = [line.split() for line in text.splitlines() if line.strip()]
        else:
            lines = [[row] for row in read_rows(text, self.most)]
        self._check_size(f"There {'is' if len(lines) == 1 else 'are'} {count(len(lines), 'row')}", len(lines))
        rows = _parse_rows(["".join(line[:-1]) or line[-1] for line in lines], self.bits)
        priorities = None
        if self.priorities:
            priorities = torch.tensor([self._parse_priority(line, row) for row, line in enumerate(lines, start=1)])
        if self.number is None or self.number.choices is None:
            return Typed(rows, priorities)
        return Typed(rows, priorities, self.number.check(number, self.number.choices))

    def _parse_priority(self, line: Sequence[str], row: int) -> float:
        if len(line) < 2:
            raise InputError(f"Row {row} has no priority: write it after the bits, as in “{self.example}”.")
        try:
            priority = float(line[-1])
        except ValueError:
            priority = math.nan
        if not -1 <= priority <= 1:
            raise InputError(f"Row {row} has the priority “{line[-1][:20]}”; priorities are numbers from -1 to 1.")
        return priority

    def draw(self, size: int, number: int | None = None, generator: torch.Generator | None = None) -> Typed:
        """Draw fair coins, and uniform priorities where the form has them."""
        rows = random_bits((size, self.bits), generator, None)
        priorities = 2 * torch.rand(size, generator=generator) - 1 if self.priorities else None
        return Typed(rows, priorities, number)

    def write(self, typed: Typed) -> str:
        """A question as text, which `parse` reads."""
        if typed.priorities is None:
            return format_bits(typed.rows)
        lines = zip(format_bits(typed.rows).splitlines(), typed.priorities.tolist(), strict=True)
        return "\n".join(f"{bits} {priority:.3f}" for bits, priority in lines)

    def describe(self) -> dict[str, Any]:
        """What a page has to know to read questions in this form, as JSON can hold it."""
        own = {"bits": self.bits, "priorities": self.priorities, "word": self.word is not None}
        return super().describe() | own

    def lay_out(self, text: str) -> dict[str, Any]:
        """A question as the page's grid takes it."""
        lines = [line.split() for line in text.splitlines() if line.strip()]
        if not self.priorities:
            return {"layout": "rows", "rows": ["".join(line) for line in lines]}
        rows, priorities = ["".join(line[:-1]) for line in lines], [float(line[-1]) for line in lines]
        return {"layout": "rows", "rows": rows, "priorities": priorities}


@dataclass(frozen=True, kw_only=True)
class Items(Form):
    """Items of several rows of bits, with an empty line between them. Its number, if any, is that of one of them."""

    bits: int
    """how many a row has"""
    rows_an_item: int
    fewest: int = 2
    most: int = 40

    argument = "items"
    kind, noun = "items", "items"

    @property
    def hint(self) -> str:
        """How to type it, in a sentence."""
        lines = count(self.rows_an_item, "line")
        return f"An item is {lines} of {self.bits} bits; an empty line comes between items."

    @property
    def example(self) -> str:
        """A line as it may be typed."""
        return _example_bits(self.bits)

    def parse(self, text: str, number: float | None = None) -> Typed:
        """Read a question.

        Returns:
            The items (K, R, C), and the number where the form has one.

        Raises:
            InputError: if it is not in this form.
        """
        check_length(text)
        items = [self._parse_item(item, block) for item, block in enumerate(_blocks(text), start=1)]
        if len(items) > self.most:
            raise InputError(f"That is {len(items)} items; up to {self.most} fit here.")
        found = {0: "are no items", 1: "is one item"}.get(len(items), f"are {len(items)} items")
        self._check_size(f"There {found}", len(items))
        chosen = None if self.number is None else self.number.check(number, range(1, len(items) + 1))
        if chosen == len(items):
            raise InputError(
                f"Item {chosen} is the last, and nothing follows it: ask about an item from 1 to {chosen - 1}."
            )
        return Typed(torch.stack(items), number=chosen)

    def _parse_item(self, item: int, block: str) -> Tensor:
        try:
            rows = _parse_rows(read_rows(block, MAX_ROWS), self.bits)
        except InputError as error:
            raise InputError(f"Item {item}: {error}") from None
        if len(rows) != self.rows_an_item:
            raise InputError(
                f"Item {item} has {count(len(rows), 'row')}; every item needs {self.rows_an_item} and an empty line "
                "after it."
            )
        return rows

    def draw(self, size: int, number: int | None = None, generator: torch.Generator | None = None) -> Typed:
        """Draw fair coins, and any item but the last where the form has a number."""
        items = random_bits((size, self.rows_an_item, self.bits), generator, None)
        if self.number is not None:
            number = int(torch.randint(1, size, (), generator=generator))
        return Typed(items, number=number)

    def write(self, typed: Typed) -> str:
        """A question as text, which `parse` reads."""
        return "\n\n".join(map(format_bits, typed.rows))

    def describe(self) -> dict[str, Any]:
        """What a page has to know to read questions in this form, as JSON can hold it."""
        return super().describe() | {"bits": self.bits, "rowsAnItem": self.rows_an_item}

    def lay_out(self, text: str) -> dict[str, Any]:
        """A question as the page's grid takes it."""
        rows = ["".join(line.split()) for line in text.splitlines() if line.strip()]
        return {"layout": "items", "rows": rows, "rowsAnItem": self.rows_an_item}


@dataclass(frozen=True, kw_only=True)
class Stream(Form):
    """One stream of bits, such as "0110111", on one line or on several."""

    kind, noun = "stream", "bits"

    @property
    def hint(self) -> str:
        """How to type it, in a sentence."""
        return f"{self.fewest} to {self.most} bits."

    @property
    def example(self) -> str:
        """A line as it may be typed."""
        return _example_bits(max(self.fewest, BITS))

    def parse(self, text: str, number: float | None = None) -> Typed:
        """Read a question.

        Returns:
            The bits (L,).

        Raises:
            InputError: if it is not in this form.
        """
        stream = "".join(read_rows(text, self.most))
        _check_bits([stream], "The stream")
        self._check_size(f"The stream has {count(len(stream), 'bit')}", len(stream))
        return Typed(torch.tensor([float(bit) for bit in stream]))

    def draw(self, size: int, number: int | None = None, generator: torch.Generator | None = None) -> Typed:
        """Draw fair coins."""
        return Typed(random_bits((size,), generator, None))

    def write(self, typed: Typed) -> str:
        """A question as text, which `parse` reads."""
        return "".join(str(int(bit)) for bit in typed.rows)

    def write_answer(self, answer: Tensor, question: str) -> str:
        """An answer as text, a row a line where the question has several lines, else all on one."""
        between = "\n" if "\n" in question.strip() else ""
        return format_bits(answer).replace("\n", between)

    def lay_out(self, text: str) -> dict[str, Any]:
        """A question as the page's grid takes it."""
        return {"layout": "stream", "rows": ["".join(text.split())]}


def _example_bits(length: int) -> str:
    return ("10110010" * length)[:length]


def _blocks(text: str) -> list[str]:
    """The parts of a text between blank lines."""
    blocks: list[list[str]] = [[]]
    for line in text.splitlines():
        if line.strip():
            blocks[-1].append(line)
        elif blocks[-1]:
            blocks.append([])
    return ["\n".join(block) for block in blocks if block]


def _parse_rows(rows: Sequence[str], width: int) -> Tensor:
    _check_bits(rows, "Row {}")
    for number, row in enumerate(rows, start=1):
        if len(row) != width:
            raise InputError(f"Row {number} has {count(len(row), 'bit')}; every row needs {width}.")
    return torch.tensor([[float(bit) for bit in row] for row in rows])


def _check_bits(rows: Sequence[str], name: str) -> None:
    for number, row in enumerate(rows, start=1):
        strange = next((character for character in row if character not in "01"), None)
        if strange is not None:
            raise InputError(f"{name.format(number)} holds “{strange}”, which is not a bit: rows are made of 0 and 1.")
