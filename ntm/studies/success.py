"""How often a recipe succeeds: races from seeds that nobody chose, in two arithmetics.

    python -m ntm.studies.success --races 10
    python -m ntm.studies.success priority-sort --races 3

A race is what `train.py` runs. It succeeds where the machine does what its task's file promises. Race number r begins
with seed r times the recipe's number of seeds, so that no two share one. Each is run by the engine as it is built for
this processor and as it is built for another, whose sums are rounded otherwise. Ctrl-C saves; the same command goes on.
What is on record is in `checkpoints/success.json`; `python -m ntm.studies.results` tabulates it.
"""

import argparse
import platform
import shutil
import sys
from collections.abc import Sequence
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


class Rate(NamedTuple):
    """How the races of one task in one engine went."""

    task: str
    engine: str
    races: int
    succeeded: int
    seconds: float
    """the median, all seeds of a race together, on one thread"""


def engines() -> dict[str, str]:
    """The two engines that the races are run by, by what they are called on record: by their kinds of processor.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
    """
    other = next(iter(older_engines()), "eager")
    return {f"native:{library.kind()}": "native", other: other}


def rates(races: Sequence[dict[str, Any]]) -> list[Rate]:
    """What is on record of each task and engine, in the order in which they came."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in races:
        groups.setdefault((each["task"], each["engine"]), []).append(each)
    return [
        Rate(
            *(task, engine, len(found)),
            succeeded=sum(not each["misses"] for each in found),
            seconds=median(each["seconds"] for each in found),
        )
        for (task, engine), found in groups.items()
    ]


def judge(task: Task, runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """What came of a race that is over."""
    best = race.best(runs)
    best.model.load_state_dict(best.best)
    cases = [case for case in task.evaluation if case.bar is not None]
    found = misses(task, evaluate(best.model, task, cases, sequences=SEQUENCES))
    return {"kept": best.recipe.seed, "misses": found}


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ntm.studies.success", description="How often does it learn?")
    parser.add_argument("tasks", nargs="*", metavar="TASK", help="(default: all)")
    parser.add_argument("--races", type=int, default=10, help="of each task and engine (default: %(default)s)")
    options = parser.parse_args(arguments)
    unknown = set(options.tasks) - set(tasks.names())
    if unknown:
        parser.error(f"no task {', '.join(sorted(unknown))}; there are {', '.join(tasks.names())}")
    path = CHECKPOINTS / RECORD
    races: list[dict[str, Any]] = list(read_json(path)["races"]) if path.exists() else []
    try:
        both = engines()
    except library.EngineUnavailableError as error:
        parser.error(str(error))
    known = {(each["task"], each["engine"], each["seed"]) for each in races}
    for number in range(options.races):
        for task in map(tasks.get, options.tasks or tasks.names()):
            for name, engine in both.items():
                settings = Settings.of(task, seed=number * task.recipes["ntm"].seeds)
                entry = {"task": task.name, "engine": name, "seed": settings.recipe.seed}
                if tuple(entry.values()) in known:
                    continue
                found = _run(task, settings, engine)
                if found is None:
                    print("stopped; the same command goes on")
                    return 130
                races.append(entry | found)
                checkpoint.write_json(path, {"device": f"{platform.machine()} CPU", "races": races})
    for rate in rates(races):
        print(f"{rate.task}, {rate.engine}: {rate.succeeded} of {rate.races}, {rate.seconds:,.0f} s a race")
    return 0


def _run(task: Task, settings: Settings, engine: str) -> dict[str, Any] | None:
    """A race from its start or from where it was stopped; None where it is stopped again."""
    folder = CHECKPOINTS / f".success-{task.name}-{engine.replace(':', '-')}-{settings.recipe.seed}.run"
    begin = race.resume if race.is_unfinished(folder) else race.start
    runs = begin(settings, folder, torch.device("cpu"))
    done = {run.recipe.seed: run.update for run in runs}
    total = race.budget(len(runs), settings.recipe.updates)
    title = f"{task.name}, {engine}, seeds from {settings.recipe.seed}"
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
            found = judge(task, runs)
    shutil.rmtree(folder)
    return {"seeds": len(runs), "seconds": round(sum(run.seconds for run in runs), 1), **found}


if __name__ == "__main__":
    sys.exit(main())
