"""The machine over a whole sequence as one operation with its own backward, on a CPU.

A step of the machine is dozens of tiny operations, and PyTorch spends more time on starting them than on computing.
`engine.cpp` runs all steps in one call. What is computed is defined by `ntm.machine.ntm`; tests hold the two together.
"""

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import Any

import torch
from torch import Tensor

from ntm.engine import library
from ntm.machine.controllers import LSTMController
from ntm.machine.extensions import Extension, Register
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace

_MOST_LAYERS = 8  # engine.cpp: kMostLayers
_ONCE = (
    "the engine's gradients cannot be differentiated again: run the machine with model.unroll(inputs, state), "
    "which goes step by step"
)


class _Shape(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int32) for name in ("steps", "batch", "inputs", "outputs", "units", "layers", "lstm")),
        *((name, ctypes.c_int32) for name in ("slots", "width", "read_heads", "write_heads", "shift_range")),
        *((name, ctypes.c_int32) for name in ("heads_see_input", "linear_adds", "count_channel", "keeps_tape")),
        ("gain", ctypes.c_float),
    ]


class _Layout(ctypes.Structure):
    _fields_ = [
        *((name, ctypes.c_int64) for name in ("memory", "weightings", "content", "reads", "emitted")),
        *((name, ctypes.c_int64) for name in ("slot_row", "read_row", "emitted_row")),
        *((name, ctypes.c_int64) for name in ("key", "add", "erase", "gate", "strength", "sharpening", "shift")),
    ]


def has_few_layers(model: NTM) -> bool:
    """Whether the controller has no more layers than the engine takes."""
    return bool(model.config["controller_layers"] <= _MOST_LAYERS)


def can_run(model: NTM, inputs: Tensor, state: NTMState) -> bool:
    """Whether the engine computes what the model would: in float32, on the CPU, with nobody looking at single steps."""
    tensors = [inputs, *_parts(state), *model.cell.parameters()]
    plain = all(tensor.dtype == torch.float32 and tensor.device.type == "cpu" for tensor in tensors)
    watched = any(module._forward_hooks or module._forward_pre_hooks for module in model.cell.modules())
    fits = [tuple(part.shape) for part in _parts(state)] == _state_shapes(model, inputs, state)
    return (
        plain
        and fits
        and has_few_layers(model)
        and not watched
        and not torch.compiler.is_compiling()
        and library.available()
    )


def unroll(model: NTM, inputs: Tensor, state: NTMState, *, target: str = "native") -> tuple[Tensor, Tensor, NTMState]:
    """What `model.unroll(inputs, state)` returns: logits (T, B, out), weightings (T, B, H, N) and the last state.

    Gradients flow to the parameters, the inputs and the state. They cannot be differentiated again.

    Args:
        model: a machine in float32, on the CPU.
        inputs: (T, B, in).
        state: the state of B sequences.
        target: what the engine is compiled for, see `library.load`.

    Raises:
        EngineUnavailableError: if there is no compiler or it failed.
        ValueError: if the inputs or the state have another shape.
        RuntimeError: from the backward pass, if it is asked for a graph of its own.
    """
    engine = library.load(target)
    inputs, shape = _prepare(model, inputs, state, keeps_tape=True)
    logits, weightings, *last_state = _Unroll.apply(  # type: ignore[no-untyped-call]
        engine, shape, inputs, *_parts(state), *model.cell.parameters()
    )
    return logits, weightings, _state_of(last_state)


def forward(model: NTM, inputs: Tensor, state: NTMState) -> tuple[Tensor, NTMState] | None:
    """What `model(inputs, state)` returns, or None where the engine cannot run it.

    Without gradients it takes no more memory than a step needs.
    """
    if not can_run(model, inputs, state):
        return None
    given = [inputs, *_parts(state), *model.cell.parameters()]
    if torch.is_grad_enabled() and any(tensor.requires_grad for tensor in given):
        logits, _, last_state = unroll(model, inputs, state)
        return logits, last_state
    inputs, shape = _prepare(model, inputs, state, keeps_tape=False)
    run = _Run(library.load(), shape, inputs, _parts(state), tuple(model.cell.parameters()))
    logits, _, *parts = run.results()
    return logits, _state_of(parts)


@torch.no_grad()
def trace(model: NTM, inputs: Tensor, state: NTMState) -> Trace | None:
    """What `model.trace(inputs, state)` returns, read from the tape of a run; None where the engine cannot run it."""
    if not can_run(model, inputs, state):
        return None
    inputs, shape = _prepare(model, inputs, state, keeps_tape=True)
    run = _Run(library.load(), shape, inputs, _parts(state), tuple(model.cell.parameters()))
    return run.trace(run.results()[0])


def _parts(state: NTMState) -> tuple[Tensor, ...]:
    """A state's tensors in the order in which the engine takes them."""
    return *state[:3], *state.controller


def _state_of(parts: Sequence[Tensor]) -> NTMState:
    memory, weights, reads, *controller = parts
    return NTMState(memory, weights, reads, tuple(controller))


