"""A small Hugging Face Hub on this machine: what the installed client asks of it, and the ways in which it can fail.

It speaks the LFS way of uploading, so a client needs HF_HUB_DISABLE_XET=1 beside HF_ENDPOINT.
"""

import base64
import hashlib
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import unquote, urlsplit

_LFS_SUFFIXES = (".safetensors", ".png", ".bin")


@dataclass(frozen=True)
class Fault:
    """What goes wrong with a request."""

    kind: Literal["status", "hang", "stall", "truncate", "cut", "nonsense"]
    """hang: never answered; stall: half the body, then nothing; truncate: half the body, then the connection closes;
    cut: the connection closes at once; nonsense: a page in HTML"""
    status: int = 500
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Repo:
    """A model repository. Revisions name commits, and every commit is a whole set of files."""

    private: bool = False
    gated: bool = False
    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    revisions: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes], deleted: list[str] | None = None) -> str:
        """Add a commit to main and return its hash."""
        kept = {name: data for name, data in self.files().items() if not _is_deleted(name, deleted or [])}
        sha = hashlib.sha1(f"{id(self)}/{len(self.commits)}".encode()).hexdigest()
        self.commits[sha] = kept | files
        self.revisions["main"] = sha
        return sha

    def files(self, revision: str = "main") -> dict[str, bytes]:
        """What a revision holds; nothing before the first commit."""
        return self.commits.get(self.revisions.get(revision, revision), {})


def _is_deleted(name: str, deleted: list[str]) -> bool:
    return any(name == gone or (gone.endswith("/") and name.startswith(gone)) for gone in deleted)


class HubServer(ThreadingHTTPServer):
    """The Hub. Tests put repositories and faults into it and look at what was asked of it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repos: dict[str, Repo] = {}
        self.users = {"hf_of_namespace": "NAMESPACE"}
        self.faults: dict[tuple[str | None, str], Fault] = {}
        self.storage: dict[tuple[str, str], bytes] = {}
        self.calls: list[tuple[str | None, str]] = []
        self.received: Counter[str | None] = Counter()
        self.sent: Counter[str | None] = Counter()
        self.closing = threading.Event()

    @property
    def endpoint(self) -> str:
        """What HF_ENDPOINT must be."""
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, files: dict[str, bytes], **options: bool) -> Repo:
        """A repository with one commit."""
        repo = self.repos[name] = Repo(**options)
        repo.commit(files)
        return repo

    def calls_for(self, name: str | None) -> list[str]:
        """The endpoints that were called for a repository, in order."""
        return [endpoint for repo, endpoint in self.calls if repo == name]

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: clients that give up break their connections."""


@contextmanager
def serving() -> Iterator[HubServer]:
    """A server for the time of a `with` block."""
    server = HubServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


