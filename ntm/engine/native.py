"""The machine over a whole sequence as one operation with its own backward, for training on a CPU.

A step of the machine is dozens of tiny operations, and PyTorch spends more time on starting them than on computing.
`engine.cpp` runs all steps in one call; the products that do not have to wait for one another, which are the output
layer and the gradients of all weights, are done here for all steps at once. What is computed is defined by
`ntm.machine.ntm`; tests hold the two together.
"""

import ctypes
import hashlib
import os
import platform
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ntm.machine.controllers import LSTMController
from ntm.machine.extensions import Register
from ntm.machine.ntm import NTM, NTMState

_SOURCE = Path(__file__).with_name("engine.cpp")
_COMPILE = ("-O3", "-march=native", "-ffast-math", "-fopenmp", "-fPIC", "-std=c++17", "-c")
# Linked without -ffast-math, which would make the library flush denormal numbers to zero in the whole process.
_LINK = ("-shared", "-fopenmp")
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


class FusedUnavailableError(RuntimeError):
    """There is no compiler here, or it failed. The message is one line."""


class _Shape(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int) for name in ("steps", "batch", "inputs", "units", "layers", "lstm", "slots", "width")),
        *((name, ctypes.c_int) for name in ("read_heads", "write_heads", "shift_range")),
        *((name, ctypes.c_int) for name in ("heads_see", "linear_adds", "registers")),
        ("gain", ctypes.c_float),
    ]


_LAYER_FIELDS = ("weights", "weights_out", "bias", "seen", "gates", "cells", "gate_gradients")
_TAPE_FIELDS = (
    *("weights", "weights_out", "bias", "controller_output", "raw", "emitted", "raw_gradients", "memory", "norms"),
    *("similarity", "content", "shifted", "weightings", "weighting_gradients", "answer", "answer_gradients"),
    *("memory_gradient", "reads_gradient", "counts"),
)


class _Layer(ctypes.Structure):
    _fields_ = [(name, ctypes.c_void_p) for name in _LAYER_FIELDS]


class _Tape(ctypes.Structure):
    _fields_ = [("layers", ctypes.POINTER(_Layer)), *((name, ctypes.c_void_p) for name in _TAPE_FIELDS)]


@cache
def build() -> ctypes.CDLL:
    """Compile `engine.cpp` for this processor, or find it compiled, and load it.

    Raises:
        FusedUnavailableError: if there is no compiler or it failed.
    """
    compiler = os.environ.get("CXX", "c++")
    try:
        version = subprocess.run([compiler, "--version"], capture_output=True, text=True, check=True).stdout
        parts = (_SOURCE.read_text(), version, *_COMPILE, *_LINK, platform.machine(), _processor())
        name = hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "ntm"
        library = folder / f"fused-{name}.so"
        if not library.exists():
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as fresh:
                compiled, linked = Path(fresh) / "fused.o", Path(fresh) / "fused.so"
                _run([compiler, *_COMPILE, str(_SOURCE), "-o", str(compiled)])
                _run([compiler, *_LINK, str(compiled), "-o", str(linked)])
                linked.replace(library)
        _keep_freed_memory()
        return ctypes.CDLL(str(library))
    except (OSError, subprocess.SubprocessError) as error:
        raise FusedUnavailableError(f"the fused step cannot be compiled: {str(error).splitlines()[0]}") from error


def _keep_freed_memory() -> None:
    """Have the C library keep large blocks that are freed, where it is glibc: a tape takes tens of megabytes an update,
    and getting them from the system each time, page by page, costs a fifth of the speed."""
    with suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(_M_MMAP_THRESHOLD, 1 << 30)
        mallopt(_M_TRIM_THRESHOLD, 1 << 30)


def _run(command: Sequence[str]) -> None:
    finished = subprocess.run(command, capture_output=True, text=True)
    if finished.returncode:
        raise OSError(finished.stderr.strip() or f"{command[0]} ended with {finished.returncode}")


