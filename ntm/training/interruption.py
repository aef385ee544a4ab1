"""Ctrl-C as something to be asked about, so that long work ends where nothing is lost."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or termination signal into an event; a second one ends the program at once."""
    event = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in signals}

    def stop(*_: object) -> None:
        event.set()
        for each, handler in previous.items():
            signal.signal(each, handler)

    for number in signals:
        signal.signal(number, stop)
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
