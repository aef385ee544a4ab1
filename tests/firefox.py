"""Firefox, driven by its own remote protocol, WebDriver BiDi: Playwright drives none but a build of its own."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.conftest import wait_for_address

_SECONDS_TO_ANSWER = 60
_SECONDS_TO_APPEAR = 30
_SECONDS_BETWEEN = 0.1


class Firefox:
    """A page of a browser that runs; `console` is what the page complained of."""

    def __init__(self, connection: ClientConnection, width: int, height: int) -> None:
        self._connection = connection
        self._sent = 0
        self.console: list[str] = []
        self._send("session.new", capabilities={})
        self._send("session.subscribe", events=["log.entryAdded"])
        self._page = self._send("browsingContext.getTree")["contexts"][0]["context"]
        viewport = {"width": width, "height": height}
        self._send("browsingContext.setViewport", context=self._page, viewport=viewport)

    def _send(self, method: str, **parameters: Any) -> dict[str, Any]:
        self._sent += 1
        self._connection.send(json.dumps({"id": self._sent, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._connection.recv(_SECONDS_TO_ANSWER))
            if message.get("method") == "log.entryAdded":
                self.console.append(message["params"]["text"])
            elif message.get("id") == self._sent:
                if "error" in message:
                    raise RuntimeError(message["message"])
                return message["result"]

    def open(self, url: str) -> None:
        """Go there."""
        self._send("browsingContext.navigate", context=self._page, url=url, wait="complete")

    def evaluate(self, expression: str) -> Any:
        """What a JavaScript expression is, of what JSON can hold; None where it cannot be had yet."""
        wrapped = f"JSON.stringify({expression}) ?? null"
        found = self._send("script.evaluate", expression=wrapped, target={"context": self._page}, awaitPromise=True)
        return json.loads(found["result"].get("value") or "null") if found["type"] == "success" else None

    def wait_for(self, expression: str) -> Any:
        """The same once it is something."""
        until = time.monotonic() + _SECONDS_TO_APPEAR
        while not (found := self.evaluate(expression)):
            assert time.monotonic() < until, expression
            time.sleep(_SECONDS_BETWEEN)
        return found


@contextmanager
def firefox(program: str, profile: Path, width: int = 1280, height: int = 720) -> Iterator[Firefox]:
    """Run Firefox with a profile of its own, and without a window."""
    command = [program, "--headless", "--no-remote", "--profile", str(profile), "--remote-debugging-port", "0"]
    log = profile / "log"
    with log.open("w") as output, subprocess.Popen(command, stdout=output, stderr=output) as process:
        try:
            address = wait_for_address(process, log, r"WebDriver BiDi listening on (ws://\S+)")
            with connect(f"{address}/session", max_size=None) as connection:
                yield Firefox(connection, width, height)
        finally:
            process.kill()
