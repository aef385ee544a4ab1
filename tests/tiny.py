"""A machine small enough to build in no time, a checkpoint of it, and a run that trains one."""

from pathlib import Path
from typing import Any

import torch

import ntm
from ntm.storage import record
from ntm.tasks import Architecture, Recipe
from ntm.tasks.recipe import Curriculum
from ntm.training.run import Settings, TrainingRun

TRAINING: dict[str, Any] = {
    "task": "copy",
    "seed": 3,
    "updates": 40,
    "batch_size": 2,
    "learning_rate": 0.001,
    "best_update": 20,
    "chosen_at": [{"length": 20}, {"length": 120}, {"length": 20}],
    "sequences": 80,
    "seconds": 1.5,
    "device": "a test",
    "threads": 1,
    "versions": {"python": "3.11", "torch": "2.13.0"},
    "curve": [{"update": 20, "loss": 0.7, "error": 4.0}, {"update": 40, "loss": 0.6, "error": 3.5}],
}


def _score(length: int, slots: int, **figures: float) -> dict[str, Any]:
    return {"sizes": {"length": length}, "memory_slots": slots, "sequences": 100, **figures}


EVALUATION: dict[str, Any] = {
    "task": "copy",
    "error": "bit errors",
    "sequences": 100,
    "seeds": [5],
    "chosen_at": [{"length": 20}, {"length": 120}, {"length": 20}],
    "scores": [
        _score(1, 8, error=0.25, margin=0.08, worst=2.0, wrong=20),
        _score(20, 8, error=12.5, margin=1.0, worst=30.0, wrong=100),
        _score(20, 64, error=11.0, margin=1.2, worst=29.0, wrong=100),
        _score(30, 64, error=31.5, margin=2.5, worst=60.0, wrong=100),
    ],
}


SMALLEST: dict[Architecture, dict[str, int]] = {
    "ntm": {"controller_size": 8, "memory_slots": 8, "memory_width": 4},
    "lstm": {"hidden_size": 8, "num_layers": 1},
}


def small(task: str = "copy", architecture: Architecture = "ntm", **recipe: Any) -> Settings:
    """A short run of a model that is built in no time."""
    arguments = SMALLEST[architecture] | recipe.pop("arguments", {})
    return Settings(
        task, architecture, Recipe(**{"updates": 40, "batch_size": 4, "seeds": 1} | recipe, arguments=arguments)
    )


CPU = torch.device("cpu")
SHORT = small()
# After some reports of this one the limit goes up, and after others not.
CURRICULUM = small(
    "repeat-copy", "lstm", updates=200, learning_rate=0.01, curriculum=Curriculum(first_limit=2, raise_below=0.6)
)
_NOWHERE = Path("nowhere")  # a folder for runs that are never saved


def start(
    settings: Settings,
    folder: Path = _NOWHERE,
    *,
    update: int = 0,
    limit: int | None = None,
    has_learned: bool = False,
) -> TrainingRun:
    """A run before an update, with a limit of the curriculum if one is given."""
    run = TrainingRun.start(settings, folder, CPU)
    run.update, run.has_learned = update, has_learned
    run.limit = limit if limit is not None else run.limit
    return run


def machine(seed: int = 0) -> ntm.NTM:
    """A machine with the widths of the copy task."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return ntm.NTM(10, 8, controller_size=8, memory_slots=8, memory_width=4)


def write_checkpoint(folder: Path, *, seed: int = 0, extras: bool = True) -> Path:
    """A whole checkpoint folder, with a picture and a snapshot as extras."""

    def add_files(fresh: Path) -> None:
        (fresh / "run.png").write_bytes(b"\x89PNG")
        (fresh / "snapshots").mkdir()
        (fresh / "snapshots" / "500.safetensors").write_bytes(b"weights of old")

    record.write(folder, machine(seed), "copy", TRAINING, EVALUATION, add_files=add_files if extras else None)
    return folder
