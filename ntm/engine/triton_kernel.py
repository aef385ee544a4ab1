# mypy: disable-error-code="untyped-decorator,no-untyped-def,no-untyped-call,no-any-return,operator"
"""The machine over a whole sequence as one kernel forward and one backward, on a GPU.

A program of the grid runs one sequence of one model from the first step to the last. Memory and weightings stay on
chip; each step is written to a tape as well, from which the backward kernel goes back. So nothing is launched between
steps, and as many sequences of as many models run side by side as the device has room for. Where a vector has to change
its place among the threads, it goes through the tape: written, then a barrier, then read.

It is the paper's machine with one layer of controller, one head that reads and one that writes; others take another way
(see `ntm.engine.choose`). Equation numbers are the paper's, as in `ntm.machine.addressing`, where the same is written
to be read. In the shapes below G is the number of models, P = G B that of their sequences, C the controller's units,
E the numbers that heads emit, H = 2 the heads, the one that reads first.

Nothing imports this file unless a model is on a GPU: it needs Triton, which comes with PyTorch for CUDA.
"""

from collections.abc import Sequence
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor
from torch.autograd.function import once_differentiable

from ntm.machine.ntm import NTM, NTMState

WARPS = 8
_CHUNK = 16  # of a vector that is multiplied by a matrix
_LARGEST_MEMORY = 2**14  # numbers, with padding, that registers can hold
_CLIP = tl.constexpr(20.0)  # heads.py: _CLIP
_NORM_EPSILON = tl.constexpr(1e-20)  # addressing.py: _NORM_EPSILON
_SMALLEST = tl.constexpr(1.2e-38)  # weights below this count as zero; its logarithm is finite


@triton.jit
def _load(vector, size, SIZE: tl.constexpr):  # noqa: N803
    """A vector, with zeros behind it."""
    place = tl.arange(0, SIZE)
    return tl.load(vector + place, place < size, 0.0)


@triton.jit
def _store(vector, size, values, SIZE: tl.constexpr):  # noqa: N803
    place = tl.arange(0, SIZE)
    tl.store(vector + place, values, place < size)


@triton.jit
def _product(matrix, row_stride, rows, vector, size, ROWS: tl.constexpr, CHUNK: tl.constexpr):  # noqa: N803
    """A matrix (rows, size) times a vector."""
    row = tl.arange(0, ROWS)
    total = tl.zeros((ROWS,), tl.float32)
    for first in range(0, size, CHUNK):
        column = first + tl.arange(0, CHUNK)
        inside = (row < rows)[:, None] & (column < size)[None, :]
        block = tl.load(matrix + row[:, None] * row_stride + column[None, :], inside, 0.0)
        total += tl.sum(block * tl.load(vector + column, column < size, 0.0)[None, :], 1)
    return total


@triton.jit
def _product_transposed(matrix, row_stride, rows, vector, size, SIZE: tl.constexpr, CHUNK: tl.constexpr):  # noqa: N803
    """A vector (rows) times a matrix (rows, size)."""
    column = tl.arange(0, SIZE)
    total = tl.zeros((SIZE,), tl.float32)
    for first in range(0, rows, CHUNK):
        row = first + tl.arange(0, CHUNK)
        inside = (row < rows)[:, None] & (column < size)[None, :]
        block = tl.load(matrix + row[:, None] * row_stride + column[None, :], inside, 0.0)
        total += tl.sum(block * tl.load(vector + row, row < rows, 0.0)[:, None], 0)
    return total


@triton.jit
def _tanh(x):
    return 2 * tl.sigmoid(2 * x) - 1


@triton.jit
def _softplus(x):
    return tl.maximum(x, 0.0) + tl.log(1 + tl.exp(-tl.abs(x)))


@triton.jit
def _clip(x):
    return tl.minimum(tl.maximum(x, -_CLIP), _CLIP)


@triton.jit
def _through_clip(raw, gradient):
    return tl.where(tl.abs(raw) > _CLIP, 0.0, gradient)