_ROUTES: list[tuple[str, str, str]] = [
    ("GET", r"/api/agent-harnesses", "agent-harnesses"),
    ("GET", r"/api/whoami-v2", "whoami"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate-yaml"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", r"/(?P<repo>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "lfs-batch"),
    ("PUT", r"/storage/(?P<repo>[^/]+/[^/]+)/(?P<oid>\w+)", "lfs-put"),
    ("POST", r"/storage/(?P<repo>[^/]+/[^/]+)/(?P<oid>\w+)/verify", "lfs-verify"),
    ("POST", r"/api/models/(?P<repo>[^/]+/[^/]+)/commit/(?P<revision>[^/]+)", "commit"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/revision/(?P<revision>[^/]+)", "info"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)/tree/(?P<revision>[^/]+)", "tree"),
    ("GET", r"/api/models/(?P<repo>[^/]+/[^/]+)", "info"),
    ("HEAD", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)", "head"),
    ("GET", r"/(?P<repo>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)", "get"),
]


class _RefusalError(Exception):
    def __init__(self, status: int, code: str = "", message: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name: value for name, value in (("X-Error-Code", code), ("X-Error-Message", message)) if value}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: HubServer
    _about: str | None = None

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._handle()

    do_HEAD = do_POST = do_PUT = do_GET  # noqa: N815

    def _handle(self) -> None:
        body = self._body()
        path = urlsplit(self.path).path
        routes = (
            (re.fullmatch(pattern, path), endpoint) for method, pattern, endpoint in _ROUTES if method == self.command
        )
        found, endpoint = next((route for route in routes if route[0]), (None, ""))
        if found is None:
            return self._send(404, b"{}")
        arguments = {key: unquote(value) for key, value in found.groupdict().items()}
        if endpoint == "create":
            wanted = json.loads(body)
            arguments["repo"] = f"{wanted['organization']}/{wanted['name']}"
        self._about = repo = arguments.get("repo")
        if "name" in arguments:
            endpoint = f"{endpoint} {arguments['name']}"
        self.server.calls.append((repo, endpoint))
        self.server.received[repo] += len(body)
        fault = self.server.faults.get((repo, endpoint))
        if fault is not None and fault.kind in ("status", "hang", "cut", "nonsense"):
            return self._fail(fault)
        try:
            answer: Callable[..., tuple[bytes, dict[str, str]]] = getattr(
                self, "_" + endpoint.partition(" ")[0].replace("-", "_")
            )
            data, headers = answer(body, **arguments)
        except _RefusalError as refusal:
            return self._send(refusal.status, b"{}", refusal.headers)
        return self._send(200, data, headers, fault)

    def _body(self) -> bytes:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = b""
        while size := int(self.rfile.readline(), 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _send(
        self, status: int, data: bytes, headers: dict[str, str] | None = None, fault: Fault | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return
        data = data if fault is None else data[: len(data) // 2]
        self.server.sent[self._about] += len(data)
        self.wfile.write(data)
        if fault is not None:
            self.wfile.flush()
            if fault.kind == "stall":
                self.server.closing.wait()
            self.close_connection = True

    def _fail(self, fault: Fault) -> None:
        if fault.kind == "status":
            return self._send(fault.status, b"{}", fault.headers)
        if fault.kind == "nonsense":
            return self._send(200, b"<html>")
        if fault.kind == "hang":
            self.server.closing.wait()
        self.close_connection = True
        return None

    def _user(self) -> str | None:
        return self.server.users.get(self.headers.get("Authorization", "").removeprefix("Bearer "))

    def _repo(self, name: str) -> Repo:
        repo = self.server.repos.get(name)
        if repo is None or (repo.private and self._user() != name.partition("/")[0]):
            raise _RefusalError(404 if self._user() else 401, "RepoNotFound", "Repository not found")
        return repo

    def _sha(self, repo: Repo, revision: str) -> str:
        sha = repo.revisions.get(revision, revision)
        if sha not in repo.commits:
            raise _RefusalError(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha

    def _writable(self, name: str) -> Repo:
        if self._user() is None:
            raise _RefusalError(401, message="Invalid credentials in Authorization header")
        if self._user() != name.partition("/")[0]:
            raise _RefusalError(403, message="You have no right to write here")
        return self._repo(name)

    def _agent_harnesses(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        return _json({"standardEnvVars": [], "harnesses": {}})

    def _whoami(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        if self._user() is None:
            raise _RefusalError(401, message="Invalid credentials in Authorization header")
        return _json({"name": self._user(), "orgs": []})

    def _create(self, body: bytes, repo: str) -> tuple[bytes, dict[str, str]]:
        wanted = json.loads(body)
        if repo in self.server.repos:
            self._writable(repo)
        else:
            self.server.repos[repo] = Repo(private=wanted.get("visibility") == "private")
            try:
                self._writable(repo).commit({".gitattributes": b"*.safetensors filter=lfs\n"})
            except _RefusalError:
                del self.server.repos[repo]
                raise
        return _json({"url": f"{self.server.endpoint}/{repo}"})

    def _validate_yaml(self, body: bytes) -> tuple[bytes, dict[str, str]]:
        return _json({"warnings": [], "errors": []})

    def _preupload(self, body: bytes, repo: str, revision: str) -> tuple[bytes, dict[str, str]]:
        self._writable(repo)
        files = [
            {
                "path": file["path"],
                "uploadMode": "lfs" if file["path"].endswith(_LFS_SUFFIXES) else "regular",
                "shouldIgnore": False,
            }
            for file in json.loads(body)["files"]
        ]
        return _json({"files": files})

    def _lfs_batch(self, body: bytes, repo: str) -> tuple[bytes, dict[str, str]]:
        self._writable(repo)
        objects = []
        for wanted in json.loads(body)["objects"]:
            address = f"{self.server.endpoint}/storage/{repo}/{wanted['oid']}"
            actions = {"upload": {"href": address}, "verify": {"href": f"{address}/verify"}}
            known = (repo, wanted["oid"]) in self.server.storage
            objects.append(wanted if known else wanted | {"actions": actions})
        return _json({"transfer": "basic", "objects": objects})

    def _lfs_put(self, body: bytes, repo: str, oid: str) -> tuple[bytes, dict[str, str]]:
        if hashlib.sha256(body).hexdigest() != oid:
            raise _RefusalError(400)
        self.server.storage[repo, oid] = body
        return b"", {}

    def _lfs_verify(self, body: bytes, repo: str, oid: str) -> tuple[bytes, dict[str, str]]:
        if (repo, oid) not in self.server.storage:
            raise _RefusalError(404)
        return _json({})

    def _commit(self, body: bytes, repo: str, revision: str) -> tuple[bytes, dict[str, str]]:
        target = self._writable(repo)
        files: dict[str, bytes] = {}
        deleted = []
        for line in body.splitlines():
            part = json.loads(line)
            value = part["value"]
            if part["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif part["key"] == "lfsFile":
                files[value["path"]] = self.server.storage[repo, value["oid"]]
            elif part["key"] == "deletedFile":
                deleted.append(value["path"])
        sha = target.commit(files, deleted)
        return _json({"commitUrl": f"{self.server.endpoint}/{repo}/commit/{sha}", "commitOid": sha})

    def _info(self, body: bytes, repo: str, revision: str = "main") -> tuple[bytes, dict[str, str]]:
        found = self._repo(repo)
        sha = self._sha(found, revision)
        sized = "blobs=" in self.path
        siblings = [
            {"rfilename": name} | ({"size": len(data)} if sized else {}) for name, data in found.commits[sha].items()
        ]
        return _json({"id": repo, "sha": sha, "private": found.private, "siblings": siblings, "tags": []})

    def _tree(self, body: bytes, repo: str, revision: str) -> tuple[bytes, dict[str, str]]:
        found = self._repo(repo)
        files = found.commits[self._sha(found, revision)]
        oids = {name: hashlib.sha1(data).hexdigest() for name, data in files.items()}
        return _json([{"type": "file", "path": name, "size": len(files[name]), "oid": oids[name]} for name in files])

    def _get(self, body: bytes, repo: str, revision: str, name: str) -> tuple[bytes, dict[str, str]]:
        found = self._repo(repo)
        if found.gated:
            raise _RefusalError(401, "GatedRepo", "Access to this model is restricted")
        sha = self._sha(found, revision)
        if name not in found.commits[sha]:
            raise _RefusalError(404, "EntryNotFound", "Entry not found")
        data = found.commits[sha][name]
        return data, {"ETag": f'"{hashlib.sha256(data).hexdigest()}"', "X-Repo-Commit": sha}

    _head = _get


def _json(value: Any) -> tuple[bytes, dict[str, str]]:
    return json.dumps(value).encode(), {"Content-Type": "application/json"}