def _state_shapes(model: NTM, inputs: Tensor, state: NTMState) -> list[tuple[int, ...]]:
    """The shapes that the parts of a state must have that goes with these inputs."""
    config, batch, slots = model.config, inputs.shape[1], max(state.memory.shape[1], 2 * model.shift_range + 1)
    memory = (batch, slots, config["memory_width"])
    reads = (batch, config["read_heads"], config["memory_width"])
    return [
        memory,
        (batch, model.head_count, slots),
        reads,
        *[(batch, config["controller_size"])] * len(state.controller),
    ]


def _prepare(model: NTM, inputs: Tensor, state: NTMState, *, keeps_tape: bool) -> tuple[Tensor, _Shape]:
    """The inputs as the machine takes them in, and all numbers that the engine must know.

    Raises:
        ValueError: if the inputs or the state have another shape.
    """
    model._check_inputs(inputs)
    config = model.config
    expected, found = _state_shapes(model, inputs, state), [tuple(part.shape) for part in _parts(state)]
    if found != expected:
        raise ValueError(f"the state must have the shapes {expected} for these inputs, not {found}")
    shape = _Shape(
        *(*inputs.shape, config["output_size"], config["controller_size"], config["controller_layers"]),
        *(isinstance(model.cell.controller, LSTMController), *state.memory.shape[1:]),
        *(config["read_heads"], config["write_heads"], config["shift_range"]),
        keeps_tape=keeps_tape,
        **_facts(model.extension),
    )
    return model.extension.take_in(inputs), shape


def _facts(extension: Extension) -> dict[str, Any]:
    """What the engine must know of what goes beyond the paper, besides how inputs are taken in."""
    return {
        "heads_see_input": extension.sees_input,
        "linear_adds": extension.linear_adds,
        "count_channel": extension.channel if isinstance(extension, Register) else -1,
        "gain": extension.gain or 0.0,
    }


class _Unroll(torch.autograd.Function):
    """From inputs, state and parameters to logits (T, B, out), weightings (T, B, H, N) and the last state's parts."""

    @staticmethod
    def forward(
        context: Any, engine: ctypes.CDLL, shape: _Shape, inputs: Tensor, *tensors: Tensor
    ) -> tuple[Tensor, ...]:
        parts = 3 + (2 * shape.layers if shape.lstm else 0)
        run = context.run = _Run(engine, shape, inputs, tensors[:parts], tensors[parts:])
        context.set_materialize_grads(False)
        return run.results()

    @staticmethod
    def backward(context: Any, *gradients: Tensor | None) -> tuple[Tensor | None, ...]:
        if torch.is_grad_enabled():  # create_graph=True
            raise RuntimeError(_ONCE)
        run: _Run = context.run
        return None, None, *run.backward(*gradients, wants_inputs=context.needs_input_grad[2])