@triton.jit
def _emit(raw, WIDTH: tl.constexpr, SHIFTS: tl.constexpr, MP: tl.constexpr, SP: tl.constexpr):  # noqa: N803
    """Key (M), strength, gate, shift (S) and sharpening of one head, from what it emits before squashing."""
    key = _tanh(_clip(_load(raw, WIDTH, MP)))
    strength = _softplus(_clip(tl.load(raw + WIDTH)))
    gate = tl.sigmoid(_clip(tl.load(raw + WIDTH + 1)))
    powers = tl.where(tl.arange(0, SP) < SHIFTS, tl.exp(_clip(_load(raw + WIDTH + 2, SHIFTS, SP))), 0.0)
    sharpening = 1 + _softplus(_clip(tl.load(raw + WIDTH + 2 + SHIFTS)))
    return key, strength, gate, powers / tl.sum(powers, 0), sharpening


@triton.jit
def _focus(memory, key, strength, real):
    """Equations 5 and 6: 1 over the norms of slots (N) and key, similarities (N), content weighting (N)."""
    slot_scale = 1 / tl.sqrt(tl.sum(memory * memory, 1) + _NORM_EPSILON)
    key_scale = 1 / tl.sqrt(tl.sum(key * key, 0) + _NORM_EPSILON)
    cosine = tl.sum(memory * key[None, :], 1) * slot_scale * key_scale
    powers = tl.where(real, tl.exp(strength * (cosine - 1)), 0.0)  # no similarity is above 1
    return slot_scale, key_scale, cosine, powers / tl.sum(powers, 0)


@triton.jit
def _turn(weighting, shift, direction, SLOTS: tl.constexpr, REACH: tl.constexpr, NP: tl.constexpr, SP: tl.constexpr):  # noqa: N803
    """Equation 8, of a weighting on the tape: forward (direction 1), and as gradients flow (-1)."""
    slot, place = tl.arange(0, NP), tl.arange(0, SP)
    total = tl.zeros((NP,), tl.float32)
    for j in tl.static_range(2 * REACH + 1):
        by = tl.sum(tl.where(place == j, shift, 0.0), 0)
        total += by * tl.load(weighting + (slot + direction * (REACH - j) + SLOTS) % SLOTS, slot < SLOTS, 0.0)
    return total


@triton.jit
def _log_share(shifted):
    """The logarithm of each weight's share of the largest."""
    return tl.log(tl.minimum(tl.maximum(shifted / tl.max(shifted, 0), _SMALLEST), 1.0))


@triton.jit
def _sharpen(shifted, sharpening):
    """Equation 9."""
    logs = _log_share(shifted)
    powers = tl.where(shifted > _SMALLEST, tl.exp(sharpening * logs), 0.0)
    return powers / tl.sum(powers, 0)


@triton.jit
def _sharpen_backward(shifted, sharpening, weighting, gradient, real):
    """From the gradient of the weighting to those of the shifted one (N) and of the sharpening."""
    logs = _log_share(shifted)
    above_mean = gradient - tl.sum(gradient * weighting, 0)
    # The power below the whole one, so that a slot of weight 0 has the gradient that it has in the limit.
    lower_powers = tl.where(real, tl.exp((sharpening - 1) * logs), 0.0)
    scale = sharpening / tl.sum(lower_powers * shifted, 0)
    return lower_powers * above_mean * scale, tl.sum(weighting * above_mean * logs, 0)


