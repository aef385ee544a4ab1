"""The Neural Turing Machine: a controller, its heads and a memory, run one step after another."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ntm.machine import memory as memory_ops
from ntm.machine.checks import check_whole_number
from ntm.machine.controllers import CONTROLLER_KINDS, ControllerKind, ControllerState, make_controller
from ntm.machine.extensions import Extension, ExtensionSpec, make_extension
from ntm.machine.heads import HeadOutputs, Heads, Weighting, address, focus_on_first_slot
from ntm.machine.memory import MEMORY_INITS, InitialMemory, MemoryInit
from ntm.machine.model import SequenceModel
from ntm.machine.trace import Trace


class NTMState(NamedTuple):
    """All that a machine carries from one step to the next. Its tensors are never changed in place."""

    memory: Tensor
    """(B, N, M)"""
    weights: Tensor
    """(B, R + W, N), the heads' weightings, read heads first"""
    reads: Tensor
    """(B, R, M)"""
    controller: ControllerState


Step = Callable[[Tensor, NTMState], tuple[Tensor, NTMState]]
"""from the inputs (B, in) of a step and the state before to its logits (B, out) and the state after"""


class _Step(NamedTuple):
    logits: Tensor
    state: NTMState
    heads: HeadOutputs
    weighting: Weighting


class NTMCell(nn.Module):
    """One time step of the machine, as `torch.nn.LSTMCell` is of `torch.nn.LSTM`."""

    def __init__(
        self,
        input_size: int,
        output_size: int,
        controller: ControllerKind,
        controller_size: int,
        controller_layers: int,
        memory_width: int,
        read_heads: int,
        write_heads: int,
        shift_range: int,
        extension: Extension,
    ) -> None:
        super().__init__()
        self.read_heads = read_heads
        self.extension = extension
        read_size = read_heads * memory_width
        self.controller = make_controller(controller, input_size + read_size, controller_size, controller_layers)
        head_input_size = controller_size + input_size if extension.sees_input else controller_size
        self.heads = Heads(head_input_size, memory_width, read_heads, write_heads, shift_range, extension)
        self.output = nn.Linear(controller_size + read_size, output_size)

    def forward(self, inputs: Tensor, state: NTMState) -> tuple[Tensor, NTMState]:
        """One step: inputs (B, in) to logits (B, out) and the next state."""
        step = self.observe(inputs, state)
        return step.logits, step.state

    def observe(
        self, inputs: Tensor, state: NTMState, change_heads: Callable[[HeadOutputs], HeadOutputs] | None = None
    ) -> _Step:
        """The same step with all that happened inside.

        The heads look for content in memory as the last step left it; then they write, and then they read what is
        there after the writing (M_t of equation 2).

        Args:
            inputs: (B, in).
            state: as the last step left it.
            change_heads: what the heads do in place of what they emit, for those who reach into a run.
        """
        inputs = self.extension.take_in(inputs)
        controller_input = self.extension.sense(torch.cat([inputs, state.reads.flatten(1)], dim=-1))
        controller_output, controller_state = self.controller(controller_input, state.controller)
        heads = self.heads(controller_output, inputs)
        if change_heads is not None:
            heads = change_heads(heads)
        weighting = address(heads, state.memory, state.weights, searched=self.extension.searched)
        read_weights, write_weights = weighting.weights.tensor_split([self.read_heads], dim=1)
        memory = memory_ops.write(state.memory, write_weights, heads.erases, heads.adds)
        reads = self.extension.read(memory, read_weights)
        logits = self.output(torch.cat([controller_output, self.extension.sense(reads.flatten(1))], dim=-1))
        return _Step(logits, NTMState(memory, weighting.weights, reads, controller_state), heads, weighting)


class Accelerator(Protocol):
    """Another way to run a machine, which gives what the machine itself gives, or None where it cannot."""

    def forward(self, model: "NTM", inputs: Tensor, state: NTMState, /) -> tuple[Tensor, NTMState] | None:
        """What `model(inputs, state)` returns."""

    def trace(self, model: "NTM", inputs: Tensor, state: NTMState, /) -> Trace | None:
        """What `model.trace(inputs, state)` returns."""


