"""What has the page arrive soon over a slow line: it names what it will ask for, and all comes well compressed.

Gradio loads its scripts in four rounds, each of which asks for the next, and over a slow line every round costs its
time. So the page names the files of the later ones at its head, and the browser fetches them at once. Gradio also
compresses them anew and lightly at every request. Here that is done once, as well as it can be, and kept. The page
itself, which holds every component, Gradio does not compress at all.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from threading import Thread

import brotli
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ntm.ui.gradio_files import ASSETS

# Scripts and styles are compressed by Gradio where not here, and better. Events are left as they are, for they come in
# pieces, and weights, for nothing makes them smaller.
_LEFT_ALONE = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    *("text/css", "text/javascript", "application/javascript", "application/octet-stream"),
)
_NAMED_BY_CONTENTS = re.compile("/(assets|ntm/[0-9a-f]+)/[^/]+[.](js|css|wasm)")
_LARGEST = 2**18
"""bytes of a file: a larger one takes seconds, and nothing that large is needed at first"""
_MOST_KEPT = 500


def middleware(assets: Sequence[str], modules: Sequence[str]) -> list[Middleware]:
    """All of it, for the server.

    Args:
        assets: the names of Gradio's files that the page loads at first.
        modules: the addresses of the project's own, below the page's.
    """
    Thread(target=_compress_ahead, args=(assets,), daemon=True).start()
    return [
        Middleware(KeepCompressed),
        Middleware(GZipMiddleware, exclude_content_types=_LEFT_ALONE),
        Middleware(NameFiles, addresses=[*modules, *(f"assets/{name}" for name in assets)]),
    ]


class NameFiles:
    """Names the files that the page will ask for, at the head of the page.

    Args:
        app: the app.
        addresses: those of the files, relative to the page's, which may be served below another.
    """

    def __init__(self, app: ASGIApp, addresses: Sequence[str]) -> None:
        self._app = app
        self._links = "".join(map(_link, addresses)).encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and put the names into the answer where it is the page."""
        if scope["type"] != "http" or scope["method"] != "GET" or scope["path"] != "/":
            await self._app(scope, receive, send)
            return
        answer = await _take_answer(self._app, scope, receive)
        # After the base, against which a browser resolves them.
        answer.body = re.sub(rb"<base [^>]*>", lambda base: base[0] + self._links, bytes(answer.body), count=1)
        answer.headers["content-length"] = str(len(answer.body))
        await answer(scope, receive, send)


class KeepCompressed:
    """Compresses scripts and styles once and as well as it can be, and has browsers keep them for good.

    Only those whose address names their contents. The argument is the app.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and answer with what is kept where it is for such a file."""
        headers = Headers(scope=scope) if scope["type"] == "http" else Headers()
        is_for_one = (
            scope["type"] == "http" and scope["method"] == "GET" and _NAMED_BY_CONTENTS.fullmatch(scope["path"])
        )
        if not is_for_one or "br" not in headers.get("accept-encoding", "") or "range" in headers:
            await self._app(scope, receive, send)
            return
        answer = await _take_answer(self._app, scope, receive)
        contents = bytes(answer.body)
        if answer.status_code == 200 and len(contents) <= _LARGEST:
            told = {"Cache-Control": "public, max-age=31536000, immutable", "ETag": answer.headers["etag"]}
            how = {"Content-Encoding": "br", "Vary": "Accept-Encoding"}
            compressed = await run_in_threadpool(_compress, contents)
            answer = Response(compressed, headers=told | how, media_type=answer.headers["content-type"])
        await answer(scope, receive, send)


def _link(address: str) -> str:
    how = 'rel="preload" as="style"' if address.endswith(".css") else 'rel="modulepreload"'
    return f'<link {how} crossorigin href="{address}">'


async def _take_answer(app: ASGIApp, scope: Scope, receive: Receive) -> Response:
    """The whole of an app's answer, before anything is compressed."""
    answer, body = Response(), bytearray()

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            answer.status_code, answer.raw_headers = message["status"], list(message.get("headers", []))
        else:
            body.extend(message.get("body", b""))

    plain = [each for each in scope["headers"] if each[0] != b"accept-encoding"]
    await app({**scope, "headers": plain}, receive, take)
    answer.body = bytes(body)
    return answer


def _compress_ahead(assets: Sequence[str]) -> None:
    """Have them ready before the first visitor comes."""
    for name in assets:
        _compress(ASSETS.joinpath(name).read_bytes())


@lru_cache(_MOST_KEPT)
def _compress(contents: bytes) -> bytes:
    compressed: bytes = brotli.compress(contents)
    return compressed
