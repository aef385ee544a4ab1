"""Checkpoints: a folder, here or on the Hugging Face Hub, that holds a trained model and what is known of it.

| file                | holds                                                                                 |
| ------------------- | ------------------------------------------------------------------------------------- |
| `config.json`       | the architecture, its arguments and the task                                           |
| `model.safetensors` | the weights; never a pickle                                                            |
| `training.json`     | seed, updates, sequences seen, seconds, device, versions, learning curve               |
| `evaluation.json`   | error by size on fresh sequences, how many were tried, and their seed                  |
| `README.md`         | the model card, and the pictures it shows                                              |
| `snapshots/`        | weights from along the way, where the training kept them                               |
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors.torch import save_file

from ntm.machine.model import SequenceModel
from ntm.reports import model_card
from ntm.storage import untrusted
from ntm.storage.untrusted import CheckpointError

CHECKPOINTS = Path(os.environ.get("NTM_CHECKPOINTS") or Path(__file__).parents[2] / "checkpoints")
"""where this repository has its own"""

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
TRAINING = "training.json"
EVALUATION = "evaluation.json"
CARD = "README.md"
SNAPSHOTS = "snapshots"

DEADLINE = 15.0


@dataclass(frozen=True)
class Checkpoint:
    """A trained model with what is known of it."""

    model: SequenceModel
    task: str | None
    training: dict[str, Any]
    evaluation: dict[str, Any]


def load(source: str | Path, *, revision: str | None = None, deadline: float = DEADLINE) -> SequenceModel:
    """Load a trained model, ready to run.

    Args:
        source: a checkpoint folder, or a Hub id such as "NAMESPACE/ntm-copy".
        revision: of a Hub id: a branch, a tag or a commit.
        deadline: seconds after which a download is given up.

    Raises:
        CheckpointError: if it cannot be had or is not a sound checkpoint.
    """
    return read(source, revision=revision, deadline=deadline).model


def read(source: str | Path, *, revision: str | None = None, deadline: float = DEADLINE) -> Checkpoint:
    """Load a trained model and what is known of it; see `load`.

    Raises:
        CheckpointError: if it cannot be had or is not a sound checkpoint.
    """
    from ntm.storage import hub  # it needs this module, which needs it only here

    if os.path.isdir(source):
        return read_folder(Path(source))
    if isinstance(source, Path):
        raise CheckpointError(f"there is no folder {source}")
    try:
        return hub.download(source, revision=revision, deadline=deadline)
    except CheckpointError as error:
        raise CheckpointError(f"there is no folder {untrusted.quote(source)} here, and as a Hub id: {error}") from error


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
        config = untrusted.read_json(folder / CONFIG)
        untrusted.check_config(config, task)
        model = untrusted.ARCHITECTURES[config["architecture"]](**untrusted.model_arguments(config))
        untrusted.load_weights(model, folder / WEIGHTS)
        training = untrusted.read_facts(folder / TRAINING, untrusted.TRAINING_FACTS)
        evaluation = untrusted.read_facts(folder / EVALUATION, untrusted.EVALUATION_FACTS)
    except CheckpointError as error:
        raise CheckpointError(f"{name or folder}: {error}") from error
    return Checkpoint(model.eval(), config.get("task"), training, evaluation)


def describe(model: SequenceModel, task: str | None) -> dict[str, Any]:
    """The contents of `config.json`: the architecture, its arguments, and the task where there is one."""
    return {"architecture": type(model).__name__, **model.config} | ({"task": task} if task else {})


def save_weights(model: SequenceModel, folder: Path, task: str | None = None) -> None:
    """Write `config.json` and `model.safetensors`, enough to load the model again."""
    write_json(folder / CONFIG, describe(model, task))
    save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, folder / WEIGHTS)
    (folder / WEIGHTS).chmod(0o644)  # safetensors lets only its owner read it, and a Space runs as someone else


def write(
    folder: Path,
    model: SequenceModel,
    task: str,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    add_files: Callable[[Path], object] | None = None,
) -> None:
    """Write a whole checkpoint folder, in place of what is there, or leave that untouched when anything fails.

    Args:
        folder: its last component is the checkpoint's name, such as "ntm-copy".
        model: the trained weights.
        task: the name of the task it was trained on.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`.
        add_files: called with the folder being written, to add what else belongs there: the pictures that
            `model_card.PICTURES` names, and snapshots.
    """
    with replacing(folder) as fresh:
        save_weights(model, fresh, task)
        write_json(fresh / TRAINING, training)
        write_json(fresh / EVALUATION, evaluation)
        if add_files is not None:
            add_files(fresh)
        write_card(fresh, Checkpoint(model, task, training, evaluation), f"{folder.parent.name}/{folder.name}")


def write_card(folder: Path, checkpoint: Checkpoint, source: str) -> None:
    """Write the model card of a folder.

    Args:
        folder: with its pictures, where there are any.
        checkpoint: what is in it.
        source: what its reader passes to `ntm.load`, a folder or a Hub id.
    """
    text = model_card.render(
        checkpoint.model,
        checkpoint.task or "",
        checkpoint.training,
        checkpoint.evaluation,
        source=source,
        pictures=[name for name in model_card.PICTURES if (folder / name).is_file()],
    )
    (folder / CARD).write_text(text, encoding="utf-8")


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
