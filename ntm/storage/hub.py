"""The Hugging Face Hub: pulling other people's checkpoints without trusting them, and publishing one's own.

The client of `huggingface_hub` does the talking, in a process of its own (`ntm.storage.hub_client`) that ends when the
deadline is reached, whatever a server does. All that comes back is read by `ntm.storage.untrusted`.
"""

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Timer
from types import TracebackType
from typing import Any, Self

from huggingface_hub import try_to_load_from_cache
from huggingface_hub.errors import HFValidationError
from huggingface_hub.utils import validate_repo_id

from ntm.reports import model_card
from ntm.storage import checkpoint, untrusted
from ntm.storage.checkpoint import CONFIG, DEADLINE, EVALUATION, SNAPSHOTS, TRAINING, WEIGHTS, Checkpoint
from ntm.storage.untrusted import CheckpointError, quote

PUSH_DEADLINE = 600.0

_CLIENT = Path(__file__).with_name("hub_client.py")
_LARGEST_DOWNLOAD = 50 * 2**20
_MOST_CACHED = 200 * 2**20
"""bytes of what visitors pulled that stay on disk when the next one pulls"""
_LONGEST_ID = 200
_REVISION = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._/+-]{0,98}[A-Za-z0-9])?")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")

Progress = Callable[[int, int], object]
"""Told the bytes had so far, and the bytes in all."""


class _UnreachableError(CheckpointError):
    """The Hub is the trouble, not the checkpoint."""


@dataclass(frozen=True)
class HubId:
    """A model repository on the Hub, and the branch, tag or commit that is meant."""

    repo: str
    revision: str | None = None

    def __str__(self) -> str:
        return f"{self.repo}@{self.revision}" if self.revision else self.repo


def parse(text: str) -> HubId:
    """Read an id such as "OTHER/my-ntm" or "OTHER/my-ntm@v2".

    Raises:
        CheckpointError: if it is none.
    """
    text = text.strip()
    if len(text) > _LONGEST_ID:
        raise CheckpointError(f"a Hub id is never as long as {len(text):,} characters")
    if "://" in text:
        raise CheckpointError(f"{quote(text)} is an address; give the id alone, such as NAMESPACE/ntm-copy")
    repo, at, revision = text.partition("@")
    try:
        validate_repo_id(repo)
    except HFValidationError:
        repo = ""
    if repo.count("/") != 1 or not repo.isascii():
        raise CheckpointError(f"{quote(text)} is no Hub id; one looks like NAMESPACE/ntm-copy or NAMESPACE/ntm-copy@v2")
    if at and (not _REVISION.fullmatch(revision) or ".." in revision or "//" in revision):
        raise CheckpointError(f"{quote(revision)} is no revision; one is the name of a branch or a tag, or a commit")
    return HubId(repo, revision or None)


def pull(
    name: str, *, task: str | None = None, deadline: float = DEADLINE, on_progress: Progress | None = None
) -> Checkpoint:
    """Pull a checkpoint that a visitor named.

    It is pulled as anyone could, without this machine's token, and no folder of this machine is ever read.

    Args:
        name: a Hub id, such as "OTHER/my-ntm@v2".
        task: what it is wanted for; its input and output widths must fit.
        deadline: seconds after which it is given up.
        on_progress: told how far the download is.

    Raises:
        CheckpointError: with one sentence for the visitor, if it cannot be had or cannot be trusted.
    """
    return _pull(parse(name), task, deadline, on_progress, anonymous=True)


def download(
    name: str,
    *,
    revision: str | None = None,
    task: str | None = None,
    deadline: float = DEADLINE,
    on_progress: Progress | None = None,
) -> Checkpoint:
    """Pull a checkpoint for the owner of this machine: with the token, and from the cache when the Hub is out of reach.

    Args:
        name: a Hub id, such as "NAMESPACE/ntm-copy".
        revision: a branch, a tag or a commit; may also stand in the id after an @.
        task: what it is wanted for; its input and output widths must fit.
        deadline: seconds after which the download is given up.
        on_progress: told how far the download is.

    Raises:
        CheckpointError: if it cannot be had or cannot be trusted.
    """
    source = parse(f"{name}@{revision}" if revision is not None else name)
    try:
        return _pull(source, task, deadline, on_progress, anonymous=False)
    except _UnreachableError:
        folder = _cached(source)
        if folder is None:
            raise
        return checkpoint.read_folder(folder, task, str(source))


