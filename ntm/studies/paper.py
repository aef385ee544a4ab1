"""The paper's figures 3 to 18, drawn with the published machines: `python -m ntm.studies.paper`.

It writes `checkpoints/paper/README.md` with a picture for each figure and a sentence of what the paper saw in its own.
Learning curves and errors by size are those on record; the other figures are runs, made anew.
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
from matplotlib.figure import Figure

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.models import MODELS, architecture_of, labels_of
from ntm.reports import figures, tables
from ntm.storage.checkpoint import CHECKPOINTS, Checkpoint, published, read_folder
from ntm.storage.untrusted import CheckpointError
from ntm.studies.results import save
from ntm.tasks import Answer, Architecture, Batch
from ntm.tasks.base import Sizes
from ntm.tasks.streams import make_generator

FOLDER, PAGE = "paper", "README.md"
COMPARED = ("NTM with LSTM controller", "NTM with feedforward controller", "LSTM")
"""what the paper compares in its learning curves, as tables and figures here call it"""

_INTRODUCTION = """# The paper's figures, drawn with these machines

Figures 3 to 18 of [Graves, Wayne and Danihelka 2014](https://arxiv.org/abs/1410.5401), drawn in the same way with the
machines of [this folder](../README.md), each with what the paper saw in its own. Figures 1 and 2 show how the machine
is built. A machine with an extension has more than the paper's: [what and why](../README.md).

Errors are wrong bits, where the paper counts the log loss; of N-grams both count the log loss in bits. Learning curves
show the error on the sequences that a machine was training on, which are short at first where its recipe says so.

`python -m ntm.studies.paper` writes this page.
"""

Machines = Mapping[str, Checkpoint]
"""of one task, by what tables and figures call them"""


class Drawn(NamedTuple):
    """What stands on the page for a figure."""

    figure: Figure | None
    """None where there is nothing to draw it with"""
    drawn: Iterable[str]
    """what is drawn"""
    missing: Sequence[str] = ()
    """what the paper draws besides, and is not published here"""


Draw = Callable[[str, Machines], Drawn]
"""draws a figure from a task's name and its machines"""


class Entry(NamedTuple):
    """One of the paper's figures."""

    number: int
    task: str
    title: str
    saw: str
    """what the paper saw in it, in our words"""
    draw: Draw
    picture: str = "svg"
    """the kind of file: png where there are many cells"""


def _draw_learning(task: str, machines: Machines) -> Drawn:
    curves = {}
    for label, each in machines.items():
        batch_size = each.training["batch_size"]
        curves[label] = [(row["update"] * batch_size, row["error"]) for row in each.training["curve"]]
    optimal = next(
        (
            score["optimal"]
            for each in machines.values()
            for score in each.evaluation["scores"]
            if "optimal" in score and score["sizes"] == _largest(task)
        ),
        None,
    )
    missing = [model for model in COMPARED if model not in machines]
    return Drawn(figures.draw_learning(curves, tasks.get(task).error_name, optimal), curves, missing)


def _draw_answers(architectures: Sequence[Architecture], *sizes: Sizes) -> Draw:
    """The answers of a task's machines of these kinds at these sizes, with how many bits are wrong."""

    def draw(task: str, machines: Machines) -> Drawn:
        answers, chosen = {}, _first_of(machines, architectures)
        for label, each in chosen.items():
            for size in sizes:
                answer = _run(task, each.model, size)
                name = f"{label}, {tables.describe_sizes(size)}: {answer.bit_errors:,} wrong bits"
                answers[name] = answer.target, answer.probabilities
        return _drawn(lambda: figures.draw_answers(answers), chosen, architectures)

    return draw


def _draw_memory(**sizes: int) -> Draw:
    """What a task's machine writes and reads in a run of these sizes."""

    def draw(task: str, machines: Machines) -> Drawn:
        chosen, batch = _first_of(machines, ["ntm"]), _sample(task, sizes)
        traces = [each.model.trace(batch.inputs) for each in chosen.values()]
        return _drawn(lambda: figures.draw_run(batch, traces[0]), chosen, ["ntm"])

    return draw


def _draw_generalisation(task: str, machines: Machines) -> Drawn:
    evaluations = {label: each.evaluation for label, each in machines.items()}
    return Drawn(figures.draw_generalisation(tasks.get(task), evaluations), machines)


def _draw_predictions(task: str, machines: Machines) -> Drawn:
    batch, chosen = _sample(task, _largest(task)), _first_of(machines, ["ntm", "lstm"])
    optimal = tasks.get(task).optimal_probabilities(batch.inputs)
    assert optimal is not None
    predictions = {"optimal estimator": optimal[batch.mask][:, 0]}
    for label, each in chosen.items():
        predictions[label] = _run(task, each.model, _largest(task)).probabilities[:, 0]
    first = int(batch.mask[:, 0].nonzero()[0]) + 2  # the second bit is the first that could be asked for
    bits = batch.targets[batch.mask][:, 0]
    return _drawn(lambda: figures.draw_predictions(bits, predictions, first), chosen, ["ntm", "lstm"])


def _draw_example(task: str, machines: Machines) -> Drawn:
    return Drawn(
        figures.draw_example(_sample(task, _largest(task))),
        ["one sequence, its priorities in the row below the vectors"],
    )


def _first_of(machines: Machines, architectures: Sequence[Architecture]) -> Machines:
    """The first machine of each kind."""
    found: dict[Architecture, tuple[str, Checkpoint]] = {}
    for label, each in machines.items():
        found.setdefault(architecture_of(each.model), (label, each))
    return dict(found[architecture] for architecture in architectures if architecture in found)


def _drawn(draw: Callable[[], Figure], chosen: Machines, architectures: Sequence[Architecture]) -> Drawn:
    there = {architecture_of(each.model) for each in chosen.values()}
    missing = [MODELS[architecture].label for architecture in architectures if architecture not in there]
    return Drawn(draw() if chosen else None, chosen, missing)


def _largest(task: str) -> Sizes:
    """The largest sizes that machines are trained on."""
    return {name: sizes[-1] for name, sizes in tasks.get(task).sizes.items()}


def _sample(task: str, sizes: Sizes) -> Batch:
    return tasks.get(task).sample(1, generator=make_generator("demo", 0), device=None, **sizes)


@torch.no_grad()
def _run(task: str, model: SequenceModel, sizes: Sizes) -> Answer:
    batch = _sample(task, sizes)
    return Answer(batch, model(batch.inputs)[0])


def _list(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}" if others else last


_COPY, _REPEAT, _RECALL, _NGRAMS, _SORT = "copy", "repeat-copy", "associative-recall", "dynamic-ngrams", "priority-sort"
_LENGTHS = [{"length": length} for length in (10, 20, 30, 50, 120)]
_REPEATS = [{"length": 20, "repeats": 10}, {"length": 10, "repeats": 20}]

FIGURES = (
    Entry(
        *(3, _COPY, "copy, learning curves"),
        "Both NTMs learn much faster than the LSTM alone, and end at a lower cost.",
        _draw_learning,
    ),
    Entry(
        *(4, _COPY, "copy, how far the NTM gets"),
        "Trained on up to 20 vectors, it copies 30 and 50 with few mistakes. At 120 it says one vector twice, and "
        "all after it come a step late.",
        _draw_answers(["ntm"], *_LENGTHS),
    ),
    Entry(
        *(5, _COPY, "copy, how far the LSTM gets"),
        "It copies up to 20 vectors almost perfectly, and fails soon after. The longer the sequence, the shorter "
        "the part that is right.",
        _draw_answers(["lstm"], *_LENGTHS),
    ),
    Entry(
        *(6, _COPY, "copy, memory in use"),
        "The machine writes the vectors to one slot after another, goes back to the first, and reads them in that "
        "order. The weightings are sharp.",
        _draw_memory(length=20),
        "png",
    ),
    Entry(
        *(7, _REPEAT, "repeat copy, learning curves"),
        "All three learn it in the end, the NTMs much faster.",
        _draw_learning,
    ),
    Entry(
        *(8, _REPEAT, "repeat copy, how far both get"),
        "With more vectors or more repeats than in training the NTM goes on saying them, but it has lost count: it "
        "does not know when to stop, and says so too often. The LSTM fails at both.",
        _draw_answers(["ntm", "lstm"], *_REPEATS),
    ),
    Entry(
        *(9, _REPEAT, "repeat copy, memory in use"),
        "The vectors are written once and read as often as asked. The weightings show the loop, and the jump back "
        "to its beginning.",
        _draw_memory(length=10, repeats=7),
        "png",
    ),
    Entry(
        *(10, _RECALL, "associative recall, learning curves"),
        "The NTMs come near to zero within 30,000 sequences, the one with a feedforward controller first. The LSTM "
        "does not get there in a million.",
        _draw_learning,
    ),
    Entry(
        *(11, _RECALL, "associative recall, more items"),
        "The NTM with a feedforward controller is nearly perfect up to 12 items, twice as many as in training, and "
        "below one bit at 15.",
        _draw_generalisation,
    ),
    Entry(
        *(12, _RECALL, "associative recall, memory in use"),
        "When an item is complete, the machine writes down something that stands for it. Asked, it makes the same "
        "of the query, finds that by content, and moves on one slot to what came after.",
        _draw_memory(items=6),
        "png",
    ),
    Entry(
        *(13, _NGRAMS, "dynamic N-grams, learning curves"),
        "The NTMs are a little better than the LSTM, and never quite as good as the optimal estimator.",
        _draw_learning,
    ),
    Entry(
        *(14, _NGRAMS, "dynamic N-grams, predictions"),
        "The NTM is nearer to the optimal estimate than the LSTM almost everywhere.",
        _draw_predictions,
    ),
    Entry(
        *(15, _NGRAMS, "dynamic N-grams, memory in use"),
        "Where the same five bits come again, the same slot is read, and written to in the next step. So it seems "
        "to keep count there of what came after them.",
        _draw_memory(length=200),
        "png",
    ),
    Entry(
        *(16, _SORT, "priority sort, an example"),
        "Twenty vectors with a priority each go in. The sixteen of highest priority are to come out in order.",
        _draw_example,
    ),
    Entry(
        *(17, _SORT, "priority sort, memory in use"),
        "Where the machine writes is close to a linear function of the priority. It then reads one slot after another.",
        _draw_memory(length=20),
        "png",
    ),
    Entry(
        *(18, _SORT, "priority sort, learning curves"),
        "Both NTMs do much better than the LSTM. The one with a feedforward controller needed eight heads of each "
        "kind.",
        _draw_learning,
    ),
)


def write(folder: Path) -> None:
    """Write the page and its pictures.

    Args:
        folder: that of the checkpoints; the page goes into a folder of it.

    Raises:
        CheckpointError: if a checkpoint cannot be read.
    """
    page = folder / FOLDER
    page.mkdir(exist_ok=True)
    machines = {task: _machines(folder, task) for task in dict.fromkeys(entry.task for entry in FIGURES)}
    (page / PAGE).write_text(
        _INTRODUCTION + "".join(_section(page, entry, machines[entry.task]) for entry in FIGURES), encoding="utf-8"
    )


def _machines(folder: Path, task: str) -> Machines:
    found = [read_folder(home, task) for home in published(folder, task)]
    return dict(zip(labels_of([each.model for each in found]), found, strict=True))


def _section(page: Path, entry: Entry, machines: Machines) -> str:
    text = f"\n## Figure {entry.number}: {entry.title}\n\n"
    drawn = entry.draw(entry.task, machines) if machines else Drawn(None, (), COMPARED)
    if drawn.figure is not None:
        name = f"figure-{entry.number}.{entry.picture}"
        save(drawn.figure, page / name)
        text += f"![Figure {entry.number}, {entry.title}]({name})\n\n"
    text += f"The paper: {entry.saw}\n\n"
    says = [f"Drawn: {_list(drawn.drawn)}."] if drawn.figure is not None else []
    says += [f"**Missing: {_list(drawn.missing)}**, not published yet for this task."] if drawn.missing else []
    return f"{text}{' '.join(says)}\n"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    argparse.ArgumentParser(
        prog="python -m ntm.studies.paper", description="Draw the paper's figures with the published machines."
    ).parse_args(arguments)
    try:
        write(CHECKPOINTS)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {CHECKPOINTS / FOLDER / PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
