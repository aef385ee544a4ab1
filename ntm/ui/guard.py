"""The page as Gradio's blocks, each of whose functions takes a turn and answers in a sentence, whoever calls it.

All of Gradio's ways to call a function lead through `process_api`: its queue, its direct calls by number, which no
setting closes for functions that the page itself calls, and MCP.
"""

import asyncio
import gc
import logging
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from weakref import WeakKeyDictionary

import gradio as gr
from gradio.block_function import BlockFunction
from starlette.middleware import Middleware
from starlette.routing import BaseRoute

from ntm.storage.untrusted import CheckpointError, quote
from ntm.tasks import InputError
from ntm.ui import allocator, budget, first_load
from ntm.ui.budget import NeedsMoreError
from ntm.ui.door import ARRIVED, Door, Listeners
from ntm.ui.gradio_files import files_of
from ntm.ui.turns import LONGEST_LINE, PATIENCE, PATIENCE_UNDER_WAY, BusyError, Lane, Turns

PULLING = "pulling"
"""the `concurrency_id` of functions that wait for the network"""
# A session that is put away forgets what is on its page. Each takes 30 kB.
_MOST_SESSIONS = 1000
_SECONDS_TO_BEGIN_LISTENING = 2.0
_LONGEST_SENTENCE = 300
_NOT_UNDERSTOOD = "That is nothing that this page can be asked."
# The event loop asks threads at work for Python's lock many times a request, and waits this long for it each time.
_SECONDS_OF_THE_LOCK = 0.0005
# Gradio counts what it answers: with pandas, over the last 10,000 events, after each. It took longer than most answers.
_NO_STATISTICS = {"GRADIO_ANALYTICS_CACHE_FREQUENCY": str(10**12), "GRADIO_ANALYTICS_MAX_EVENTS": "1"}
_log = logging.getLogger(__name__)


class _GoneError(Exception):
    """Who asked has left."""


class _Forgotten(dict[int, Any]):
    """What Gradio keeps of every component of a session for its deep links, of which this page has none: nothing.

    The values were 0.2 MB a session, which is kept for as long as there are fewer than `state_session_capacity`.
    """

    def __contains__(self, key: object) -> bool:
        return True

    def __missing__(self, key: int) -> dict[str, Any]:
        return {}

    def __setitem__(self, key: int, value: Any) -> None:
        pass


