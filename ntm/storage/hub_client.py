"""The Hugging Face client, run as a program of its own by `ntm.storage.hub`, which ends it when its time is up.

Left to itself the client waits for minutes, or as long as a server says (`Retry-After: 3600`), and a thread that waits
cannot be ended. A process can, with its connections, its locks on the cache and its half-written files.

It reads one request a line, such as {"operation": "sizes", "repo": "NAMESPACE/ntm-copy", ...}, and answers each with a
line: {"answer": ...}, or {"failure": KIND, "status": HTTP status or null}. Failures are named and never described:
what the client says of them may hold local paths and addresses. Nothing of `ntm` is imported, because importing torch
takes seconds.
"""

import json
import shutil
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx2
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    get_token,
    hf_hub_download,
)
from huggingface_hub.constants import HF_HOME
from huggingface_hub.errors import (
    DisabledRepoError,
    EntryNotFoundError,
    GatedRepoError,
    HfHubHTTPError,
    LocalEntryNotFoundError,
    LocalTokenNotFoundError,
    OfflineModeIsEnabled,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.utils import get_session, hf_raise_for_status

_SECONDS_FOR_FACTS = 60
_VISITORS = Path(HF_HOME) / "ntm-visitors"


class _PublicError(Exception):
    """A repository that should be private is public."""


def _sizes(repo: str, revision: str | None, anonymous: bool) -> dict[str, Any]:
    """The commit that a revision stands for, and the size of each of its files."""
    _fail_at_once()
    info = HfApi(token=_token(anonymous)).model_info(
        repo, revision=revision, files_metadata=True, timeout=_SECONDS_FOR_FACTS
    )
    return {"sha": info.sha, "sizes": {file.rfilename: file.size for file in info.siblings or []}}


def _fail_at_once() -> None:
    """Make a busy or broken server a failure of the first request: someone waits, and would wait through retries."""

    def refuse(response: httpx2.Response) -> None:
        if response.status_code == 429 or response.status_code >= 500:
            hf_raise_for_status(response)

    session = get_session()
    session.event_hooks = {**session.event_hooks, "response": [refuse]}


def _download(repo: str, sha: str, name: str, anonymous: bool) -> str:
    """The path of a file in the client's cache, downloaded if it is not there; visitors have a cache of their own."""
    cache = _VISITORS if anonymous else None
    return hf_hub_download(repo, name, revision=sha, token=_token(anonymous), cache_dir=cache)


def _make_room(most: int) -> None:
    """Delete of the visitors' cache what was used the longest ago, until it has no more than so many bytes."""
    folders = sorted(_VISITORS.glob("models--*"), key=lambda folder: folder.stat().st_mtime, reverse=True)
    size = 0
    for folder in folders:
        files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        size += sum(path.stat().st_size for path in files)
        if size > most:
            shutil.rmtree(folder, ignore_errors=True)


def _token(anonymous: bool) -> bool | None:
    return False if anonymous else None


def _namespaces() -> list[str]:
    """The user and the organisations whose token this is."""
    me = HfApi().whoami()
    return [me["name"], *(organisation["name"] for organisation in me.get("orgs", []))]


def _push(repo: str, folder: str, private: bool, pictures: list[str]) -> str:
    """Publish a folder as one commit, in which old snapshots and pictures go; the repository's address."""
    if get_token() is None:
        raise LocalTokenNotFoundError
    api = HfApi()
    address = api.create_repo(repo, private=private or None, exist_ok=True)
    info = api.model_info(repo, timeout=_SECONDS_FOR_FACTS)
    if private and not info.private:
        raise _PublicError
    paths = [path for path in sorted(Path(folder).rglob("*")) if path.is_file()]
    additions = [CommitOperationAdd(path.relative_to(folder).as_posix(), path) for path in paths]
    kept = {addition.path_in_repo for addition in additions}
    stale = [
        file.rfilename
        for file in info.siblings or []
        if file.rfilename not in kept and (file.rfilename.startswith("snapshots/") or file.rfilename in pictures)
    ]
    operations: list[CommitOperationAdd | CommitOperationCopy | CommitOperationDelete] = [
        *additions,
        *(CommitOperationDelete(name) for name in stale),
    ]
    api.create_commit(repo, operations, commit_message=f"Publish {repo.rpartition('/')[2]}")
    return str(address)


_OPERATIONS: dict[str, Callable[..., Any]] = {
    "sizes": _sizes,
    "download": _download,
    "make room": _make_room,
    "namespaces": _namespaces,
    "push": _push,
}

# The first that fits names the failure, so a kind of error comes before what it is a kind of.
_FAILURES: list[tuple[type[BaseException], str]] = [
    (GatedRepoError, "gated"),
    (DisabledRepoError, "disabled"),
    (RepositoryNotFoundError, "no repository"),
    (RevisionNotFoundError, "no revision"),
    (HfHubHTTPError, "status"),
    (EntryNotFoundError, "no file"),
    (LocalTokenNotFoundError, "no token"),
    (_PublicError, "public"),
    (OfflineModeIsEnabled, "network"),
    (httpx2.TimeoutException, "silence"),
    (httpx2.ConnectError, "network"),
    (httpx2.ProxyError, "network"),
    (httpx2.HTTPError, "broken off"),
    (ConnectionError, "broken off"),
    (OSError, "storage"),
]


def _classify(error: Any) -> dict[str, Any]:
    if isinstance(error, LocalEntryNotFoundError | RuntimeError) and error.__cause__ is not None:
        return _classify(error.__cause__)  # "not in the cache either", "while uploading"
    failure = next((name for kind, name in _FAILURES if isinstance(error, kind)), "nonsense")
    if failure == "storage" and error.errno is None:
        failure = "broken off"  # the client's own complaint about a file of the wrong size
    response = error.response if isinstance(error, HfHubHTTPError) else None
    return {"failure": failure, "status": response.status_code if response is not None else None}


def main() -> None:
    """Answer requests until there are no more."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # leave through the client's own tidying up
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"answer": _OPERATIONS[request.pop("operation")](**request)}
        except Exception as error:  # whatever it is, the other side must hear of it
            answer = _classify(error)
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
