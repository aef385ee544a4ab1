"""What visitors ask of a machine, as text: how it is read, drawn at random and written, for each task.

The text is that of the demo's HTTP interface: a vector a line, such as "10110010"; for sorting with its priority,
"10110010 0.25"; items with an empty line between them; a stream of bits however it is broken into lines.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import torch
from torch import Tensor

from ntm.tasks import Batch, Task
from ntm.tasks.associative_recall import AssociativeRecall
from ntm.tasks.base import random_bits
from ntm.tasks.copy import Copy
from ntm.tasks.dynamic_ngrams import DynamicNgrams
from ntm.tasks.priority_sort import PrioritySort
from ntm.tasks.repeat_copy import RepeatCopy
from ntm.ui.text import MAX_ROWS, InputError, check_length, count, format_bits, read_rows

_MOST_STEPS = 500


@dataclass(frozen=True)
class Question:
    """What is asked of a machine, small enough for a link."""

    task: str
    text: str
    number: int | None = None
    """how often to repeat, or the item to ask about, from 1"""


class Asked(NamedTuple):
    """A question as the machine gets it."""

    batch: Batch
    """one sequence"""
    captions: list[str]
    """(T), what each step is about, in words"""
    sizes: Mapping[str, int]
    trained: bool
    """whether machines are trained on sequences of these sizes"""


class _Kind(ABC):
    """How questions of one task are read and drawn."""

    task: ClassVar[Task]
    limits: ClassVar[Mapping[str, range]]
    """the sizes that "Surprise me" offers"""
    number: ClassVar[str | None] = None
    """what the number means, where there is one"""

    @abstractmethod
    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        """The sequence, its captions and its sizes.

        Raises:
            InputError: if it cannot be asked.
        """

    @abstractmethod
    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        """A question at random."""


class _Copy(_Kind):
    task = Copy()
    limits: ClassVar = {"length": range(1, MAX_ROWS + 1)}

    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        vectors = _bits(read_rows(text, MAX_ROWS), 8)
        length = len(vectors)
        captions = ["start flag", *_each("vector", length, "comes in"), "end flag", *_each("vector", length, "is due")]
        return self.task.encode(vectors.unsqueeze(1)), captions, {"length": length}

    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        return Question(self.task.name, format_bits(random_bits((sizes["length"], 8), generator, None)))


class _RepeatCopy(_Kind):
    task = RepeatCopy()
    limits: ClassVar = {"length": range(1, 31), "repeats": range(1, 31)}
    number = "repeats"

    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        vectors = _bits(read_rows(text, MAX_ROWS), 8)
        length, repeats = len(vectors), _whole(number, "The number of repeats", 1, _MOST_STEPS)
        if length * repeats > _MOST_STEPS:
            raise InputError(
                f"{count(length, 'vector')} {repeats:,} times is {length * repeats:,} vectors; up to {_MOST_STEPS} fit."
            )
        due = [
            f"vector {vector} is due, time {time}" for time in range(1, repeats + 1) for vector in range(1, length + 1)
        ]
        captions = [
            "start flag",
            *_each("vector", length, "comes in"),
            f"the count, {repeats}",
            *due,
            "the end marker is due",
        ]
        return self.task.encode(vectors.unsqueeze(1), repeats), captions, {"length": length, "repeats": repeats}

    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        vectors = random_bits((sizes["length"], 8), generator, None)
        return Question(self.task.name, format_bits(vectors), sizes["repeats"])


class _AssociativeRecall(_Kind):
    task = AssociativeRecall()
    limits: ClassVar = {"items": range(2, 31)}
    number = "query"

    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        rows = self.task.vectors_an_item
        items = self._items(text)
        if len(items) < 2:
            raise InputError(f"There {'is one item' if items else 'are no items'}; recall needs two or more.")
        query = _whole(number, "The item to ask about", 1, len(items))
        if query == len(items):
            raise InputError(
                f"Item {query} is the last, and nothing follows it: ask about an item from 1 to {query - 1}."
            )
        vectors = torch.stack(items)
        captions = [
            f"item {item}: {part}"
            for item in range(1, len(items) + 1)
            for part in ("flag", *_each("vector", rows, "comes in"))
        ]
        captions += ["query flag", *_each(f"item {query} is asked about: vector", rows, "comes in"), "query flag"]
        captions += _each(f"item {query + 1}: vector", rows, "is due")
        return self.task.encode(vectors.unsqueeze(2), torch.tensor([query - 1])), captions, {"items": len(items)}

    def _items(self, text: str) -> list[Tensor]:
        check_length(text)
        blocks: list[list[str]] = [[]]
        for line in text.splitlines():
            if line.strip():
                blocks[-1].append(line)
            elif blocks[-1]:
                blocks.append([])
        found = []
        for number, block in enumerate((block for block in blocks if block), start=1):
            try:
                vectors = _bits(read_rows("\n".join(block), MAX_ROWS), self.task.bits)
            except InputError as error:
                raise InputError(f"Item {number}: {error}") from None
            if len(vectors) != self.task.vectors_an_item:
                raise InputError(
                    f"Item {number} has {count(len(vectors), 'row')}; every item needs {self.task.vectors_an_item} and "
                    "an empty line after it."
                )
            found.append(vectors)
        if len(found) > 40:
            raise InputError(f"That is {len(found)} items; up to 40 fit here.")
        return found

    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        shape = (sizes["items"], self.task.vectors_an_item, self.task.bits)
        items = random_bits(shape, generator, None)
        query = int(torch.randint(1, sizes["items"], (), generator=generator))
        return Question(self.task.name, "\n\n".join(map(format_bits, items)), query)


class _DynamicNgrams(_Kind):
    task = DynamicNgrams()
    limits: ClassVar = {"length": range(20, _MOST_STEPS + 1)}

    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        rows = read_rows(text, _MOST_STEPS)
        stream = "".join(rows)
        _check_bits([stream], "The stream")
        length, fewest = len(stream), self.task.context + 1
        if not fewest <= length <= _MOST_STEPS:
            raise InputError(
                f"The stream has {count(length, 'bit')}; it takes {fewest} to {_MOST_STEPS}, for the machine is asked "
                f"about a bit from the {self.task.context} before it."
            )
        bits = torch.tensor([float(bit) for bit in stream]).unsqueeze(1)
        captions = [f"bit {row} is {stream[row - 1]}; what will bit {row + 1} be?" for row in range(1, length)]
        return self.task.encode(bits), captions, {"length": length}

    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        batch = self.task.sample(1, generator=generator, **sizes)
        bits = torch.cat([batch.inputs[:, 0, 0], batch.targets[-1, 0]])
        return Question(self.task.name, "".join(str(int(bit)) for bit in bits))


class _PrioritySort(_Kind):
    task = PrioritySort()
    limits: ClassVar = {"length": range(5, 61)}

    def read(self, text: str, number: int | None) -> tuple[Batch, list[str], dict[str, int]]:
        check_length(text)
        lines = [line.split() for line in text.splitlines() if line.strip()]
        fewest = self.task.left_out + 1
        if not fewest <= len(lines) <= 60:
            raise InputError(
                f"There {'is' if len(lines) == 1 else 'are'} {count(len(lines), 'row')}; sorting takes {fewest} to 60, "
                f"for the lowest {self.task.left_out} are left out."
            )
        vectors = _bits(["".join(line[:-1]) or line[-1] for line in lines], 8)
        priorities = torch.tensor([_priority(line, row) for row, line in enumerate(lines, start=1)])
        length = len(lines)
        came = [
            f"vector {row} comes in, priority {priority:.2f}" for row, priority in enumerate(priorities.tolist(), 1)
        ]
        order = priorities.sort(descending=True, stable=True).indices[: length - self.task.left_out].tolist()
        due = [f"number {place}: vector {row + 1} is due" for place, row in enumerate(order, start=1)]
        batch = self.task.encode(vectors.unsqueeze(1), priorities.unsqueeze(1))
        return batch, [*came, "end flag", *due], {"length": length}

    def draw(self, generator: torch.Generator | None, **sizes: int) -> Question:
        vectors = random_bits((sizes["length"], 8), generator, None)
        priorities = 2 * torch.rand(sizes["length"], generator=generator) - 1
        rows = zip(format_bits(vectors).splitlines(), priorities.tolist(), strict=True)
        return Question(self.task.name, "\n".join(f"{bits} {priority:.3f}" for bits, priority in rows))


_KINDS = {
    kind.task.name: kind for kind in (_Copy(), _RepeatCopy(), _AssociativeRecall(), _DynamicNgrams(), _PrioritySort())
}


def read(question: Question) -> Asked:
    """The sequence that asks a question.

    Raises:
        InputError: if it cannot be asked; the message is one sentence for the visitor.
    """
    kind = _kind(question.task)
    batch, captions, sizes = kind.read(question.text, question.number)
    trained = all(size in kind.task.sizes[name] for name, size in sizes.items())
    return Asked(batch, captions, sizes, trained)


def draw(task: str, generator: torch.Generator | None = None, **sizes: int) -> Question:
    """A question of these sizes at random.

    Raises:
        InputError: if a size is not one that is offered.
    """
    kind = _kind(task)
    for name, offered in kind.limits.items():
        if sizes.get(name) not in offered:
            raise InputError(f"{name.capitalize()} can be {offered[0]} to {offered[-1]} here, not {sizes.get(name)}.")
    return kind.draw(generator, **sizes)


def limits(task: str) -> Mapping[str, range]:
    """The sizes that `draw` takes."""
    return _kind(task).limits


def number_of(task: str) -> str | None:
    """What a question's number means in this task, if it has one."""
    return _kind(task).number


