"""The results page: `python -m ntm.studies.results` writes `checkpoints/README.md` and draws its curves.

It trains and measures nothing: all numbers come from what the checkpoints and the study have on record.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ntm import tasks
from ntm.machine.models import labels_of
from ntm.machine.ntm import NTM
from ntm.reports import figures, tables
from ntm.reports.uncertainty import wilson
from ntm.storage.checkpoint import CHECKPOINTS, Checkpoint, published, read_folder
from ntm.storage.untrusted import CheckpointError, read_json
from ntm.studies import ablation, success
from ntm.studies.initialisation import RECORDS, Preset, outcomes
from ntm.tasks import Task
from ntm.tasks.option import add_task_option

PAGE = "README.md"

_INTRODUCTION = """# Results

Each of the paper's tasks, learned by a Neural Turing Machine and by a plain LSTM. Errors are means over fresh sequences
that neither training nor the choice of weights has seen.

- After "±" is half the 95 % interval of the mean.
- "0 (< 0.03 %)" means that no sequence was wrong, so fewer than 0.03 % are, at the level of 95 %. The same is said
  where fewer than twenty were. The card of each machine says how many were, and how wrong the worst was.
- "Size used in choosing" marks a size that nothing was trained on, but whose error decided between the weights of one
  of the machines beside it: its card says so.

