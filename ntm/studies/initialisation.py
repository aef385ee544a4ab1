"""The study of Collier and Beel 2018 (arXiv 1807.08518): does it matter what is in memory before the first step?

    python -m ntm.studies.initialisation
    python -m ntm.studies.initialisation --preset collier-beel

The first trains the project's machine by its recipes on two tasks from three kinds of initial memory, the second their
machine as they trained it (`ntm.studies.collier_beel`). Both take ten seeds each and the same budget for all, as many
runs at once as there are threads. Ctrl-C saves; the same command goes on. The outcome goes to `checkpoints/`;
`python -m ntm.studies.results` draws and tabulates it.
"""

import argparse
import math
import platform
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import torch
from tqdm import tqdm

from ntm import tasks
from ntm.machine.memory import MEMORY_INITS, MemoryInit
from ntm.reports.uncertainty import mann_whitney
from ntm.storage import checkpoint
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.studies import collier_beel
from ntm.training import race
from ntm.training.interruption import interruptible
from ntm.training.loop import Progress
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun

Preset = Literal["ours", "collier-beel"]
RECORDS: Mapping[Preset, str] = {"ours": "initialisation.json", "collier-beel": "initialisation-collier-beel.json"}
"""the file of each preset, in the folder of the checkpoints"""
UPDATES: Mapping[Preset, int] = {"ours": 8_000, "collier-beel": collier_beel.UPDATES}
TASKS = ("copy", "associative-recall")
SEEDS = 10
_MEMORY_SLOTS = 32
_LEARNED = 1.0
"""wrong bits a sequence under which a run counts as having learned its task"""


class Outcome(NamedTuple):
    """How the seeds of one task and scheme did."""

    task: str
    scheme: str
    seeds: int
    learned: int
    """how many of them came under one wrong bit a sequence"""
    sequences: tuple[float, float, float]
    """quartiles of the sequences seen by then; the whole budget where a seed never did"""
    error: tuple[float, float, float]
    """quartiles of the error at the end"""
    significance: float
    """p of the Mann and Whitney test: whether the sequences until then differ from those of constant memory"""


def settings(task: str, scheme: str, seed: int, updates: int) -> Settings:
    """A run of the study: the task's recipe but for its length, its initial memory and a fixed number of slots."""
    recipe = tasks.get(task).recipes["ntm"]
    arguments = {**recipe.arguments, "memory_init": scheme, "memory_slots": _MEMORY_SLOTS}
    return Settings(task, "ntm", replace(recipe, updates=updates, arguments=arguments, training_slots=(), seed=seed))


def open_runs(folder: Path, updates: int, seeds: int) -> list[TrainingRun]:
    """All runs of our own preset, from where they were stopped.

    Raises:
        TrainingError: if the folder holds other runs.
    """
    found = []
    for task in TASKS:
        for scheme in MEMORY_INITS:
            for seed in range(seeds):
                home, each = folder / f"{task}-{scheme}-{seed}", settings(task, scheme, seed, updates)
                begin = TrainingRun.resume if (home / STATE).exists() else TrainingRun.start
                found.append(begin(each, home, torch.device("cpu")))
    return found


