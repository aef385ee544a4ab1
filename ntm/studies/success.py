"""How often a recipe succeeds: races from seeds that nobody chose, in two arithmetics.

    python -m ntm.studies.success --races 10
    python -m ntm.studies.success priority-sort --races 3
    python -m ntm.studies.success ntm/studies/new_tasks/[a-z]*.py --races 1

A race is what `train.py` runs. It succeeds where the machine does what its task's file promises. Race number r begins
with seed r times the recipe's number of seeds, so that no two share one. Each is run by the engine as it is built for
this processor and as it is built for another, whose sums are rounded otherwise. Ctrl-C saves; the same command goes on.
What is on record is in `checkpoints/success.json`; `python -m ntm.studies.results` tabulates it.
"""

import argparse
import platform
import shutil
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from ntm import tasks
from ntm.engine import library
from ntm.engine.choose import older_engines
from ntm.storage import checkpoint
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.storage.untrusted import read_json
from ntm.studies.evaluation import evaluate, misses
from ntm.tasks import Task
from ntm.training import race
from ntm.training.interruption import interruptible
from ntm.training.loop import Progress
from ntm.training.run import Settings, TrainingError, TrainingRun

RECORD = "success.json"
SEQUENCES = 200


class Planned(NamedTuple):
    """A race to be run."""

    entry: dict[str, Any]
    """what tells it from others on record"""
    settings: Settings
    engine: str


class Rate(NamedTuple):
    """How the races of one kind went."""

    kind: tuple[str, ...]
    races: int
    succeeded: int
    seconds: float
    """the median, all seeds of a race together, on one thread"""
    missed: list[str]
    """what those did not do that failed, a phrase each"""


def engines() -> dict[str, str]:
    """The two engines that the races are run by, by what they are called on record: by their kinds of processor.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    other = next(iter(older_engines()), "eager")
    return {f"native:{library.kind()}": "native", other: other}


def rates(races: Sequence[dict[str, Any]], *, by: Sequence[str] = ("task", "engine")) -> list[Rate]:
    """What is on record of each kind of race, in the order in which they came.

    Args:
        races: as `run_all` records them.
        by: what tells the kinds apart.
    """
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for each in races:
        groups.setdefault(tuple(each[name] for name in by), []).append(each)
    return [
        Rate(
            *(kind, len(found)),
            succeeded=sum(not each["misses"] for each in found),
            seconds=median(each["seconds"] for each in found),
            missed=list(dict.fromkeys(phrase for each in found for phrase in each["misses"])),
        )
        for kind, found in groups.items()
    ]


def run_all(planned: Iterable[Planned], path: Path) -> list[dict[str, Any]] | None:
    """Run the races that are not on record yet, and record each; Ctrl-C saves.

    Returns:
        All that are on record then; None where it was stopped.
    """
    races: list[dict[str, Any]] = list(read_json(path)["races"]) if path.exists() else []
    for entry, settings, engine in planned:
        if any(entry.items() <= each.items() for each in races):
            continue
        title = ", ".join(map(str, entry.values()))
        folder = path.with_name(f".{path.stem}-{title.replace(', ', '-').replace(':', '-')}.run")
        found = _run(settings, engine, folder, title)
        if found is None:
            print("stopped; the same command goes on")
            return None
        races.append(entry | found)
        checkpoint.write_json(path, {"device": f"{platform.machine()} CPU", "races": races})
    return races


def _run(settings: Settings, engine: str, folder: Path, title: str) -> dict[str, Any] | None:
    """A race from its start or from where it was stopped; None where it is stopped again."""
    begin = race.resume if race.is_unfinished(folder) else race.start
    runs = begin(settings, folder, torch.device("cpu"))
    done = {run.recipe.seed: run.update for run in runs}
    total = race.budget(len(runs), settings.recipe.updates)
    bar = tqdm(total=total, initial=sum(done.values()), desc=title, unit="update")
    with interruptible() as interrupted, bar:

        def show(run: TrainingRun, progress: Progress) -> None:
            bar.update(progress.update - done[run.recipe.seed])
            done[run.recipe.seed] = progress.update

        try:
            if not race.train(runs, on_progress=show, stopping=interrupted.is_set, engine=engine):
                return None
        except TrainingError as failure:
            found = {"misses": [str(failure)]}
        else:
            found = _judge(runs)
    shutil.rmtree(folder)
    return {"seeds": len(runs), "seconds": round(sum(run.seconds for run in runs), 1), **found}


def _judge(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """What came of a race that is over."""
    best = race.best(runs)
    best.model.load_state_dict(best.best)
    cases = [case for case in best.task.evaluation if case.bar is not None]
    found = misses(best.task, evaluate(best.model, best.task, cases, sequences=SEQUENCES))
    return {"kept": best.recipe.seed, "misses": found}


def make_parser(name: str, description: str, races: int) -> argparse.ArgumentParser:
    """The command line of a study that races: which tasks, and how many races."""
    parser = argparse.ArgumentParser(prog=f"python -m ntm.studies.{name}", description=description)
    parser.add_argument("tasks", nargs="*", metavar="TASK", type=_task, help="or a file of one (default: all)")
    parser.set_defaults(tasks=[tasks.get(name) for name in tasks.names()])
    parser.add_argument("--races", type=int, default=races, help="of each kind (default: %(default)s)")
    return parser


def _task(name: str) -> Task:
    if name.endswith(".py"):
        try:
            return tasks.load(name)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None
    if name not in tasks.names():
        raise argparse.ArgumentTypeError(f"no task {name}; there are {', '.join(tasks.names())}")
    return tasks.get(name)


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = make_parser("success", "How often does it learn?", races=10)
    options = parser.parse_args(arguments)
    try:
        both = engines()
    except library.EngineUnavailableError as error:
        parser.error(str(error))
    planned = [
        Planned({"task": task.name, "engine": name, "seed": settings.recipe.seed}, settings, engine)
        for number in range(options.races)
        for task in options.tasks
        for settings in [Settings.of(task, seed=number * task.recipes["ntm"].seeds)]
        for name, engine in both.items()
    ]
    races = run_all(planned, CHECKPOINTS / RECORD)
    if races is None:
        return 130
    for rate in rates(races):
        print(f"{', '.join(rate.kind)}: {rate.succeeded} of {rate.races}, {rate.seconds:,.0f} s a race")
    return 0


if __name__ == "__main__":
    sys.exit(main())
