"""What the browser fetches for its own runs: the page's modules, the engine, and machines' weights.

Every address names its contents, so a browser keeps what it has for good.
"""

import hashlib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from weakref import WeakValueDictionary

from safetensors.torch import save
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ntm.machine.model import SequenceModel

_TYPES = {".js": "text/javascript", ".json": "application/json", ".wasm": "application/wasm"}
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
    return Response(_files()[name], media_type=_TYPES[Path(name).suffix], headers=_FOR_GOOD)


def _write(model: SequenceModel) -> bytes:
    return save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})


def _digest(contents: bytes) -> str:
    return hashlib.sha256(contents).hexdigest()[:20]