@triton.jit
def forward_kernel(
    controller,  # (G, gates, seen)
    controller_bias,  # (G, gates)
    heads,  # (G, E, C)
    heads_bias,  # (G, E)
    seen,  # (P, T + 1, seen): input, last reads and, of an LSTM, its last output
    gates,  # (P, T, gates), after squashing
    cells,  # (P, T + 1, C)
    features,  # (P, T, C + M): the controller's output, and what is read
    raw,  # (P, T, E): what the heads emit, before squashing
    gated,  # (P, T, H, N)
    memory,  # (P, T + 1, N, M)
    weights,  # (P, T + 1, H, N)
    steps,
    batch,
    LSTM: tl.constexpr,  # noqa: N803
    INPUTS: tl.constexpr,  # noqa: N803
    UNITS: tl.constexpr,  # noqa: N803
    SLOTS: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr,  # noqa: N803
    REACH: tl.constexpr,  # noqa: N803
    NP: tl.constexpr,  # noqa: N803
    MP: tl.constexpr,  # noqa: N803
    CP: tl.constexpr,  # noqa: N803
    SP: tl.constexpr,  # noqa: N803
    EP: tl.constexpr,  # noqa: N803
    CHUNK: tl.constexpr,  # noqa: N803
):
    """All steps of one sequence of one model. Names that end in P are sizes padded to powers of two."""
    SHIFTS: tl.constexpr = 2 * REACH + 1  # noqa: N806
    EACH: tl.constexpr = WIDTH + 3 + SHIFTS  # noqa: N806
    EMITTED: tl.constexpr = 2 * EACH + 2 * WIDTH  # noqa: N806
    SEEN: tl.constexpr = INPUTS + WIDTH + (UNITS if LSTM else 0)  # noqa: N806
    GATES: tl.constexpr = 4 * UNITS if LSTM else UNITS  # noqa: N806
    model = tl.program_id(1)
    pair = (model * batch + tl.program_id(0)).to(tl.int64)
    controller += model * GATES * SEEN
    controller_bias += model * GATES
    heads += model * EMITTED * UNITS
    heads_bias += model * EMITTED
    seen += pair * (steps + 1) * SEEN
    gates += pair * steps * GATES
    cells += pair * (steps + 1) * UNITS
    features += pair * steps * (UNITS + WIDTH)
    raw += pair * steps * EMITTED
    gated += pair * steps * 2 * SLOTS
    memory += pair * (steps + 1) * SLOTS * WIDTH
    weights += pair * (steps + 1) * 2 * SLOTS

    slot, column = tl.arange(0, NP), tl.arange(0, MP)
    real = slot < SLOTS
    inside = real[:, None] & (column < WIDTH)[None, :]
    cell_of = slot[:, None] * WIDTH + column[None, :]
    contents = tl.load(memory + cell_of, inside, 0.0)
    cell = _load(cells, UNITS, CP)
    for _ in range(steps):
        if LSTM:
            part = UNITS * SEEN
            i = tl.sigmoid(_product(controller, SEEN, UNITS, seen, SEEN, CP, CHUNK) + _load(controller_bias, UNITS, CP))
            f = tl.sigmoid(
                _product(controller + part, SEEN, UNITS, seen, SEEN, CP, CHUNK)
                + _load(controller_bias + UNITS, UNITS, CP)
            )
            g = _tanh(
                _product(controller + 2 * part, SEEN, UNITS, seen, SEEN, CP, CHUNK)
                + _load(controller_bias + 2 * UNITS, UNITS, CP)
            )
            o = tl.sigmoid(
                _product(controller + 3 * part, SEEN, UNITS, seen, SEEN, CP, CHUNK)
                + _load(controller_bias + 3 * UNITS, UNITS, CP)
            )
            cell = f * cell + i * g
            output = o * _tanh(cell)
            _store(gates, UNITS, i, CP)
            _store(gates + UNITS, UNITS, f, CP)
            _store(gates + 2 * UNITS, UNITS, g, CP)
            _store(gates + 3 * UNITS, UNITS, o, CP)
            _store(cells + UNITS, UNITS, cell, CP)
            _store(seen + SEEN + INPUTS + WIDTH, UNITS, output, CP)
        else:
            output = tl.maximum(
                _product(controller, SEEN, UNITS, seen, SEEN, CP, CHUNK) + _load(controller_bias, UNITS, CP), 0.0
            )
            _store(gates, UNITS, output, CP)
        _store(features, UNITS, output, CP)
        tl.debug_barrier()
        emitted = _product(heads, UNITS, EMITTED, features, UNITS, EP, CHUNK) + _load(heads_bias, EMITTED, EP)
        _store(raw, EMITTED, emitted, EP)
        tl.debug_barrier()
        for head in tl.static_range(2):
            key, strength, gate, _shift, _sharpening = _emit(raw + head * EACH, WIDTH, SHIFTS, MP, SP)
            _slot_scale, _key_scale, _cosine, content = _focus(contents, key, strength, real)
            before = _load(weights + head * SLOTS, SLOTS, NP)
            _store(gated + head * SLOTS, SLOTS, gate * content + (1 - gate) * before, NP)  # equation 7
        tl.debug_barrier()
        for head in tl.static_range(2):
            _key, _strength, _gate, shift, sharpening = _emit(raw + head * EACH, WIDTH, SHIFTS, MP, SP)
            weighting = _sharpen(_turn(gated + head * SLOTS, shift, 1, SLOTS, REACH, NP, SP), sharpening)
            _store(weights + (2 + head) * SLOTS, SLOTS, weighting, NP)
        tl.debug_barrier()
        erase = tl.sigmoid(_clip(_load(raw + 2 * EACH, WIDTH, MP)))
        add = _tanh(_clip(_load(raw + 2 * EACH + WIDTH, WIDTH, MP)))
        reading, writing = _load(weights + 2 * SLOTS, SLOTS, NP), _load(weights + 3 * SLOTS, SLOTS, NP)
        contents = contents * (1 - writing[:, None] * erase[None, :]) + writing[:, None] * add[None, :]
        contents = tl.where(inside, contents, 0.0)
        read = tl.sum(reading[:, None] * contents, 0)
        tl.store(memory + SLOTS * WIDTH + cell_of, contents, inside)
        _store(features + UNITS, WIDTH, read, MP)
        _store(seen + SEEN + INPUTS, WIDTH, read, MP)
        tl.debug_barrier()
        seen += SEEN
        gates += GATES
        cells += UNITS
        features += UNITS + WIDTH
        raw += EMITTED
        gated += 2 * SLOTS
        memory += SLOTS * WIDTH
        weights += 2 * SLOTS


