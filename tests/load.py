"""Visitors of every kind at once: python -m tests.load [ADDRESS] [--visitors 30] [--seconds 30]

Each does something every two seconds, over plain HTTP as the page does it (`gradio_client` is the bottleneck past ten
requests a second). Most type a word of their own or call an endpoint, and check that what comes back is their own;
others load the page, run with 2,048 slots, have a GIF drawn, pull a machine, hang up, or send what nobody should.
Without an address the demo is started on this machine, with a small Hub beside it, and its memory is read every ten
seconds. `--seconds 600` is a soak.

Prints how long each kind of answer took, what was wrong, and how often a visitor was told to come again; the exit code
is 1 if anything was wrong, or short work or being told took more than five seconds.
"""

import argparse
import base64
import http.client
import json
import os
import random
import statistics
import string
import sys
import tempfile
import threading
import time
import uuid
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import numpy as np

from tests.conftest import running_app
from tests.hub_server import serving
from tests.tiny import write_checkpoint

_SECONDS_BETWEEN = 2.0
_SECONDS_BETWEEN_READINGS = 10.0
_LONGEST_WAIT = 5.0
_PATIENCE = 60.0
_LENGTH = 20
_MACHINE = "OTHER/ntm-copy"
_BUSY = ("try again in a moment", "more than can be done at once")
_SHORT = ("edit", "endpoint", "load", "hostile")

Outcome = str
"""What came of an action: "right", "busy", or what was wrong."""


def tell(query: str) -> str:
    """What the page tells of the run that a query opens, to have it drawn."""
    return json.dumps({"query": query, "address": "", "error": 0, "heading": "", "caption": ""})


TOLD = tell("task=copy&input=10110010~01011101")


class Page(NamedTuple):
    """A demo, as its configuration tells a browser."""

    address: str
    events: list[dict[str, Any]]
    components: dict[int, dict[str, Any]]

    def inputs(self, event: Mapping[str, Any]) -> list[Any]:
        """What is on the page at first, of what an event sends."""
        return [self.components[number].get("value") for number in event["inputs"]]

    def event(self, name: str) -> dict[str, Any]:
        """The first event of this name."""
        return next(event for event in self.events if event["api_name"] == name and event["backend_fn"])


def read_page(address: str) -> Page:
    """Read a demo's configuration."""
    config = json.loads(request(address, "GET", "/config")[1])
    return Page(address, config["dependencies"], {each["id"]: each["props"] for each in config["components"]})


def request(
    address: str, method: str, path: str, body: object = None, *, until: Callable[[bytes], bool] | None = None
) -> tuple[int, bytes]:
    """Send a request: the status, and the answer whole, or its lines until one will do."""
    connection = http.client.HTTPConnection(urlsplit(address).netloc, timeout=_PATIENCE)
    try:
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        connection.request(method, path, data, {"Content-Type": "application/json"})
        reply = connection.getresponse()
        if until is None:
            return reply.status, reply.read()
        return reply.status, next((line for line in reply if until(line)), b"")
    finally:
        connection.close()


def call(page: Page, event: Mapping[str, Any], data: list[Any], session: str) -> tuple[int, Any]:
    """Call a function by its number, as the page does where no queue is asked for."""
    body = {"data": data, "fn_index": event["id"], "session_hash": session, "event_data": None}
    status, answer = request(page.address, "POST", "/gradio_api/run/predict", body)
    return status, json.loads(answer)


def _judge(status: int, answer: Any, is_right: Callable[[list[Any]], bool]) -> Outcome:
    if status == 200:
        return "right" if is_right(answer["data"]) else "another's answer"
    sentence = str(answer.get("error") or answer.get("detail"))
    return "busy" if any(words in sentence for words in _BUSY) else f"refused: {sentence}"


