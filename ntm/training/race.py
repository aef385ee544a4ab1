"""A race: several seeds of one recipe, trained beside one another; what does best on validation is kept."""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import torch

from ntm.training import loop
from ntm.training.loop import Progress
from ntm.training.parallel import ALONE, Share
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun


def is_unfinished(folder: Path) -> bool:
    """Whether a folder holds a run or several; one without a saved state holds none, whatever else is in it."""
    return (folder / STATE).exists() or any(folder.glob(f"seed-*/{STATE}"))


def start(settings: Settings, count: int, folder: Path, device: torch.device) -> list[TrainingRun]:
    """Runs before their first update, of the settings' seed and those after it.

    Raises:
        TrainingError: if the count is not positive, or the folder holds a run already.
    """
    if is_unfinished(folder):
        raise TrainingError(f"{folder} holds an unfinished run: go on with --resume, or delete that folder")
    return [TrainingRun.start(each, home, device) for each, home in _homes(settings, count, folder)]


def resume(settings: Settings, count: int, folder: Path, device: torch.device) -> list[TrainingRun]:
    """The runs that were saved in a folder; those that had not been begun start.

    Raises:
        TrainingError: if the count is not positive, there is none, or they were started with other settings.
    """
    alone, several = (folder / STATE).exists(), any(folder.glob(f"seed-*/{STATE}"))
    if (alone and count > 1) or (several and count == 1):
        raise TrainingError(f"the run in {folder} was started with{'' if several else 'out'} --seeds")
    return [
        (TrainingRun.resume if (home / STATE).exists() or not several else TrainingRun.start)(each, home, device)
        for each, home in _homes(settings, count, folder)
    ]


def _homes(settings: Settings, count: int, folder: Path) -> list[tuple[Settings, Path]]:
    if count < 1:
        raise TrainingError(f"seeds must be at least 1, not {count}")
    if count == 1:
        return [(settings, folder)]
    first = settings.recipe.seed
    return [(settings.with_seed(seed), folder / f"seed-{seed}") for seed in range(first, first + count)]


def train(
    runs: Sequence[TrainingRun],
    *,
    share: Share = ALONE,
    validating: bool = True,
    on_progress: Callable[[TrainingRun, Progress], object] | None = None,
    stopping: Callable[[], bool] | None = None,
    engine: str | None = None,
) -> bool:
    """Train all of them, each to its last update or until `stopping()` is true.

    On the CPU as many at once as there are threads, each with one; on a GPU all at once, each on a stream of its own.
    One whose loss stops being finite ends there and leaves the others alone.

    Returns:
        Whether all that did not fail reached their last update.

    Raises:
        TrainingError: if none is left.
    """

    def train_one(run: TrainingRun) -> bool:
        def tell(progress: Progress) -> None:
            if on_progress is not None:
                on_progress(run, progress)

        try:
            with _own_stream(run) if len(runs) > 1 else nullcontext():
                return loop.train(
                    run, share=share, validating=validating, on_progress=tell, stopping=stopping, engine=engine
                )
        except TrainingError as failure:
            run.failure = failure
            return True

    finished = train_one(runs[0]) if len(runs) == 1 else _at_once(train_one, runs)
    failures = [run.failure for run in runs if run.failure is not None]
    if len(failures) == len(runs):
        raise failures[0]
    return finished


def _at_once(train_one: Callable[[TrainingRun], bool], runs: Sequence[TrainingRun]) -> bool:
    on_cpu = runs[0].device.type == "cpu"
    room = min(len(runs), torch.get_num_threads()) if on_cpu else len(runs)
    with ThreadPoolExecutor(room, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return all(list(pool.map(train_one, runs)))


def _own_stream(run: TrainingRun) -> AbstractContextManager[Any]:
    if run.device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(run.device))  # type: ignore[no-untyped-call]


def best(runs: Sequence[TrainingRun]) -> TrainingRun:
    """The one that did best on validation among those that did not fail."""
    return min((run for run in runs if run.failure is None), key=lambda run: run.best_validation)


def facts(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """The contents of `training.json`: what is known of the best, and the curves of the others."""
    chosen = best(runs)
    others = [
        {
            "seed": run.recipe.seed,
            "best_update": run.best_update,
            "curve": run.curve,
        }
        # What was never validated has no number, and JSON no infinity.
        | ({"best_validation": run.best_validation._asdict()} if all(map(math.isfinite, run.best_validation)) else {})
        | ({"failure": str(run.failure)} if run.failure is not None else {})
        for run in runs
        if run is not chosen
    ]
    return chosen.facts() | ({"other_seeds": others} if others else {})
