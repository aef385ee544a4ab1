"""Signals to end: each is taken note of, one after it changes nothing, and work that can be done again ends at once."""

import os
import signal
import sys
import time
from typing import Any

import pytest

from ntm.training.interruption import interruptible

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_is_an_event_and_so_are_those_after_it(number: signal.Signals) -> None:
    before = [signal.getsignal(each) for each in SIGNALS]
    with interruptible() as interrupted:
        assert not interrupted.is_set()
        for each in (number, *SIGNALS):
            signal.raise_signal(each)
            assert interrupted.is_set()
    assert [signal.getsignal(each) for each in SIGNALS] == before


@pytest.mark.parametrize("number", SIGNALS)
def test_some_work_ends_at_once_and_cleans_up_in_peace(number: signal.Signals) -> None:
    cleaned: list[int] = []
    with interruptible() as interrupted:

        def work() -> None:
            with interrupted.at_once():
                try:
                    signal.raise_signal(number)
                finally:
                    signal.raise_signal(number)
                    cleaned.append(number)

        with pytest.raises(KeyboardInterrupt):
            work()
        assert cleaned == [number]
        with pytest.raises(KeyboardInterrupt), interrupted.at_once():
            pytest.fail("it was to end before this")


def test_a_closed_terminal_does_not_end_what_nohup_started() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible() as interrupted:
            signal.raise_signal(signal.SIGHUP)
            assert not interrupted.is_set()
    finally:
        signal.signal(signal.SIGHUP, before)


def test_signals_while_one_is_taken_note_of_do_no_harm() -> None:
    """A signal at every line of the first one's handling, in a process that could hang."""
    child = os.fork()
    if not child:
        left = iter(range(50))

        def interfere(frame: object, event: str, argument: object) -> Any:
            if next(left, None) is not None:
                signal.raise_signal(signal.SIGTERM)
            return interfere

        with interruptible() as interrupted:
            sys.settrace(interfere)
            signal.raise_signal(signal.SIGINT)
            sys.settrace(None)
            os._exit(not interrupted.is_set())
    deadline, ended = time.monotonic() + 10, 0
    while not ended and time.monotonic() < deadline:
        ended, status = os.waitpid(child, os.WNOHANG)
        time.sleep(0.01)
    if not ended:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        pytest.fail("it hangs")
    assert status == 0
