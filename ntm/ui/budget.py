"""What runs may take of the server: each is weighed before it begins, as it will really be run.

A machine of 280 kB can take gigabytes, for its width, its heads and the slots and steps that it is run with multiply.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM
from ntm.tasks import InputError

MEMORY = 200 * 2**20
"""Bytes that all runs at once may take, so that the whole app stays under 700 MB: it has 400 before the first one."""
_FLOAT32_BYTES = 4
# Measured, each at a little more than it takes. A weight is there in the trace, as what was found by content, and in
# what the page makes of both. A number of memory is there once, in padded rows.
_NUMBERS_A_WEIGHT = 11
_NUMBERS_A_NUMBER_OF_MEMORY = 1.1
_BYTES_A_RUN = 12 * 2**20
# A slot's vector is searched, erased, written and read. The layers' weights are used once a step, in long rows.
_OPERATIONS_A_NUMBER = 6
_LAYER_WEIGHTS_AN_OPERATION = 4


class Cost(NamedTuple):
    """What a run takes at its worst moment."""

    bytes: int
    operations: int
    """in units of which a core does about a billion a second"""

    def fits(self, other: "Cost") -> bool:
        """Whether it is no more than the other, in either."""
        return self.bytes <= other.bytes and self.operations <= other.operations


SHORT = Cost(24 * 2**20, 50_000_000)
"""At most so much is done at once in any turn: a tenth of a second or less."""
_granted: ContextVar[Cost | None] = ContextVar("granted", default=None)


class NeedsMoreError(Exception):
    """A run takes more than its turn was granted; it begins again when it has been granted its cost."""

    def __init__(self, cost: Cost) -> None:
        super().__init__(f"needs {cost.bytes:,} bytes and {cost.operations:,} operations")
        self.cost = cost


def weigh(model: SequenceModel, steps: int, batch: int = 1, slots: int | None = None) -> Cost:
    """What a traced run takes.

    Args:
        model: the machine.
        steps: T.
        batch: B.
        slots: N; the machine's own number when None.
    """
    sequences = steps * batch
    layers = sum(parameter.numel() for parameter in model.parameters())
    operations = sequences * layers // _LAYER_WEIGHTS_AN_OPERATION
    if not isinstance(model, NTM):
        gates = 4 * int(model.config["hidden_size"])
        return Cost(sequences * gates * _FLOAT32_BYTES, operations)
    slots, width = model.memory_slots if slots is None else slots, int(model.config["memory_width"])
    heads, window = model.head_count, 2 * model.shift_range + 1
    a_step = slots * (_NUMBERS_A_NUMBER_OF_MEMORY * width + _NUMBERS_A_WEIGHT * heads) + 4 * heads * (width + window)
    one_shift = 2 * batch * slots * heads * window
    operations += sequences * slots * (_OPERATIONS_A_NUMBER * width + heads * (_NUMBERS_A_WEIGHT + window))
    return Cost(_BYTES_A_RUN + int((sequences * a_step + one_shift) * _FLOAT32_BYTES), operations)


@contextmanager
def grant(cost: Cost) -> Iterator[None]:
    """Let as much be done as this, in the `with` block and in the threads that are started from it."""
    before = _granted.set(cost)
    try:
        yield
    finally:
        _granted.reset(before)


def admit(cost: Cost) -> None:
    """Let what has this cost begin, or not.

    Raises:
        InputError: if it is more than the page has for all runs together.
        NeedsMoreError: if it is more than the turn was granted in which it is to happen.
    """
    if cost.bytes > MEMORY:
        raise InputError(
            f"This would take {cost.bytes / 2**20:,.0f} MB of memory, and there are {MEMORY // 2**20} MB for it here: "
            f"ask for fewer memory slots, or type less."
        )
    granted = _granted.get()
    if granted is not None and not cost.fits(granted):
        raise NeedsMoreError(Cost(max(cost.bytes, granted.bytes), max(cost.operations, granted.operations)))
