"""Turns at the server's processor and memory: fair between visitors, short work before long, nobody waits for long.

Gradio's own queue bounds neither, for every function of the page can be called past it.
"""

import asyncio
import weakref
from collections import Counter, OrderedDict, deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import Enum

from ntm.ui import budget

BUSY = "Others keep this server busy: please try again in a moment."
PATIENCE = 3.0
"""Seconds that anything waits for its first turn at most, from the door on."""
PATIENCE_UNDER_WAY = 20.0
"""Seconds that what shows its progress, such as a moving picture, waits for its next turn at most."""
# Runs need Python's global lock much of the time. When thirty visitors' runs fought for it, most of the time went into
# passing it on; two take turns well, and a long one does not hold up the others.
_AT_WORK = 2
LONGEST_LINE = 300
_LONGEST_OF_A_VISITOR = 8


class Lane(Enum):
    """The lines that one can stand in."""

    SHORT = "short"
    LONG = "long"
    """one at a time, and only while no short work waits"""
    PULL = "pull"
    """pulling from the Hub, which waits for the network and leaves the processor to others"""


_PULLS_AT_ONCE = 3


class BusyError(Exception):
    """The server is too busy. The message is one sentence for who asked."""


@dataclass(eq=False)
class Turn:
    """A turn that is waited for or had."""

    lane: Lane
    visitor: str
    memory: int
    """bytes"""
    begins: asyncio.Future[None]
    return_memory: Callable[[int], None]

    def keep_memory_for(self, thing: object) -> None:
        """Have the memory be taken until a thing is no more, instead of until the turn's end."""
        # What is not used any more may go in any thread.
        loop = asyncio.get_running_loop()
        weakref.finalize(thing, _call_in, loop, self.return_memory, self.memory).atexit = False
        self.memory = 0


class Turns:
    """Everybody's turns, all of them in one event loop.

    Args:
        memory: bytes that all turns together may take.
    """

    def __init__(self, memory: int = budget.MEMORY) -> None:
        self._memory = memory
        self._lines: dict[Lane, OrderedDict[str, deque[Turn]]] = {lane: OrderedDict() for lane in Lane}
        self._at_work: Counter[Lane] = Counter()
        self._pulling: set[str] = set()

    @asynccontextmanager
    async def take(self, lane: Lane, visitor: str, memory: int, deadline: float) -> AsyncIterator[Turn]:
        """A turn, for the time of the block.

        Args:
            lane: the line to stand in.
            visitor: whose turn it is; visitors take turns within a lane.
            memory: bytes that it takes.
            deadline: when to give up waiting, in the event loop's time.

        Raises:
            BusyError: if too many wait already, or at the deadline.
        """
        turn = Turn(lane, visitor, memory, asyncio.get_running_loop().create_future(), self._return_memory)
        self._line_up(turn)
        try:
            await self._wait(turn, deadline)
            yield turn
        finally:
            self._end(turn)

    def _line_up(self, turn: Turn) -> None:
        line = self._lines[turn.lane]
        own = line.get(turn.visitor, ())
        if len(own) >= _LONGEST_OF_A_VISITOR:
            raise BusyError("You have asked for more than can be done at once here: wait for some of it.")
        if sum(map(len, line.values())) >= LONGEST_LINE:
            raise BusyError("Too many visitors wait already: please try again in a moment.")
        line.setdefault(turn.visitor, deque()).append(turn)
        self._begin_turns()

    async def _wait(self, turn: Turn, deadline: float) -> None:
        try:
            async with asyncio.timeout_at(deadline):
                await turn.begins
        except TimeoutError:
            raise BusyError(BUSY) from None

    def _begin_turns(self) -> None:
        """Have all turns begin that can."""
        while (turn := self._next()) is not None:
            self._memory -= turn.memory
            self._at_work[turn.lane] += 1
            if turn.lane is Lane.PULL:
                self._pulling.add(turn.visitor)
            turn.begins.set_result(None)

    def _next(self) -> Turn | None:
        """The turn that begins next, out of its line, if there is one and room for it."""
        for lane, line in self._lines.items():
            for visitor, own in line.items() if self._has_room(lane) else ():
                given_up, too_large = own[0].begins.cancelled(), own[0].memory > self._memory
                if given_up or too_large or (lane is Lane.PULL and visitor in self._pulling):
                    continue
                turn = own.popleft()
                line.move_to_end(visitor)  # the others come before this visitor's next one
                if not own:
                    del line[visitor]
                return turn
        return None

    def _has_room(self, lane: Lane) -> bool:
        if lane is Lane.PULL:
            return self._at_work[lane] < _PULLS_AT_ONCE
        if lane is Lane.LONG and self._at_work[lane]:
            return False
        return self._at_work[Lane.SHORT] + self._at_work[Lane.LONG] < _AT_WORK

    def _end(self, turn: Turn) -> None:
        if turn.begins.done() and not turn.begins.cancelled():
            self._at_work[turn.lane] -= 1
            if turn.lane is Lane.PULL:
                self._pulling.discard(turn.visitor)
            self._return_memory(turn.memory)
            return
        line = self._lines[turn.lane]
        line[turn.visitor].remove(turn)
        if not line[turn.visitor]:
            del line[turn.visitor]
        self._begin_turns()

    def _return_memory(self, memory: int) -> None:
        self._memory += memory
        self._begin_turns()


def _call_in(loop: asyncio.AbstractEventLoop, function: Callable[[int], None], argument: int) -> None:
    if not loop.is_closed():
        loop.call_soon_threadsafe(function, argument)
