"""Training: one straight loop from a recipe to the best weights found, which can be stopped and taken up again.

A run lives in a folder of its own until it is finished. After any update it can be written there and gone on with
later: batch number u is a function of the seed and u alone, so on the CPU the resumed run ends in the same weights,
bit for bit, as one that was never stopped.
"""

import json
import math
import platform
import time
from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from statistics import fmean
from typing import Any, NamedTuple

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from ntm import tasks
from ntm.engine.choose import Forward, fastest
from ntm.engine.cuda_graphs import CUDAGraphs, Step, replayed
from ntm.machine.lstm import LSTMBaseline
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM
from ntm.storage import checkpoint, snapshots
from ntm.storage.checkpoint import SNAPSHOTS
from ntm.tasks import Architecture, Batch, Case, Recipe, Task
from ntm.tasks.streams import make_generator, seed_generator
from ntm.training import parallel
from ntm.training.parallel import ALONE, Share

_ARCHITECTURES = {"ntm": NTM, "lstm": LSTMBaseline}

STATE = "state.safetensors"

_UPDATES_A_REPORT = 20
_UPDATES_A_VALIDATION = 500
_VALIDATION_BATCH = 100
_SECONDS_A_SAVE = 20.0
_SMALLEST_WEIGHT = 1e-6
_CANDIDATES_FROM = 0.8
_POLISHING_RATE = 0.2


class TrainingError(Exception):
    """Training cannot start or go on. The message says what to do."""


@dataclass(frozen=True)
class Settings:
    """What a run depends on, and nothing else: the same settings give the same weights on the same machine."""

    task: str
    architecture: Architecture
    recipe: Recipe

    @classmethod
    def of(
        cls,
        task: Task,
        architecture: Architecture = "ntm",
        *,
        seed: int | None = None,
        updates: int | None = None,
        batch_size: int | None = None,
    ) -> "Settings":
        """The task's recipe, except for what is given.

        Raises:
            TrainingError: if a number is out of range.
        """
        given = {"seed": seed, "updates": updates, "batch_size": batch_size}
        for name, value in given.items():
            smallest = 0 if name == "seed" else 1
            if value is not None and value < smallest:
                raise TrainingError(f"{name.replace('_', ' ')} must be at least {smallest}, not {value}")
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        return cls(task.name, architecture, replace(task.recipes[architecture], **changes))


class Progress(NamedTuple):
    """How a run goes, for a progress bar and for the learning curve; means over the updates since the last report."""

    update: int
    loss: float
    error: float


class Validation(NamedTuple):
    """A judgement of the weights after one update. Lower is better, compared from left to right: between weights that
    make no error the least certain bit decides, for it is the first to go wrong where sequences are longer or more."""

    error: float
    """summed over the task's validation cases"""
    doubt: float
    """the logit of the bit that is nearest to being wrong, or furthest on the wrong side"""


_NOT_VALIDATED = Validation(math.inf, math.inf)


@dataclass
class Run:
    """Everything that changes while training."""

    model: SequenceModel
    optimizer: torch.optim.Optimizer
    average: SequenceModel
    """with the running mean of the weights, which is judged in the model's place"""
    best: dict[str, Tensor]
    """the weights of the mean that did best on validation so far"""
    best_update: int = 0
    best_validation: Validation = _NOT_VALIDATED
    limit: int | None = None
    """no size is drawn above this"""
    update: int = 0
    seconds: float = 0.0
    curve: list[dict[str, float]] = field(default_factory=list)
    """a row every few updates: training loss and error, and validation error where there was one"""


def start(settings: Settings, device: torch.device) -> Run:
    """A run before its first update."""
    task = tasks.get(settings.task)
    with torch.random.fork_rng(devices=[]):
        seed_generator(torch.default_generator, "weights", settings.recipe.seed)
        model = _ARCHITECTURES[settings.architecture](task.input_size, task.output_size, **settings.recipe.arguments)
    model.to(device)
    return Run(
        model,
        _make_optimizer(model, settings.recipe, device),
        average=deepcopy(model),
        best=_copy_weights(model),
        limit=settings.recipe.first_limit,
    )