def _pull(
    source: HubId, task: str | None, deadline: float, on_progress: Progress | None, anonymous: bool
) -> Checkpoint:
    with _Client(source, deadline) as client:
        if anonymous:
            client.ask("make room", most=_MOST_CACHED)
        found = client.ask("sizes", repo=source.repo, revision=source.revision, anonymous=anonymous)
        if not _COMMIT.fullmatch(found["sha"] or ""):
            raise _failure("nonsense", None, source)
        sizes = _choose(found["sizes"], source)
        done, total = 0, sum(sizes.values())
        folder = Path()
        for name, size in sizes.items():
            if on_progress is not None:
                on_progress(done, total)
            path = client.ask("download", repo=source.repo, sha=found["sha"], name=name, anonymous=anonymous)
            folder = Path(path).parent
            if name == CONFIG:
                _check_config(folder, task, source)
            done += size
    _remember(folder, source)
    if on_progress is not None:
        on_progress(total, total)
    return checkpoint.read_folder(folder, task, str(source))


def _choose(sizes: dict[str, int | None], source: HubId) -> dict[str, int]:
    """The files to download, the configuration first, after a look at what there is."""
    if CONFIG not in sizes:
        raise CheckpointError(f"{source} has no {CONFIG}, so it is no checkpoint of this project")
    if WEIGHTS not in sizes:
        pickle = next((name for name in sizes if name.endswith(_PICKLES)), None)
        if pickle is not None:
            raise CheckpointError(
                f"{source} has its weights only as {quote(pickle)}, a pickle, which can run any program and is never "
                f"opened here; {WEIGHTS} is what is needed"
            )
        raise CheckpointError(f"{source} has no {WEIGHTS}, so it is no checkpoint of this project")
    chosen = {name: sizes[name] for name in (CONFIG, WEIGHTS, TRAINING, EVALUATION) if name in sizes}
    for name, size in chosen.items():
        limit = _LARGEST_DOWNLOAD if name == WEIGHTS else untrusted.LARGEST_JSON
        if type(size) is not int or not 0 <= size <= limit:
            told = f"{size / 2**20:,.0f} MB" if isinstance(size, int) else "of unknown size"
            raise CheckpointError(f"{name} of {source} is {told}; at most {limit // 2**20} MB are downloaded")
    known = {name: size for name, size in chosen.items() if size is not None}
    if sum(known.values()) > _LARGEST_DOWNLOAD:
        raise CheckpointError(f"{source} is larger than the {_LARGEST_DOWNLOAD // 2**20} MB that are downloaded")
    return known


def _check_config(folder: Path, task: str | None, source: HubId) -> None:
    try:
        untrusted.read_config(folder / CONFIG, task)
    except CheckpointError as error:
        raise CheckpointError(f"{source}: {error}") from error


def _remember(folder: Path, source: HubId) -> None:
    """Note in the cache that it was used, and which commit the revision stood for, as the client does for files that it
    pulls by name."""
    with suppress(OSError):
        os.utime(folder.parents[1])
    revision = source.revision or "main"
    if _COMMIT.fullmatch(revision):
        return
    reference = folder.parents[1] / "refs" / revision
    with suppress(OSError):  # a cache that cannot be written to
        reference.parent.mkdir(parents=True, exist_ok=True)
        reference.write_text(folder.name, encoding="utf-8")


def _cached(source: HubId) -> Path | None:
    found = try_to_load_from_cache(source.repo, WEIGHTS, revision=source.revision)
    return Path(found).parent if isinstance(found, str) else None


def check_push(name: str) -> None:
    """Check before hours of training that its result can be published: the id, the token, and whose token it is.

    Raises:
        CheckpointError: if it could not be; the message says what to do.
    """
    target = _parse_target(name)
    owner = target.repo.partition("/")[0]
    with _Client(target, DEADLINE) as client:
        namespaces = client.ask("namespaces")
    if owner not in namespaces:
        raise CheckpointError(
            f"your token is not one for {owner}; it may write to {' and '.join(map(quote, namespaces))}"
        )


def push(folder: Path, name: str, *, private: bool = False, deadline: float = PUSH_DEADLINE) -> str:
    """Publish a checkpoint folder as one commit, creating the repository where there is none; the folder is only read.

    The model card is rendered anew for the repository, so that its usage snippet names it.

    Args:
        folder: a checkpoint as `ntm.storage.record` leaves it.
        name: the Hub id to publish as.
        private: create the repository as a private one.
        deadline: seconds after which it is given up.

    Returns:
        The repository's address.

    Raises:
        CheckpointError: if it was not published; the message says how to try again.
    """
    target = _parse_target(name)
    found = checkpoint.read_folder(folder)
    for part, present in {TRAINING: found.training, EVALUATION: found.evaluation, "a task": found.task}.items():
        if not present:
            raise CheckpointError(f"{folder} has no {part}; only what train.py has written can be published")
    with tempfile.TemporaryDirectory() as copies:
        copy = Path(copies)
        _copy_files(folder, copy)
        try:
            _write_card(copy, found, target)
        except KeyError as missing:
            raise CheckpointError(f"{folder} cannot be published: it has no {missing} to put on its card") from missing
        try:
            with _Client(target, deadline) as client:
                address: str = client.ask(
                    "push", repo=target.repo, folder=copies, private=private, pictures=list(model_card.PICTURES)
                )
                return address
        except CheckpointError as error:
            again = f"python train.py push {folder} {target.repo}{' --private' if private else ''}"
            raise CheckpointError(
                f"{error}; a push is one commit, so {target.repo} has all of it or none; to try again: {again}"
            ) from error


