"""A race: several seeds of one recipe begin, and only the better ones go on.

Whether a seed is on the way to an algorithm shows long before it is there. So the worse half is dropped after a
sixteenth of the updates, half of the rest after a quarter: successive halving (Jamieson and Talwalkar 2016, arXiv
1502.07943). The last two run to the end, and of these what does best on validation is kept.
"""

import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from ntm.training import loop, parallel
from ntm.training.loop import UPDATES_A_REPORT, Progress
from ntm.training.parallel import ALONE, Share
from ntm.training.recovery import REPORTS_A_LOOK
from ntm.training.run import STATE, Settings, TrainingError, TrainingRun

_FINALISTS = 2


def is_unfinished(folder: Path) -> bool:
    """Whether a folder holds a run or several; one without a saved state holds none, whatever else is in it."""
    return (folder / STATE).exists() or any(folder.glob(f"seed-*/{STATE}"))


def start(settings: Settings, folder: Path, device: torch.device) -> list[TrainingRun]:
    """Runs before their first update, of the settings' seed and those after it.

    Raises:
        TrainingError: if the folder holds a run already.
    """
    if is_unfinished(folder):
        raise TrainingError(f"{folder} holds an unfinished run: go on with --resume, or delete that folder")
    return [TrainingRun.start(each, home, device) for each, home in _homes(settings, folder)]


def resume(settings: Settings, folder: Path, device: torch.device) -> list[TrainingRun]:
    """The runs that were saved in a folder; those that had not been begun start.

    Raises:
        TrainingError: if there is none, or they were started with other settings.
    """
    count = settings.recipe.seeds
    alone, several = (folder / STATE).exists(), any(folder.glob(f"seed-*/{STATE}"))
    if alone and count > 1:
        raise TrainingError(f"the run in {folder} is of one seed: --seeds 1 goes on with it")
    if several and count == 1:
        raise TrainingError(f"the runs in {folder} are of several seeds: give the --seeds that they were started with")
    return [
        (TrainingRun.resume if (home / STATE).exists() or not several else TrainingRun.start)(each, home, device)
        for each, home in _homes(settings, folder)
    ]


def _homes(settings: Settings, folder: Path) -> list[tuple[Settings, Path]]:
    first, count = settings.recipe.seed, settings.recipe.seeds
    if count == 1:
        return [(settings, folder)]
    return [(settings.with_seed(seed), folder / f"seed-{seed}") for seed in range(first, first + count)]


class Heat(NamedTuple):
    """A part of the race, from one update to another."""

    begun: int
    until: int
    runs: int
    """how many take part"""


def heats(count: int, updates: int) -> list[Heat]:
    """The parts of a race of so many runs. The first ends after a sixteenth of the updates, or a little later."""
    look = UPDATES_A_REPORT * REPORTS_A_LOOK  # after which there is an error to compare
    found, begun, until = [], 0, look * math.ceil(updates / 16 / look)
    while count > _FINALISTS and until < updates:
        found.append(Heat(begun, until, count))
        count, begun, until = max(math.ceil(count / 2), _FINALISTS), until, 4 * until
    return [*found, Heat(begun, updates, count)]


def budget(count: int, updates: int) -> int:
    """How many updates all runs of a race make together."""
    return sum(heat.runs * (heat.until - heat.begun) for heat in heats(count, updates))


def train(
    runs: Sequence[TrainingRun],
    *,
    share: Share = ALONE,
    dropping: bool = True,
    validating: bool = True,
    on_progress: Callable[[TrainingRun, Progress], object] | None = None,
    stopping: Callable[[], bool] | None = None,
    engine: str | None = None,
) -> bool:
    """Race them, until the last are through or `stopping()` is true.

    On the CPU as many at once as there are threads, each with one; on a GPU all at once, each on a stream of its own;
    where several processes share the batches, one after another.
    One whose loss stops being finite ends there, and the best of those that were dropped takes its place.

    Args:
        runs: changed in place.
        share: the part of every batch that this process takes.
        dropping: whether the worse runs are dropped on the way; else all go to the end.
        validating: whether to look for the best weights on the way, see `ntm.training.loop`.
        on_progress: told every few updates how a run goes.
        stopping: whether to stop, asked as often.
        engine: what runs the models, see `ntm.engine.choose`.

    Returns:
        Whether the last were through.

    Raises:
        TrainingError: if none is left.
    """

    def train_one(run: TrainingRun, until: int) -> bool:
        def tell(progress: Progress) -> None:
            if on_progress is not None:
                on_progress(run, progress)

        try:
            with _own_stream(run) if len(runs) > 1 and share.size == 1 else nullcontext():
                return loop.train(
                    *(run, until),
                    share=share,
                    validating=validating,
                    on_progress=tell,
                    stopping=stopping,
                    engine=engine,
                )
        except TrainingError as failure:
            run.failure = failure
            return True

    def run_heat(heat: Heat) -> bool:
        racing = _leaders(runs, heat, share)
        if not racing:
            raise next(run.failure for run in runs if run.failure is not None)
        through = _at_once(partial(train_one, until=heat.until), racing, share)
        return through and (all(run.failure is None for run in racing) or run_heat(heat))

    updates = runs[0].recipe.updates
    return all(map(run_heat, heats(len(runs), updates) if dropping else [Heat(0, updates, len(runs))]))


def _leaders(runs: Sequence[TrainingRun], heat: Heat, share: Share) -> list[TrainingRun]:
    """Those that take part in a heat, the same ones also where it was stopped: the furthest, and of these the best.

    Processes on different devices may judge them differently by a hair, so the first one's order counts for all.
    """

    def rank(run: TrainingRun) -> tuple[int, tuple[int, float]]:
        return -min(run.update, heat.begun + 1), run.standing

    sound = [index for index, run in enumerate(runs) if run.failure is None]
    order = parallel.of_leader(sorted(sound, key=lambda index: rank(runs[index])), share)
    return [runs[index] for index in order[: heat.runs]]


def _at_once(train_one: Callable[[TrainingRun], bool], runs: Sequence[TrainingRun], share: Share) -> bool:
    if len(runs) == 1 or share.size > 1:
        return all(train_one(run) for run in runs)
    on_cpu = runs[0].device.type == "cpu"
    room = min(len(runs), torch.get_num_threads()) if on_cpu else len(runs)
    with ThreadPoolExecutor(room, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return all(list(pool.map(train_one, runs)))


def _own_stream(run: TrainingRun) -> AbstractContextManager[Any]:
    if run.device.type != "cuda":
        return nullcontext()
    return torch.cuda.stream(torch.cuda.Stream(run.device))  # type: ignore[no-untyped-call]


def best(runs: Sequence[TrainingRun]) -> TrainingRun:
    """The one that did best on validation among those that came to the end."""
    return min((run for run in runs if run.finished and run.failure is None), key=lambda run: run.best_validation)


def facts(runs: Sequence[TrainingRun]) -> dict[str, Any]:
    """The contents of `training.json`: what is known of the best, and the curves of the others."""
    chosen = best(runs)
    others = [
        {
            "seed": run.recipe.seed,
            "best_update": run.best_update,
            "updates": run.update,
            "curve": run.curve,
        }
        # What was never validated has no number, and JSON no infinity.
        | ({"best_validation": run.best_validation._asdict()} if all(map(math.isfinite, run.best_validation)) else {})
        | ({"failure": str(run.failure)} if run.failure is not None else {})
        for run in runs
        if run is not chosen
    ]
    return chosen.facts() | ({"other_seeds": others} if others else {})
