"""Signals to end as something to be asked about, so that long work ends where nothing is lost."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager


class Interruption:
    """Set by the first signal to end.

    It is a plain flag: a signal can come while another is being taken note of, where a `threading.Event` would wait for
    its own lock for ever.
    """

    _set = _at_once = False

    def is_set(self) -> bool:
        """Whether there was a signal."""
        return self._set

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Within this a signal ends the work with KeyboardInterrupt, as one before it does at its beginning.

        It is for work that can be done again and does not ask whether to go on.
        """
        self._at_once = True
        try:
            if self._set:
                raise KeyboardInterrupt
            yield
        finally:
            self._at_once = False

    def interrupt(self, *_: object) -> None:
        """Take note of a signal. Those after the first change nothing, so that none of them cuts a save short."""
        first, self._set = not self._set, True
        if first and self._at_once:
            raise KeyboardInterrupt


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn Ctrl-C, a scheduler's termination signal and a closed terminal into an event."""
    interruption, previous = Interruption(), {}
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # not every system has SIGHUP
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):  # as nohup asks
            continue
        previous[number] = signal.signal(number, interruption.interrupt)
    try:
        yield interruption
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
