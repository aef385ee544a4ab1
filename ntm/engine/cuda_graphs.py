"""Whole updates as CUDA graphs: a GPU replays in one launch what takes thousands to start one by one."""

import threading
import warnings
from collections.abc import Callable, Hashable
from typing import Any, Protocol

import torch
from torch import Tensor

from ntm.tasks import Batch

Step = Callable[[Batch, int | None, torch.Generator], Tensor]
"""From a batch, a number of memory slots and a generator to what is to be reported of the update."""

Work = Callable[[], Tensor]

# Only one thread at a time compiles and captures; replaying needs no lock.
_capturing = threading.Lock()


class Recorder(Protocol):
    """Makes something of a piece of work that can be done again and again."""

    def warm_up(self, work: Work) -> Tensor:
        """Do the work for the first time."""

    def capture(self, work: Work) -> Work:
        """Return what does the work again, on the same tensors and into the same result."""


class CUDAGraphs:
    """Captures work as CUDA graphs that share one pool of memory, for one of them runs at a time."""

    def __init__(self) -> None:
        self._pool = torch.cuda.graph_pool_handle()

    def warm_up(self, work: Work) -> Tensor:
        """Do the work on another stream, as capturing it later requires."""
        here = torch.cuda.current_stream()
        aside = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        aside.wait_stream(here)
        with torch.cuda.stream(aside):
            result = work()
        here.wait_stream(aside)
        return result

    def capture(self, work: Work) -> Work:
        """Capture the work, without doing it."""
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=self._pool, capture_error_mode="thread_local"):
            result = work()

        def replay() -> Tensor:
            graph.replay()
            return result

        return replay


def replayed(step: Step, recorder: Recorder, stage: Callable[[], Hashable] = lambda: None) -> Step:
    """The same step, captured once for every shape of batch and number of slots and replayed from then on.

    The first batch of a shape is run as it is, which also warms up what capturing must not meet for the first time.
    Where capturing fails, a warning says why, and the step is done as it is from then on.

    Args:
        step: draws no random numbers, asks the device for nothing, and changes tensors in place only.
        recorder: `CUDAGraphs`, outside of tests.
        stage: tells what else the step depends on; where that changes, it is captured anew.
    """
    replays: dict[tuple[Any, ...], tuple[Batch, Work] | None] = {}
    failed = False

    def run(batch: Batch, slots: int | None, generator: torch.Generator) -> Tensor:
        nonlocal failed
        if failed:
            return step(batch, slots, generator)
        key = (batch.inputs.shape, slots, stage())
        if key not in replays:
            with _capturing:
                result = recorder.warm_up(lambda: step(batch, slots, generator))
            replays[key] = None
            return result
        found = replays[key]
        if found is None:
            own = Batch(*(tensor.clone() for tensor in batch))
            try:
                with _capturing:
                    found = replays[key] = own, recorder.capture(lambda: step(own, slots, generator))
            except Exception as error:  # whatever a device may refuse; it costs speed, never the run
                failed = True
                replays.clear()
                reason = (str(error).strip() or type(error).__name__).splitlines()[0]
                warnings.warn(f"going on without CUDA graphs, which is slower: {reason}", stacklevel=2)
                return step(batch, slots, generator)
        own, replay = found
        for target, source in zip(own, batch, strict=True):
            target.copy_(source)
        return replay()

    return run
