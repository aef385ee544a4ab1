"""The names that people of the Hub's ecosystem type: `from_pretrained`, `save_pretrained` and `push_to_hub`.

The models are below storage and know nothing of it, so that `attach` gives them these names from here.
"""

import tempfile
from pathlib import Path
from typing import Any

from ntm.machine.model import SequenceModel
from ntm.storage import checkpoint
from ntm.storage.load import load
from ntm.storage.untrusted import CheckpointError


def from_pretrained(cls: type[SequenceModel], source: str | Path, /, **options: Any) -> SequenceModel:
    """Load a checkpoint, a folder or a Hub id, with the checks and the options of `ntm.load`.

    Raises:
        ntm.CheckpointError: if it cannot be had, is malformed, or holds another kind of model.
    """
    model = load(source, **options)
    if not isinstance(model, cls):
        raise CheckpointError(f"{source} holds a {type(model).__name__}, not a {cls.__name__}")
    return model


def save_pretrained(self: SequenceModel, save_directory: str | Path) -> None:
    """Write `config.json` and `model.safetensors` into a folder, enough to load the model again."""
    folder = Path(save_directory)
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint.save_weights(self, folder)


def push_to_hub(
    self: SequenceModel,
    repo_id: str,
    *,
    private: bool | None = None,
    token: str | None = None,
    commit_message: str = "Push model using ntm",
    branch: str | None = None,
    create_pr: bool | None = None,
) -> str:
    """Publish the weights alone, as one commit, and return its address. The arguments mean what they mean to the Hub.

    `python train.py push` publishes a checkpoint folder with all that is known of it.
    """
    from huggingface_hub import HfApi  # here, so that importing the library does without the Hub's client

    from ntm.reports import model_card

    api = HfApi(token=token)
    repo = api.create_repo(repo_id, private=private, exist_ok=True).repo_id
    with tempfile.TemporaryDirectory() as folder:
        save_pretrained(self, folder)
        model_card.write_bare(Path(folder), self, source=repo)
        commit = api.upload_folder(
            repo_id=repo, folder_path=folder, commit_message=commit_message, revision=branch, create_pr=create_pr
        )
    return str(commit.commit_url)


def attach() -> None:
    """Give all models these names."""
    models: Any = SequenceModel
    models.from_pretrained = classmethod(from_pretrained)
    models.save_pretrained = save_pretrained
    models.push_to_hub = push_to_hub
