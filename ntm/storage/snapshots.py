"""Snapshots: the weights at some updates of a training, so that one can watch a machine learn.

Training keeps many, since nobody knows beforehand when learning will happen; the few that are published are chosen from
the finished learning curve.
"""

import math
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from safetensors.torch import save_file

from ntm.machine.model import SequenceModel

_PUBLISHED = 14
# How much further on the next one is kept, as a share of the updates so far.
_SPACING = 0.04
_SMALLEST_LOSS = 1e-9


def path(folder: Path, update: int) -> Path:
    """Where the snapshot of an update is."""
    return folder / f"{update:07d}.safetensors"


def updates(folder: Path) -> list[int]:
    """The updates of which a folder has snapshots, from the first to the last."""
    return sorted(int(file.stem) for file in folder.glob("*.safetensors"))


def keep(model: SequenceModel, folder: Path, update: int) -> None:
    """Keep the weights after this update, unless they were kept shortly before."""
    kept = updates(folder)
    if kept and update < kept[-1] * (1 + _SPACING):
        return
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / "partial"
    save_file(dict(model.state_dict()), partial)
    partial.replace(path(folder, update))


def publish(source: Path, target: Path, curve: Sequence[Mapping[str, float]], last: int) -> None:
    """Copy the snapshots that show learning best.

    Args:
        source: folder of all that were kept.
        target: folder for the chosen ones.
        curve: the learning curve, rows with `update` and `loss`.
        last: the update whose weights are published; what came after it is not shown.
    """
    target.mkdir()
    for update in choose([update for update in updates(source) if update <= last], curve):
        shutil.copyfile(path(source, update), path(target, update))


def choose(kept: Sequence[int], curve: Sequence[Mapping[str, float]], count: int = _PUBLISHED) -> list[int]:
    """The updates among `kept` that divide the learning into equal parts.

    Learning is measured half by the updates done and half by how far the logarithm of the loss has fallen, each as a
    share of the whole, so that snapshots stand closer together where the loss falls.
    """
    if len(kept) <= count:
        return list(kept)
    lowest, falls = math.inf, {}
    for row in curve:
        lowest = min(lowest, row["loss"])
        falls[row["update"]] = -math.log(max(lowest, _SMALLEST_LOSS))
    first, last = kept[0], kept[-1]
    whole_fall = (falls[last] - falls[first]) or 1.0
    learned = {
        update: (update - first) / (last - first) + (falls[update] - falls[first]) / whole_fall for update in kept
    }
    chosen = []
    for part in range(count):
        wanted = learned[last] * part / (count - 1)
        left = [update for update in kept if update not in chosen]
        chosen.append(min(left, key=lambda update: abs(learned[update] - wanted)))
    return sorted(chosen)
