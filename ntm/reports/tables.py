"""Tables of errors by size, the same on model cards, on the results page and from the evaluation command."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ntm.tasks import Task
from ntm.tasks.base import Sizes

_NOTHING = "–"


class Row(NamedTuple):
    """Errors at one size, or over all sizes of the training range."""

    sizes: str
    """in words"""
    trained: bool
    """whether it is the training range"""
    memory_slots: int | None
    sequences: int
    error: float
    """mean over the sequences"""
    worst: float
    """the error of the worst sequence"""
    optimal: float | None
    """mean error of the best that can be done, where that is known"""

    @property
    def label(self) -> str:
        """The first cell of the row."""
        return f"{self.sizes} (trained on)" if self.trained else self.sizes


def rows(task: Task, evaluation: Mapping[str, Any]) -> list[Row]:
    """The rows of a model's table: one for the sizes of the training range together, and one for each size beyond it.

    Args:
        task: what the model was judged on.
        evaluation: the contents of `evaluation.json`.
    """
    within: dict[int | None, list[Mapping[str, Any]]] = {}
    beyond = []
    for score in evaluation["scores"]:
        if in_training_range(task, score["sizes"]):
            within.setdefault(score["memory_slots"], []).append(score)
        else:
            beyond.append(_row([score], describe_sizes(score["sizes"]), trained=False))
    trained = [_row(scores, _describe_range(task, len(scores)), trained=True) for scores in within.values()]
    return trained + beyond


def in_training_range(task: Task, sizes: Sizes) -> bool:
    """Whether models are trained on sequences of these sizes."""
    return sizes.keys() == task.sizes.keys() and all(sizes[name] in choices for name, choices in task.sizes.items())


def _row(scores: Sequence[Mapping[str, Any]], sizes: str, *, trained: bool) -> Row:
    sequences = sum(score["sequences"] for score in scores)

    def mean(name: str) -> float:
        return float(sum(score[name] * score["sequences"] for score in scores) / sequences)

    return Row(
        sizes=sizes,
        trained=trained,
        memory_slots=scores[0]["memory_slots"],
        sequences=sequences,
        error=mean("error"),
        worst=max(score["worst"] for score in scores),
        optimal=mean("optimal") if all("optimal" in score for score in scores) else None,
    )


def _describe_range(task: Task, judged: int) -> str:
    possible = math.prod(map(len, task.sizes.values()))
    text = ", ".join(
        f"{name} {choices[0]} to {choices[-1]}" if len(choices) > 1 else f"{name} {choices[0]}"
        for name, choices in task.sizes.items()
    )
    return text if judged == possible else f"{text}, {judged} of {possible} sizes"


def describe_sizes(sizes: Sizes) -> str:
    """Sizes in words, such as "length 20"."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())


def number(value: float) -> str:
    """An error with as many digits as mean something."""
    return f"{value:,.0f}" if value >= 1000 else f"{value:.4g}"


def excess(score: Mapping[str, Any]) -> float:
    """What is above the least possible error, in one of the scores of `evaluation.json`."""
    return float(score["error"] - score.get("optimal", 0.0))


def mean_error(row: Row | None) -> str:
    """A mean error and, where the best possible one is known, how much more it is than that."""
    if row is None:
        return _NOTHING
    if row.optimal is None:
        return number(row.error)
    return f"{number(row.error)} ({row.error / row.optimal - 1:+.1%})"


def compare(task: Task, evaluations: Mapping[str, Mapping[str, Any]]) -> str:
    """Models side by side, a row a size; "worst" is the error of the worst sequence.

    Args:
        task: what they were judged on.
        evaluations: contents of `evaluation.json`, by what the table calls the model.
    """
    judged = side_by_side(task, evaluations)
    optimal = any(row is not None and row.optimal is not None for each in judged for row in each)
    titles = ["size", "memory slots", *(title for name in evaluations for title in (name, f"{name}, worst"))]
    return markdown([*titles, *(["optimal"] if optimal else [])], [_cells(each, optimal) for each in judged])


def _cells(judged: Sequence[Row | None], optimal: bool) -> list[str]:
    there = [row for row in judged if row is not None]
    slots = max(row.memory_slots or 0 for row in there)
    cells = [there[0].label, f"{slots:,}" if slots else ""]
    for row in judged:
        cells += [mean_error(row), _NOTHING if row is None else number(row.worst)]
    if optimal:
        cells.append(_NOTHING if there[0].optimal is None else number(there[0].optimal))
    return cells


def side_by_side(task: Task, evaluations: Mapping[str, Mapping[str, Any]]) -> list[list[Row | None]]:
    """The rows of models that belong together, in the order of the models; None where one was not judged.

    A model without memory stands beside another one whatever number of slots that has.
    """
    tables = [rows(task, evaluation) for evaluation in evaluations.values()]
    keys: dict[tuple[str, int | None], None] = {}
    for row in (row for table in tables for row in table):
        if row.memory_slots is not None or all(row.label != label for label, _ in keys):
            keys[row.label, row.memory_slots] = None
    return [
        [
            next((row for row in table if row.label == label and row.memory_slots in (slots, None)), None)
            for table in tables
        ]
        for label, slots in keys
    ]


def markdown(titles: Sequence[str], cells: Sequence[Sequence[str]], words: int = 1) -> str:
    """A table in Markdown that reads well as plain text too.

    Args:
        titles: the titles of the columns.
        cells: row by row.
        words: how many columns from the left hold words; the others hold numbers and keep to the right.
    """
    lines = [titles, *cells]
    widths = [max(4, *(len(line[column]) for line in lines)) for column in range(len(titles))]

    def line(texts: Sequence[str]) -> str:
        padded = (
            text.ljust(width) if column < words else text.rjust(width)
            for column, (text, width) in enumerate(zip(texts, widths, strict=True))
        )
        return f"| {' | '.join(padded)} |"

    rule = ["-" * width if column < words else "-" * (width - 1) + ":" for column, width in enumerate(widths)]
    return "\n".join(map(line, [titles, rule, *cells]))
