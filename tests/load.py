"""Thirty visitors at once: python -m tests.load [ADDRESS] [--visitors 30] [--seconds 30]

Each types a word of its own every two seconds, over plain HTTP as the page's JavaScript sends it (`gradio_client` is
the bottleneck past ten requests a second), and checks that what comes back is its own. Without an address the demo is
started, on this machine. Prints how long answers took and how many were wrong; the exit code is 1 if any was.
"""

import argparse
import json
import random
import statistics
import string
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from concurrent.futures import ThreadPoolExecutor
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import serve_app

_SECONDS_BETWEEN = 2.0
_LENGTH = 20


class _Event(NamedTuple):
    """What the page does on an edit, as its configuration tells the browser."""

    number: int
    inputs: list[Any]
    """what is on the page at first"""
    typed: int
    """where among the inputs is what was typed"""
    verdict: int
    """where among the outputs is how it went"""


def _get(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=60) as reply:
        return json.load(reply)


def _find_event(url: str) -> _Event:
    config = _get(f"{url}/config")
    components = {each["id"]: each["props"] for each in config["components"]}
    names = {number: props.get("elem_id") for number, props in components.items()}
    for event in config["dependencies"]:
        inputs, outputs = ([names[number] for number in event[side]] for side in ("inputs", "outputs"))
        if not event["queue"] and event["backend_fn"] and "typed" in inputs and "summary" in outputs:
            values = [components[number].get("value") for number in event["inputs"]]
            return _Event(event["id"], values, inputs.index("typed"), outputs.index("summary"))
    raise RuntimeError(f"{url} does nothing on an edit without waiting in a queue")


def _edit(url: str, event: _Event, session: str, word: str) -> tuple[float, bool, int]:
    """Type a word: the seconds until the answer was there, whether it was right, and its bytes."""
    data = [*event.inputs]
    data[event.typed] = word
    body = json.dumps({"data": data, "fn_index": event.number, "session_hash": session, "event_data": None})
    request = urllib.request.Request(
        f"{url}/gradio_api/run/predict", body.encode(), {"Content-Type": "application/json"}
    )
    began = time.perf_counter()
    try:
        with urllib.request.urlopen(request, timeout=60) as reply:
            answer = reply.read()
    except OSError:
        return time.perf_counter() - began, False, 0
    seconds = time.perf_counter() - began
    verdict = json.loads(answer)["data"][event.verdict]
    return seconds, f"“{word}”" in unescape(str(verdict)), len(answer)


def _visit(url: str, event: _Event, seed: int, seconds: float, stop: threading.Event) -> list[tuple[float, bool, int]]:
    chance, session, results = random.Random(seed), uuid.uuid4().hex, []
    until = time.perf_counter() + seconds
    stop.wait(chance.uniform(0, _SECONDS_BETWEEN))
    while time.perf_counter() < until and not stop.is_set():
        word = "".join(chance.choices(string.ascii_letters, k=_LENGTH))
        results.append(_edit(url, event, session, word))
        stop.wait(_SECONDS_BETWEEN)
    return results


def _load(url: str, visitors: int, seconds: float) -> int:
    event, stop = _find_event(url), threading.Event()
    with ThreadPoolExecutor(visitors) as pool:
        try:
            visits = list(pool.map(lambda seed: _visit(url, event, seed, seconds, stop), range(visitors)))
        except KeyboardInterrupt:
            stop.set()
            return 130
    times, right, sizes = zip(*(result for visit in visits for result in visit), strict=True)
    shares = statistics.quantiles(times, n=100, method="inclusive")
    wrong = len(right) - sum(right)
    print(
        f"{visitors} visitors, {len(times)} runs of {_LENGTH} vectors, {seconds:g} s: p50 {1000 * shares[49]:.0f} ms, "
        f"p95 {1000 * shares[94]:.0f} ms, slowest {1000 * max(times):.0f} ms; {max(sizes):,} bytes a run; {wrong} wrong"
    )
    return int(wrong > 0)


def main() -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.load", description="Many visitors at once.")
    parser.add_argument("address", nargs="?", help="of a demo on this machine (default: one is started)")
    parser.add_argument("--visitors", type=int, default=30, help="(default: %(default)s)")
    parser.add_argument("--seconds", type=float, default=30.0, help="(default: %(default)s)")
    options = parser.parse_args()
    if options.address:
        return _load(options.address.rstrip("/"), options.visitors, options.seconds)
    with tempfile.TemporaryDirectory() as folder, serve_app(Path(folder) / "log") as url:
        return _load(url, options.visitors, options.seconds)


if __name__ == "__main__":
    sys.exit(main())