@triton.jit
def backward_kernel(
    controller,
    heads,
    gates,
    cells,
    raw,
    gated,
    memory,
    weights,
    features_gradient,  # (P, T, C + M)
    weights_gradient,  # (P, T, H, N)
    gates_gradient,  # (P, T, gates), before squashing: an output
    raw_gradient,  # (P, T, E): an output
    scratch,  # (P, H, N)
    memory_gradient,  # (P, N, M), of what was there before the first step: an output, as are those below
    first_weights_gradient,  # (P, H, N)
    reads_gradient,  # (P, M)
    output_gradient,  # (P, C)
    cell_gradient,  # (P, C)
    steps,
    batch,
    LSTM: tl.constexpr,  # noqa: N803
    INPUTS: tl.constexpr,  # noqa: N803
    UNITS: tl.constexpr,  # noqa: N803
    SLOTS: tl.constexpr,  # noqa: N803
    WIDTH: tl.constexpr,  # noqa: N803
    REACH: tl.constexpr,  # noqa: N803
    NP: tl.constexpr,  # noqa: N803
    MP: tl.constexpr,  # noqa: N803
    CP: tl.constexpr,  # noqa: N803
    SP: tl.constexpr,  # noqa: N803
    CHUNK: tl.constexpr,  # noqa: N803
):
    """All steps of one sequence of one model, from the last to the first."""
    SHIFTS: tl.constexpr = 2 * REACH + 1  # noqa: N806
    EACH: tl.constexpr = WIDTH + 3 + SHIFTS  # noqa: N806
    EMITTED: tl.constexpr = 2 * EACH + 2 * WIDTH  # noqa: N806
    SEEN: tl.constexpr = INPUTS + WIDTH + (UNITS if LSTM else 0)  # noqa: N806
    GATES: tl.constexpr = 4 * UNITS if LSTM else UNITS  # noqa: N806
    model = tl.program_id(1)
    pair = (model * batch + tl.program_id(0)).to(tl.int64)
    controller += model * GATES * SEEN
    heads += model * EMITTED * UNITS
    last = steps - 1
    gates += (pair * steps + last) * GATES
    cells += (pair * (steps + 1) + last) * UNITS
    raw += (pair * steps + last) * EMITTED
    gated += (pair * steps + last) * 2 * SLOTS
    memory += (pair * (steps + 1) + last) * SLOTS * WIDTH
    weights += (pair * (steps + 1) + last) * 2 * SLOTS
    features_gradient += (pair * steps + last) * (UNITS + WIDTH)
    weights_gradient += (pair * steps + last) * 2 * SLOTS
    gates_gradient += (pair * steps + last) * GATES
    raw_gradient += (pair * steps + last) * EMITTED
    scratch += pair * 2 * SLOTS

    slot, column, place = tl.arange(0, NP), tl.arange(0, MP), tl.arange(0, SP)
    real = slot < SLOTS
    inside = real[:, None] & (column < WIDTH)[None, :]
    cell_of = slot[:, None] * WIDTH + column[None, :]
    after = tl.load(memory + SLOTS * WIDTH + cell_of, inside, 0.0)
    flowing = tl.zeros((NP, MP), tl.float32)
    reading_gradient = tl.zeros((NP,), tl.float32)
    writing_gradient = tl.zeros((NP,), tl.float32)
    read_gradient = tl.zeros((MP,), tl.float32)
    from_after = tl.zeros((CP,), tl.float32)
    carried = tl.zeros((CP,), tl.float32)
    for _ in range(steps):
        contents = tl.load(memory + cell_of, inside, 0.0)
        reading, writing = _load(weights + 2 * SLOTS, SLOTS, NP), _load(weights + 3 * SLOTS, SLOTS, NP)
        read_gradient += _load(features_gradient + UNITS, WIDTH, MP)
        reading_gradient += _load(weights_gradient, SLOTS, NP) + tl.sum(after * read_gradient[None, :], 1)
        flowing += reading[:, None] * read_gradient[None, :]  # equation 2

        raw_erase, raw_add = _load(raw + 2 * EACH, WIDTH, MP), _load(raw + 2 * EACH + WIDTH, WIDTH, MP)
        erase, add = tl.sigmoid(_clip(raw_erase)), _tanh(_clip(raw_add))
        erase_gradient = -tl.sum(flowing * contents * writing[:, None], 0)
        add_gradient = tl.sum(flowing * writing[:, None], 0)
        writing_gradient += _load(weights_gradient + SLOTS, SLOTS, NP)
        writing_gradient += tl.sum(flowing * (add[None, :] - contents * erase[None, :]), 1)
        flowing = flowing * (1 - writing[:, None] * erase[None, :])  # equations 3 and 4
        _store(raw_gradient + 2 * EACH, WIDTH, _through_clip(raw_erase, erase_gradient * erase * (1 - erase)), MP)
        _store(raw_gradient + 2 * EACH + WIDTH, WIDTH, _through_clip(raw_add, add_gradient * (1 - add * add)), MP)

        for head in tl.static_range(2):
            own = raw + head * EACH
            _key, _strength, _gate, shift, sharpening = _emit(own, WIDTH, SHIFTS, MP, SP)
            shifted = _turn(gated + head * SLOTS, shift, 1, SLOTS, REACH, NP, SP)
            if head == 0:
                shifted_gradient, sharpening_gradient = _sharpen_backward(
                    shifted, sharpening, reading, reading_gradient, real
                )
            else:
                shifted_gradient, sharpening_gradient = _sharpen_backward(
                    shifted, sharpening, writing, writing_gradient, real
                )
            _store(scratch + head * SLOTS, SLOTS, shifted_gradient, NP)
            shift_gradient = tl.zeros((SP,), tl.float32)
            for j in tl.static_range(SHIFTS):
                turned = tl.load(gated + head * SLOTS + (slot + REACH - j + SLOTS) % SLOTS, real, 0.0)
                shift_gradient += tl.where(place == j, tl.sum(shifted_gradient * turned, 0), 0.0)
            shift_gradient = shift * (shift_gradient - tl.sum(shift_gradient * shift, 0))
            raw_shift, raw_sharpening = _load(own + WIDTH + 2, SHIFTS, SP), tl.load(own + WIDTH + 2 + SHIFTS)
            target = raw_gradient + head * EACH + WIDTH + 2
            _store(target, SHIFTS, _through_clip(raw_shift, shift_gradient), SP)
            tl.store(
                target + SHIFTS, _through_clip(raw_sharpening, sharpening_gradient * tl.sigmoid(_clip(raw_sharpening)))
            )
        tl.debug_barrier()
        for head in tl.static_range(2):
            own = raw + head * EACH
            key, strength, gate, shift, _sharpening = _emit(own, WIDTH, SHIFTS, MP, SP)
            slot_scale, key_scale, cosine, content = _focus(contents, key, strength, real)
            before = _load(weights + head * SLOTS, SLOTS, NP)
            gated_gradient = _turn(scratch + head * SLOTS, shift, -1, SLOTS, REACH, NP, SP)
            gate_gradient = tl.sum(gated_gradient * (content - before), 0)  # equation 7
            content_gradient = gate * gated_gradient
            logit_gradient = content * (content_gradient - tl.sum(content_gradient * content, 0))  # equation 5
            strength_gradient = tl.sum(logit_gradient * cosine, 0)
            along = strength * logit_gradient * cosine  # equation 6
            product_gradient = strength * logit_gradient * slot_scale * key_scale
            key_gradient = tl.sum(product_gradient[:, None] * contents, 0) - key * (
                tl.sum(along, 0) * key_scale * key_scale
            )
            flowing += product_gradient[:, None] * key[None, :]
            flowing -= contents * (along * slot_scale * slot_scale)[:, None]
            if head == 0:
                reading_gradient = (1 - gate) * gated_gradient
            else:
                writing_gradient = (1 - gate) * gated_gradient
            target = raw_gradient + head * EACH
            raw_strength, raw_gate = tl.load(own + WIDTH), tl.load(own + WIDTH + 1)
            _store(target, WIDTH, _through_clip(_load(own, WIDTH, MP), key_gradient * (1 - key * key)), MP)
            tl.store(target + WIDTH, _through_clip(raw_strength, strength_gradient * tl.sigmoid(_clip(raw_strength))))
            tl.store(target + WIDTH + 1, _through_clip(raw_gate, gate_gradient * gate * (1 - gate)))
        tl.debug_barrier()

        from_after += _load(features_gradient, UNITS, CP)
        from_after += _product_transposed(heads, UNITS, EMITTED, raw_gradient, UNITS, CP, CHUNK)
        if LSTM:
            i, f = _load(gates, UNITS, CP), _load(gates + UNITS, UNITS, CP)
            g, o = _load(gates + 2 * UNITS, UNITS, CP), _load(gates + 3 * UNITS, UNITS, CP)
            squashed = _tanh(_load(cells + UNITS, UNITS, CP))
            carried += from_after * o * (1 - squashed * squashed)
            _store(gates_gradient, UNITS, carried * g * i * (1 - i), CP)
            _store(gates_gradient + UNITS, UNITS, carried * _load(cells, UNITS, CP) * f * (1 - f), CP)
            _store(gates_gradient + 2 * UNITS, UNITS, carried * i * (1 - g * g), CP)
            _store(gates_gradient + 3 * UNITS, UNITS, from_after * squashed * o * (1 - o), CP)
            carried = carried * f
        else:
            _store(gates_gradient, UNITS, tl.where(_load(gates, UNITS, CP) > 0, from_after, 0.0), CP)
        tl.debug_barrier()
        from_reads = controller + INPUTS
        read_gradient = _product_transposed(from_reads, SEEN, GATES, gates_gradient, WIDTH, MP, CHUNK)
        if LSTM:
            from_after = _product_transposed(from_reads + WIDTH, SEEN, GATES, gates_gradient, UNITS, CP, CHUNK)
        else:
            from_after = tl.zeros((CP,), tl.float32)
        after = contents
        gates -= GATES
        cells -= UNITS
        raw -= EMITTED
        gated -= 2 * SLOTS
        memory -= SLOTS * WIDTH
        weights -= 2 * SLOTS
        features_gradient -= UNITS + WIDTH
        weights_gradient -= 2 * SLOTS
        gates_gradient -= GATES
        raw_gradient -= EMITTED
    tl.store(memory_gradient + pair * SLOTS * WIDTH + cell_of, flowing, inside)
    _store(first_weights_gradient + pair * 2 * SLOTS, SLOTS, reading_gradient, NP)
    _store(first_weights_gradient + (pair * 2 + 1) * SLOTS, SLOTS, writing_gradient, NP)
    _store(reads_gradient + pair * WIDTH, WIDTH, read_gradient, MP)
    _store(output_gradient + pair * UNITS, UNITS, from_after, CP)
    _store(cell_gradient + pair * UNITS, UNITS, carried, CP)