def _make_optimizer(model: SequenceModel, recipe: Recipe, device: torch.device) -> torch.optim.Optimizer:
    betas = (0.9, recipe.second_moment)
    if device.type == "cpu":
        return torch.optim.Adam(model.parameters(), betas=betas)
    # A captured update reads the rate from the device.
    rate = torch.zeros((), device=device)
    return torch.optim.Adam(model.parameters(), lr=rate, betas=betas, capturable=True, fused=True)


def train(
    run: Run,
    settings: Settings,
    folder: Path,
    *,
    share: Share = ALONE,
    validating: bool = True,
    on_progress: Callable[[Progress], object] | None = None,
    stopping: Callable[[], bool] | None = None,
    engine: str | None = None,
) -> bool:
    """Train to the last update, or until `stopping()` is true; either way the run is then in `folder`.

    Several processes train one model together when each is given its share; the first of them writes the folder.

    Args:
        run: from `start` or `resume`; it is changed in place.
        settings: what the run was started with.
        folder: where the run lives.
        share: of every batch.
        validating: whether to look for the best weights on the way; else the first ones count as the best.
        on_progress: told every few updates how it goes.
        stopping: asked as often.
        engine: that runs the model, see `ntm.engine.choose`; the fastest one when None.

    Returns:
        Whether the last update was reached.

    Raises:
        TrainingError: if the loss or a weight stops being finite; the best weights are in `folder`, as a checkpoint. Or
            if the batch cannot be shared out evenly.
    """
    task = tasks.get(settings.task)
    if settings.recipe.batch_size % share.count:
        raise TrainingError(f"{share.count} processes cannot share a batch of {settings.recipe.batch_size} evenly")
    step = _make_step(run, settings, task, share, engine)
    clock = saved = time.perf_counter()
    while run.update < settings.recipe.updates and not parallel.any_of(bool(stopping and stopping()), share):
        progress = _train_a_while(run, settings, task, step, share)
        if not (math.isfinite(progress.loss) and _is_finite(run.model)):
            raise _give_up(run, settings, folder, share)
        row = progress._asdict()
        if validating and (run.update % _UPDATES_A_VALIDATION == 0 or run.update == settings.recipe.updates):
            validation = _validate(run, task, settings.recipe.validation_sequences)
            row |= {"validation_error": validation.error, "validation_doubt": validation.doubt}
            relapse = settings.recipe.relapse
            if relapse is not None and validation.error > relapse * max(run.best_validation.error, 1.0):
                run.model.load_state_dict(run.best)
                run.average.load_state_dict(run.best)
        run.curve.append(row)
        if isinstance(run.model, NTM) and share.leads:
            snapshots.keep(run.average, folder / SNAPSHOTS, run.update)
        if on_progress is not None:
            on_progress(progress)
        now = time.perf_counter()
        run.seconds, clock = run.seconds + now - clock, now
        if now - saved > _SECONDS_A_SAVE and share.leads:
            save(run, settings, folder)
            saved = now
    if share.leads:
        save(run, settings, folder)
    return run.update == settings.recipe.updates


def _make_step(run: Run, settings: Settings, task: Task, share: Share, engine: str | None) -> Step:
    """How this device does an update best."""
    forward = parallel.synchronised(run.model, fastest(run.model, engine), share)
    step = partial(train_step, run, settings, task, forward)
    # Random memory is drawn in the step, which a graph would repeat instead; processes wait for one another in theirs.
    if _device(run.model).type == "cuda" and share.count == 1 and run.model.config.get("memory_init") != "random":
        return replayed(step, CUDAGraphs(), lambda: _draws_all_sizes(run, task))
    return step