class Visitor:
    """One of the visitors; each of its actions returns what came of it."""

    def __init__(self, page: Page, seed: int) -> None:
        self.page = page
        self.chance = random.Random(seed)
        self.session = uuid.uuid4().hex

    def edit(self, rows: int = _LENGTH, slots: int | None = None) -> Outcome:
        """Type a word, in a browser that cannot run the machine itself."""
        word = "".join(self.chance.choices(string.ascii_letters, k=rows))
        status, answer = call(self.page, self.page.event("answer"), [_write_letter(word, slots)], self.session)
        return _judge(status, answer, lambda values: _is_answer(json.loads(values[0]), word, exact=slots is None))

    def large(self) -> Outcome:
        """Run a long word with 2,048 slots."""
        return self.edit(120, 2048)

    def endpoint(self) -> Outcome:
        """Call one of the endpoints in two requests, as the README tells."""
        bits = "\n".join(f"{self.chance.randrange(256):08b}" for _ in range(8))
        name, data = self.chance.choice(
            [
                ("copy", [bits]),
                ("repeat_copy", [bits, 2]),
                ("associative_recall", ["101100\n000000\n111111\n\n110011\n010101\n000111", 1]),
                ("dynamic_ngrams", [bits.replace("\n", "")]),
                ("priority_sort", ["\n".join(f"{bits} 0.{place}" for place, bits in enumerate(bits.split(), 1))]),
            ]
        )
        path = f"/gradio_api/call/{name}"
        status, answer = request(self.page.address, "POST", path, {"data": data})
        if status != 200:
            return _judge(status, json.loads(answer), lambda _: True)
        event = json.loads(answer)["event_id"]
        line = request(self.page.address, "GET", f"{path}/{event}", until=lambda line: line.startswith(b"data: "))[1]
        found = json.loads(line.removeprefix(b"data: "))
        if not isinstance(found, list):
            return _judge(500, found or {"error": "no answer"}, lambda _: True)
        return "right" if name != "copy" or found[0]["target"] == bits else "another's answer"

    def load(self) -> Outcome:
        """Load the page, as a new visitor."""
        self.session = uuid.uuid4().hex
        status, answer = request(self.page.address, "GET", "/")
        return "right" if status == 200 and b"gradio" in answer else f"status {status}"

    def draw(self) -> Outcome:
        """Have the GIF drawn through the queue, listen for it, and leave after a few seconds."""
        return self.wait_for("animate", [TOLD, None], time.monotonic() + self.chance.uniform(1, 8))

    def pull(self) -> Outcome:
        """Pull a machine from the Hub."""
        event = self.page.event("pull")
        data = [None, "copy", _MACHINE]
        status, answer = call(self.page, event, data, self.session)
        return _judge(status, answer, lambda values: _MACHINE in str(values))

    def hang_up(self) -> Outcome:
        """Ask for much and leave without the answer."""
        event = self.page.event("answer")
        data = [_write_letter("x" * 120, 2048)]
        body = json.dumps({"data": data, "fn_index": event["id"], "session_hash": self.session}).encode()
        connection = http.client.HTTPConnection(urlsplit(self.page.address).netloc, timeout=_PATIENCE)
        connection.request("POST", "/gradio_api/run/predict", body, {"Content-Type": "application/json"})
        connection.close()
        return "right"

    def hostile(self) -> Outcome:
        """Send what nobody should; a sentence must come back."""
        event = self.chance.choice([event for event in self.page.events if event["backend_fn"]])
        strange = self.chance.choice([None, [], {"a": [1]}, "x" * 6000, 1e308, -1, True])
        path, body = self.chance.choice(
            [
                ("/gradio_api/upload", b"x" * 1000),
                ("/gradio_api/run/predict", b"[" * 5000),
                ("/gradio_api/run/predict", b"x" * 3_000_000),
                ("/gradio_api/run/predict", {"data": [], "fn_index": 10**6}),
                ("/gradio_api/run/predict", {"data": [strange] * len(event["inputs"]), "fn_index": event["id"]}),
            ]
        )
        try:
            status, answer = request(self.page.address, "POST", path, body)
        except (BrokenPipeError, ConnectionResetError):
            return "right"  # it is refused before all of it was sent
        return "right" if status == 200 or any(word in answer for word in (b"error", b"detail")) else f"status {status}"

    def wait_for(self, name: str, data: list[Any], until: float) -> Outcome:
        """Call a function through the queue and listen until it is done, or until then."""
        body = {"data": data, "fn_index": self.page.event(name)["id"], "session_hash": self.session}
        status, answer = request(self.page.address, "POST", "/gradio_api/queue/join", body)
        if status != 200:
            return _judge(status, json.loads(answer), lambda _: True)

        def done(line: bytes) -> bool:
            return b"process_completed" in line or time.monotonic() > until

        line = request(self.page.address, "GET", f"/gradio_api/queue/data?session_hash={self.session}", until=done)[1]
        failed = b'"success":false' in line
        return "right" if not failed else "busy" if any(words.encode() in line for words in _BUSY) else str(line[:200])


