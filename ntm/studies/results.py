"""The results page: `python -m ntm.studies.results` writes `checkpoints/README.md` and draws its curves.

It trains and measures nothing: all numbers come from what the checkpoints and the study have on record.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ntm import tasks
from ntm.machine.models import labels_of
from ntm.machine.ntm import NTM
from ntm.reports import figures, tables
from ntm.storage.checkpoint import CHECKPOINTS, Checkpoint, published, read_folder
from ntm.storage.untrusted import CheckpointError
from ntm.studies import initialisation
from ntm.tasks import Task
from ntm.tasks.option import add_task_option

PAGE = "README.md"

_INTRODUCTION = """# Results

Each of the paper's tasks, learned by a Neural Turing Machine and by a plain LSTM. Errors are means over fresh sequences
that neither training nor the choice of weights has seen.

- After "±" is half the 95 % interval of the mean.
- "0 (< 0.03 %)" means that no sequence was wrong, so fewer than 0.03 % are, at the level of 95 %. Where some were, the
  card of the machine says how many, and how wrong the worst was.
- "Size used in choosing" marks a size that no machine was trained on, but whose error decided between weights.

`python -m ntm.studies.evaluation --all --full --save` measures the errors anew, `python -m ntm.studies.initialisation`
repeats the study, and `python -m ntm.studies.results` writes this page and draws its figures from what they recorded.
[What did not work](what-did-not-work.md) is on a page of its own.
"""

_STUDY = """
## What is in memory at first

[Collier and Beel](https://arxiv.org/abs/1807.08518) found that a machine learns about twice as fast when memory starts
as a small constant everywhere than when its contents are learned or random. The same question asked here, of the
machines above with {slots} memory slots: {seeds} seeds each, the same budget for all, and the error of every update's
batch before the update.

![Error against sequences seen, the median of {seeds} seeds and the quarters beside it]({figure})

{table}

"Learned" counts the seeds that came under one wrong bit a sequence within the budget, and "sequences" says after how
many that was (the whole budget where it never was). Quartiles in brackets.
"""


def write(folder: Path) -> None:
    """Write the page and its figures.

    Args:
        folder: the folder of the checkpoints.

    Raises:
        CheckpointError: if a record cannot be read.
    """
    parts = [_INTRODUCTION, *(_section(folder, task) for task in map(tasks.get, tasks.names()))]
    record = folder / initialisation.RECORD.name
    if record.exists():
        parts.append(_study(folder, json.loads(record.read_text())))
    (folder / PAGE).write_text("".join(parts), encoding="utf-8")


def _section(folder: Path, task: Task) -> str:
    homes = published(folder, task.name)
    if not homes:
        return ""
    found = [read_folder(home, task.name) for home in homes]
    labels = labels_of([each.model for each in found])
    evaluations = {label: each.evaluation for label, each in zip(labels, found, strict=True)}
    figure = f"{task.name}.svg"
    _save(figures.draw_generalisation(task, evaluations), folder / figure)
    sequences = {evaluation["sequences"] for evaluation in evaluations.values()}
    return f"""
## {task.name}

![Error against size, far past the sizes trained on]({figure})

{task.error_name.capitalize()} a sequence, over {" and ".join(f"{count:,}" for count in sorted(sequences))} a size.

{tables.compare(task, evaluations)}

{"".join(map(_describe, homes, labels, found))}"""


def _describe(home: Path, label: str, found: Checkpoint) -> str:
    facts = found.training
    extension = found.model.extension.about if isinstance(found.model, NTM) else ""
    return (
        f"- [{home.name}]({home.name}/): {label}, {facts['sequences']:,} sequences in {facts['seconds']:,.0f} seconds "
        f"on {facts['device']}, {facts['threads']} thread{'' if facts['threads'] == 1 else 's'}, seed {facts['seed']}\n"
        + (f"  What it has beyond the paper's machine: {extension}\n" if extension else "")
    )


def _study(folder: Path, study: dict[str, Any]) -> str:
    figure = initialisation.RECORD.with_suffix(".svg").name
    _save(figures.draw_study(study), folder / figure)
    cells = [
        [
            outcome.task,
            outcome.scheme,
            f"{outcome.learned} of {initialisation.SEEDS}",
            _quartiles(outcome.sequences),
            _quartiles(outcome.error),
        ]
        for outcome in initialisation.outcomes(study)
    ]
    titles = ["task", "memory at first", "learned", "sequences", "error at the end"]
    return _STUDY.format(
        slots=study["memory_slots"],
        seeds=initialisation.SEEDS,
        figure=figure,
        table=tables.markdown(titles, cells, words=2),
    )


def _save(figure: Figure, path: Path) -> None:
    """As SVG, the same bytes for the same records: without the date, and with names that are not drawn at random."""
    with matplotlib.rc_context({"svg.hashsalt": PAGE}):
        figure.savefig(path, metadata={"Date": None})


def _quartiles(values: tuple[float, float, float]) -> str:
    low, middle, high = map(tables.number, values)
    return f"{middle} ({low} to {high})"


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ntm.studies.results", description="Write the results page.")
    add_task_option(parser)
    parser.parse_args(arguments)
    try:
        write(CHECKPOINTS)
    except CheckpointError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"wrote {CHECKPOINTS / PAGE}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
