"""What has the page arrive soon over a slow line: it is compressed, and what it will ask for is named with it.

Gradio compresses files, but not the page itself, which holds every component: 290 kB that become 70. And it loads its
scripts in four rounds, each of which asks for the next; over a slow line every round costs its time. So the first
answer names the scripts of the later ones, and the browser fetches them at once.
"""

import re
from importlib.resources import files

from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.middleware.gzip import DEFAULT_EXCLUDED_CONTENT_TYPES, GZipMiddleware
from starlette.types import ASGIApp, Message, Receive, Scope, Send

# Gradio's own compression is for scripts and styles, and better. Events are left as they are, for they come in pieces,
# and weights, for nothing makes them smaller.
_LEFT_ALONE = (
    *DEFAULT_EXCLUDED_CONTENT_TYPES,
    *("text/css", "text/javascript", "application/javascript", "application/octet-stream"),
)
_ASSETS = "templates/frontend/assets"
_SCRIPT = re.compile("(core|runtime|statustracker|Blocks|HTML|markdown-code)-.{8}[.]js")
"""what those scripts are called: a name, and a hash of what they hold"""


def middleware() -> list[Middleware]:
    """Both, for the server."""
    return [
        Middleware(NameScripts),
        Middleware(GZipMiddleware, exclude_content_types=_LEFT_ALONE),
    ]


class NameScripts:
    """Names the scripts that the page will ask for, in the header of the page (RFC 8288, `rel=modulepreload`)."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        names = sorted(file.name for file in files("gradio").joinpath(_ASSETS).iterdir())
        wanted = [name for name in names if _SCRIPT.fullmatch(name)]
        # Relative to the page, which may be served below another address.
        self._link = ", ".join(f"<assets/{name}>; rel=modulepreload" for name in wanted)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and add the header to the answer where it is for the page."""

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("Link", self._link)
            await send(message)

        is_page = scope["type"] == "http" and scope["path"] == "/" and self._link
        await self._app(scope, receive, add if is_page else send)
