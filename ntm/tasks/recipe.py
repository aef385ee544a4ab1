"""Recipes: how a model is trained on a task by default.

A recipe is plain data. Each of its parts stands beside the arithmetic that it is for; what runs it is `ntm.training`.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Self

from torch import Tensor

_FEWEST_SLOTS = 32
_SMALLEST_WEIGHT = 1e-6


@dataclass(frozen=True)
class Curriculum:
    """Small sizes first, for tasks that are not learned from all sizes at once."""

    first_limit: int | None = None
    """No size is larger than this at first. None draws from all sizes from the beginning."""
    raise_below: float = 0.05
    """The loss at which the limit goes up by one."""

    def next_limit(self, limit: int | None, loss: float, largest: int) -> int | None:
        """The limit after some updates with this mean loss; never above the task's largest size."""
        if limit is None or limit >= largest or loss >= self.raise_below:
            return limit
        return limit + 1


@dataclass(frozen=True)
class Loss:
    """What a machine with memory minimises besides the mean cross entropy of the scored bits, once it has learned.

    Exact where it was trained, it may still be lost where sequences are longer. This makes it certain. Before it has
    found out what to do, the same would keep it from that.
    """

    worst_bit: float = 0.03
    """The weight of each sequence's worst bit. The mean alone is content with a rare vector that is barely right. It is
    nothing for tasks of which some bits can only be guessed."""
    focus: float = 0.0
    """The weight of the mean entropy of the heads' weightings in nats, for tasks whose heads walk from slot to slot.
    Where they rest on single slots, a machine goes on working where sequences are longer."""
    learned_below: float = 0.02
    """It has learned once the mean cross entropy is below this, in nats, with all sizes drawn."""

    @property
    def asks_for_certainty(self) -> bool:
        """Whether there is anything besides."""
        return bool(self.worst_bit or self.focus)

    def of_certainty(self, losses: Tensor, weightings: Tensor) -> Tensor:
        """What is minimised besides, a number.

        Args:
            losses: (T, B, out), of every bit in nats, 0 where nothing is scored.
            weightings: (T, B, H, N), of the heads.
        """
        return self.worst_bit * losses.amax((0, 2)).mean() + self.focus * mean_entropy(weightings)


@dataclass(frozen=True)
class Recipe:
    """How a model is trained on a task by default."""

    updates: int
    arguments: Mapping[str, Any] = field(default_factory=dict)
    """The arguments of the model, other than its defaults."""
    batch_size: int = 32
    learning_rate: float = 6e-3
    """It falls from here to zero along a cosine."""
    gradient_norm: float = 0.1
    """The gradient is cut down to this. A machine that works has gradients of norm 0.1 or so. One step on a spike a
    hundred times that throws it back to chance, which clipping at 10, the usual choice, does not prevent. Cut down so
    far, a machine bears six times the usual rate, and finds out sooner.
    """
    training_slots: tuple[int, ...] | None = None
    """Numbers of memory slots to train with, one of them drawn an update; the model's own when empty, and those of
    `few_slots` when None. Few take less time and are learned to be used sooner, and several keep a machine from relying
    on how many there are."""
    curriculum: Curriculum = Curriculum()
    loss: Loss = Loss()
    seed: int = 0
    """The seed of weights and batches; of the first one where several race."""
    seeds: int = 8
    """How many begin, from that one on. The better ones go on, see `ntm.training.race`."""

    def with_controller(self, controller: str) -> Self:
        """The same for the machine of the paper's section 3, which has no extension, with this controller."""
        arguments = {name: value for name, value in self.arguments.items() if name != "extension"}
        return replace(self, arguments=arguments | {"controller": controller})

    def learning_rate_at(self, update: int) -> float:
        """The rate of an update, from 0 on."""
        progress = min(update / self.updates, 1.0)
        return self.learning_rate * (1 + math.cos(math.pi * progress)) / 2


def few_slots(steps: int, own: int) -> tuple[int, ...]:
    """The numbers of memory slots that a recipe trains with where it says nothing: 32, 64 and so on to the model's own.

    None is less than half of the longest sequence's steps, for a machine may have to keep what comes before the rest.

    Args:
        steps: how many steps the longest sequence that is trained on has.
        own: how many slots the model has.

    Returns:
        Empty where that would be its own number alone.
    """
    fewer = [_FEWEST_SLOTS << doubled for doubled in range(own.bit_length())]
    fewer = [slots for slots in fewer if steps / 2 <= slots < own]
    return (*fewer, own) if fewer else ()


def mean_loss(losses: Tensor, mask: Tensor) -> Tensor:
    """The mean over the scored bits of losses (T, B, out), with the mask (T, B) of the scored steps."""
    return losses.sum() / (mask.sum() * losses.shape[-1])


def mean_entropy(weightings: Tensor) -> Tensor:
    """The mean entropy in nats of weightings (T, B, H, N)."""
    return -(weightings * (weightings + _SMALLEST_WEIGHT).log()).sum(-1).mean()