class _Run:
    """A run of the engine: what goes in, and the tape. T steps, B sequences, H heads, N slots."""

    def __init__(
        self,
        engine: ctypes.CDLL,
        shape: _Shape,
        inputs: Tensor,
        state: Sequence[Tensor],
        parameters: Sequence[Tensor],
    ) -> None:
        self.engine, self.shape = engine, shape
        self.inputs = inputs.detach().contiguous()
        self.parameters = [parameter.detach().contiguous() for parameter in parameters]
        self.state = [part.detach().contiguous() for part in state]
        size = engine.ntm_tape_size(ctypes.byref(shape))
        if not size:
            raise ValueError(f"the engine does not run {shape.layers} layers")
        self.tape = _take_tape(size)
        engine.ntm_prepare(*self._itself(), _addresses(self.parameters))

    def __del__(self) -> None:
        if hasattr(self, "tape"):
            _give_back(self.tape)

    def _itself(self) -> tuple[Any, ctypes.c_void_p]:
        return ctypes.byref(self.shape), _address(self.tape)

    def results(self) -> tuple[Tensor, ...]:
        """Run, and hand out logits (T, B, out), weightings (T, B, H, N) if there is a tape, and the last state's parts.

        They are not kept: what autograd knows of them leads back here.
        """
        shape = self.shape
        logits = torch.empty(shape.steps, shape.batch, shape.outputs)
        last_state = [torch.empty_like(part) for part in self.state]
        given, last = _addresses(self.state), _addresses(last_state)
        in_parts(
            shape.batch,
            lambda begin, end: self.engine.ntm_forward(
                *(*self._itself(), _address(self.inputs), given, _address(logits), last, begin, end, None, 0)
            ),
        )
        return logits, self._weightings() if shape.keeps_tape else torch.empty(0), *last_state

    def backward(
        self,
        logits: Tensor | None,
        weightings: Tensor | None,
        *last_state: Tensor | None,
        wants_inputs: bool,
    ) -> list[Tensor | None]:
        """From the gradients of what came out to those of inputs, state and parameters."""
        if logits is None:
            logits = torch.zeros(self.shape.steps, self.shape.batch, self.shape.outputs)
        logits = logits.contiguous()
        weightings = None if weightings is None else weightings.contiguous()
        last = [None if part is None else part.contiguous() for part in last_state]
        inputs = torch.empty_like(self.inputs) if wants_inputs else None
        state = [torch.empty_like(part) for part in self.state]
        parameters = [torch.empty_like(parameter) for parameter in self.parameters]
        last_addresses, addresses = _addresses(last), _addresses(state)
        in_parts(
            self.shape.batch,
            lambda begin, end: self.engine.ntm_backward(
                *(*self._itself(), _address(self.inputs), _address(logits), _address(weightings), last_addresses),
                *(_address(inputs), addresses, begin, end),
            ),
        )
        found, threads = _addresses(parameters), torch.get_num_threads()
        in_parts(
            threads,
            lambda part, _: self.engine.ntm_weight_gradients(*self._itself(), found, part, threads),
        )
        return [inputs, *state, *parameters]

    def _layout(self) -> _Layout:
        layout = _Layout()
        self.engine.ntm_layout(*self._itself(), ctypes.byref(layout))
        return layout

    def _field(self, offset: int, *shape: int) -> Tensor:
        return self.tape[offset:].as_strided(shape, torch.empty(shape, device="meta").stride())

    def _weightings(self) -> Tensor:
        """(T, B, H, N)"""
        shape, layout = self.shape, self._layout()
        heads = shape.read_heads + shape.write_heads
        rows = self._field(layout.weightings, shape.steps + 1, shape.batch, heads, layout.slot_row)
        return rows[1:, ..., : shape.slots].clone()  # for the tape is another run's after this one

    def trace(self, logits: Tensor) -> Trace:
        """All that happened in a run with these logits."""
        shape, at = self.shape, self._layout()
        heads, shifts = shape.read_heads + shape.write_heads, 2 * shape.shift_range + 1
        steps, batch = shape.steps, shape.batch
        memory = self._field(at.memory, steps + 1, batch, shape.width, at.slot_row)[1:, ..., : shape.slots]
        content = self._field(at.content, steps, batch, heads, at.slot_row)[..., : shape.slots]
        reads = self._field(at.reads, steps, batch, at.read_row)[..., : shape.read_heads * shape.width]
        emitted = self._field(at.emitted, steps, batch, at.emitted_row)
        read_weights, write_weights = self._weightings().tensor_split([shape.read_heads], dim=2)

        def said(first: int, *size: int) -> Tensor:
            count = torch.Size(size).numel()
            return emitted[..., first : first + count].reshape(steps, batch, *size)

        found = Trace(
            logits=logits,
            memory=memory.mT,
            read_weights=read_weights,
            write_weights=write_weights,
            reads=reads.reshape(steps, batch, shape.read_heads, shape.width),
            erases=said(at.erase, shape.write_heads, shape.width),
            adds=said(at.add, shape.write_heads, shape.width),
            key=said(at.key, heads, shape.width),
            strength=said(at.strength, heads),
            gate=said(at.gate, heads),
            shift=said(at.shift, heads, shifts),
            sharpening=said(at.sharpening, heads),
            content_weights=content,
        )
        if self.tape.nbytes > _largest_kept_tape:
            return found  # the tape is no other run's after this one
        return Trace(*(field.clone(memory_format=torch.contiguous_format) for field in found))


# Tapes of runs that are over, for those to come: getting one from the system, page by page, takes a third of an update.
_free_tapes: dict[int, Tensor] = {}
_KEPT_TAPES = 4
_largest_kept_tape = 2**28


def keep_tapes(largest: int) -> None:
    """Keep only tapes up to so many bytes for later runs; one that is larger goes with its trace."""
    global _largest_kept_tape
    _largest_kept_tape = largest


def _take_tape(size: int) -> Tensor:
    for tape in sorted(_free_tapes.values(), key=Tensor.numel):
        if tape.numel() >= size and _free_tapes.pop(id(tape), None) is not None:
            return tape
    return torch.empty(size)


def _give_back(tape: Tensor) -> None:
    if tape.nbytes <= _largest_kept_tape:
        _free_tapes[id(tape)] = tape
    for surplus in sorted(_free_tapes.values(), key=Tensor.numel)[:-_KEPT_TAPES]:
        _free_tapes.pop(id(surplus), None)


def in_parts(count: int, work: Callable[[int, int], object]) -> None:
    """Do work on the ranges of `range(count)` that PyTorch's number of threads makes of it, one a thread."""
    threads = min(torch.get_num_threads(), count)
    bounds = [count * part // threads for part in range(threads + 1)]
    others = [_pool(threads, os.getpid()).submit(work, *bounds[part : part + 2]) for part in range(1, threads)]
    work(*bounds[:2])
    for other in others:
        other.result()


@cache
def _pool(threads: int, process: int) -> ThreadPoolExecutor:
    """Threads of this process: those of one that was forked from are not there."""
    return ThreadPoolExecutor(threads - 1, "ntm-engine")


def _address(tensor: Tensor | None) -> ctypes.c_void_p:
    return ctypes.c_void_p(None if tensor is None else tensor.data_ptr())


def _addresses(tensors: Sequence[Tensor | None]) -> Any:
    return (ctypes.c_void_p * len(tensors))(*(None if tensor is None else tensor.data_ptr() for tensor in tensors))
