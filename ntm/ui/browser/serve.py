"""What the browser fetches for its own runs: the page's modules, the engine, and machines' weights.

Every address names its contents, so a browser keeps what it has for good.
"""

import hashlib
import re
import weakref
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import gettempdir
from typing import NamedTuple
from weakref import WeakKeyDictionary

from safetensors.torch import save
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ntm.machine.model import SequenceModel
from ntm.storage.folders import scratch

_TYPES = {".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}
_IMPORTED = re.compile(r'from "./([\w.]+)"')
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)


class Weights:
    """Weights as files, by what they hold: those of models as long as these are in use, and those of files."""

    def __init__(self) -> None:
        folder = ExitStack()
        # A file takes no memory, however slow who fetches it. What a kill leaves there, the next demo clears away.
        self._folder = folder.enter_context(scratch(Path(gettempdir()) / "ntm-weights"))
        weakref.finalize(self, folder.close)
        self._files: dict[str, Path] = {}
        self._names: WeakKeyDictionary[SequenceModel, str] = WeakKeyDictionary()
        self._users: Counter[str] = Counter()

    def offer(self, source: SequenceModel | Path) -> str:
        """Have weights served, and return their address below the page's own."""
        if isinstance(source, Path):
            name = _digest(source.read_bytes())
            self._files[name] = source
        else:
            name = self._names.get(source) or self._keep(source)
        return f"ntm/weights/{name}.safetensors"

    def serve(self, request: Request) -> Response:
        """The weights of a name; 404 where there are none any more."""
        name = request.path_params["name"]
        if name not in self._files and name not in self._users:
            return Response(status_code=404)
        path = self._files.get(name, self._own(name))
        return _unchanged(request, name) or FileResponse(path, headers=_headers(name))

    def _keep(self, model: SequenceModel) -> str:
        contents = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})
        name = _digest(contents)
        self._own(name).write_bytes(contents)
        self._names[model] = name
        self._users[name] += 1
        weakref.finalize(model, self._drop, name).atexit = False
        return name

    def _drop(self, name: str) -> None:
        self._users[name] -= 1
        if not self._users[name]:
            del self._users[name]
            self._own(name).unlink(missing_ok=True)

    def _own(self, name: str) -> Path:
        return self._folder / name


class Served(NamedTuple):
    """What is served with the page."""

    routes: list[Route]
    at_first: list[str]
    """the addresses, below the page's own, of what it needs to show its first run"""


def serve(weights: Weights, components: str) -> Served:
    """All that a browser fetches for the components and for its own runs.

    Args:
        weights: what is served of machines.
        components: the module of the page's components.
    """

    contents = _without_comments(components).encode()
    address = components_address(components)
    routes = [
        Route("/ntm/weights/{name}.safetensors", weights.serve),
        Route(f"/{address}", lambda request: _answer(request, contents, "components.js")),
        Route("/ntm/{version}/{name}", _serve_file),
    ]
    return Served(routes, [address, *_addresses_of_store()])


def components_address(module: str) -> str:
    """The address of the module of the page's components, below the page's own."""
    return f"ntm/{_digest(module.encode())}/components.js"


def scripts_address() -> str:
    """The address of the page's modules and of the engine, below the page's own."""
    return f"ntm/{_digest(b''.join(_files()[name] for name in sorted(_files())))}/"


def _addresses_of_store() -> list[str]:
    """The addresses of the module that owns the run on show, and of all that it imports."""
    found = ["store.js"]
    for name in found:  # which grows
        found += [each for each in _IMPORTED.findall(_files()[name].decode()) if each not in found]
    return [scripts_address() + name for name in found]


@cache
def _files() -> Mapping[str, bytes]:
    """What a browser may have of the package, by name."""
    engine = files("ntm.engine")
    found = {name: engine.joinpath(name).read_bytes() for name in ("engine.js", "engine.wasm")}
    folders = map(files, (__package__, "ntm.ui.trainer", "ntm.ui.experiments"))
    modules = [each for folder in folders for each in folder.iterdir() if each.name.endswith((".js", ".json"))]
    return found | {each.name: _without_comments(each.read_text("utf-8")).encode() for each in modules}


def _serve_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files():
        return Response(status_code=404)
    return _answer(request, _files()[name], name)


def _answer(request: Request, contents: bytes, name: str) -> Response:
    kind, tag = _TYPES[Path(name).suffix], _digest(contents)
    return _unchanged(request, tag) or Response(contents, media_type=kind, headers=_headers(tag))


def _without_comments(script: str) -> str:
    """A browser has no use for them, and they are a fifth of what it would fetch."""
    return _COMMENT.sub("", script)


def _headers(tag: str) -> dict[str, str]:
    return {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{tag}"'}


def _unchanged(request: Request, tag: str) -> Response | None:
    """The answer to a browser that has it already; None to others."""
    headers = _headers(tag)
    has_it = request.headers.get("If-None-Match") == headers["ETag"]
    return Response(status_code=304, headers=headers) if has_it else None


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:20]