def _write_letter(word: str, slots: int | None) -> str:
    """A question as the page asks the server."""
    asked = {"task": "copy", "kind": "Word", "typed": word, "number": None, "slots": slots, "update": None}
    return json.dumps({"number": 1, "asked": {**asked, "machine": None, "run": True}})


def _is_answer(letter: dict[str, Any], word: str, *, exact: bool) -> bool:
    """Whether a letter holds the run of a word, and, if wanted, without an error."""
    data = zlib.decompress(base64.b64decode(letter["packed"]))
    length = int.from_bytes(data[:4], "little")
    header, place, found = json.loads(data[4 : 4 + length]), 4 + length, {}
    for name, field in header["fields"].items():
        count = int(np.prod(field["shape"]))
        levels = np.frombuffer(data, "<u2", count, place).reshape(field["shape"])
        found[name] = field["low"] + levels * field["step"]
        place += 2 * count
    due = found["targets"][found["mask"] > 0.5] > 0.5
    said = found["logits"][found["mask"] > 0.5] > 0
    asked = np.array([[bit == "1" for bit in f"{ord(letter):08b}"] for letter in word])
    return due.tolist() == asked.tolist() and (not exact or said.tolist() == asked.tolist())


_SHARES = {
    Visitor.edit: 60,
    Visitor.endpoint: 15,
    Visitor.load: 10,
    Visitor.large: 4,
    Visitor.draw: 2,
    Visitor.pull: 2,
    Visitor.hang_up: 3,
    Visitor.hostile: 4,
}


class Result(NamedTuple):
    """An action of a visitor."""

    kind: str
    seconds: float
    outcome: Outcome


def visit(page: Page, seed: int, seconds: float, stop: threading.Event, pulls: bool) -> list[Result]:
    """All that a visitor does."""
    visitor, results = Visitor(page, seed), []
    until = time.monotonic() + seconds
    shares = {action: share for action, share in _SHARES.items() if pulls or action is not Visitor.pull}
    stop.wait(visitor.chance.uniform(0, _SECONDS_BETWEEN))
    while time.monotonic() < until and not stop.is_set():
        action: Callable[[Visitor], Outcome] = visitor.chance.choices(list(shares), list(shares.values()))[0]
        began = time.monotonic()
        try:
            outcome = action(visitor)
        except (OSError, http.client.HTTPException, ValueError) as error:
            outcome = f"{type(error).__name__}: {error}"
        results.append(Result(action.__name__, time.monotonic() - began, outcome))
        stop.wait(_SECONDS_BETWEEN)
    return results


