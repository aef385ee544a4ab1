"""The door alone: few pages are made at once, and whoever reads slowly keeps nobody out."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from starlette.responses import PlainTextResponse
from starlette.types import Message, Receive, Scope, Send

from ntm.ui.door import _PAGES_AT_ONCE, Door, Listeners

LONG = 30.0


class Server:
    """What is behind a door: it answers when it is told to."""

    def __init__(self) -> None:
        self.begun = 0
        self.may_answer = asyncio.Event()
        self.door = Door(self, Listeners())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.begun += 1
        if scope["path"] == "/":
            await self.may_answer.wait()
        await PlainTextResponse("x" * 1000)(scope, receive, send)

    def visit(self, path: str, *, reads: asyncio.Event | None = None) -> "asyncio.Task[list[Message]]":
        """Go there; a slow reader takes what was sent when the event comes."""
        return asyncio.create_task(self._visit(path, reads))

    async def _visit(self, path: str, reads: asyncio.Event | None) -> list[Message]:
        came: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Message) -> None:
            if reads is not None and message["type"] == "http.response.body":
                await reads.wait()
            came.append(message)

        await self.door({"type": "http", "method": "GET", "path": path, "query_string": b""}, receive, send)
        return came


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


def test_few_pages_are_made_at_once_and_slow_readers_hold_up_nobody() -> None:
    async def try_it() -> None:
        server, reads = Server(), asyncio.Event()
        slow = [server.visit("/", reads=reads) for _ in range(_PAGES_AT_ONCE)]
        more = [server.visit("/") for _ in range(3)]
        await settle()
        assert server.begun == _PAGES_AT_ONCE
        script = await server.visit("/assets/x.js")
        assert script[0]["status"] == 200, "what takes no time takes no turn"
        server.may_answer.set()
        pages = await asyncio.gather(*more)
        assert [page[0]["status"] for page in pages] == [200] * 3
        assert not any(each.done() for each in slow)
        reads.set()
        assert all(len(page) == 2 for page in await asyncio.gather(*slow))

    run(try_it())


def test_a_page_that_fails_gives_its_turn_back() -> None:
    async def try_it() -> None:
        async def fails(scope: Scope, receive: Receive, send: Send) -> None:
            raise KeyError("nothing there")

        server = Server()
        server.door = Door(fails, Listeners())
        for _ in range(2 * _PAGES_AT_ONCE):
            assert (await server.visit("/"))[0]["status"] == 400

    run(try_it())


def run(test: Any) -> None:
    """In a thread of its own: where a browser was opened before, Playwright's loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        pool.submit(asyncio.run, asyncio.wait_for(test, LONG)).result()
