"""A machine whose numbers somebody replaces as it runs, step by step in Python: what the engine's overrides must do."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ntm.machine import memory as memory_ops
from ntm.machine.heads import HeadOutputs, address
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace

Override = dict[str, Any]
"""As `trace` of ntm/engine/engine.js takes them."""
_OUTPUTS = {"add": "adds", "erase": "erases"}


@torch.no_grad()
def intervene(model: NTM, inputs: Tensor, overrides: Sequence[Override], *, slots: int | None = None) -> Trace:
    """What `model.trace(inputs)` returns when these numbers are replaced."""
    state, steps = model.initial_state(inputs.shape[1], slots), []
    for step, given in enumerate(inputs):
        state, found = _take_step(model, given, state, [each for each in overrides if each["step"] == step])
        steps.append(found)
    return Trace(*map(torch.stack, zip(*steps, strict=True)))


def _take_step(model: NTM, inputs: Tensor, state: NTMState, overrides: list[Override]) -> tuple[NTMState, Trace]:
    cell, extension = model.cell, model.extension
    inputs = extension.take_in(inputs)
    seen = extension.sense(torch.cat([inputs, state.reads.flatten(1)], dim=-1))
    output, controller = cell.controller(seen, state.controller)
    heads = HeadOutputs(*(each.clone() for each in cell.heads(output, inputs)))
    of_heads = [each for each in overrides if each["field"] not in ("weighting", "memory")]
    for each in of_heads:
        _replace(heads, each, cell.read_heads)
    weighting = address(heads, state.memory, state.weights, searched=extension.searched)
    weights = weighting.weights.clone()
    for each in overrides:
        if each["field"] == "weighting":
            weights[:, each["head"]] = torch.eye(weights.shape[-1]).to(weights)[each["slot"]]
    read_weights, write_weights = weights.tensor_split([cell.read_heads], dim=1)
    memory = memory_ops.write(state.memory, write_weights, heads.erases, heads.adds)
    for each in overrides:
        if each["field"] == "memory":
            memory[:, each["slot"], each["index"]] = each["value"]
    reads = extension.read(memory, read_weights)
    logits = cell.output(torch.cat([output, extension.sense(reads.flatten(1))], dim=-1))
    found = Trace(
        logits=logits,
        memory=memory,
        read_weights=read_weights,
        write_weights=write_weights,
        reads=reads,
        content_weights=weighting.content_weights,
        **heads._asdict(),
    )
    return NTMState(memory, weights, reads, controller), found


def _replace(heads: HeadOutputs, override: Override, read_heads: int) -> None:
    field, head = override["field"], override["head"]
    emitted = getattr(heads, _OUTPUTS.get(field, field))[:, head - read_heads if field in _OUTPUTS else head]
    if emitted.dim() == 1:
        emitted[:] = override["value"]
    else:
        emitted[:, override["index"]] = override["value"]
