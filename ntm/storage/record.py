"""Recording: a whole checkpoint folder, written in one go, with everything that the Hub shows of it."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ntm.machine.model import SequenceModel
from ntm.reports import model_card
from ntm.storage import snapshots
from ntm.storage.checkpoint import EVALUATION, SNAPSHOTS, TRAINING, save_weights, write_json
from ntm.storage.folders import replacing
from ntm.tasks import Task


def record(
    folder: Path,
    model: SequenceModel,
    task: Task,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    kept: Path | None = None,
) -> None:
    """Write a checkpoint folder with an evaluation, the pictures that show it and snapshots, whole or not at all.

    Args:
        folder: its last component is the checkpoint's name, such as "ntm-copy".
        model: the trained weights.
        task: what it was trained on.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`, of these weights.
        kept: the folder of the snapshots that training kept; those already published stay when None.
    """
    from ntm.reports import figures  # here, so that judging a model does without matplotlib

    def add_files(fresh: Path) -> None:
        figures.write_pictures(fresh, model, task, evaluation)
        if kept is not None and kept.is_dir():
            snapshots.publish(kept, fresh / SNAPSHOTS, training["curve"], training["best_update"])
        elif (folder / SNAPSHOTS).is_dir():
            shutil.copytree(folder / SNAPSHOTS, fresh / SNAPSHOTS)

    write(folder, model, task.name, training, evaluation, add_files=add_files)


def write(
    folder: Path,
    model: SequenceModel,
    task: str,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    add_files: Callable[[Path], object] | None = None,
) -> None:
    """Write a checkpoint folder, in place of what is there, or leave that untouched when anything fails.

    Args:
        folder: its last component is the checkpoint's name, such as "ntm-copy".
        model: the trained weights.
        task: the name of the task it was trained on.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`.
        add_files: called with the folder being written, to add what else belongs there: the pictures that
            `model_card.PICTURES` names, and snapshots.
    """
    # With the figures goes which of them decided between weights.
    evaluation = evaluation | {"chosen_at": training.get("chosen_at", [])}
    with replacing(folder) as fresh:
        save_weights(model, fresh, task)
        write_json(fresh / TRAINING, training)
        write_json(fresh / EVALUATION, evaluation)
        if add_files is not None:
            add_files(fresh)
        model_card.write(fresh, model, task, training, evaluation, source=f"{folder.parent.name}/{folder.name}")