def _is_finite(model: SequenceModel) -> bool:
    """Whether all weights are; the fused step may clip one that is not, and go on with a loss that is."""
    return bool(torch.stack([parameter.abs().amax() for parameter in model.parameters()]).isfinite().all())


def _give_up(run: Run, settings: Settings, folder: Path, share: Share) -> TrainingError:
    run.model.load_state_dict(run.best)
    if share.leads:
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save_weights(run.model, folder, settings.task)
    return TrainingError(
        f"the loss or a weight stopped being finite before update {run.update:,}. The best weights so far, of update "
        f"{run.best_update:,}, are in {folder}, which ntm.load reads; another --seed may fare better"
    )


def _train_a_while(run: Run, settings: Settings, task: Task, step: Step, share: Share) -> Progress:
    """A few updates without asking the device how they went, then one look at it."""
    device = _device(run.model)
    generator = torch.Generator(device)
    count = min(_UPDATES_A_REPORT, settings.recipe.updates - run.update)
    sums = torch.zeros(2, device=device)
    for _ in range(count):
        batch, slots = draw_batch(task, settings, run.update, run.limit, generator)
        _set_learning_rate(run.optimizer, learning_rate(settings.recipe, run.update))
        sums += step(parallel.part(batch, share), slots, generator)
        run.update += 1
    newest = _share_of_newest(settings.recipe, run.update)
    for mean, weights in zip(run.average.state_dict().values(), run.model.state_dict().values(), strict=True):
        mean.lerp_(weights, newest)
    loss, error = parallel.mean(sums / count, share).tolist()
    if run.limit is not None and run.limit < task.largest and loss < settings.recipe.raise_limit_below:
        run.limit += 1
    return Progress(run.update, loss, error)


def draw_batch(
    task: Task, settings: Settings, update: int, limit: int | None, generator: torch.Generator
) -> tuple[Batch, int | None]:
    """The batch of one update and the memory slots to run it with, functions of the seed, the update and the limit.

    All sequences of a batch are of one size. Candidates for the same place in it are a batch apart.
    """
    recipe = settings.recipe
    choices = make_generator("training", recipe.seed, update)
    sizes = task.draw_sizes(choices, limit)
    slots = None
    if recipe.memory_slots:
        slots = recipe.memory_slots[int(torch.randint(len(recipe.memory_slots), (), generator=choices))]
    seed_generator(generator, "training", recipe.seed, update)
    batches = [
        task.draw_training(recipe.batch_size, generator, generator.device, **sizes)
        for _ in range(_count_candidates(recipe, update))
    ]
    return Batch(*(torch.cat(tensors, dim=1) for tensors in zip(*batches, strict=True))), slots


def _count_candidates(recipe: Recipe, update: int) -> int:
    return recipe.candidates if update >= _CANDIDATES_FROM * _count_before_polishing(recipe) else 1


def _count_before_polishing(recipe: Recipe) -> int:
    return round((1 - recipe.polishing) * recipe.updates)


def _share_of_newest(recipe: Recipe, update: int) -> float:
    """In the running mean of the weights, which begins anew with polishing and is then that of all reports since."""
    polished = math.ceil((update - _count_before_polishing(recipe)) / _UPDATES_A_REPORT)
    return 1 / polished if polished > 0 else 1 - recipe.averaging


