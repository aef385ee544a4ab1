"""Checkpoints: a folder, here or on the Hugging Face Hub, that holds a trained model and what is known of it.

| file                | holds                                                                                 |
| ------------------- | ------------------------------------------------------------------------------------- |
| `config.json`       | the architecture, its arguments and the task                                           |
| `model.safetensors` | the weights; never a pickle                                                            |
| `training.json`     | seed, updates, sequences seen, seconds, device, versions, learning curve               |
| `evaluation.json`   | error by size on fresh sequences, how many were tried and were wrong, and their seeds  |
| `README.md`         | the model card, and the pictures it shows                                              |
| `snapshots/`        | weights from along the way, where the training kept them                               |
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ntm.machine.model import SequenceModel
from ntm.storage import untrusted
from ntm.storage.untrusted import CheckpointError


def _find_checkpoints() -> Path:
    if chosen := os.environ.get("NTM_CHECKPOINTS"):
        return Path(chosen)
    beside = Path(__file__).parents[2] / "checkpoints"
    return beside if beside.is_dir() else Path("checkpoints")


CHECKPOINTS = _find_checkpoints()
"""The folder NTM_CHECKPOINTS; else the one beside the package, as in a clone; else the one in the current directory."""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TRAINING = "training.json"
EVALUATION = "evaluation.json"
SNAPSHOTS = "snapshots"

_KINDS = ("ntm", "ntm-lstm", "ntm-feedforward", "lstm")
"""How the names begin of what is published for a task: the machine that is shown, the paper's own with each of its
controllers where that is another, and the baseline"""

DEADLINE = 15.0
"""seconds after which a download is given up"""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with what is known of it."""

    model: SequenceModel
    task: str | None
    training: dict[str, Any]
    evaluation: dict[str, Any]


def read_folder(folder: Path, task: str | None = None, name: str | None = None) -> Checkpoint:
    """Load what a folder holds, strictly: the configuration is checked before anything is built from it.

    Args:
        folder: the checkpoint.
        task: what it is wanted for; whatever it was trained on when None.
        name: what messages call it; its path when None.

    Raises:
        CheckpointError: if it is not a sound checkpoint, or is for another task.
    """
    try:
        config = untrusted.read_config(folder / CONFIG, task)
        model = untrusted.ARCHITECTURES[config["architecture"]](**untrusted.model_arguments(config))
        untrusted.load_weights(model, folder / WEIGHTS)
        training = untrusted.read_facts(folder / TRAINING, untrusted.TRAINING_FACTS)
        evaluation = untrusted.read_facts(folder / EVALUATION, untrusted.EVALUATION_FACTS)
    except CheckpointError as error:
        raise CheckpointError(f"{name or folder}: {error}") from error
    return Checkpoint(model.eval(), config.get("task"), training, evaluation)


def published(home: Path, task: str) -> list[Path]:
    """The folders of what is published for a task, of those that are in a folder."""
    folders = [home / f"{kind}-{task}" for kind in _KINDS]
    return [folder for folder in folders if (folder / CONFIG).is_file()]


def describe(model: SequenceModel, task: str | None) -> dict[str, Any]:
    """The contents of `config.json`: the architecture, its arguments, and the task where there is one."""
    return {"architecture": type(model).__name__, **model.config} | ({"task": task} if task else {})


def save_weights(model: SequenceModel, folder: Path, task: str | None = None) -> None:
    """Write `config.json` and `model.safetensors`, enough to load the model again."""
    write_json(folder / CONFIG, describe(model, task))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors lets only its owner read it, and a Space runs as someone else


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)