def names() -> list[str]:
    """The tasks that can be asked, in the paper's order."""
    return list(_KINDS)


def _kind(task: str) -> _Kind:
    if task not in _KINDS:
        raise InputError(f"There is no task “{task[:40]}”; there are {', '.join(_KINDS)}.")
    return _KINDS[task]


def _each(noun: str, number: int, verb: str) -> list[str]:
    return [f"{noun} {index} of {number} {verb}" for index in range(1, number + 1)]


def _bits(rows: Sequence[str], width: int) -> Tensor:
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


def _priority(line: Sequence[str], row: int) -> float:
    if len(line) < 2:
        raise InputError(f"Row {row} has no priority: write it after the bits, as in “10110010 0.25”.")
    try:
        priority = float(line[-1])
    except ValueError:
        priority = math.nan
    if not -1 <= priority <= 1:
        raise InputError(f"Row {row} has the priority “{line[-1][:20]}”; priorities are numbers from -1 to 1.")
    return priority


def _whole(number: float | None, what: str, smallest: int, largest: int) -> int:
    if number is None or not math.isfinite(number) or number != int(number):
        raise InputError(f"{what} is a whole number, not {'nothing' if number is None else f'{number:g}'}.")
    if not smallest <= number <= largest:
        raise InputError(f"{what} can be {smallest} to {largest}, not {number:g}.")
    return int(number)
