"""The study of Collier and Beel 2018 (arXiv 1807.08518): does it matter what is in memory before the first step?

    python -m ntm.studies.initialisation

trains the machine on two tasks from three kinds of initial memory with ten seeds each, all with the same budget, as
many runs at once as there are threads. Ctrl-C saves; the same command goes on. The outcome goes to
`checkpoints/initialisation.json`; `python -m ntm.studies.results` draws and tabulates it.
"""

import argparse
import shutil
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from statistics import quantiles
from typing import Any, NamedTuple

import torch
from tqdm import tqdm

from ntm import tasks
from ntm.machine.memory import MEMORY_INITS
from ntm.storage import checkpoint
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.training import race
from ntm.training.interruption import interruptible
from ntm.training.loop import Progress
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun

RECORD = CHECKPOINTS / "initialisation.json"
SEEDS = 10
UPDATES = {"copy": 8_000, "associative-recall": 8_000}
_MEMORY_SLOTS = 32
_RUNS = CHECKPOINTS / ".initialisation.run"
_LEARNED = 1.0
"""wrong bits a sequence under which a run counts as having learned its task"""


class Outcome(NamedTuple):
    """How the seeds of one task and scheme did."""

    task: str
    scheme: str
    learned: int
    """how many seeds came under one wrong bit a sequence"""
    sequences: tuple[float, float, float]
    """quartiles of the sequences seen by then; the whole budget where a seed never did"""
    error: tuple[float, float, float]
    """quartiles of the error at the end"""


def settings(task: str, scheme: str, seed: int, updates: int) -> Settings:
    """A run of the study: the task's recipe but for its length, its initial memory and a fixed number of slots."""
    recipe = tasks.get(task).recipes["ntm"]
    arguments = {**recipe.arguments, "memory_init": scheme, "memory_slots": _MEMORY_SLOTS}
    return Settings(task, "ntm", replace(recipe, updates=updates, arguments=arguments, training_slots=(), seed=seed))


def open_runs(folder: Path, updates: dict[str, int], seed_count: int) -> list[TrainingRun]:
    """All runs of the study, from where they were stopped.

    Raises:
        TrainingError: if the folder holds other runs.
    """
    found = []
    for task, count in updates.items():
        for scheme in MEMORY_INITS:
            for seed in range(seed_count):
                home, each = folder / f"{task}-{scheme}-{seed}", settings(task, scheme, seed, count)
                begin = TrainingRun.resume if (home / STATE).exists() else TrainingRun.start
                found.append(begin(each, home, torch.device("cpu")))
    return found


def record(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """The contents of `initialisation.json`: the training error of every run, a number every few updates."""
    errors: dict[str, dict[str, list[list[float]]]] = {}
    sequences = {}
    for run in runs:
        task, recipe = run.task.name, run.recipe
        curves = errors.setdefault(task, {}).setdefault(recipe.arguments["memory_init"], [])
        curves.append([round(row["error"], 4) for row in run.curve])
        sequences[task] = [row["update"] * recipe.batch_size for row in run.curve]
    facts = runs[0].facts()
    return {"memory_slots": _MEMORY_SLOTS, "device": facts["device"], "versions": facts["versions"]} | {
        "sequences": sequences,
        "errors": errors,
    }


def outcomes(study: dict[str, Any]) -> list[Outcome]:
    """What a record says of each task and scheme."""
    found = []
    for task, schemes in study["errors"].items():
        seen = study["sequences"][task]
        for scheme, curves in schemes.items():
            reached = [
                next((count for count, error in zip(seen, curve, strict=True) if error < _LEARNED), None)
                for curve in curves
            ]
            found.append(
                Outcome(
                    *(task, scheme, len(reached) - reached.count(None)),
                    sequences=_quartiles([count or seen[-1] for count in reached]),
                    error=_quartiles([curve[-1] for curve in curves]),
                )
            )
    return found


def _quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return low, middle, high


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    argparse.ArgumentParser(
        prog="python -m ntm.studies.initialisation", description="Does it matter what is in memory at first?"
    ).parse_args(arguments)
    try:
        runs = open_runs(_RUNS, UPDATES, SEEDS)
    except TrainingError as error:
        print(f"error: {error}: delete {_RUNS} to begin anew", file=sys.stderr)
        return 1
    done = {run.folder: run.update for run in runs}
    total = sum(run.recipe.updates for run in runs)
    with interruptible() as interrupted, tqdm(total=total, initial=sum(done.values()), unit="update") as bar:

        def show(run: TrainingRun, progress: Progress) -> None:
            bar.update(progress.update - done[run.folder])
            done[run.folder] = progress.update

        if not race.train(runs, validating=False, on_progress=show, stopping=interrupted.is_set):
            print("stopped; the same command goes on")
            return 130
    checkpoint.write_json(RECORD, record(runs))
    shutil.rmtree(_RUNS)
    print(f"wrote {RECORD}; python -m ntm.studies.results draws it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
