"""The machines behind the page: its own, and those that visitors pulled from the Hub."""

import json
from collections import OrderedDict
from collections.abc import Mapping
from functools import cache, lru_cache
from threading import Lock
from typing import Any, NamedTuple
from uuid import uuid4

from ntm.machine.model import SequenceModel
from ntm.storage import hub, snapshots, untrusted
from ntm.storage.checkpoint import CHECKPOINTS, SNAPSHOTS, Checkpoint
from ntm.storage.load import load, read
from ntm.storage.untrusted import CheckpointError
from ntm.ui.budget import MEMORY, weigh
from ntm.ui.links import Link

_MOST_KEPT = 64 * 2**20
"""Bytes of all machines that visitors pulled; one is at most 50 MB, and most have a third of one."""
_FEWEST_STEPS = 50
"""A machine for which so many are too many is not worth keeping."""
_BYTES_A_MACHINE = 100 * 2**10
"""that each takes beside its weights"""


class _Pulled(NamedTuple):
    """A machine that a visitor pulled."""

    name: str
    machine: Checkpoint
    size: int
    """bytes that it takes"""


class Machines:
    """The page's own machines, a task each, and those that visitors pulled, each known only to who holds its key.

    Args:
        own: the page's own machines, by task.
        sources: the Hub ids of those that do not come from this repository, by task.
    """

    def __init__(self, own: Mapping[str, Checkpoint], sources: Mapping[str, str] | None = None) -> None:
        self._own = dict(own)
        self._sources = dict(sources or {})
        self._pulled: OrderedDict[str, _Pulled] = OrderedDict()
        self._size = 0
        self._lock = Lock()

    @property
    def tasks(self) -> list[str]:
        """The tasks that the page has a machine of its own for."""
        return list(self._own)

    def keep(self, name: str, pulled: Checkpoint) -> str:
        """Keep a machine that a visitor pulled and return the key to it.

        Those that were used the longest ago are put away for it where they take too much together.

        Raises:
            CheckpointError: if its runs would be too large for the page.
        """
        if weigh(pulled.model, _FEWEST_STEPS).bytes > MEMORY:
            raise CheckpointError(f"{name} has more memory than this page can show; ntm.load runs it")
        key = uuid4().hex
        with self._lock:
            self._pulled[key] = _Pulled(name, pulled, _size(pulled.model))
            self._size += self._pulled[key].size
            while self._size > _MOST_KEPT:
                self._size -= self._pulled.popitem(last=False)[1].size
        return key

    def get(self, task: str, key: str | None) -> Checkpoint:
        """The machine that a visitor uses for a task: the page's own where the key is None or of another task's.

        Raises:
            CheckpointError: if others have pulled so much since that this one was put away.
        """
        found = self._find(task, key)
        return self._own[task] if found is None else found.machine

    def model_for(self, link: Link, key: str | None) -> SequenceModel:
        """The weights that a link asks for: those of the machine that a visitor uses, or of a snapshot of its training.

        Raises:
            CheckpointError: as `get`, or if the snapshot is not sound.
        """
        task = link.question.task
        return self.get(task, key).model if link.update is None else as_it_was(task, link.update)

    def source(self, task: str, key: str | None) -> str:
        """What `ntm.load` has to be given for that machine: a folder, or a Hub id with "@" and a revision.

        Raises:
            CheckpointError: as `get`.
        """
        found = self._find(task, key)
        return self._sources.get(task, f"checkpoints/ntm-{task}") if found is None else found.name

    def _find(self, task: str, key: str | None) -> _Pulled | None:
        """The machine that a visitor pulled, where it is of this task."""
        if key is None:
            return None
        with self._lock:
            if key not in self._pulled:
                raise CheckpointError("your machine was put away to make room for those of others: pull it again")
            self._pulled.move_to_end(key)
            found = self._pulled[key]
        return found if found.machine.task == task else None


@lru_cache(maxsize=128)
def as_it_was(task: str, update: int) -> SequenceModel:
    """The embedded machine of a task as it was after an update of its training of which there is a snapshot.

    Raises:
        CheckpointError: if the snapshot is not sound.
    """
    folder = CHECKPOINTS / f"ntm-{task}"
    model = load(folder)
    untrusted.load_weights(model, snapshots.path(folder / SNAPSHOTS, update))
    return model


@cache
def baseline_of(task: str) -> SequenceModel | None:
    """The embedded LSTM of a task, where there is one.

    Raises:
        CheckpointError: if it is not sound.
    """
    folder = CHECKPOINTS / f"lstm-{task}"
    return load(folder) if folder.is_dir() else None


def has_own(task: str) -> bool:
    """Whether there is an embedded machine for a task."""
    return (CHECKPOINTS / f"ntm-{task}").is_dir()


@cache
def updates_kept(task: str) -> list[int]:
    """The updates of which the embedded machine of a task has snapshots."""
    return snapshots.updates(CHECKPOINTS / f"ntm-{task}" / SNAPSHOTS)


@cache
def read_record(model: str, file: str) -> dict[str, Any]:
    """A JSON file of an embedded checkpoint, such as `training.json`; empty where there is none."""
    path = CHECKPOINTS / model / file
    record: dict[str, Any] = json.loads(path.read_text("utf-8")) if path.exists() else {}
    return record


def _size(model: SequenceModel) -> int:
    """Bytes that a machine takes."""
    return _BYTES_A_MACHINE + sum(parameter.nbytes for parameter in model.parameters())


class Own(NamedTuple):
    """A machine of the page's own."""

    machine: Checkpoint
    source: str
    """what `ntm.load` has to be given for it, a folder or a Hub id"""
    notice: str | None = None
    """what visitors should know of where it comes from"""


def open_own(task: str, namespace: str | None) -> Own:
    """The page's own machine for a task.

    Args:
        task: the task's name.
        namespace: the namespace on the Hub whose machine is wanted. The embedded one is opened when this is None,
            or when theirs cannot be had.

    Raises:
        CheckpointError: if the embedded one is not sound.
    """
    name, theirs = f"ntm-{task}", f"{namespace}/ntm-{task}"
    embedded = f"checkpoints/{name}"
    if namespace is None:
        return Own(read(CHECKPOINTS / name), embedded)
    try:
        return Own(hub.download(theirs, task=task), theirs, f"The machine is {theirs} from the Hub.")
    except CheckpointError as error:
        notice = f"{theirs} could not be had, so this is the embedded machine: {error}."
        return Own(read(CHECKPOINTS / name), embedded, notice)