def _processor() -> str:
    """What tells this processor from others for which -march=native means something else."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags"))}))


def unroll(model: NTM, inputs: Tensor, state: NTMState) -> tuple[Tensor, Tensor]:
    """The logits (T, B, out) and weightings (T, B, H, N) of `model.unroll(inputs, state)`, without the last state.

    Gradients flow to the parameters, and to the memory and the reads of the state.

    Args:
        model: in float32, on the CPU.
        inputs: (T, B, in).
        state: from `model.initial_state(B)`: before the first step.

    Raises:
        FusedUnavailableError: if there is no compiler or it failed.
    """
    controller, heads, output = model.cell.controller, model.cell.heads, model.cell.output
    if isinstance(controller, LSTMController):
        layers = [
            (torch.cat([cell.weight_ih, cell.weight_hh], dim=1), cell.bias_ih + cell.bias_hh)
            for cell in controller.cells
        ]
    else:
        layers = [(layer[0].weight, layer[0].bias) for layer in controller.layers]  # type: ignore[index]
    head_bias = torch.cat([heads.addressing.bias, heads.writing.bias])
    reads = model.extension.sense(state.reads.flatten(1))
    flat = [parameter for layer in layers for parameter in layer]
    head_weights = torch.cat([heads.addressing.weight, heads.writing.weight])
    answer, weightings = _Fused.apply(model, inputs, state, state.memory, reads, head_weights, head_bias, *flat)
    return nn.functional.linear(answer, output.weight, output.bias), weightings


class _Fused(torch.autograd.Function):
    """From the inputs to what the output layer sees at every step, (T, B, C + R M), and the weightings (T, B, H, N)."""

    @staticmethod
    def forward(  # type: ignore[override]
        context: Any,
        model: NTM,
        inputs: Tensor,
        state: NTMState,
        memory: Tensor,
        reads: Tensor,
        head_weights: Tensor,
        head_bias: Tensor,
        *layers: Tensor,
    ) -> tuple[Tensor, Tensor]:
        run = _Run(model, inputs, state, memory, reads, (head_weights, head_bias), layers)
        build().ntm_forward(ctypes.byref(run.shape), ctypes.byref(run.tape), run.threads)
        context.run = run
        context.set_materialize_grads(False)
        return run.answer[..., : run.answer_size], run.arrays["weightings"][1:, ..., : run.slots]

    @staticmethod
    def backward(  # type: ignore[override]
        context: Any, answer_gradients: Tensor | None, weighting_gradients: Tensor | None
    ) -> tuple[Tensor | None, ...]:
        run: _Run = context.run
        run.take_gradients(answer_gradients, weighting_gradients)
        build().ntm_backward(ctypes.byref(run.shape), ctypes.byref(run.tape), run.threads)
        return None, None, None, *run.gradients()


class _Run:
    """All arrays of one run, and the structures that tell `engine.cpp` where they are.

    Their innermost dimension is padded to whole vectors. T steps, B sequences, H heads, N slots of width M.
    """

    def __init__(
        self,
        model: NTM,
        inputs: Tensor,
        state: NTMState,
        memory: Tensor,
        reads: Tensor,
        heads: tuple[Tensor, Tensor],
        layers: Sequence[Tensor],
    ) -> None:
        config, cell, extension = model.config, model.cell, model.extension
        inputs = extension.take_in(inputs)
        steps, batch, input_size = inputs.shape
        slots, width = memory.shape[1:]
        lstm = isinstance(cell.controller, LSTMController)
        units, head_count = config["controller_size"], config["read_heads"] + config["write_heads"]
        self.threads = min(torch.get_num_threads(), batch)
        self.shape = _Shape(
            *(steps, batch, input_size, units, len(layers) // 2, lstm, slots, width),
            *(config["read_heads"], config["write_heads"], config["shift_range"]),
            *(heads[0].shape[1] - units, extension.linear_adds, extension.register_columns, extension.gain or 0.0),
        )
        self.answer_size = units + config["read_heads"] * width
        self.slots, self.lstm = slots, lstm
        self.layers = [
            self._layer(steps, batch, units, weights, bias)
            for weights, bias in zip(layers[::2], layers[1::2], strict=True)
        ]
        seen = self.layers[0]["seen"]
        seen[..., :input_size] = extension.sense(inputs)
        seen[0, :, input_size : input_size + reads.shape[1]] = reads
        self.emitted_size, self.head_input_size = heads[0].shape
        by_slot = (batch, head_count, _padded(slots))
        self.arrays = {
            **_weights(*heads),
            "controller_output": torch.zeros(steps, batch, _padded(self.head_input_size)),
            "raw": torch.empty(steps, batch, _padded(self.emitted_size)),
            "emitted": torch.empty(steps, batch, _padded(self.emitted_size)),
            "memory": torch.empty(steps + 1, batch, width, _padded(slots)),
            "norms": torch.empty(steps, batch, _padded(slots)),
            "similarity": torch.empty(steps, *by_slot),
            "content": torch.empty(steps, *by_slot),
            "shifted": torch.empty(steps, *by_slot),
            "weightings": torch.empty(steps + 1, *by_slot),
            "answer": torch.empty(steps, batch, _padded(self.answer_size)),
        }
        self.arrays["controller_output"][..., units : self.head_input_size] = inputs[..., : self.shape.heads_see]
        if isinstance(extension, Register):
            self.arrays["counts"] = inputs[..., extension.channel].contiguous()
        self.arrays["memory"][0] = _pad(memory.mT)
        self.arrays["weightings"][0] = _pad(state.weights)
        if lstm:
            for layer, hidden, carry in zip(self.layers, state.controller[::2], state.controller[1::2], strict=True):
                layer["seen"][0, :, layer["width"] - units : layer["width"]] = hidden
                layer["cells"][0, :, :units] = carry
        self.tape = self._pointers()

    @property
    def answer(self) -> Tensor:
        return self.arrays["answer"]

    def _layer(self, steps: int, batch: int, units: int, weights: Tensor, bias: Tensor) -> dict[str, Any]:
        outputs, width = weights.shape
        return {
            **_weights(weights, bias),
            "seen": torch.zeros(steps, batch, _padded(width)),
            "gates": torch.empty(steps, batch, _padded(outputs)),
            "cells": torch.empty(steps + 1, batch, _padded(units)),
            "width": width,
            "outputs": outputs,
        }

    def take_gradients(self, answer_gradients: Tensor | None, weighting_gradients: Tensor | None) -> None:
        """Make room for the gradients, and put those of the answer and of the weightings in."""
        self.arrays["answer_gradients"] = torch.zeros_like(self.answer)
        if answer_gradients is not None:
            self.arrays["answer_gradients"][..., : self.answer_size] = answer_gradients
        if weighting_gradients is not None:
            self.arrays["weighting_gradients"] = _pad(weighting_gradients)
        self.arrays["raw_gradients"] = torch.empty_like(self.arrays["raw"])
        self.arrays["memory_gradient"] = torch.empty_like(self.arrays["memory"][0])
        reads_size = self.answer_size - self.shape.units
        self.arrays["reads_gradient"] = torch.empty(self.shape.batch, reads_size)
        for layer in self.layers:
            layer["gate_gradients"] = torch.empty_like(layer["gates"])
        self.tape = self._pointers()

    def gradients(self) -> list[Tensor]:
        """Those of memory, reads, the heads' weights and bias, and each layer's."""
        found = [self.arrays["memory_gradient"][..., : self.slots].mT, self.arrays["reads_gradient"]]
        found += self._weight_gradients(
            *(self.arrays["raw_gradients"], self.emitted_size),
            *(self.arrays["controller_output"], self.head_input_size),
        )
        for layer in self.layers:
            found += self._weight_gradients(layer["gate_gradients"], layer["outputs"], layer["seen"], layer["width"])
        return found

    def _weight_gradients(self, gradients: Tensor, outputs: int, seen: Tensor, width: int) -> tuple[Tensor, Tensor]:
        weights = torch.empty(outputs, seen.shape[-1])
        count = gradients.shape[0] * gradients.shape[1]
        build().ntm_weight_gradients(
            *(outputs, seen.shape[-1], ctypes.c_long(count), ctypes.c_void_p(gradients.data_ptr())),
            *(gradients.shape[-1], ctypes.c_void_p(seen.data_ptr()), ctypes.c_void_p(weights.data_ptr()), self.threads),
        )
        return weights[:, :width], gradients[..., :outputs].sum((0, 1))

    def _pointers(self) -> _Tape:
        self.layer_pointers = (_Layer * len(self.layers))(
            *(_Layer(**_addresses(layer, _LAYER_FIELDS)) for layer in self.layers)
        )
        return _Tape(layers=self.layer_pointers, **_addresses(self.arrays, _TAPE_FIELDS))


def _padded(size: int) -> int:
    lanes = build().ntm_lanes()
    return -(-size // lanes) * lanes


def _pad(tensor: Tensor) -> Tensor:
    return nn.functional.pad(tensor, (0, _padded(tensor.shape[-1]) - tensor.shape[-1])).contiguous()


def _weights(weights: Tensor, bias: Tensor) -> dict[str, Tensor]:
    """A layer's weights for the product forward, (in, out), and backward, (out, in), and its bias."""
    return {"weights": _pad(weights.T), "weights_out": _pad(weights), "bias": _pad(bias)}


def _addresses(arrays: dict[str, Any], names: Sequence[str]) -> dict[str, int]:
    return {name: arrays[name].data_ptr() for name in names if name in arrays}
