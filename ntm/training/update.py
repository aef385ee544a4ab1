"""One update of the weights: what it draws, what it minimises, and how far it goes."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from ntm.engine.choose import Forward
from ntm.tasks import Batch
from ntm.tasks.recipe import mean_loss
from ntm.tasks.streams import make_generator, seed_generator
from ntm.training.run import TrainingRun


def draw_batch(run: TrainingRun, generator: torch.Generator) -> tuple[Batch, int | None]:
    """The batch of the next update and the memory slots to run it with.

    Both are functions of the seed, the number of the update and the curriculum's limit. All sequences of a batch are of
    one size.

    Args:
        run: the run before the update.
        generator: a generator on the device that the batch should be on; it is set anew.
    """
    recipe, task = run.recipe, run.task
    choices = make_generator("training", recipe.seed, run.update)
    sizes = task.draw_sizes(choices, run.limit)
    slots = None
    if recipe.training_slots:
        slots = recipe.training_slots[int(torch.randint(len(recipe.training_slots), (), generator=choices))]
    seed_generator(generator, "training", recipe.seed, run.update)
    return task.draw_training(recipe.batch_size, generator, generator.device, **sizes), slots


def update_weights(
    run: TrainingRun, forward: Forward, batch: Batch, slots: int | None, generator: torch.Generator
) -> Tensor:
    """One step of the optimiser.

    Args:
        run: the run whose weights change.
        forward: how its model runs.
        batch: as `draw_batch` gives it.
        slots: how many slots of memory it has; the model's own number when None.
        generator: the source of random initial memory.

    Returns:
        The loss and the mean error before the step, (2,), still on the device.
    """
    model, loss = run.model, run.recipe.loss
    state = model.initial_state(batch.inputs.shape[1], slots, generator=generator)
    logits, weightings = forward(batch.inputs, state)
    losses = bit_losses(logits, batch)
    objective = mean_loss(losses, batch.mask)
    if run.has_learned and loss.asks_for_certainty and weightings is not None:
        objective = objective + loss.of_certainty(losses, weightings)
    run.optimizer.zero_grad(set_to_none=True)
    torch.autograd.backward(objective)
    _step(run)
    errors = run.task.errors(logits.detach(), batch)
    return torch.stack([mean_loss(losses.detach(), batch.mask), errors.mean()])


def bit_losses(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of every bit in nats, (T, B, out); 0 where nothing is scored."""
    losses = functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none")
    return losses * batch.mask.unsqueeze(-1)


def _step(run: TrainingRun) -> None:
    run.model.share_gradients()
    nn.utils.clip_grad_norm_(run.model.parameters(), run.recipe.gradient_norm)
    for parameter in run.model.parameters():
        # Sharpening blows up the difference between slots alike, now and then past what a float can hold; what is left
        # of such a gradient says nothing. No question is asked of the device.
        if parameter.grad is not None:
            parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
    run.optimizer.step()
