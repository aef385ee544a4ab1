"""How fast an update could be: its arithmetic and its traffic, against what this machine does at best."""

import statistics
import time
from collections.abc import Callable, Mapping
from typing import Any

import torch

_BYTES = 4
# A gradient takes two products where the forward step took one.
_FORWARD_AND_BACKWARD = 3
_REPEATS = 30


def operations(config: Mapping[str, Any]) -> int:
    """Floating-point operations of one step of one sequence forward and backward, additions and multiplications alike.

    Counted are the products with weights, and for each slot the similarity, the erasing, the adding and the reading of
    its M numbers and the shift of its weights; what is done once a number (squashing, softmax, powers) is not.

    Args:
        config: the configuration of an `ntm.NTM`.
    """
    heads = config["read_heads"] + config["write_heads"]
    slots, width, units = config["memory_slots"], config["memory_width"], config["controller_size"]
    shifts = 2 * config["shift_range"] + 1
    seen = config["input_size"] + config["read_heads"] * width
    gates = 1
    if config["controller"] == "lstm":
        gates, seen = 4, seen + units
    deeper = units * gates if config["controller"] == "lstm" else 0
    controller = gates * units * (seen + (config["controller_layers"] - 1) * (units + deeper // gates))
    emitted = heads * (width + 3 + shifts) + config["write_heads"] * 2 * width
    output = (units + config["read_heads"] * width) * config["output_size"]
    sighted = emitted if config["extension"] == "analog" else 0
    products = controller + units * emitted + config["input_size"] * sighted + output
    by_slot = heads * (width + shifts) + width + (2 * config["write_heads"] + config["read_heads"]) * width
    counted: int = _FORWARD_AND_BACKWARD * 2 * (products + slots * by_slot)
    return counted


def traffic(config: Mapping[str, Any]) -> int:
    """Bytes that one step of one sequence must move at least.

    Forward, memory and weightings are read and written; backward, they are read, and their gradients read and written.

    Args:
        config: the configuration of an `ntm.NTM`.
    """
    heads = config["read_heads"] + config["write_heads"]
    moved: int = 5 * _BYTES * config["memory_slots"] * (config["memory_width"] + heads)
    return moved


def least_seconds(config: Mapping[str, Any], batch: int, steps: int, device: torch.device) -> float:
    """The time under which no update of this machine gets on this device, as measured now.

    A CPU's rates are measured on one thread and counted once for every thread that PyTorch uses.
    """
    count, units, threads = batch * steps, config["controller_size"], torch.get_num_threads()
    numbers = batch * config["memory_slots"] * config["memory_width"]
    torch.set_num_threads(1)  # so small a product takes longer on several
    try:
        arithmetic = count * operations(config) / product_rate(batch, units, 4 * units, device)
        moving = count * traffic(config) / copy_rate(numbers, device)
    finally:
        torch.set_num_threads(threads)
    return max(arithmetic, moving) / (threads if device.type == "cpu" else 1)


def product_rate(rows: int, inner: int, columns: int, device: torch.device) -> float:
    """Floating-point operations a second of a matrix product (rows, inner) by (inner, columns)."""
    left, right = torch.randn(rows, inner, device=device), torch.randn(inner, columns, device=device)
    result = torch.empty(rows, columns, device=device)
    return 2 * rows * inner * columns / _median_seconds(lambda: torch.mm(left, right, out=result), device)


def copy_rate(numbers: int, device: torch.device) -> float:
    """Bytes a second of copying so many float32 numbers, reading and writing both counted."""
    source = torch.randn(numbers, device=device)
    target = torch.empty_like(source)
    return 2 * _BYTES * numbers / _median_seconds(lambda: target.copy_(source), device)


def _median_seconds(work: Callable[[], object], device: torch.device) -> float:
    found = []
    for _ in range(_REPEATS):
        start = time.perf_counter()
        for _ in range(10):
            work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append((time.perf_counter() - start) / 10)
    return statistics.median(found)