class Memory(threading.Thread):
    """Reads what a process and its children hold, in MB."""

    def __init__(self, pid: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.pid, self.stop = pid, stop
        self.readings = [self.read()]

    def read(self) -> float:
        """MB, now; of this process alone, for a client of the Hub is there for seconds."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 2**20

    def run(self) -> None:
        """Read every ten seconds, and the last time at the end."""
        while not self.stop.wait(_SECONDS_BETWEEN_READINGS):
            self.readings.append(self.read())
            if len(self.readings) % 6 == 0:
                print(f"  {self.readings[-1]:,.0f} MB", flush=True)


def load(address: str, visitors: int, seconds: float, *, pid: int | None = None) -> int:
    """Have visitors come, and print what came of it; the exit code.

    Args:
        address: of a demo.
        visitors: how many there are at once.
        seconds: how long they stay.
        pid: the process whose memory is read, which can reach the Hub with the machine to pull.
    """
    page, stop = read_page(address), threading.Event()
    memory = None if pid is None else Memory(pid, stop)
    if memory is not None:
        memory.start()
    with ThreadPoolExecutor(visitors) as pool:
        try:
            visits = list(pool.map(lambda seed: visit(page, seed, seconds, stop, pid is not None), range(visitors)))
        except KeyboardInterrupt:
            return 130
        finally:
            stop.set()
    results = [result for each in visits for result in each]
    print(f"{visitors} visitors, {seconds:g} s, {len(results)} actions")
    by_kind: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_kind[result.kind].append(result)
        if result.kind in _SHORT:
            by_kind["all short"].append(result)
    for kind, found in by_kind.items():
        _print_times(kind, found)
    wrong = [result for result in results if result.outcome not in ("right", "busy")]
    slow = [
        each for each in results if each.seconds > _LONGEST_WAIT and (each.kind in _SHORT or each.outcome == "busy")
    ]
    for result in [*wrong, *slow][:20]:
        print(f"  {result.kind} after {result.seconds:.1f} s: {result.outcome}")
    if memory is not None:
        time.sleep(_LONGEST_WAIT)
        first, last = memory.readings[0], memory.read()
        print(f"memory: {first:,.0f} MB before, at most {max(memory.readings):,.0f}, {last:,.0f} after")
    return int(bool(wrong or slow))


def _print_times(kind: str, results: list[Result]) -> None:
    times = [result.seconds for result in results]
    shares = statistics.quantiles(times, n=100, method="inclusive") if len(times) > 1 else times * 99
    outcomes = [result.outcome for result in results]
    busy, right = outcomes.count("busy"), outcomes.count("right")
    print(
        f"{kind:>10}: {len(times):6,}  p50 {1000 * shares[49]:6,.0f} ms  p95 {1000 * shares[94]:6,.0f} ms  "
        f"slowest {1000 * max(times):6,.0f} ms  {busy} told to come again, {len(times) - right - busy} wrong"
    )


@contextmanager
def demo(folder: Path) -> Iterator[tuple[str, int]]:
    """The demo beside a small Hub that has one machine: its address, and its process."""
    with serving() as hub:
        files = write_checkpoint(folder / "ntm-copy").iterdir()
        hub.add(_MACHINE, {path.name: path.read_bytes() for path in files if path.is_file()})
        plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
        environment = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(folder / "hf"), "HF_HUB_DISABLE_XET": "1"}
        with running_app(folder / "log", environment={**plain, **environment}) as (process, url):
            yield url, process.pid


def main() -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Visitors of every kind at once.")
    parser.add_argument("address", nargs="?", help="of a demo on this machine (default: one is started)")
    parser.add_argument("--visitors", type=int, default=30, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="(default: %(default)s)")
    options = parser.parse_args()
    if options.address:
        return load(options.address.rstrip("/"), options.visitors, options.seconds)
    with tempfile.TemporaryDirectory() as name, demo(Path(name)) as (url, pid):
        code = load(url, options.visitors, options.seconds, pid=pid)
        log = (Path(name) / "log").read_text()
        tracebacks = log.count("Traceback")
        print(f"the log has {log.count(chr(10))} lines, and {tracebacks} tracebacks", log[-2000:] if tracebacks else "")
        return code or int(tracebacks > 0)


if __name__ == "__main__":
    sys.exit(main())
