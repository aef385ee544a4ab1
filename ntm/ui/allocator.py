"""Memory that goes back to the system: how the allocator and the engine behave in a server, where runs come and go.

Left alone, glibc gives each thread an arena of its own and learns from every large array that is freed to keep the next
one. Thirty runs with 2,048 slots then left 3 GB.
"""

import ctypes
import gc
import sys

from ntm.engine import native

# From glibc's <malloc.h>.
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_ARENAS = 2
_RETURNED_AT_ONCE = 2**20
"""bytes from which an array has pages of its own, which go back when it is freed"""
_LARGEST_KEPT_TAPE = 16 * 2**20


def give_back_at_once() -> None:
    """Have this process give memory back as soon as it is freed; call it before threads are started."""
    native.keep_tapes(_LARGEST_KEPT_TAPE)
    if not sys.platform.startswith("linux"):
        return
    libc = ctypes.CDLL(None)
    if hasattr(libc, "mallopt"):
        libc.mallopt(_ARENA_MAX, _ARENAS)
        libc.mallopt(_MMAP_THRESHOLD, _RETURNED_AT_ONCE)
        libc.mallopt(_TRIM_THRESHOLD, _RETURNED_AT_ONCE)


def tidy() -> None:
    """Give back what a large run left: what holds itself in a circle, and what is free between pieces in use.

    It takes a few milliseconds once what is there for good is frozen (`gc.freeze`).
    """
    gc.collect()
    libc = ctypes.CDLL(None) if sys.platform.startswith("linux") else None
    if libc is not None and hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)