def train_step(
    run: Run,
    settings: Settings,
    task: Task,
    forward: Forward,
    batch: Batch,
    slots: int | None,
    generator: torch.Generator,
) -> Tensor:
    """One update of the weights.

    Returns:
        The loss and the mean error before it, of all candidates, (2,), still on the device.
    """
    recipe, model = settings.recipe, run.model

    def answer(batch: Batch) -> tuple[Tensor, Tensor | None, Tensor]:
        logits, weightings = forward(
            batch.inputs, model.initial_state(batch.inputs.shape[1], slots, generator=generator)
        )
        return logits, weightings, bit_losses(logits, batch)

    candidates, figures = _count_candidates(recipe, run.update), None
    if candidates > 1:
        with torch.no_grad():
            logits, _, losses = answer(batch)
            figures = _figures(task, batch, logits, losses)
            batch = _hardest(batch, losses, candidates)
    logits, weightings, losses = answer(batch)
    if figures is None:
        figures = _figures(task, batch, logits.detach(), losses.detach())
    objective = _mean(losses, batch) + recipe.worst_bit * losses.amax((0, 2)).mean()
    if recipe.focus and weightings is not None and _draws_all_sizes(run, task):
        objective = objective + recipe.focus * spread(weightings)
    run.optimizer.zero_grad(set_to_none=True)
    objective.backward()
    nn.utils.clip_grad_norm_(model.parameters(), recipe.gradient_norm)
    for parameter in model.parameters():
        # Sharpening blows up the difference between slots alike, now and then past what a float can hold; what is left
        # of such a gradient says nothing. No question is asked of the device.
        parameter.grad.nan_to_num_(0.0, 0.0, 0.0)
    run.optimizer.step()
    return figures


def _figures(task: Task, batch: Batch, logits: Tensor, losses: Tensor) -> Tensor:
    return torch.stack([_mean(losses, batch), task.errors(logits, batch).mean()])


def _hardest(batch: Batch, losses: Tensor, candidates: int) -> Batch:
    """Of the candidates for each place the one with the worst bit."""
    worst = losses.amax((0, 2)).view(candidates, -1)
    places = torch.arange(worst.shape[1], device=worst.device)
    chosen = worst.argmax(0) * worst.shape[1] + places
    return Batch(*(tensor[:, chosen] for tensor in batch))


def _mean(losses: Tensor, batch: Batch) -> Tensor:
    """Over the bits that are scored."""
    return losses.sum() / (batch.mask.sum() * losses.shape[-1])


def _draws_all_sizes(run: Run, task: Task) -> bool:
    return run.limit in (None, task.largest)


def bit_losses(logits: Tensor, batch: Batch) -> Tensor:
    """Cross entropy of every bit in nats, (T, B, out); 0 where nothing is scored."""
    losses = functional.binary_cross_entropy_with_logits(logits, batch.targets, reduction="none")
    return losses * batch.mask.unsqueeze(-1)


def spread(weightings: Tensor) -> Tensor:
    """The mean entropy in nats of weightings (T, B, H, N)."""
    return -(weightings * (weightings + _SMALLEST_WEIGHT).log()).sum(-1).mean()


def learning_rate(recipe: Recipe, update: int) -> float:
    """It falls to zero along a cosine, and along a second and lower one for the updates that polish."""
    first = _count_before_polishing(recipe)
    if update < first:
        return recipe.learning_rate * _cosine(update / first)
    return _POLISHING_RATE * recipe.learning_rate * _cosine((update - first) / (recipe.updates - first))


def _cosine(progress: float) -> float:
    return (1 + math.cos(math.pi * progress)) / 2


@torch.no_grad()
def _validate(run: Run, task: Task, sequences: int) -> Validation:
    with torch.compiler.set_stance("force_eager"):
        judged = [(case.weight, _judge(run.average, task, case, sequences)) for case in task.validation]
    validation = Validation(
        error=sum(weight * judgement.error for weight, judgement in judged),
        doubt=max(judgement.doubt for _, judgement in judged),
    )
    if validation < run.best_validation:
        run.best, run.best_update, run.best_validation = _copy_weights(run.average), run.update, validation
    return validation


def _judge(model: SequenceModel, task: Task, case: Case, sequences: int) -> Validation:
    """In one case, on no more sequences than it takes to find an error."""
    errors, doubt = [], -math.inf
    for index in range(math.ceil(sequences / _VALIDATION_BATCH)):
        generator = make_generator("validation", 0, index)
        batch = task.draw_validation(_VALIDATION_BATCH, generator, _device(model), **case.sizes)
        logits, _ = model(batch.inputs, model.initial_state(_VALIDATION_BATCH, case.memory_slots))
        towards_wrong = torch.where(batch.targets > 0.5, -logits, logits)
        doubt = max(doubt, towards_wrong[batch.mask].max().item())
        errors.append(task.errors(logits, batch).mean().item())
        if errors[-1]:
            break
    return Validation(fmean(errors), doubt)