def _write_card(copy: Path, found: Checkpoint, target: HubId) -> None:
    model_card.write(copy, found.model, found.task or "", found.training, found.evaluation, source=target.repo)


def _parse_target(name: str) -> HubId:
    target = parse(name)
    if target.revision is not None:
        raise CheckpointError(f"{quote(name)} names a revision; a checkpoint is published as {target.repo}")
    return target


def _copy_files(folder: Path, copy: Path) -> None:
    for name in (CONFIG, WEIGHTS, TRAINING, EVALUATION, *model_card.PICTURES):
        if (folder / name).is_file():
            shutil.copyfile(folder / name, copy / name)
    if (folder / SNAPSHOTS).is_dir():
        shutil.copytree(folder / SNAPSHOTS, copy / SNAPSHOTS, ignore=_ignore_foreign_files)


def _ignore_foreign_files(folder: str, names: list[str]) -> set[str]:
    return {name for name in names if not (Path(folder, name).is_dir() or name.endswith((".safetensors", ".json")))}


class _Client:
    """The client's process, from the first request to the end of the `with` block or the deadline."""

    def __init__(self, source: HubId, deadline: float) -> None:
        self._source = source
        self._deadline = deadline
        self._time_is_up = False
        # -P keeps this folder off its path: some modules here are named like the standard library's.
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_CLIENT)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            encoding="utf-8",
        )
        # Asked to stop it tidies up; what cannot hear that, such as a look-up of a host's name, is ended.
        self._timers = [Timer(0.9 * deadline, self._stop), Timer(deadline, self._process.kill)]

    def __enter__(self) -> Self:
        for timer in self._timers:
            timer.daemon = True
            timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for timer in self._timers:
            timer.cancel()
        self._process.kill()
        with suppress(BrokenPipeError), self._process:  # closes the pipes and waits
            pass

    def _stop(self) -> None:
        self._time_is_up = True
        self._process.terminate()

    def ask(self, operation: str, **arguments: Any) -> Any:
        """Have the client do something.

        Raises:
            CheckpointError: if it fails, or the deadline is reached.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        with suppress(BrokenPipeError):
            stdin.write(json.dumps({"operation": operation, **arguments}) + "\n")
            stdin.flush()
        line = stdout.readline()
        if not line and not self._time_is_up:
            raise CheckpointError("the Hub client stopped, which it should not; is huggingface_hub installed?")
        if not line:
            raise _UnreachableError(f"the Hub did not finish answering within {self._deadline:.0f} seconds")
        reply = json.loads(line)
        if "failure" in reply:
            raise _failure(reply["failure"], reply["status"], self._source)
        return reply["answer"]


def _failure(kind: str, status: int | None, source: HubId) -> CheckpointError:
    if kind == "status" and status == 401:
        kind = "bad token"
    if kind == "status" and status is not None:
        if status == 429:
            return _UnreachableError("the Hub is too busy to answer (429); try again in a few minutes")
        if status >= 500:
            return _UnreachableError(f"the Hub is in trouble (it answers {status}); try again in a few minutes")
        return CheckpointError(f"the Hub refuses the request for {source.repo} (it answers {status})")
    kind_of_error = _UnreachableError if kind in ("network", "silence", "broken off") else CheckpointError
    return kind_of_error(_SENTENCES[kind].format(repo=source.repo, revision=source.revision or "main"))


_SENTENCES = {
    "gated": "{repo} is gated: its owner says who may download it",
    "disabled": "the Hub has disabled {repo}",
    "no repository": "{repo} is not on the Hub, or is private",
    "no revision": "{repo} has no revision {revision}",
    "no file": "{repo} lacks a file that the Hub lists for it",
    "no token": "there is no token to publish with: run `hf auth login`, or set HF_TOKEN to one that may write",
    "bad token": "the Hub does not accept the token: run `hf auth login`, or set HF_TOKEN to one that may write",
    "public": "{repo} exists already and is public; make it private in its settings, or leave out --private",
    "network": "the Hub cannot be reached; there may be no network connection",
    "silence": "the Hub does not answer; try again in a few minutes",
    "broken off": "the connection to the Hub broke off; try again",
    "storage": "there is no room, or no right, to store {repo} on this machine",
    "nonsense": "the Hub's answer about {repo} makes no sense",
}
