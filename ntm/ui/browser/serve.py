"""What the browser fetches for its own runs: the page's modules, the engine, and machines' weights.

Every address names its contents, so a browser keeps what it has for good.
"""

import hashlib
import weakref
from collections import Counter
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from weakref import WeakKeyDictionary

from safetensors.torch import save
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from ntm.machine.model import SequenceModel

_TYPES = {".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}


class Weights:
    """Weights as files, by what they hold: those of models as long as these are in use, and those of files."""

    def __init__(self) -> None:
        self._folder = TemporaryDirectory(prefix="ntm-weights-")  # a file takes no memory, however slow who fetches it
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
        return Path(self._folder.name) / name


def routes(weights: Weights) -> list[Route]:
    """The routes to all of it."""
    return [
        Route("/ntm/weights/{name}.safetensors", weights.serve),
        Route("/ntm/{version}/{name}", _serve_file),
    ]


def scripts_address() -> str:
    """The address of the page's modules and of the engine, below the page's own."""
    return f"ntm/{_digest(b''.join(_files()[name] for name in sorted(_files())))}/"


@cache
def _files() -> Mapping[str, bytes]:
    """What a browser may have of the package, by name."""
    engine = files("ntm.engine")
    found = {name: engine.joinpath(name).read_bytes() for name in ("engine.js", "engine.wasm")}
    folders = map(files, (__package__, "ntm.ui.trainer", "ntm.ui.experiments"))
    modules = [each for folder in folders for each in folder.iterdir() if each.name.endswith((".js", ".json"))]
    return found | {each.name: each.read_bytes() for each in modules}


def _serve_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files():
        return Response(status_code=404)
    contents, kind = _files()[name], _TYPES[Path(name).suffix]
    tag = _digest(contents)
    return _unchanged(request, tag) or Response(contents, media_type=kind, headers=_headers(tag))


def _headers(tag: str) -> dict[str, str]:
    return {"Cache-Control": "public, max-age=31536000, immutable", "ETag": f'"{tag}"'}


def _unchanged(request: Request, tag: str) -> Response | None:
    """The answer to a browser that has it already; None to others."""
    headers = _headers(tag)
    has_it = request.headers.get("If-None-Match") == headers["ETag"]
    return Response(status_code=304, headers=headers) if has_it else None


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:20]
