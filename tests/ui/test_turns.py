"""Turns at the processor and at memory: who comes next, who is told to come later, and what comes back."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from functools import wraps
from typing import Any

import pytest

from ntm.ui.turns import LONGEST_LINE, BusyError, Lane, Turns

MB = 2**20
FOR_EVER = 60.0


class Anything:
    """What a turn's memory is kept for."""


def in_loop(test: Callable[[], Coroutine[Any, Any, None]]) -> Callable[[], None]:
    """In a thread of its own: where a browser was opened before, Playwright's loop runs in this one."""

    @wraps(test)
    def run() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(asyncio.run, asyncio.wait_for(test(), 30)).result()

    return run


def deadline(seconds: float = FOR_EVER) -> float:
    return asyncio.get_running_loop().time() + seconds


class Visitors:
    """Visitors who ask, and the order in which their turns began."""

    def __init__(self, turns: Turns) -> None:
        self.turns = turns
        self.began: list[str] = []
        self.done = asyncio.Event()

    async def ask(self, name: str, lane: Lane = Lane.SHORT, memory: int = 0) -> None:
        async with self.turns.take(lane, name, memory, deadline()):
            self.began.append(name)
            await self.done.wait()

    async def ask_briefly(self, name: str, lane: Lane = Lane.SHORT) -> None:
        async with self.turns.take(lane, name, 0, deadline()):
            self.began.append(name)
            await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


@in_loop
async def test_two_work_at_once_and_the_third_waits() -> None:
    visitors = Visitors(Turns())
    tasks = [asyncio.create_task(visitors.ask(name)) for name in "abc"]
    await settle()
    assert visitors.began == ["a", "b"]
    visitors.done.set()
    await asyncio.gather(*tasks)
    assert visitors.began == ["a", "b", "c"]


@in_loop
async def test_one_who_asks_for_much_waits_for_the_others_in_between() -> None:
    turns = Turns()
    visitors = Visitors(turns)
    async with AsyncExitStack() as stack:
        for _ in range(2):
            await stack.enter_async_context(turns.take(Lane.SHORT, "first", 0, deadline()))
        tasks = [asyncio.create_task(visitors.ask_briefly(name)) for name in ("greedy",) * 6 + ("modest", "shy")]
        await settle()
        assert visitors.began == []
    await asyncio.gather(*tasks)
    assert visitors.began[:3] == ["greedy", "modest", "shy"], "though five of the greedy one's came before them"


@in_loop
async def test_short_work_comes_before_long_and_long_work_leaves_room_for_it() -> None:
    visitors = Visitors(Turns())
    tasks = [asyncio.create_task(visitors.ask(f"long {number}", Lane.LONG)) for number in range(3)]
    tasks.append(asyncio.create_task(visitors.ask("short")))
    await settle()
    assert visitors.began == ["long 0", "short"]
    tasks += [asyncio.create_task(visitors.ask_briefly(f"short {number}")) for number in range(3)]
    visitors.done.set()
    await asyncio.gather(*tasks)
    assert visitors.began[2:5] == ["short 0", "short 1", "short 2"]


@in_loop
async def test_pulls_are_few_at_once_one_a_visitor_and_hold_up_nobody_else() -> None:
    visitors = Visitors(Turns())
    names = ["a", "a", "b", "c", "d"]
    tasks = [asyncio.create_task(visitors.ask(name, Lane.PULL)) for name in names]
    tasks += [asyncio.create_task(visitors.ask(f"runs {number}")) for number in range(2)]
    await settle()
    assert sorted(visitors.began) == ["a", "b", "c", "runs 0", "runs 1"]
    visitors.done.set()
    await asyncio.gather(*tasks)
    assert sorted(visitors.began)[:5] == sorted(names)


@in_loop
async def test_what_does_not_fit_into_memory_waits_and_what_fits_goes_by() -> None:
    visitors = Visitors(Turns(memory=100 * MB))
    large = asyncio.create_task(visitors.ask("large", Lane.SHORT, 80 * MB))
    await settle()
    larger, small = (
        asyncio.create_task(visitors.ask(name, Lane.SHORT, memory * MB))
        for name, memory in (("larger", 30), ("small", 20))
    )
    await settle()
    assert visitors.began == ["large", "small"]
    visitors.done.set()
    await asyncio.gather(large, larger, small)
    assert visitors.began[-1] == "larger"


@in_loop
async def test_memory_can_be_taken_for_longer_than_the_turn() -> None:
    turns = Turns(memory=100 * MB)
    thing = Anything()
    async with turns.take(Lane.LONG, "a", 80 * MB, deadline()) as turn:
        turn.keep_memory_for(thing)
    with pytest.raises(BusyError):
        async with turns.take(Lane.LONG, "b", 80 * MB, deadline(0.05)):
            pass
    del thing
    gc.collect()
    await settle()
    async with turns.take(Lane.LONG, "b", 100 * MB, deadline()):
        pass


@in_loop
async def test_nobody_waits_beyond_the_deadline_and_whoever_gave_up_is_passed_over() -> None:
    turns = Turns()
    async with turns.take(Lane.SHORT, "a", 0, deadline()), turns.take(Lane.SHORT, "b", 0, deadline()):
        with pytest.raises(BusyError, match="try again in a moment"):
            async with turns.take(Lane.SHORT, "c", 0, deadline(0.05)):
                pass
        gone = asyncio.create_task(Visitors(turns).ask("d"))
        await settle()
        gone.cancel()
    async with turns.take(Lane.SHORT, "e", 0, deadline()):
        pass


@in_loop
async def test_the_line_is_bounded_for_each_and_for_all() -> None:
    visitors = Visitors(Turns())
    tasks = [asyncio.create_task(visitors.ask("greedy")) for _ in range(50)]
    await settle()
    refused = [task for task in tasks if task.done()]
    assert len(refused) == 40, "two work and eight wait"
    for task in refused:
        assert "more than can be done at once" in str(task.exception())
    crowd = [asyncio.create_task(visitors.ask(str(number))) for number in range(LONGEST_LINE)]
    await settle()
    told = [str(task.exception()) for task in crowd if task.done()]
    assert len(told) == 8
    assert all("Too many visitors wait already" in sentence for sentence in told)
    visitors.done.set()
    await asyncio.gather(*tasks, *crowd, return_exceptions=True)


@in_loop
async def test_a_turn_that_ends_in_an_error_is_over() -> None:
    turns = Turns(memory=10)
    for _ in range(5):
        with pytest.raises(ZeroDivisionError):
            async with turns.take(Lane.LONG, "a", 10, deadline(1)):
                raise ZeroDivisionError