def save(run: Run, settings: Settings, folder: Path) -> None:
    """Write a run to its folder, whole or not at all.

    Raises:
        TrainingError: if it cannot be written; what was saved before is still there.
    """
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {f"model.{name}": tensor for name, tensor in run.model.state_dict().items()}
    tensors |= {f"average.{name}": tensor for name, tensor in run.average.state_dict().items()}
    tensors |= {f"best.{name}": tensor for name, tensor in run.best.items()}
    for index, slots in run.optimizer.state_dict()["state"].items():
        tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in slots.items()}
    record = {
        "settings": asdict(settings),
        "update": run.update,
        "seconds": run.seconds,
        "curve": run.curve,
        "best_update": run.best_update,
        "best_validation": run.best_validation,
        "limit": run.limit,
    }
    partial = folder / f"{STATE}.partial"
    try:
        save_file(tensors, partial, metadata={"record": json.dumps(record)})
        partial.replace(folder / STATE)
    except (OSError, SafetensorError) as error:
        raise TrainingError(f"the run cannot be saved in {folder}: {error}") from error


def resume(settings: Settings, folder: Path, device: torch.device) -> Run:
    """The run that was saved in a folder.

    Raises:
        TrainingError: if there is none, or it was started with other settings.
    """
    try:
        with safe_open(folder / STATE, framework="pt", device=str(device)) as file:
            record = json.loads(file.metadata()["record"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except FileNotFoundError:
        raise TrainingError(f"there is no unfinished run in {folder}") from None
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise TrainingError(f"the run in {folder} cannot be read: {error}") from error
    differing = _differing(json.loads(json.dumps(asdict(settings))), record["settings"])
    if differing:
        raise TrainingError(f"the run in {folder} was started with another {' and '.join(differing)}")
    run = start(settings, device)
    run.model.load_state_dict(_part(tensors, "model."))
    run.average.load_state_dict(_part(tensors, "average."))
    run.best = _part(tensors, "best.")
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in _part(tensors, "optimizer.").items():
        index, slot = name.split(".")
        state.setdefault(int(index), {})[slot] = tensor
    run.optimizer.load_state_dict({**run.optimizer.state_dict(), "state": state})
    run.update, run.seconds, run.curve = record["update"], record["seconds"], record["curve"]
    run.limit = record["limit"]
    run.best_update, run.best_validation = record["best_update"], Validation(*record["best_validation"])
    return run


def facts(run: Run, settings: Settings) -> dict[str, Any]:
    """The contents of `training.json`."""
    device = _device(run.model)
    return {
        "task": settings.task,
        **asdict(settings.recipe),
        "best_update": run.best_update,
        "sequences": run.update * settings.recipe.batch_size,
        "seconds": round(run.seconds, 1),
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else f"{platform.machine()} CPU",
        "threads": torch.get_num_threads(),
        "versions": {"python": platform.python_version(), "torch": torch.__version__},
        "curve": run.curve,
    }


def _differing(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The names of the settings that differ, down to those of the recipe and the model."""
    names: list[str] = []
    for name, value in wanted.items():
        if isinstance(value, dict) and isinstance(found.get(name), dict):
            names += _differing(value, found[name])
        elif found.get(name) != value:
            names.append(name)
    return names


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}


def _copy_weights(model: SequenceModel) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _set_learning_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
    for group in optimizer.param_groups:
        if isinstance(group["lr"], Tensor):
            group["lr"].fill_(rate)
        else:
            group["lr"] = rate


def _device(model: SequenceModel) -> torch.device:
    return next(model.parameters()).device
