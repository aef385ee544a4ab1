"""Validation: how good weights are, on sequences that training never draws, so that the best can be kept."""

import math
from collections.abc import Callable
from statistics import fmean
from typing import NamedTuple

import torch

from ntm.machine.model import SequenceModel
from ntm.tasks import Case, Task
from ntm.tasks.streams import make_generator

_BATCH_SIZE = 100
_MOST_BATCHES = 3
"""that a case is judged on: none are drawn after one is wrong, so these are for weights that hardly err"""


class Validation(NamedTuple):
    """A judgement of weights. Lower is better, compared from left to right.

    Between weights that make no error the least certain bit decides: it is the first to go wrong where sequences are
    longer or more.
    """

    error: float
    """summed over the task's validation cases"""
    worst_logit: float
    """the logit of the bit nearest to being wrong, negative, or of the one furthest on the wrong side, positive"""


NOT_VALIDATED = Validation(math.inf, math.inf)


class Stopped(Exception):  # noqa: N818 - not an error
    """Validation was asked to stop."""


@torch.no_grad()
def validate(model: SequenceModel, task: Task, stopping: Callable[[], bool] | None = None) -> Validation:
    """Judge a model in all of a task's validation cases.

    Raises:
        Stopped: as soon as `stopping()` is true; it is asked between batches.
    """
    judged = [_judge(model, task, case, stopping) for case in task.validation]
    return Validation(
        error=sum(judgement.error for judgement in judged),
        worst_logit=max(judgement.worst_logit for judgement in judged),
    )


def _judge(model: SequenceModel, task: Task, case: Case, stopping: Callable[[], bool] | None) -> Validation:
    """In one case, on no more sequences than it takes to find an error."""
    device = next(model.parameters()).device
    errors, worst_logit = [], -math.inf
    for index in range(_MOST_BATCHES):
        begun = index > 0 or case is not task.validation[0]
        if begun and stopping is not None and stopping():
            raise Stopped
        generator = make_generator("validation", 0, index)
        batch = task.draw_validation(_BATCH_SIZE, generator, device, **case.sizes)
        logits, _ = model(batch.inputs, model.initial_state(_BATCH_SIZE, case.memory_slots))
        towards_wrong = torch.where(batch.targets > 0.5, -logits, logits)
        worst_logit = max(worst_logit, towards_wrong[batch.mask].max().item())
        errors.append(task.errors(logits, batch).mean().item())
        if errors[-1]:
            break
    return Validation(fmean(errors), worst_logit)
