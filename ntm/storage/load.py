"""Loading: a checkpoint by the path of its folder, or by its id on the Hugging Face Hub."""

import os
from pathlib import Path

from ntm.machine.model import SequenceModel
from ntm.storage import untrusted
from ntm.storage.checkpoint import DEADLINE, Checkpoint, read_folder
from ntm.storage.untrusted import CheckpointError


def load(source: str | Path, *, revision: str | None = None, deadline: float = DEADLINE) -> SequenceModel:
    """Load a trained model, ready to run.

    Args:
        source: a checkpoint folder, or a Hub id such as "NAMESPACE/ntm-copy".
        revision: the branch, tag or commit of a Hub id.
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
    if os.path.isdir(source):
        return read_folder(Path(source))
    if isinstance(source, Path):
        raise CheckpointError(f"there is no folder {source}")
    from ntm.storage import hub  # here, so that importing the library does without the Hub's client

    try:
        return hub.download(source, revision=revision, deadline=deadline)
    except CheckpointError as error:
        raise CheckpointError(f"there is no folder {untrusted.quote(source)} here, and as a Hub id: {error}") from error
