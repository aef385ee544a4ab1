"""The training loop: straight from the first update to the last, reporting, validating and saving on the way."""

import math
import os
import shutil
import time
import warnings
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from safetensors import SafetensorError
from torch import Tensor

from ntm.engine.choose import fastest
from ntm.engine.cuda_graphs import CUDAGraphs, Step, replayed
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM
from ntm.storage import checkpoint, snapshots
from ntm.storage.checkpoint import SNAPSHOTS
from ntm.training import parallel
from ntm.training.parallel import ALONE, Share
from ntm.training.run import STATE, TrainingError, TrainingRun
from ntm.training.update import draw_batch, update_weights
from ntm.training.validation import Stopped, validate

UPDATES_A_REPORT = 20
_UPDATES_A_VALIDATION = 500
_SECONDS_A_SAVE = 20.0
_DOES_NOT_FIT = "a batch of {:,} sequences does not fit in memory: give a smaller --batch-size"


class Progress(NamedTuple):
    """How a run goes, for a progress bar and for the learning curve; means over the updates since the last report."""

    update: int
    loss: float
    error: float


def train(
    run: TrainingRun,
    until: int | None = None,
    *,
    share: Share = ALONE,
    validating: bool = True,
    on_progress: Callable[[Progress], object] | None = None,
    stopping: Callable[[], bool] | None = None,
    engine: str | None = None,
) -> bool:
    """Train to an update, or until `stopping()` is true; either way the run is then in its folder.

    Several processes train one model together when each is given its share; the first of them writes the folder.

    Args:
        run: changed in place.
        until: the update; the last one when None.
        share: the part of every batch that this process takes.
        validating: whether to look for the best weights on the way; else the first ones count as the best.
        on_progress: told every few updates how it goes.
        stopping: asked as often, and between the batches of a validation, which is then done when the run goes on.
        engine: what runs the model, see `ntm.engine.choose`; the fastest one when None.

    Returns:
        Whether that update was reached, and judged.

    Raises:
        TrainingError: if the loss or a weight stops being finite; the best weights are in the run's folder, as a
            checkpoint. Or if the batch cannot be shared out evenly or does not fit in memory, or the run cannot be
            saved at its beginning or end.
    """
    if run.recipe.batch_size % share.size:
        raise TrainingError(f"{share.size} processes cannot share a batch of {run.recipe.batch_size} evenly")
    until = run.recipe.updates if until is None else until
    step = _make_step(run, share, engine)
    if share.leads:
        if not (run.folder / STATE).exists():
            shutil.rmtree(run.folder / SNAPSHOTS, ignore_errors=True)  # of a run that nothing else is left of
        run.save()  # so that there is never a folder of a run that cannot go on
    clock = saved = time.perf_counter()
    judged = not validating or _judge(run, stopping)
    while run.update < until and not parallel.any_of(not judged or bool(stopping and stopping()), share):
        progress = _train_a_while(run, until, step, share)
        if not (math.isfinite(progress.loss) and _is_finite(run.model)):
            raise _give_up(run, share)
        run.curve.append(progress._asdict())
        run.recovery.take(progress.error, run.changing())
        run.follow(progress.loss)
        judged = not validating or _judge(run, stopping)
        if judged and isinstance(run.model, NTM) and share.leads:
            _try(run, lambda: snapshots.keep(run.model, run.folder / SNAPSHOTS, run.update))
        if on_progress is not None:
            on_progress(progress)
        now = time.perf_counter()
        run.seconds, clock = run.seconds + now - clock, now
        if now - saved > _SECONDS_A_SAVE and share.leads:
            _try(run, run.save)
            saved = now
    if share.leads:
        run.save()
    return run.update >= until and judged


def _try(run: TrainingRun, write: Callable[[], object]) -> None:
    """Write something that training can do without until the next time, such as when a disk is full for a moment."""
    try:
        write()
    except (TrainingError, SafetensorError, OSError) as error:
        warnings.warn(f"seed {run.recipe.seed} goes on unsaved at update {run.update:,}: {error}", stacklevel=2)


def _make_step(run: TrainingRun, share: Share, engine: str | None) -> Step:
    """How this device does an update best."""
    forward = parallel.synchronised(run.model, fastest(run.model, engine), share)
    step = partial(update_weights, run, forward)
    # Random memory is drawn in the step, which a graph would repeat instead; processes wait for one another in theirs.
    if run.device.type == "cuda" and share.size == 1 and run.model.config.get("memory_init") != "random":
        return replayed(step, CUDAGraphs(), lambda: run.has_learned)
    return step


def _train_a_while(run: TrainingRun, until: int, step: Step, share: Share) -> Progress:
    """A few updates without asking the device how they went, then one look at it."""
    generator = torch.Generator(run.device)
    count = min(UPDATES_A_REPORT, until - run.update)
    sums = torch.zeros(2, device=run.device)
    for _ in range(count):
        try:
            batch, slots = draw_batch(run, generator)
            _set_learning_rate(run.optimizer, run.learning_rate)
            _check_memory(run, batch.inputs, slots)
            sums += step(parallel.part(batch, share), slots, generator)
        except (MemoryError, RuntimeError) as refusal:
            if not _is_out_of_memory(refusal):
                raise
            raise TrainingError(_DOES_NOT_FIT.format(run.recipe.batch_size)) from refusal
        run.update += 1
    loss, error = parallel.mean(sums / count, share).tolist()
    return Progress(run.update, loss, error)


def _check_memory(run: TrainingRun, inputs: Tensor, slots: int | None) -> None:
    """Refuse what would take all memory: Linux promises it, and then ends the process without a word."""
    if not isinstance(run.model, NTM) or inputs.device.type != "cpu" or not hasattr(os, "sysconf"):
        return
    length, batch_size = inputs.shape[:2]
    contents = 4 * length * batch_size * (slots or run.model.memory_slots) * run.model.config["memory_width"]
    if contents > os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"):
        raise MemoryError


def _is_out_of_memory(error: Exception) -> bool:
    said = str(error).lower()
    return isinstance(error, MemoryError) or "can't allocate memory" in said or "out of memory" in said


def _judge(run: TrainingRun, stopping: Callable[[], bool] | None) -> bool:
    """Validate where it is due, also where a run was stopped before it was done; False if it is to stop now."""
    due = run.update % _UPDATES_A_VALIDATION == 0 or run.finished
    if not run.curve or not due or "validation_error" in run.curve[-1]:
        return True
    try:
        validation = validate(run.model, run.task, stopping)
    except Stopped:
        return False
    run.judge(validation)
    if all(map(math.isfinite, validation)):  # others are no numbers in JSON
        run.curve[-1] |= {"validation_error": validation.error, "validation_worst_logit": validation.worst_logit}
    return True


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _is_finite(model: SequenceModel) -> bool:
    """Whether all weights are; the native engine may clip one that is not, and go on with a loss that is."""
    return bool(torch.stack([parameter.abs().amax() for parameter in model.parameters()]).isfinite().all())


def _give_up(run: TrainingRun, share: Share) -> TrainingError:
    failed = f"the loss or a weight stopped being finite before update {run.update:,}. "
    run.model.load_state_dict(run.best)
    try:
        if share.leads:
            run.folder.mkdir(parents=True, exist_ok=True)
            checkpoint.save_weights(run.model, run.folder, run.settings.task)
    except (OSError, SafetensorError) as error:
        return TrainingError(f"{failed}The best weights could not be written: {error}")
    return TrainingError(
        f"{failed}The best weights so far, of update {run.best_update:,}, are in {run.folder}, which ntm.load reads; "
        f"another --seed may fare better"
    )
