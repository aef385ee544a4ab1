"""One update: what it draws, what it minimises, and how far it goes."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from ntm import tasks
from ntm.engine.choose import Forward, fastest, plain
from ntm.machine.model import SequenceModel
from ntm.tasks import Architecture, Batch
from ntm.tasks.recipe import Loss
from ntm.training.run import Settings
from ntm.training.update import bit_losses, draw_batch, update_weights
from tests.numerics import PROPERTY, seeded
from tests.tiny import CURRICULUM, SHORT, small, start

COPY, REPEAT_COPY = tasks.get("copy"), tasks.get("repeat-copy")
ARCHITECTURES: list[Architecture] = ["ntm", "lstm"]


def sizes_of_repeat_copy(batch: Batch) -> tuple[int, int]:
    """Length and repeats, from the row with the count and from the number of rows after it."""
    length = int(batch.inputs[:, 0, 9].nonzero()) - 1
    return length, (len(batch.inputs) - length - 3) // length


# Batches.


@pytest.mark.parametrize("settings", [SHORT, CURRICULUM, small(training_slots=(4, 5, 6, 7))])
def test_the_same_update_always_draws_the_same_batch(settings: Settings) -> None:
    run, generator = start(settings, limit=3), torch.Generator()

    def draw(update: int) -> tuple[Batch, int | None]:
        run.update = update
        return draw_batch(run, generator)

    drawn, again = ([draw(update) for update in updates] for updates in (range(12), range(11, -1, -1)))
    for (batch, slots), (same_batch, same_slots) in zip(drawn, reversed(again), strict=True):
        assert all(map(torch.equal, batch, same_batch))
        assert slots == same_slots
    other, _ = draw_batch(start(settings.with_seed(1), update=7, limit=3), generator)
    first = drawn[7][0]
    assert other.inputs.shape != first.inputs.shape or not other.inputs.equal(first.inputs)


def test_training_stays_inside_the_training_range() -> None:
    settings, generator = small(updates=400), torch.Generator()
    lengths = {len(draw_batch(start(settings, update=update), generator)[0].inputs) // 2 - 1 for update in range(400)}
    assert lengths == set(range(1, 21))


@PROPERTY
@given(st.integers(0, 10**6), st.integers(1, 12))
def test_no_size_is_above_the_limit(update: int, limit: int) -> None:
    batch, _ = draw_batch(start(CURRICULUM, update=update, limit=limit), torch.Generator())
    assert max(sizes_of_repeat_copy(batch)) <= min(limit, 10)


def test_all_sizes_up_to_the_limit_are_drawn_with_all_numbers_of_slots() -> None:
    settings, generator = small("repeat-copy", training_slots=(5, 32)), torch.Generator()
    drawn = [draw_batch(start(settings, update=update, limit=2), generator) for update in range(120)]
    assert {(*sizes_of_repeat_copy(batch), slots) for batch, slots in drawn} == {
        (length, repeats, slots) for length in (1, 2) for repeats in (1, 2) for slots in (5, 32)
    }


def test_without_numbers_of_slots_the_model_runs_with_its_own() -> None:
    assert {draw_batch(start(SHORT, update=update), torch.Generator())[1] for update in range(9)} == {None}


# A step.


def loss_slowly(logits: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """The mean cross entropy of all scored bits, and the mean over the sequences of that of their worst bit."""
    every, worst = [], []
    for b in range(logits.shape[1]):
        losses = []
        for t in range(logits.shape[0]):
            for channel in range(logits.shape[2]):
                if batch.mask[t, b]:
                    chance = torch.sigmoid(logits[t, b, channel])
                    losses.append(-torch.log(chance if batch.targets[t, b, channel] == 1 else 1 - chance))
        every += losses
        worst.append(max(losses, key=Tensor.item))
    return torch.stack(every).mean(), torch.stack(worst).mean()


def test_the_losses_are_the_cross_entropy_of_the_scored_bits_alone() -> None:
    logits = torch.randn(5, 3, 2, dtype=torch.float64, generator=seeded())
    targets = torch.randint(0, 2, (5, 3, 2), generator=seeded()).double()
    mask = torch.rand(5, 3, generator=seeded()) < 0.5
    mask[0] = True
    batch = Batch(torch.zeros(5, 3, 1), targets, mask)
    losses = bit_losses(logits, batch)
    mean, worst = loss_slowly(logits, batch)
    assert losses.shape == logits.shape
    assert not losses[~mask].any()
    torch.testing.assert_close(losses.sum() / (2 * mask.sum()), mean)
    torch.testing.assert_close(losses.amax((0, 2)).mean(), worst)


@pytest.mark.parametrize(("worst_bit", "longest"), [(0.0, 1.0), (2.0, 1.0), (2.0, 0.1), (2.0, 10.0)])
@pytest.mark.parametrize(("slots", "focus"), [(None, 0.0), (3, 0.5), (8, 0.0), (30, 0.5)])
@pytest.mark.parametrize("way", [plain, fastest])
def test_a_step_goes_down_the_clipped_gradient_of_the_loss(
    way: Callable[[SequenceModel], Forward], slots: int | None, focus: float, worst_bit: float, longest: float
) -> None:
    """With plain descent in Adam's place, whose step is the gradient itself; run with the slots asked for."""
    arguments = {"memory_init": "learned"}
    loss = Loss(worst_bit=worst_bit, focus=focus)
    run = start(small("associative-recall", loss=loss, gradient_norm=longest, arguments=arguments), has_learned=True)
    task, model = run.task, run.model
    before = [parameter.detach().clone() for parameter in model.parameters()]
    batch = task.sample(3, items=2, generator=seeded())
    logits, weightings, _ = model.unroll(batch.inputs, model.initial_state(3, slots))
    mean, worst = loss_slowly(logits, batch)
    entropy = torch.distributions.Categorical(weightings).entropy().mean()
    gradients = torch.autograd.grad(mean + worst_bit * worst + focus * entropy, list(model.parameters()))
    norm = math.sqrt(sum(gradient.square().sum().item() for gradient in gradients))
    assert (norm > longest) == ((worst_bit, longest) in [(2.0, 1.0), (2.0, 0.1)]), "two of the four should be clipped"

    run.optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    reported = update_weights(run, way(model), batch, slots, seeded())
    torch.testing.assert_close(reported, torch.stack([mean.detach(), task.errors(logits, batch).mean()]))
    for parameter, was, gradient in zip(model.parameters(), before, gradients, strict=True):
        torch.testing.assert_close(was - parameter, gradient * min(1.0, longest / norm), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("has_learned", [False, True])
def test_certainty_counts_once_the_task_is_learned(has_learned: bool) -> None:
    for certain in (Loss(worst_bit=0.5, focus=0.0), Loss(worst_bit=0.0, focus=0.5)):
        weights = []
        for loss in (Loss(worst_bit=0.0, focus=0.0), certain):
            run = start(small("repeat-copy", loss=loss), has_learned=has_learned)
            batch = REPEAT_COPY.sample(2, generator=seeded(), length=2, repeats=2)
            update_weights(run, plain(run.model), batch, None, seeded())
            weights.append(run.model.cell.heads.addressing.weight)
        assert weights[0].equal(weights[1]) != has_learned


def test_a_model_without_heads_minimises_the_mean_alone() -> None:
    weights = []
    for loss in (Loss(worst_bit=0.0), Loss(worst_bit=0.5)):
        run = start(small(architecture="lstm", loss=loss), has_learned=True)
        update_weights(run, plain(run.model), COPY.sample(2, generator=seeded(), length=2), None, seeded())
        weights.append(run.model.output.weight)
    assert weights[0].equal(weights[1])


@pytest.mark.parametrize("spoilt", [math.inf, math.nan])
def test_a_gradient_that_overflows_leaves_the_weights_finite(spoilt: float) -> None:
    """Backpropagation through sharpening did this to a good run after 8,950 updates."""
    run = start(SHORT)
    before = {name: tensor.clone() for name, tensor in run.model.state_dict().items()}

    def forward(inputs: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        logits, weightings = plain(run.model)(inputs, state)
        logits.register_hook(lambda gradient: gradient * spoilt)
        return logits, weightings

    batch = COPY.sample(2, generator=seeded(), length=2)
    update_weights(run, forward, batch, None, seeded())
    assert all(tensor.equal(before[name]) for name, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
@pytest.mark.parametrize("name", tasks.names())
def test_every_recipe_can_take_a_step(name: str, architecture: Architecture) -> None:
    task = tasks.get(name)
    run = start(Settings.of(task, architecture, batch_size=2))
    before = {key: tensor.clone() for key, tensor in run.model.state_dict().items()}
    smallest: dict[str, Any] = {size: task.smallest.get(size, 1) for size in task.sizes}
    batch = task.sample(2, generator=seeded(), **smallest)
    for slots in run.recipe.training_slots or (None,):
        result = update_weights(run, fastest(run.model), batch, slots, seeded())
        assert torch.isfinite(result).all()
    assert any(not tensor.equal(before[key]) for key, tensor in run.model.state_dict().items())


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_it_learns(architecture: Architecture) -> None:
    run = start(Settings.of(COPY, architecture, updates=200, batch_size=16))
    forward, generator = fastest(run.model), torch.Generator()
    losses = []
    for update in range(200):
        batch = COPY.sample(16, length=2, generator=generator.manual_seed(update))
        for group in run.optimizer.param_groups:
            group["lr"] = 3e-3
        result = update_weights(run, forward, batch, None, generator)
        losses.append(result[0].item())
    assert sum(losses[:20]) / 20 > 0.65
    assert sum(losses[-20:]) / 20 < 0.5
