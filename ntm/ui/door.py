"""The page's door: what a request may ask for and how large it may be, before Gradio sees it.

What no component of the page needs has no door: uploads, the proxy to other addresses, Gradio's editor and so on.
"""

import asyncio
import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from urllib.parse import parse_qs

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ntm.storage.untrusted import quote
from ntm.ui.turns import BUSY

LARGEST_BODY = 2 * 2**20
"""bytes of a request: the longest text that can be asked has 5 kB, and one of a million is told how long it is"""
ARRIVED = "ntm.arrived"
"""the key of a call's scope for when it came, in the event loop's time"""
_MOST_CALLS = 64
"""Calls that Gradio has at once. Beyond that, taking in one more would make all of them wait."""
_PAGES = ("/", "/config", "/how-it-works")
"""Made anew for each visitor by a thread that wants Python's lock. Forty of them left everybody else none of it."""
_PAGES_AT_ONCE = 2
_LONG_BODY, _LONGEST_SESSION = 16 * 2**10, 100
_API = "/gradio_api/"
_CLOSED = (
    *("upload", "component_server", "custom_component/", "deep_link", "process_recording", "proxy=", "stream/"),
    *("run-history/", "runs", "vibe-", "undo-vibe-", "file=http:", "file=https:"),
)
_log = logging.getLogger(__name__)


class Listeners:
    """The sessions whose page listens for answers at this moment."""

    def __init__(self) -> None:
        self._streams: Counter[str] = Counter()

    def __contains__(self, session: object) -> bool:
        return session in self._streams

    @contextmanager
    def listening(self, session: str | None) -> Iterator[None]:
        """That a session listens, for the time of the block; nobody where it is None."""
        if session is None:
            yield
            return
        self._streams[session] += 1
        try:
            yield
        finally:
            self._streams[session] -= 1
            if not self._streams[session]:
                del self._streams[session]


class Door:
    """Middleware around the whole app.

    Args:
        app: what is behind the door.
        listeners: is told who listens.
    """

    def __init__(self, app: ASGIApp, listeners: Listeners) -> None:
        self._app = app
        self._listeners = listeners
        self._calls = 0
        self._pages = asyncio.Semaphore(_PAGES_AT_ONCE)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request in, or answer it here."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        if _is_closed(scope["path"]):
            return await _refuse(404, "This page has no such door.", scope, receive, send)
        if scope["method"] != "POST":
            let_in = self._let_in_turn if scope["path"] in _PAGES else self._let_in
            return await let_in(scope, receive, send)
        body = await _read_body(receive)
        if len(body) > LARGEST_BODY:
            return await _refuse(413, f"At most {LARGEST_BODY // 2**20} MB are taken.", scope, receive, send)
        if len(body) > _LONG_BODY and _session_is_too_long(body):
            return await _refuse(400, "A session's name is never that long.", scope, receive, send)
        if self._calls >= _MOST_CALLS:
            return await _refuse(503, BUSY, scope, receive, send)
        self._calls += 1
        scope[ARRIVED] = asyncio.get_running_loop().time()
        try:
            await self._let_in(scope, _receive_again(body, receive), send)
        finally:
            self._calls -= 1

    async def _let_in_turn(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let few in at once until they are answered; how long they read is no matter."""
        async with AsyncExitStack() as turn:
            await turn.enter_async_context(self._pages)

            async def send_on(message: Message) -> None:
                await turn.aclose()
                await send(message)

            await self._let_in(scope, receive, send_on)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = False

        async def send_on(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            with self._listeners.listening(_listening_session(scope)):
                await self._app(scope, receive, send_on)
        except Exception as error:
            _log.warning(
                "%s failed: %s: %s", quote(scope["path"]), type(error).__name__, quote(str(error), longest=160)
            )
        else:
            return
        if not begun:
            await _refuse(400, "That is nothing that this page can be asked.", scope, receive, send)


def _is_closed(path: str) -> bool:
    return path.startswith(_API) and path.removeprefix(_API).startswith(_CLOSED)


def _listening_session(scope: Scope) -> str | None:
    if scope["path"] != f"{_API}queue/data":
        return None
    parameters = parse_qs(scope["query_string"].decode("latin-1"))
    return next(iter(parameters.get("session_hash", [])), None)


async def _read_body(receive: Receive) -> bytes:
    """What was sent, or the first part of it that is too large."""
    body, more = bytearray(), True
    while more and len(body) <= LARGEST_BODY:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return bytes(body)


def _receive_again(body: bytes, receive: Receive) -> Receive:
    """What receives a body that was read already, then whatever comes."""
    given = False

    async def receive_on() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return receive_on


def _session_is_too_long(body: bytes) -> bool:
    """Whether the name alone, which is kept, would take memory."""
    try:
        session = json.loads(body)["session_hash"]
    except (LookupError, RecursionError, TypeError, ValueError):
        return False
    return isinstance(session, str) and len(session) > _LONGEST_SESSION


async def _refuse(status: int, sentence: str, scope: Scope, receive: Receive, send: Send) -> None:
    await JSONResponse({"error": sentence}, status)(scope, receive, send)
