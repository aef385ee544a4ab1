"""Reaching into a run: memory or a head is changed before one of its steps, and the machine goes on from there."""

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from ntm.machine import memory as memory_ops
from ntm.machine.heads import HeadOutputs
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace
from ntm.tasks.text import InputError
from ntm.ui.budget import Cost, admit, weigh
from ntm.ui.run import Run


@dataclass(frozen=True)
class Intervention:
    """What a visitor does to a machine. Heads are numbered as in a trace, read heads first, from 0; so are slots."""

    step: int
    """before which it happens, from 0"""
    clear: tuple[int, ...] = ()
    """slots that become what they were before the first step"""
    scramble: tuple[int, ...] = ()
    """slots that become noise as large as what is in memory; the same noise each time"""
    move: tuple[int, int] | None = None
    """a head, and the slot that all its weight is put on"""
    gate: tuple[int, float] | None = None
    """a head, and the interpolation gate that it has from this step on"""


@dataclass(frozen=True)
class ChangedRun(Run):
    """A run that was reached into; up to that step it is the original."""

    intervention: Intervention
    changed_memory: Tensor
    """(N, M), as it was left for the step to begin with"""


@torch.no_grad()
def intervene(model: SequenceModel, run: Run, intervention: Intervention) -> ChangedRun:
    """Reach into a run, which is left as it was.

    Args:
        model: the machine that made the run.
        run: the run to reach into.
        intervention: what is done to it.

    Raises:
        InputError: if there is no memory, or no such step, slot or head, or the gate is not in [0, 1], or there is too
            little memory on this server.
    """
    if not isinstance(model, NTM):
        raise InputError("This machine has no memory to reach into.")
    _check(intervention, run)
    # There at once: the run, what is recorded step by step, that as one trace, and the changed run.
    one = weigh(model, len(run.captions), slots=len(run.initial_memory))
    admit(Cost(4 * one.bytes, 2 * one.operations))
    step, inputs = intervention.step, run.batch.inputs
    state = _reach_in(_state_before(model, run, step), run, intervention)
    rest = model.trace(inputs[step:], state, change_heads=_hold_gate(intervention.gate))
    original = {field.name: getattr(run, field.name) for field in fields(Run)}
    trace = Trace(*(torch.cat([before[:step], after]) for before, after in zip(run.trace, rest, strict=True)))
    return ChangedRun(
        **original | {"trace": trace},
        intervention=intervention,
        changed_memory=state.memory[0],
    )


def _check(intervention: Intervention, run: Run) -> None:
    steps, slots = len(run.captions), len(run.initial_memory)
    heads = run.trace.gate.shape[-1]
    if not 0 <= intervention.step < steps:
        raise InputError(f"There is no step {intervention.step}; they are 0 to {steps - 1}.")
    moved_to = () if intervention.move is None else intervention.move[1:]
    for slot in (*intervention.clear, *intervention.scramble, *moved_to):
        if not 0 <= slot < slots:
            raise InputError(f"There is no slot {slot}; they are 0 to {slots - 1}.")
    for change in (intervention.move, intervention.gate):
        if change is not None and not 0 <= change[0] < heads:
            raise InputError(f"There is no head {change[0]}; they are 0 to {heads - 1}.")
    if intervention.gate is not None and not 0 <= intervention.gate[1] <= 1:
        raise InputError(f"A gate is a number from 0 to 1, not {intervention.gate[1]:g}.")


def _state_before(model: NTM, run: Run, step: int) -> NTMState:
    """The state before a step, replayed: a trace does not hold the controller's."""
    state = model.initial_state(1, len(run.initial_memory))
    memory = run.initial_memory.unsqueeze(0)  # the run's own, where it was drawn at random
    reads = memory_ops.read(memory, state.weights[:, : model.cell.read_heads])
    state = state._replace(memory=memory, reads=reads)
    return model(run.batch.inputs[:step], state)[1] if step else state


def _reach_in(state: NTMState, run: Run, intervention: Intervention) -> NTMState:
    memory, weights = state.memory.clone(), state.weights.clone()
    clear, scramble = list(intervention.clear), list(intervention.scramble)
    memory[0, clear] = run.initial_memory[clear]
    generator = torch.Generator().manual_seed(intervention.step)
    noise = 2 * torch.rand(memory.shape[1:], generator=generator) - 1
    memory[0, scramble] = (noise * state.memory.abs().max())[scramble]
    if intervention.move is not None:
        head, slot = intervention.move
        weights[0, head] = 0
        weights[0, head, slot] = 1
    return state._replace(memory=memory, weights=weights)


def _hold_gate(gate: tuple[int, float] | None) -> Callable[[HeadOutputs], HeadOutputs] | None:
    if gate is None:
        return None
    head, value = gate

    def hold(outputs: HeadOutputs) -> HeadOutputs:
        held = outputs.gate.clone()
        held[:, head] = value
        return outputs._replace(gate=held)

    return hold