`python -m ntm.studies.evaluation --all --full --save` measures the errors anew, `python -m ntm.studies.initialisation`
repeats the study, and `python -m ntm.studies.results` writes this page and draws its figures from what they recorded.
[The paper's figures](paper/README.md), drawn with these machines, have a page of their own, and so has
[what did not work](what-did-not-work.md).
"""

_STUDY = """
## What is in memory at first

[Collier and Beel](https://arxiv.org/abs/1807.08518) found that a machine learns about twice as fast when memory starts
as a small constant everywhere than when its contents are learned or random.

"Learned" counts the seeds that came under one wrong bit a sequence within the budget, and "sequences" says after how
many that was (the whole budget where it never was). Quartiles in brackets. "p" is that of the Mann and Whitney test
against constant memory, exact and from two sides, where a seed that never learned counts as the last.
"""
_PRESETS: Mapping[Preset, str] = {
    "collier-beel": """
### As they ran it

Their machine and their training, anew: {slots} slots, Adam at 1e-3, gradients cut down to 50. What is read and where
the heads are at first is learned, and so is memory, from each of the three starts.
""",
    "ours": """
### With this project's recipes

The machines above with {slots} slots. "Random" memory is drawn anew for every sequence. The error is that of every
update's batch before the update.
""",
}


_SUCCESS = """
## How often it learns

Seeds that nobody chose: how many races of `train.py` ended in a machine that does what its task's file promises, judged
on {sequences} fresh sequences a size. The engines are those built for two kinds of processor, whose sums are rounded
otherwise. "So of all" is the 95 % interval of the share, Wilson's. Seconds are those of all seeds of the
median race together, on one thread beside other work. From `python -m ntm.studies.success`.

"""

_NEW_TASKS = """
### Tasks without a recipe of their own

The same by `Recipe(updates=10_000, arguments={"controller": "lstm"})`: vectors of 8 bits, 1 to 10 of them, and two
numbers of 1 to 10 bits where they are added. To have learned one is to err by no more than 0.1 bits a sequence,
whatever the size. The default rate was chosen by how soon the paper's tasks, odd-places-first, halves-swapped and
binary-addition are learned; the others had no part in any choice. They are files in
[`ntm/studies/new_tasks`](../ntm/studies/new_tasks).
From `python -m ntm.studies.success ntm/studies/new_tasks/[a-z]*.py`.

"""

_ABLATION = """
### What each setting is for

Recipes differ in the machine, the number of updates and a few settings. These races went without one of those, or
without the numbers of slots that a recipe has that names none, from the same seeds, by one engine. Without "learned
below", what makes a machine certain counts from the beginning. Those for copying had the rate of 3e-3 and the norm of
0.2 that its recipe had until the end of November 2026.

"""


def write(folder: Path) -> None:
    """Write the page and its figures.

    Args:
        folder: the folder of the checkpoints.

    Raises:
        CheckpointError: if a record cannot be read.
    """
    parts = [_INTRODUCTION, *(_section(folder, task) for task in map(tasks.get, tasks.names()))]
    if (folder / success.RECORD).exists():
        parts += _success(read_json(folder / success.RECORD)["races"])
    if (folder / ablation.RECORD).exists():
        parts += [_ABLATION, _races(read_json(folder / ablation.RECORD)["races"], "task", "without")]
    records = {preset: folder / RECORDS[preset] for preset in _PRESETS}
    there = {preset: path for preset, path in records.items() if path.exists()}
    if there:
        parts += [_STUDY, *(_study(preset, path) for preset, path in there.items())]
    (folder / PAGE).write_text("".join(parts), encoding="utf-8")


def _section(folder: Path, task: Task) -> str:
    homes = published(folder, task.name)
    if not homes:
        return ""
    found = [read_folder(home, task.name) for home in homes]
    labels = labels_of([each.model for each in found])
    evaluations = {label: each.evaluation for label, each in zip(labels, found, strict=True)}
    figure = f"{task.name}.svg"
    save(figures.draw_generalisation(task, evaluations), folder / figure)
    tried = tables.describe_counts([score for each in evaluations.values() for score in each["scores"]])
    return f"""
## {task.name}

![Error against size, far past the sizes trained on]({figure})

{task.error_name.capitalize()} a sequence, over {tried} a size.

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


def _success(races: Sequence[dict[str, Any]]) -> list[str]:
    """How often the tasks here are learned, and then those that are not of this package."""
    known = tasks.names()
    here = [each for each in races if each["task"] in known]
    new = [each for each in races if each["task"] not in known]
    parts = [_SUCCESS.format(sequences=success.SEQUENCES), _races(here, "task", "engine")]
    return parts + ([_NEW_TASKS, _races(new, "task", "engine")] if new else [])


def _races(races: Sequence[dict[str, Any]], *by: str) -> str:
    """How they went, a row for each kind."""
    cells = []
    for rate in success.rates(races, by=by):
        low, high = wilson(rate.succeeded, rate.races)
        interval = f"{100 * low:.0f} to {100 * high:.0f} %"
        kind = [name.replace("_", " ") for name in rate.kind]
        learned = f"{rate.succeeded} of {rate.races}"
        cells.append([*kind, learned, interval, f"{rate.seconds:,.0f}", "; ".join(rate.missed)])
    titles = [*by, "learned", "so of all", "seconds a race", "what the others missed"]
    return tables.markdown(titles, cells, words=len(titles)) + "\n"


def _study(preset: Preset, path: Path) -> str:
    study = json.loads(path.read_text())
    figure = path.with_suffix(".svg")
    save(figures.draw_study(study), figure)
    cells = [
        [
            outcome.task,
            outcome.scheme,
            f"{outcome.learned} of {outcome.seeds}",
            _quartiles(outcome.sequences),
            "" if outcome.scheme == "constant" else f"{outcome.significance:.2g}",
            _quartiles(outcome.error),
        ]
        for outcome in outcomes(study)
    ]
    table = tables.markdown(
        ["task", "memory at first", "learned", "sequences", "p", "error at the end"], cells, words=2
    )
    return f"""{_PRESETS[preset].format(slots=study["memory_slots"])}
![Error against sequences seen, the median of the seeds and the quarters beside it]({figure.name})

{table}
"""


def save(figure: Figure, path: Path) -> None:
    """Write a picture, of the same bytes for the same records: without the date, and with names not drawn at random."""
    with matplotlib.rc_context({"svg.hashsalt": PAGE}):
        figure.savefig(path, dpi=100, metadata={"Date": None} if path.suffix == ".svg" else None)


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
