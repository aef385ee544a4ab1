"""Whatever a demo's own configuration lists, called with what it does not take: python -m tests.fuzz [ADDRESS]

Prints the slowest answers; the exit code is 1 if there was none, or not a sentence, or one took more than five seconds.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from tests.conftest import serve_app
from tests.load import Page, call, read_page

_LONGEST_ANSWER = 5.0
_STRANGE: list[Any] = [None, [], {"a": [1]}, "x" * 6000, "2048", 1e308, -1, True, [[[]]], {"path": "/etc/passwd"}]
_ONE_AT_A_TIME = _STRANGE[:4]


class Answer(NamedTuple):
    """What came of a call."""

    name: str
    data: list[Any]
    seconds: float
    status: int
    answer: Any

    @property
    def is_sound(self) -> bool:
        """Whether it is data, or one sentence."""
        error = self.answer.get("error") if isinstance(self.answer, dict) else None
        return self.status == 200 or (isinstance(error, str) and "\n" not in error)


def fuzz(page: Page) -> Iterator[Answer]:
    """Call every function with strange values, all of them and one among the usual, and with too few and too many."""
    for event in page.events:
        usual = page.inputs(event)
        sent = [[strange] * len(usual) for strange in _STRANGE if usual]
        for place in range(len(usual)):
            sent += [[*usual[:place], strange, *usual[place + 1 :]] for strange in _ONE_AT_A_TIME]
        for data in [*sent, [], [None] * (len(usual) + 1)]:
            yield _call(page, event, data)
    for number in (-1, 10**6):
        yield _call(page, {"id": number, "api_name": str(number)}, [])


def _call(page: Page, event: dict[str, Any], data: list[Any]) -> Answer:
    began = time.monotonic()
    status, answer = call(page, event, data, "fuzz")
    return Answer(str(event["api_name"]), data, time.monotonic() - began, status, answer)


def main() -> int:
    """Run the command; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description="Strange values for every function.")
    parser.add_argument("address", nargs="?", help="of a demo (default: one is started)")
    address = parser.parse_args().address
    if address:
        return _report(address.rstrip("/"))
    with tempfile.TemporaryDirectory() as folder, serve_app(Path(folder) / "log") as url:
        code = _report(url)
        tracebacks = (Path(folder) / "log").read_text().count("Traceback")
        print(f"{tracebacks} tracebacks in the log")
        return code or int(tracebacks > 0)


def _report(address: str) -> int:
    answers = sorted(fuzz(read_page(address)), key=lambda answer: -answer.seconds)
    unsound = [answer for answer in answers if not answer.is_sound]
    print(f"{len(answers)} calls, {len(unsound)} of them without a sentence")
    for answer in [*unsound[:10], *answers[:5]]:
        print(f"  {answer.seconds:5.2f} s  {answer.name}: {str(answer.data)[:60]} gave {str(answer.answer)[:100]}")
    return int(bool(unsound) or answers[0].seconds > _LONGEST_ANSWER)


if __name__ == "__main__":
    sys.exit(main())
