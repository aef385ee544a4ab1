"""What the browser fetches for its own runs: the page's modules, the engine, and machines' weights.

Every address names its contents, so a browser keeps what it has for good.
"""

import hashlib
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

from safetensors.torch import save
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ntm.machine.model import SequenceModel

_TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}
_IMPORTED = re.compile(r'from "./([\w.]+)"')
_COMMENT = re.compile(r"^ *//.*\n", re.MULTILINE)
_FOR_GOOD = {"Cache-Control": "public, max-age=31536000, immutable"}


class Weights:
    """Weights by what they are: those of models as long as these are in use, and those of files."""

    def __init__(self) -> None:
        self._models: WeakValueDictionary[str, SequenceModel] = WeakValueDictionary()
        self._files: dict[str, Path] = {}

    def offer(self, source: SequenceModel | Path) -> str:
        """Have weights served, and return their address below the page's own."""
        contents = source.read_bytes() if isinstance(source, Path) else _write(source)
        name = _digest(contents)
        if isinstance(source, Path):
            self._files[name] = source
        else:
            self._models[name] = source
        return f"ntm/weights/{name}.safetensors"

    def serve(self, request: Request) -> Response:
        """The weights of a name; 404 where there are none any more."""
        name = request.path_params["name"]
        if name in self._files:
            return Response(self._files[name].read_bytes(), media_type="application/octet-stream", headers=_FOR_GOOD)
        model = self._models.get(name)
        if model is None:
            return Response(status_code=404)
        return Response(_write(model), media_type="application/octet-stream", headers=_FOR_GOOD)


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

    def serve_components(_: Request) -> Response:
        return Response(_without_comments(components), media_type=_TYPES[".js"], headers=_FOR_GOOD)

    address = components_address(components)
    routes = [
        Route("/ntm/weights/{name}.safetensors", weights.serve),
        Route(f"/{address}", serve_components),
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
    folders = map(files, (__package__, "ntm.ui.trainer"))
    modules = [each for folder in folders for each in folder.iterdir() if each.name.endswith(".js")]
    return found | {each.name: _without_comments(each.read_text("utf-8")).encode() for each in modules}


def _serve_file(request: Request) -> Response:
    name = request.path_params["name"]
    if name not in _files():
        return Response(status_code=404)
    return Response(_files()[name], media_type=_TYPES[Path(name).suffix], headers=_FOR_GOOD)


def _without_comments(script: str) -> str:
    """A browser has no use for them, and they are a fifth of what it would fetch."""
    return _COMMENT.sub("", script)


def _write(model: SequenceModel) -> bytes:
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:20]
