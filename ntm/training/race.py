"""Several seeds of one recipe, trained beside one another; what does best on validation is kept."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from ntm.training import loop
from ntm.training.loop import Progress, Run, Settings, TrainingError
from ntm.training.parallel import ALONE, Share


@dataclass
class Candidate:
    """One seed's run."""

    settings: Settings
    folder: Path
    run: Run
    failure: TrainingError | None = None
    """why it ended early, if it did"""


def start(settings: Settings, count: int, folder: Path, device: torch.device) -> list[Candidate]:
    """Runs before their first update, of the settings' seed and those after it.

    Raises:
        TrainingError: if the count is not positive, or the folder holds a run already.
    """
    if folder.exists():
        raise TrainingError(f"{folder} holds an unfinished run: go on with --resume, or delete that folder")
    return [Candidate(each, home, loop.start(each, device)) for each, home in _homes(settings, count, folder)]


def resume(settings: Settings, count: int, folder: Path, device: torch.device) -> list[Candidate]:
    """The runs that were saved in a folder; those that had not been begun start.

    Raises:
        TrainingError: if the count is not positive, there is none, or they were started with other settings.
    """
    alone, several = (folder / loop.STATE).exists(), any(folder.glob(f"seed-*/{loop.STATE}"))
    if (alone and count > 1) or (several and count == 1):
        raise TrainingError(f"the run in {folder} was started with{'' if several else 'out'} --seeds")
    return [
        Candidate(
            each,
            home,
            loop.resume(each, home, device) if home.exists() or not several else loop.start(each, device),
        )
        for each, home in _homes(settings, count, folder)
    ]


def _homes(settings: Settings, count: int, folder: Path) -> list[tuple[Settings, Path]]:
    if count < 1:
        raise TrainingError(f"seeds must be at least 1, not {count}")
    if count == 1:
        return [(settings, folder)]
    first = settings.recipe.seed
    return [
        (replace(settings, recipe=replace(settings.recipe, seed=seed)), folder / f"seed-{seed}")
        for seed in range(first, first + count)
    ]


def train(
    candidates: Sequence[Candidate],
    *,
    share: Share = ALONE,
    validating: bool = True,
    on_progress: Callable[[Candidate, Progress], object] | None = None,
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

    def train_one(candidate: Candidate) -> bool:
        def tell(progress: Progress) -> None:
            if on_progress is not None:
                on_progress(candidate, progress)

        try:
            with _own_stream(candidate.run) if len(candidates) > 1 else nullcontext():
                return loop.train(
                    *(candidate.run, candidate.settings, candidate.folder),
                    share=share,
                    validating=validating,
                    on_progress=tell,
                    stopping=stopping,
                    engine=engine,
                )
        except TrainingError as failure:
            candidate.failure = failure
            return True

    finished = train_one(candidates[0]) if len(candidates) == 1 else _at_once(train_one, candidates)
    failures = [candidate.failure for candidate in candidates if candidate.failure is not None]
    if len(failures) == len(candidates):
        raise failures[0]
    return finished


def _at_once(train_one: Callable[[Candidate], bool], candidates: Sequence[Candidate]) -> bool:
    on_cpu = next(candidates[0].run.model.parameters()).device.type == "cpu"
    room = min(len(candidates), torch.get_num_threads()) if on_cpu else len(candidates)
    with ThreadPoolExecutor(room, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        return all(list(pool.map(train_one, candidates)))


def _own_stream(run: Run) -> Any:
    device = next(run.model.parameters()).device
    return torch.cuda.stream(torch.cuda.Stream(device)) if device.type == "cuda" else nullcontext()


def best(candidates: Sequence[Candidate]) -> Candidate:
    """The one that did best on validation among those that did not fail."""
    return min(
        (candidate for candidate in candidates if candidate.failure is None),
        key=lambda candidate: candidate.run.best_validation,
    )


def facts(candidates: Sequence[Candidate]) -> dict[str, Any]:
    """The contents of `training.json`: what is known of the best, and the curves of the others."""
    chosen = best(candidates)
    others = [
        {
            "seed": candidate.settings.recipe.seed,
            "best_update": candidate.run.best_update,
            "best_validation": candidate.run.best_validation._asdict(),
            "curve": candidate.run.curve,
        }
        for candidate in candidates
        if candidate is not chosen
    ]
    return loop.facts(chosen.run, chosen.settings) | ({"other_seeds": others} if others else {})