def refusal(model: NTM, memory_slots: int | None = None) -> str | None:
    """Why the kernel does not run a machine, in a few words; None where it does."""
    config = model.config
    slots = memory_slots or config["memory_slots"]
    paddings = triton.next_power_of_2(slots) * max(16, triton.next_power_of_2(config["memory_width"]))
    if config["extension"] is not None:
        return "it has an extension"
    if (config["read_heads"], config["write_heads"], config["controller_layers"]) != (1, 1, 1):
        return "it has several heads or layers"
    if paddings > _LARGEST_MEMORY:
        return "its memory does not fit on chip"
    return None


def constants(config: dict[str, Any], slots: int) -> dict[str, int | bool]:
    """The sizes that the kernels are compiled for, by the names of their arguments."""
    width, reach, units = config["memory_width"], config["shift_range"], config["controller_size"]
    return {
        "LSTM": config["controller"] == "lstm",
        "INPUTS": config["input_size"],
        "UNITS": units,
        "SLOTS": slots,
        "WIDTH": width,
        "REACH": reach,
        "NP": triton.next_power_of_2(slots),
        "MP": triton.next_power_of_2(width),
        "CP": triton.next_power_of_2(units),
        "SP": triton.next_power_of_2(2 * reach + 1),
        "EP": triton.next_power_of_2(2 * (width + 4 + 2 * reach) + 2 * width),
        "CHUNK": _CHUNK,
    }