def record(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """What is known of runs of our own preset: the training error of every run, a number every few updates."""
    errors: dict[str, dict[str, list[list[float]]]] = {}
    sequences = {}
    for run in runs:
        task, recipe = run.task.name, run.recipe
        curves = errors.setdefault(task, {}).setdefault(recipe.arguments["memory_init"], [])
        curves.append([round(row["error"], 4) for row in run.curve])
        sequences[task] = [row["update"] * recipe.batch_size for row in run.curve]
    return {"memory_slots": _MEMORY_SLOTS, "sequences": sequences, "errors": errors}


def record_theirs(runs: Sequence[collier_beel.Run]) -> dict[str, Any]:
    """The same of theirs: the error of every evaluation."""
    errors: dict[str, dict[str, list[list[float]]]] = {}
    sequences = {}
    for run in runs:
        errors.setdefault(run.task, {}).setdefault(run.scheme, []).append(run.errors)
        apart = collier_beel.UPDATES_AN_EVALUATION * collier_beel.BATCH_SIZE
        sequences[run.task] = [apart * (index + 1) for index in range(len(run.errors))]
    return {"memory_slots": 128, "sequences": sequences, "errors": errors}


def outcomes(study: Mapping[str, Any]) -> list[Outcome]:
    """What a record says of each task and scheme."""
    found = []
    for task, schemes in study["errors"].items():
        seen = study["sequences"][task]
        took = {scheme: [_until_learned(seen, curve) for curve in curves] for scheme, curves in schemes.items()}
        for scheme, curves in schemes.items():
            counts = [count or seen[-1] for count in took[scheme]]
            # Those that never learn it are last in rank, whatever the budget.
            ranked = {each: [count or math.inf for count in took[each]] for each in ("constant", scheme)}
            found.append(
                Outcome(
                    *(task, scheme, len(curves), len(curves) - took[scheme].count(None)),
                    sequences=_quartiles(counts),
                    error=_quartiles([curve[-1] for curve in curves]),
                    significance=mann_whitney(ranked["constant"], ranked[scheme]),
                )
            )
    return found


def _until_learned(seen: Sequence[int], curve: Sequence[float]) -> int | None:
    """How many sequences it took to come under one wrong bit a sequence."""
    return next((count for count, error in zip(seen, curve, strict=True) if error < _LEARNED), None)


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    return low, middle, high


def _train_ours(folder: Path, updates: int, seeds: int, stopping: Callable[[], bool]) -> dict[str, Any] | None:
    """The record of our own preset; None where it was stopped."""
    runs = open_runs(folder, updates, seeds)
    done = {run.folder: run.update for run in runs}
    with tqdm(total=sum(run.recipe.updates for run in runs), initial=sum(done.values()), unit="update") as bar:

        def show(run: TrainingRun, progress: Progress) -> None:
            bar.update(progress.update - done[run.folder])
            done[run.folder] = progress.update

        finished = race.train(runs, dropping=False, validating=False, on_progress=show, stopping=stopping)
    return record(runs) if finished else None


def _train_theirs(folder: Path, updates: int, seeds: int, stopping: Callable[[], bool]) -> dict[str, Any] | None:
    """The record of theirs; None where it was stopped."""
    runs = [
        collier_beel.Run(task, scheme, seed, updates, folder)
        for task in TASKS
        for scheme in get_args(MemoryInit)
        for seed in range(seeds)
    ]
    each = updates // collier_beel.UPDATES_AN_EVALUATION
    with tqdm(total=each * len(runs), initial=each * sum(run.done for run in runs), unit="evaluation") as bar:
        finished = collier_beel.train_all(runs, bar.update, stopping)
    return record_theirs(runs) if finished else None


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m ntm.studies.initialisation", description="Does it matter what is in memory at first?"
    )
    parser.add_argument("--preset", choices=get_args(Preset), default="ours", help="(default: %(default)s)")
    parser.add_argument("--seeds", type=int, default=SEEDS, help="of each scheme (default: %(default)s)")
    parser.add_argument("--updates", type=int, help="of every run (default: the preset's)")
    options = parser.parse_args(arguments)
    path = CHECKPOINTS / RECORDS[options.preset]
    folder = path.with_name(f".{path.stem}.run")
    train = _train_ours if options.preset == "ours" else _train_theirs
    try:
        with interruptible() as interrupted:
            found = train(folder, options.updates or UPDATES[options.preset], options.seeds, interrupted.is_set)
    except TrainingError as error:
        print(f"error: {error}: delete {folder} to begin anew", file=sys.stderr)
        return 1
    if found is None:
        print("stopped; the same command goes on")
        return 130
    machine = {"device": f"{platform.machine()} CPU", "versions": {"torch": torch.__version__}}
    checkpoint.write_json(path, machine | found)
    shutil.rmtree(folder)
    print(f"wrote {path}; python -m ntm.studies.results draws it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
