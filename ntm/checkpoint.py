"""Checkpoints: a folder, here or on the Hugging Face Hub, that holds a trained model and what is known of it.

| file                | holds                                                                                 |
| ------------------- | ------------------------------------------------------------------------------------- |
| `config.json`       | the architecture, its arguments and the task                                           |
| `model.safetensors` | the weights; never a pickle                                                            |
| `training.json`     | seed, updates, sequences seen, seconds, device, versions, learning curve               |
| `evaluation.json`   | error by size on fresh sequences, how many were tried, and their seed                  |
| `README.md`         | the model card                                                                         |
| `snapshots/`        | weights from along the way, where the training kept them                               |
"""

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file

from ntm import card
from ntm.baseline import LSTMBaseline
from ntm.machine import NTM
from ntm.model import SequenceModel

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TRAINING = "training.json"
EVALUATION = "evaluation.json"
CARD = "README.md"

ARCHITECTURES: dict[str, type[SequenceModel]] = {"NTM": NTM, "LSTMBaseline": LSTMBaseline}


class CheckpointError(Exception):
    """A checkpoint that cannot be had or cannot be trusted. The message is one sentence for the person who named it."""


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with what is known of it."""

    model: SequenceModel
    task: str | None
    training: dict[str, Any]
    evaluation: dict[str, Any]


def load(source: str | Path, **options: Any) -> SequenceModel:
    """Load a trained model, ready to run.

    Args:
        source: a checkpoint folder, or a Hub id such as "NAMESPACE/ntm-copy".
        **options: for a Hub id, see `ntm.hub.download`.

    Raises:
        CheckpointError: if it cannot be had or is not a sound checkpoint.
    """
    return read(source, **options).model


def read(source: str | Path, **options: Any) -> Checkpoint:
    """Load a trained model and what is known of it; see `load`.

    Raises:
        CheckpointError: if it cannot be had or is not a sound checkpoint.
    """
    folder = Path(source)
    if not folder.is_dir():
        raise CheckpointError(f"there is no folder {source}")
    config = _read_json(folder / CONFIG)
    task = config.pop("task", None)
    model = build(config)
    load_weights(model, folder / WEIGHTS)
    return Checkpoint(
        model=model.eval(),
        task=task,
        training=_read_json(folder / TRAINING, missing={}),
        evaluation=_read_json(folder / EVALUATION, missing={}),
    )


def build(config: dict[str, Any]) -> SequenceModel:
    """An untrained model from `config.json`'s contents, less the task.

    Raises:
        CheckpointError: if the architecture is unknown or one of its arguments is wrong.
    """
    arguments = dict(config)
    architecture = arguments.pop("architecture", None)
    if architecture not in ARCHITECTURES:
        raise CheckpointError(f"{CONFIG} names the architecture {architecture!r}; known are {', '.join(ARCHITECTURES)}")
    try:
        return ARCHITECTURES[architecture](**arguments)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{CONFIG} does not describe a model: {error}") from error


def load_weights(model: SequenceModel, path: Path) -> None:
    """Fill a model from a safetensors file that holds exactly its tensors, all finite.

    Raises:
        CheckpointError: if the file is missing, damaged, does not fit or holds NaN or infinity.
    """
    try:
        weights = load_file(path)
        model.load_state_dict(weights, strict=True)
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}") from error
    except RuntimeError as error:
        raise CheckpointError(f"{path.name} does not fit the model that {CONFIG} describes: {error}") from error
    for name, tensor in weights.items():
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{path.name} holds NaN or infinity in {name}")


def describe(model: SequenceModel, task: str | None) -> dict[str, Any]:
    """The contents of `config.json`: what `build` needs, and the task."""
    return {"architecture": type(model).__name__, **model.config} | ({"task": task} if task else {})


def save_weights(model: SequenceModel, folder: Path, task: str | None = None) -> None:
    """Write `config.json` and `model.safetensors`, enough to load the model again."""
    write_json(folder / CONFIG, describe(model, task))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS)


def write(folder: Path, model: SequenceModel, task: str, training: dict[str, Any], evaluation: dict[str, Any]) -> None:
    """Write a whole checkpoint folder, in place of what is there, or leave that untouched when anything fails.

    Args:
        folder: its last component is the checkpoint's name, such as "ntm-copy".
        model: the trained weights.
        task: the name of the task it was trained on.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`.
    """
    with replacing(folder) as fresh:
        save_weights(model, fresh, task)
        write_json(fresh / TRAINING, training)
        write_json(fresh / EVALUATION, evaluation)
        (fresh / CARD).write_text(card.render(model, task, training, evaluation), encoding="utf-8")


@contextmanager
def replacing(folder: Path) -> Iterator[Path]:
    """A fresh folder to write into that takes the place of `folder` when all went well, and is thrown away when not."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
    try:
        fresh.chmod(0o755)
        yield fresh
        if folder.exists():
            retired = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent))
            os.replace(folder, retired)
            os.replace(fresh, folder)
            shutil.rmtree(retired)
        else:
            os.replace(fresh, folder)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)


def write_json(path: Path, value: Any) -> None:
    """Write readable JSON, whole or not at all."""
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(json.dumps(value, indent=1, allow_nan=False) + "\n", encoding="utf-8")
    os.replace(partial, path)


def _read_json(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        if missing is not None:
            return missing
        raise CheckpointError(f"{path.parent} has no {path.name}") from None
    except (OSError, ValueError) as error:
        raise CheckpointError(f"{path.name} cannot be read: {error}") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path.name} must hold an object, not a {type(value).__name__}")
    return value