def unroll(model: NTM, inputs: Tensor, state: NTMState) -> tuple[Tensor, Tensor]:
    """Logits (T, B, out) and weightings (T, B, H, N) as `model.unroll(inputs, state)` gives them.

    Gradients flow to the parameters, the inputs and the state.

    Raises:
        ValueError: if the kernel does not run this machine with that much memory.
    """
    if (reason := refusal(model, state.memory.shape[1])) is not None:
        raise ValueError(f"the kernel does not run this machine: {reason}")
    batched = [part.unsqueeze(0) for part in (*state[:3], *state.controller)]
    state = NTMState(batched[0], batched[1], batched[2], tuple(batched[3:]))
    logits, weightings = unroll_all([model], inputs.unsqueeze(0), state)
    return logits[0], weightings[0]


def unroll_all(models: Sequence[NTM], inputs: Tensor, state: NTMState) -> tuple[Tensor, Tensor]:
    """The same for several machines of one kind at once, each on sequences of its own.

    Args:
        models: G machines with the same arguments, none of which `refusal` refuses.
        inputs: (G, T, B, in).
        state: as that of a machine, with G in front of every shape.

    Returns:
        Logits (G, T, B, out) and weightings (G, T, B, H, N).
    """
    cells = [model.cell for model in models]
    named: list[dict[str, Tensor]] = [dict(cell.controller.named_parameters()) for cell in cells]
    if models[0].config["controller"] == "lstm":
        weights = [torch.cat([own["cells.0.weight_ih"], own["cells.0.weight_hh"]], 1) for own in named]
        biases = [own["cells.0.bias_ih"] + own["cells.0.bias_hh"] for own in named]
    else:
        weights, biases = ([own[f"layers.0.0.{name}"] for own in named] for name in ("weight", "bias"))
    controller, controller_bias = torch.stack(weights), torch.stack(biases)
    emitting = [(cell.heads.addressing, cell.heads.writing) for cell in cells]
    heads = torch.stack([torch.cat([each.weight for each in pair]) for pair in emitting])
    heads_bias = torch.stack([torch.cat([each.bias for each in pair]) for pair in emitting])
    # (G, B, T, ...): a program walks through one sequence.
    features, weightings = _Kernel.apply(
        models[0].config,
        inputs.transpose(1, 2),
        *(controller, controller_bias, heads, heads_bias),
        *(*state[:3], *state.controller),
    )
    output = torch.stack([cell.output.weight for cell in cells])
    output_bias = torch.stack([cell.output.bias for cell in cells])
    logits = features @ output.mT.unsqueeze(1) + output_bias[:, None, None]
    return logits.transpose(1, 2), weightings.transpose(1, 2)