MEMORY_SLOTS = 128
"""as many as the paper's machines have"""

_accelerators: list[Accelerator] = []


def accelerate(by: Accelerator) -> None:
    """Have all machines ask for this way first, before they go step by step."""
    _accelerators.insert(0, by)


class NTM(SequenceModel):
    """A Neural Turing Machine (Graves, Wayne and Danihelka 2014, arXiv 1410.5401).

    Nothing learned depends on the number of memory slots, except with `memory_init="learned"`: a trained machine runs
    with more or fewer slots through `initial_state(batch_size, memory_slots=...)`.

    Args:
        input_size: channels in.
        output_size: channels out.
        controller: "feedforward" or "lstm".
        controller_size: units in each of the controller's layers.
        controller_layers: how many layers it has.
        memory_slots: N.
        memory_width: M.
        read_heads: R.
        write_heads: W.
        shift_range: k; one step moves a head by -k to +k slots.
        memory_init: what is in memory before the first step, see `ntm.machine.memory.InitialMemory`.
        extension: what the machine has beyond the paper's, see `ntm.machine.extensions`: None, "analog", or
            {"register": {"channel": ..., "mean": ..., "deviation": ...}}.

    Raises:
        ValueError: if an argument is out of range.
        TypeError: if an argument is of the wrong type.

    Example:
        A machine of this shape learns to copy, and then runs with more memory than it was trained with:

        >>> model = NTM(10, 8, controller="lstm")
        >>> inputs = torch.zeros(42, 1, 10)  # (T, B, in)
        >>> logits, state = model(inputs)  # (T, B, out); torch.sigmoid(logits) are the probabilities of the bits
        >>> logits.shape
        torch.Size([42, 1, 8])
        >>> trace = model.trace(inputs, model.initial_state(1, memory_slots=1024))
        >>> trace.write_weights.shape  # (T, B, W, N)
        torch.Size([42, 1, 1, 1024])
    """

    def __init__(
        self,
        input_size: int,
        output_size: int,
        *,
        controller: ControllerKind = "feedforward",
        controller_size: int = 100,
        controller_layers: int = 1,
        memory_slots: int = MEMORY_SLOTS,
        memory_width: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        shift_range: int = 1,
        memory_init: MemoryInit = "constant",
        extension: ExtensionSpec = None,
    ) -> None:
        super().__init__()
        self.config: dict[str, Any] = {
            "input_size": input_size,
            "output_size": output_size,
            "controller": controller,
            "controller_size": controller_size,
            "controller_layers": controller_layers,
            "memory_slots": memory_slots,
            "memory_width": memory_width,
            "read_heads": read_heads,
            "write_heads": write_heads,
            "shift_range": shift_range,
            "memory_init": memory_init,
            "extension": extension,
        }
        _check_config(self.config)
        self.extension = make_extension(extension)
        self.extension.check(input_size, memory_width)
        self.input_size = input_size
        self.output_size = output_size
        self.memory_slots = memory_slots
        self.shift_range = shift_range
        self.head_count = read_heads + write_heads
        self.initial_memory = InitialMemory(memory_slots, memory_width, memory_init)
        self.cell = NTMCell(
            input_size,
            output_size,
            controller,
            controller_size,
            controller_layers,
            memory_width,
            read_heads,
            write_heads,
            shift_range,
            self.extension,
        )

    def initial_state(
        self, batch_size: int, memory_slots: int | None = None, *, generator: torch.Generator | None = None
    ) -> NTMState:
        """The state before the first step: every head on slot 0, and what it reads there.

        Args:
            batch_size: B.
            memory_slots: N; as many as at construction when None.
            generator: the source of numbers for `memory_init="random"`.

        Raises:
            ValueError: if there are fewer slots than a head can shift over, or no sequences.
            TypeError: if a number is no whole number.
        """
        slots = self.memory_slots if memory_slots is None else memory_slots
        check_whole_number("batch_size", batch_size)
        check_whole_number("memory_slots", slots, smallest=2 * self.shift_range + 1)
        like = self.cell.output.weight
        memory = self.initial_memory(batch_size, slots, like, generator)
        weights = focus_on_first_slot(batch_size, self.head_count, slots, like)
        reads = self.extension.read(memory, weights[:, : self.cell.read_heads])
        return NTMState(memory, weights, reads, self.cell.controller.initial_state(batch_size, like))

    def forward(self, inputs: Tensor, state: NTMState | None = None) -> tuple[Tensor, NTMState]:
        """Run a whole sequence: (T, B, in) to logits (T, B, out) and the last state.

        Raises:
            ValueError: if the inputs have another shape.
        """
        self._check_inputs(inputs)
        state = self.initial_state(inputs.shape[1]) if state is None else state
        for way in _accelerators:
            if (found := way.forward(self, inputs, state)) is not None:
                return found
        logits, _, state = self.unroll(inputs, state)
        return logits, state

    def unroll(
        self, inputs: Tensor, state: NTMState | None = None, *, step: Step | None = None
    ) -> tuple[Tensor, Tensor, NTMState]:
        """Run step by step, and return all weightings (T, B, R + W, N) besides the logits and the last state.

        Args:
            inputs: (T, B, in).
            state: where to go on from; the initial state when None.
            step: does what the cell does, such as the cell compiled.

        Raises:
            ValueError: if the inputs have another shape.
        """
        self._check_inputs(inputs)
        state = self.initial_state(inputs.shape[1]) if state is None else state
        logits, weightings = [], []
        for step_inputs in inputs.unbind(0):
            step_logits, state = (step or self.cell)(step_inputs, state)
            logits.append(step_logits)
            weightings.append(state.weights)
        return torch.stack(logits), torch.stack(weightings), state

    def share_gradients(self) -> None:
        """Between the backward pass and the step of an optimiser: keep heads together that the extension has so."""
        self.cell.heads.share_gradients()

    @torch.no_grad()
    def trace(
        self,
        inputs: Tensor,
        state: NTMState | None = None,
        *,
        change_heads: Callable[[HeadOutputs], HeadOutputs] | None = None,
    ) -> Trace:
        """Run as `forward` does, without gradients, and keep everything that happened.

        Args:
            inputs: (T, B, in).
            state: where to go on from; the initial state when None.
            change_heads: what the heads do in every step in place of what they emit.

        Raises:
            ValueError: if the inputs have another shape.
        """
        self._check_inputs(inputs)
        state = self.initial_state(inputs.shape[1]) if state is None else state
        for way in _accelerators if change_heads is None else []:
            if (found := way.trace(self, inputs, state)) is not None:
                return found
        steps = []
        for step_inputs in inputs.unbind(0):
            step = self.cell.observe(step_inputs, state, change_heads)
            state = step.state
            steps.append(self._record(step))
        return Trace(*map(torch.stack, zip(*steps, strict=True)))

    def _record(self, step: _Step) -> Trace:
        read_weights, write_weights = step.weighting.weights.tensor_split([self.cell.read_heads], dim=1)
        return Trace(
            logits=step.logits,
            memory=step.state.memory,
            read_weights=read_weights,
            write_weights=write_weights,
            reads=step.state.reads,
            content_weights=step.weighting.content_weights,
            **step.heads._asdict(),
        )


def _check_config(config: dict[str, Any]) -> None:
    choices = {"controller": CONTROLLER_KINDS, "memory_init": MEMORY_INITS}
    for name, value in config.items():
        if name in choices:
            if value not in choices[name]:
                raise ValueError(f"{name} must be one of {', '.join(choices[name])}, not {value!r}")
        elif name != "extension":
            check_whole_number(name, value, smallest=0 if name == "shift_range" else 1)
    check_whole_number("memory_slots", config["memory_slots"], smallest=2 * config["shift_range"] + 1)