class GuardedBlocks(gr.Blocks):
    """Blocks whose functions take turns; the arguments are those of `gr.Blocks`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._turns = Turns()
        self._listeners = Listeners()
        self._began: WeakKeyDictionary[Any, float] = WeakKeyDictionary()

    def serve(self, routes: Sequence[BaseRoute] = (), at_first: Sequence[str] = (), **options: Any) -> None:
        """Serve the page, as `launch` does, until the process ends.

        Args:
            routes: what is served besides.
            at_first: the addresses of what the page needs of that at first.
            options: those of `launch`.
        """
        os.environ.update(_NO_STATISTICS)
        sys.setswitchinterval(_SECONDS_OF_THE_LOCK)
        self.queue(default_concurrency_limit=None)  # whoever waits, waits for a turn, and is told when that is too long
        self.launch(
            prevent_thread_lock=True,
            max_threads=LONGEST_LINE,  # so many events are taken out of Gradio's queue at once; a turn has a thread
            state_session_capacity=_MOST_SESSIONS,
            _frontend=False,  # no check that ends the app where the first page takes three seconds: a busy machine
            app_kwargs={
                "middleware": [
                    Middleware(Door, listeners=self._listeners),
                    *first_load.middleware(files_of(self), at_first),
                ],
                "routes": list(routes),
            },
            **options,
        )
        # A session begins without its components, see `_Forgotten`: describing them took longer than most answers.
        self.app.state_holder.blocks = SimpleNamespace(  # type: ignore[assignment]
            default_config=self.default_config, blocks=()
        )
        gc.freeze()  # what is there for good need not be looked through
        self.block_thread()

    async def process_api(  # type: ignore[override]
        self, block_fn: BlockFunction | int, inputs: list[Any], **options: Any
    ) -> dict[str, Any]:
        """Call a function in its turn.

        Raises:
            gradio.Error: with one sentence, if it did not give an answer.
        """
        function = self.fns[block_fn] if isinstance(block_fn, int) else block_fn
        if (session := options.get("state")) is not None:
            session.config_values = _Forgotten()
        try:
            return await self._take_turns(function, inputs, options)
        except (BusyError, CheckpointError, InputError) as error:
            sentence = str(error)
        except _GoneError:
            sentence = "You had left when it was your turn."
        except gr.Error as error:
            sentence = str(error.message)[:_LONGEST_SENTENCE]
            if error.print_exception:  # one of Gradio's own complaints about what was sent
                _log.warning("%s was sent what it does not take: %s", function.name, quote(sentence, longest=160))
        except Exception as error:
            sentence = _NOT_UNDERSTOOD
            _log.warning("%s failed: %s", function.name, _describe(error))
        # Not inside the handler: an error that knows of another holds the run in which that was raised.
        raise gr.Error(sentence, print_exception=False)

    async def _take_turns(self, function: BlockFunction, inputs: list[Any], options: dict[str, Any]) -> dict[str, Any]:
        """Call a function in a short turn, and once more in a long one if it takes more than that."""
        loop, going_on = asyncio.get_running_loop(), options.get("iterator")
        now, request = loop.time(), options.get("request")
        began = now if going_on is None else self._began.get(going_on, now)
        deadline = _arrival(request, now) + PATIENCE if going_on is None else now + PATIENCE_UNDER_WAY
        lane, cost, memory = self._lane(function, going_on), budget.SHORT, 0
        while True:
            try:
                async with self._turns.take(lane, _name(request), memory, deadline) as turn:
                    await self._check_presence(function, options, loop.time() - began)
                    with budget.grant(cost):
                        output: dict[str, Any] = await super().process_api(function, inputs, **options)
                    if going_on is None and output["iterator"] is not None:
                        self._began[output["iterator"]] = began
                        turn.keep_memory_for(output["iterator"])
                    if lane is Lane.LONG and output["iterator"] is None:
                        allocator.tidy()
                    return output
            except NeedsMoreError as more:
                lane, cost, memory = Lane.LONG, more.cost, more.cost.bytes

    def _lane(self, function: BlockFunction, going_on: object) -> Lane:
        if function.concurrency_id == PULLING:
            return Lane.PULL
        return Lane.SHORT if going_on is None else Lane.LONG

    async def _check_presence(self, function: BlockFunction, options: dict[str, Any], seconds: float) -> None:
        """Whether somebody still waits for the answer.

        Raises:
            _GoneError: if nobody does.
        """
        request = options.get("request")
        if not isinstance(request, gr.Request):
            return
        if options.get("event_id") is None:
            gone = request.request is not None and await request.request.is_disconnected()
        else:
            # An endpoint's answer may be fetched later, by another request; the page listens from the start.
            on_page = function.api_visibility == "private"
            gone = on_page and seconds > _SECONDS_TO_BEGIN_LISTENING and request.session_hash not in self._listeners
        if gone:
            raise _GoneError


def _name(request: Any) -> str:
    """The visitor whose request it is: the session, or the address where there is none."""
    client = getattr(request, "client", None)
    return getattr(request, "session_hash", None) or (client.host if client is not None else "")


def _arrival(request: Any, now: float) -> float:
    """When a call came to the door: a busy server may be a while in getting to it."""
    came: float = getattr(getattr(request, "request", None), "scope", {}).get(ARRIVED, now)
    return came


def _describe(error: Exception) -> str:
    """An error in one line, with the place where it was raised."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}: {quote(str(error), longest=160)}"