class _Kernel(torch.autograd.Function):
    """From inputs (G, B, T, in), parameters and state to features (G, B, T, C + M) and weightings (G, B, T, H, N)."""

    @staticmethod
    def forward(
        context: Any,
        config: dict[str, Any],
        inputs: Tensor,
        controller: Tensor,
        controller_bias: Tensor,
        heads: Tensor,
        heads_bias: Tensor,
        memory: Tensor,
        weights: Tensor,
        reads: Tensor,
        *carry: Tensor,
    ) -> tuple[Tensor, Tensor]:
        count, batch, steps, channels = inputs.shape
        slots, width = memory.shape[2:]
        units = config["controller_size"]
        context.sizes = constants(config, slots)

        def tape(first: Tensor | None, length: int, *shape: int) -> Tensor:
            """A field of so many steps, of which the first is given."""
            field = inputs.new_empty(count, batch, length, *shape)
            if first is not None:
                field[:, :, 0] = first
            return field

        seen = tape(None, steps + 1, controller.shape[2])
        seen[:, :, :steps, :channels] = inputs
        seen[:, :, 0, channels : channels + width] = reads.flatten(2)
        if carry:
            seen[:, :, 0, channels + width :] = carry[0]
        gates = tape(None, steps, controller.shape[1])
        cells = tape(carry[1] if carry else inputs.new_zeros(units), steps + 1, units)
        features = tape(None, steps, units + width)
        raw = tape(None, steps, heads.shape[1])
        gated = tape(None, steps, 2, slots)
        memories, weightings = tape(memory, steps + 1, slots, width), tape(weights, steps + 1, 2, slots)
        controller, heads = controller.contiguous(), heads.contiguous()
        forward_kernel[(batch, count)](
            *(controller, controller_bias.contiguous(), heads, heads_bias.contiguous()),
            *(seen, gates, cells, features, raw, gated, memories, weightings, steps, batch),
            **context.sizes,
            num_warps=WARPS,
        )
        context.save_for_backward(controller, heads, seen, gates, cells, features, raw, gated, memories, weightings)
        return features, weightings[:, :, 1:].clone()

    @staticmethod
    @once_differentiable
    def backward(context: Any, features_gradient: Tensor, weights_gradient: Tensor) -> tuple[Tensor | None, ...]:
        controller, heads, seen, gates, cells, features, raw, gated, memories, weightings = context.saved_tensors
        sizes = {name: value for name, value in context.sizes.items() if name != "EP"}
        count, batch, steps, _ = gates.shape
        gates_gradient, raw_gradient = torch.empty_like(gates), torch.empty_like(raw)
        memory, weights = torch.empty_like(memories[:, :, 0]), torch.empty_like(weightings[:, :, 0])
        reads = memories.new_empty(count, batch, 1, memories.shape[-1])
        output, cell = torch.empty_like(cells[:, :, 0]), torch.empty_like(cells[:, :, 0])
        backward_kernel[(batch, count)](
            *(controller, heads, gates, cells, raw, gated, memories, weightings),
            *(features_gradient.contiguous(), weights_gradient.contiguous(), gates_gradient, raw_gradient),
            *(torch.empty_like(weights), memory, weights, reads, output, cell, steps, batch),
            **sizes,
            num_warps=WARPS,
        )
        of_gates, of_raw = gates_gradient.flatten(1, 2), raw_gradient.flatten(1, 2)
        controller_gradient = of_gates.mT @ seen[:, :, :steps].flatten(1, 2)
        heads_gradient = of_raw.mT @ features[..., : sizes["UNITS"]].flatten(1, 2)
        inputs_gradient = gates_gradient @ controller[:, None, :, : sizes["INPUTS"]]
        state = [memory, weights, reads, *([output, cell] if sizes["LSTM"] else [])]
        return (
            *(None, inputs_gradient, controller_gradient, of_gates.sum(1), heads_gradient, of_raw.sum(1)),
            *state,
        )
