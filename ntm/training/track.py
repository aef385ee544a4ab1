"""Tracking: runs as they learn, on a dashboard of Trackio's, here or in a Space.

Trackio is an extra that is looked for only when it is asked for.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import asdict
from importlib import import_module
from typing import Any

from ntm.training.run import TrainingError, TrainingRun


class Tracker:
    """Sends what happens to runs, each under the name of its seed.

    Args:
        runs: what Trackio knows the runs as, by their seeds.
    """

    def __init__(self, runs: dict[int, Any]) -> None:
        self._runs = runs

    def report(self, run: TrainingRun) -> None:
        """Send the newest row of a run's learning curve, with its validation where there was one."""
        row = {name: value for name, value in run.curve[-1].items() if name != "update"}
        self._runs[run.recipe.seed].log(row, step=run.update)

    def conclude(self, run: TrainingRun, verdict: str) -> None:
        """Send what became of a run, in a sentence."""
        self._runs[run.recipe.seed].log({"verdict": verdict, "best_update": run.best_update}, step=run.update)


@contextmanager
def tracked(runs: Sequence[TrainingRun], project: str, space: str | None) -> Iterator[Tracker]:
    """Open the runs of a race on a dashboard; one that was begun before goes on there.

    Args:
        runs: before their next update.
        project: what they belong to, such as "ntm-copy".
        space: a Space of the user's, such as "NAMESPACE/ntm-training", which is made where there is none; this machine
            when None.

    Raises:
        TrainingError: if Trackio is not installed.
    """
    try:
        trackio = import_module("trackio")
    except ImportError as error:
        raise TrainingError("--track needs Trackio, which is an extra: pip install trackio") from error
    # Trackio ends the run before whenever it begins one, but for those of another context.
    opened = {run.recipe.seed: Context().run(_open, trackio, run, project, space) for run in runs}
    try:
        yield Tracker(opened)
    finally:
        for each in opened.values():
            each.finish()


def _open(trackio: Any, run: TrainingRun, project: str, space: str | None) -> Any:
    return trackio.init(
        project=project,
        name=f"seed {run.recipe.seed}",
        space_id=space,
        config={"task": run.settings.task, "architecture": run.settings.architecture, **asdict(run.recipe)},
        resume="allow" if run.update else "never",
        embed=False,
        auto_log_gpu=False,
        auto_log_cpu=False,
    )
