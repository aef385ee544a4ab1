"""Tables of errors by size, the same on model cards, on the results page and from the evaluation command."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from ntm.reports.uncertainty import bound_of_none, pooled_margin, wilson
from ntm.tasks import Task
from ntm.tasks.base import Sizes

_NOTHING = "–"
_FEW = 20


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
    margin: float | None
    """half the 95 % interval of the mean of what is above the least possible error; None in records of before"""
    wrong: int | None
    """how many sequences had an error; None where the least possible one is not zero, and in records of before"""
    worst: float
    """the error of the worst sequence"""
    optimal: float | None
    """mean error of the best that can be done, where that is known"""
    chosen_at: bool
    """whether the weights were chosen by their error at this size too, though none is trained on it"""

    @property
    def label(self) -> str:
        """The first cell of the row."""
        if self.trained:
            return f"{self.sizes} (trained on)"
        return f"{self.sizes} (size used in choosing)" if self.chosen_at else self.sizes


def rows(task: Task, evaluation: Mapping[str, Any]) -> list[Row]:
    """The rows of a model's table: one for the sizes of the training range together, and one for each size beyond it.

    Args:
        task: what the model was judged on.
        evaluation: the contents of `evaluation.json`.
    """
    within: dict[int | None, list[Mapping[str, Any]]] = {}
    beyond = []
    chosen_at = evaluation.get("chosen_at", [])
    for score in evaluation["scores"]:
        if in_training_range(task, score["sizes"]):
            within.setdefault(score["memory_slots"], []).append(score)
        else:
            beyond.append(_row([score], describe_sizes(score["sizes"]), chosen_at=score["sizes"] in chosen_at))
    trained = [_row(scores, _describe_range(task, len(scores)), trained=True) for scores in within.values()]
    return trained + beyond


def in_training_range(task: Task, sizes: Sizes) -> bool:
    """Whether models are trained on sequences of these sizes."""
    return sizes.keys() == task.sizes.keys() and all(sizes[name] in choices for name, choices in task.sizes.items())


def _row(scores: Sequence[Mapping[str, Any]], sizes: str, *, trained: bool = False, chosen_at: bool = False) -> Row:
    counts = [score["sequences"] for score in scores]

    def known(name: str) -> list[Any] | None:
        return [score[name] for score in scores] if all(name in score for score in scores) else None

    def mean(values: Sequence[float]) -> float:
        return float(sum(value * count for value, count in zip(values, counts, strict=True)) / sum(counts))

    margins, wrong, optimal = map(known, ("margin", "wrong", "optimal"))
    return Row(
        sizes=sizes,
        trained=trained,
        memory_slots=scores[0]["memory_slots"],
        sequences=sum(counts),
        error=mean([score["error"] for score in scores]),
        margin=None if margins is None else pooled_margin(margins, counts),
        wrong=None if wrong is None else sum(wrong),
        worst=max(score["worst"] for score in scores),
        optimal=None if optimal is None else mean(optimal),
        chosen_at=chosen_at,
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
    """A mean error with its 95 % interval, such as "0.18 ± 0.02".

    Where hardly a sequence was wrong, an interval of the mean means little: then the upper bound of the share that is,
    such as "0 (< 0.03 %)". Where the best possible error is known, how much more it is than that, and the interval of
    that.
    """
    if row is None:
        return _NOTHING
    margin = row.margin
    if row.optimal is not None:
        more = f"{100 * (row.error / row.optimal - 1):+.2f}"
        interval = "" if margin is None else f" ± {100 * margin / row.optimal:.2f}"
        return f"{number(row.error)} ({more}{interval} %)"
    if row.wrong is not None and row.wrong < _FEW:
        return f"{number(row.error)} (< {percent(_largest_share(row.wrong, row.sequences))})"
    if not margin:
        return number(row.error)
    places = max(0, 1 - math.floor(math.log10(margin)))
    return f"{row.error:,.{places}f} ± {margin:,.{places}f}"


def wrong_sequences(row: Row) -> str:
    """How many sequences had an error, and the 95 % interval of their share, such as "12 (0.069 to 0.21 %)"."""
    if row.wrong is None:
        return _NOTHING
    if row.wrong == 0:
        return f"0 (< {percent(_largest_share(0, row.sequences))})"
    low, high = wilson(row.wrong, row.sequences)
    return f"{row.wrong:,} ({percent(low).removesuffix(' %')} to {percent(high)})"


def _largest_share(wrong: int, sequences: int) -> float:
    return wilson(wrong, sequences)[1] if wrong else bound_of_none(sequences)


def percent(share: float) -> str:
    """A share with as many digits as mean something, such as "0.03 %"."""
    value = 100 * share
    return f"{value:,.0f} %" if value >= 9.95 else f"{value:.2g} %"


def describe_counts(scores: Sequence[Mapping[str, Any]]) -> str:
    """How many sequences there were a score, such as "1,000 or 10,000"."""
    return " or ".join(f"{count:,}" for count in sorted({score["sequences"] for score in scores}))


def describe_seeds(seeds: Sequence[int]) -> str:
    """Seeds in a row in words, such as "seeds 0 to 9"."""
    return f"seed {seeds[0]}" if len(seeds) == 1 else f"seeds {seeds[0]} to {seeds[-1]}"


def compare(task: Task, evaluations: Mapping[str, Mapping[str, Any]]) -> str:
    """Models side by side, a row a size.

    Args:
        task: what they were judged on.
        evaluations: contents of `evaluation.json`, by what the table calls the model.
    """
    judged = side_by_side(task, evaluations)
    optimal = any(row is not None and row.optimal is not None for each in judged for row in each)
    titles = ["size", "memory slots", *evaluations, *(["optimal"] if optimal else [])]
    return markdown(titles, [_cells(each, optimal) for each in judged])


def _cells(judged: Sequence[Row | None], optimal: bool) -> list[str]:
    there = [row for row in judged if row is not None]
    slots = max(row.memory_slots or 0 for row in there)
    label = next((row.label for row in there if row.chosen_at), there[0].label)
    cells = [label, f"{slots:,}" if slots else "", *map(mean_error, judged)]
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
        if row.memory_slots is not None or all(row.sizes != sizes for sizes, _ in keys):
            keys[row.sizes, row.memory_slots] = None
    return [
        [
            next((row for row in table if row.sizes == sizes and row.memory_slots in (slots, None)), None)
            for table in tables
        ]
        for sizes, slots in keys
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
