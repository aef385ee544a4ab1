"""A training run: everything that changes while a model is trained, and the folder in which it can be stopped.

A run lives in a folder of its own until it is finished. After any update it can be written there and gone on with
later: batch number u is a function of the seed and u alone, so on the CPU the resumed run ends in the same weights,
bit for bit, as one that was never stopped.
"""

import hashlib
import json
import os
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load, save
from torch import Tensor

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.models import MODELS, Architecture
from ntm.machine.ntm import MEMORY_SLOTS
from ntm.tasks import Recipe, Task
from ntm.tasks.recipe import few_slots
from ntm.tasks.streams import seed_generator
from ntm.training.recovery import Recovery
from ntm.training.validation import NOT_VALIDATED, Validation

STATE = "state"
"""The file that makes a folder hold a run: safetensors, then their SHA-256"""

_DIGEST_BYTES = hashlib.sha256().digest_size
_LARGEST_BATCH = 2**31


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
        seeds: int | None = None,
        updates: int | None = None,
        batch_size: int | None = None,
        controller: str | None = None,
        recipe: Recipe | None = None,
    ) -> Self:
        """The task's recipe, or another one, except for what is given.

        Where a controller is given, the machine is the paper's own, without an extension.

        Raises:
            TrainingError: if a number is out of range, the task has no recipe for the architecture, or that has no
                controller.
        """
        if architecture not in task.recipes:
            raise TrainingError(f"{task.name} has no recipe for {architecture}, only for {' and '.join(task.recipes)}")
        given = {"seed": seed, "seeds": seeds, "updates": updates, "batch_size": batch_size}
        for name, value in given.items():
            smallest = 0 if name == "seed" else 1
            if value is not None and value < smallest:
                raise TrainingError(f"{name.replace('_', ' ')} must be at least {smallest}, not {value}")
        if batch_size is not None and batch_size > _LARGEST_BATCH:
            raise TrainingError(f"batch size must be at most {_LARGEST_BATCH}, not {batch_size}")
        recipe = recipe or task.recipes[architecture]
        if controller is not None:
            if architecture != "ntm":
                raise TrainingError(f"{architecture} has no controller: leave it out, or train an ntm")
            recipe = recipe.with_controller(controller)
        changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
        if recipe.training_slots is None:
            own = recipe.arguments.get("memory_slots", MEMORY_SLOTS)
            changes["training_slots"] = few_slots(task.longest(), own) if architecture == "ntm" else ()
        return cls(task.name, architecture, replace(recipe, **changes))

    def with_seed(self, seed: int) -> Self:
        """The same settings for this seed, and no other."""
        return replace(self, recipe=replace(self.recipe, seed=seed, seeds=1))


@dataclass
class TrainingRun:
    """A model in training, with its settings and its folder. `start` and `resume` make one."""

    settings: Settings
    folder: Path
    model: SequenceModel
    optimizer: torch.optim.Optimizer
    best: dict[str, Tensor]
    """the weights that did best on validation so far"""
    limit: int | None
    """no size is drawn above this"""
    has_learned: bool = False
    """whether the loss was ever below the recipe's `learned_below` with all sizes drawn"""
    best_update: int = 0
    best_validation: Validation = NOT_VALIDATED
    update: int = 0
    seconds: float = 0.0
    recovery: Recovery = field(default_factory=Recovery)
    curve: list[dict[str, float]] = field(default_factory=list)
    """a row every few updates: training loss and error, and validation error where there was one"""
    failure: TrainingError | None = None
    """why it ended early, if it did"""

    @classmethod
    def start(cls, settings: Settings, folder: Path, device: torch.device) -> Self:
        """A run before its first update."""
        task, recipe = tasks.get(settings.task), settings.recipe
        with torch.random.fork_rng(devices=[]):
            seed_generator(torch.default_generator, "weights", recipe.seed)
            model = MODELS[settings.architecture].model(task.input_size, task.output_size, **recipe.arguments)
        model.to(device)
        return cls(
            *(settings, folder, model, _make_optimizer(model, device)),
            best=_copy_weights(model),
            limit=recipe.curriculum.first_limit,
        )

    @classmethod
    def resume(cls, settings: Settings, folder: Path, device: torch.device) -> Self:
        """The run that was saved in a folder.

        Raises:
            TrainingError: if there is none, it is damaged, or it was started with other settings.
        """
        record, tensors = _read(folder)
        differing = _differing(json.loads(json.dumps(asdict(settings))), record["settings"])
        if differing:
            raise TrainingError(f"the run in {folder} was started with another {' and '.join(differing)}")
        run = cls.start(settings, folder, device)
        try:
            run._restore(record, {name: tensor.to(device) for name, tensor in tensors.items()})
        except (KeyError, RuntimeError, TypeError, ValueError) as error:
            raise TrainingError(f"the run in {folder} is of another version: {error}") from error
        return run

    def _restore(self, record: dict[str, Any], tensors: dict[str, Tensor]) -> None:
        self.model.load_state_dict(_part(tensors, "model."))
        self.best = _part(tensors, "best.")
        state: dict[int, dict[str, Tensor]] = {}
        for name, tensor in _part(tensors, "optimizer.").items():
            index, slot = name.split(".")
            state.setdefault(int(index), {})[slot] = tensor
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.update, self.seconds, self.curve = record["update"], record["seconds"], record["curve"]
        self.limit, self.has_learned = record["limit"], record["has_learned"]
        self.recovery = Recovery(**record["recovery"], tensors=_part(tensors, "recovery."))
        self.best_update, self.best_validation = record["best_update"], Validation(*record["best_validation"])

    @property
    def task(self) -> Task:
        """What is learned."""
        return tasks.get(self.settings.task)

    @property
    def recipe(self) -> Recipe:
        """How it is learned."""
        return self.settings.recipe

    @property
    def device(self) -> torch.device:
        """Where the model is."""
        return next(self.model.parameters()).device

    @property
    def finished(self) -> bool:
        """Whether the last update was reached."""
        return self.update == self.recipe.updates

    @property
    def standing(self) -> tuple[int, float]:
        """What it is compared by in a race, lower is better: how far its curriculum has come, then its best error."""
        return (-self.limit if self.limit is not None else 0, self.recovery.error)

    @property
    def learning_rate(self) -> float:
        """The rate of the next update."""
        return self.recipe.learning_rate_at(self.update) * self.recovery.rate

    def follow(self, loss: float) -> None:
        """Take in the mean loss of some updates, after which there may be larger sizes, or the task is learned."""
        draws_all_sizes = self.limit in (None, self.task.largest)
        self.has_learned |= draws_all_sizes and loss < self.recipe.loss.learned_below
        limit = self.recipe.curriculum.next_limit(self.limit, loss, self.task.largest)
        if limit != self.limit:
            self.limit = limit
            self.recovery.forget()  # errors cannot be compared with those before

    def judge(self, validation: Validation) -> None:
        """Keep the weights if they are the best so far."""
        if validation < self.best_validation:
            self.best, self.best_update = _copy_weights(self.model), self.update
            self.best_validation = validation

    def changing(self) -> dict[str, Tensor]:
        """All tensors that an update changes."""
        tensors = {f"model.{name}": tensor for name, tensor in self.model.state_dict().items()}
        for index, slots in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": tensor for name, tensor in slots.items()}
        return tensors

    def save(self) -> None:
        """Write the run to its folder, whole or not at all.

        Raises:
            TrainingError: if it cannot be written; what was saved before is still there.
        """
        tensors = self.changing() | {f"best.{name}": tensor for name, tensor in self.best.items()}
        tensors |= {f"recovery.{name}": tensor for name, tensor in self.recovery.tensors.items()}
        record = {
            "settings": asdict(self.settings),
            "update": self.update,
            "seconds": self.seconds,
            "curve": self.curve,
            "best_update": self.best_update,
            "best_validation": self.best_validation,
            "limit": self.limit,
            "has_learned": self.has_learned,
            "recovery": {
                "error": self.recovery.error,
                "uncertainty": self.recovery.uncertainty,
                "times": self.recovery.times,
                "recent": self.recovery.recent,
            },
        }
        tensors["record"] = torch.from_numpy(np.frombuffer(bytearray(json.dumps(record).encode()), np.uint8))
        partial = self.folder / f"{STATE}.partial"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            content = save({name: tensor.contiguous() for name, tensor in tensors.items()})
            with partial.open("wb") as file:
                file.write(content + hashlib.sha256(content).digest())
                file.flush()
                os.fsync(file.fileno())
            partial.replace(self.folder / STATE)
        except OSError as error:
            with suppress(OSError):
                partial.unlink(missing_ok=True)  # where a disk is full, what it holds is needed
            raise TrainingError(f"the run cannot be saved in {self.folder}: {error}") from error

    def facts(self) -> dict[str, Any]:
        """The contents of `training.json`."""
        on_gpu = self.device.type == "cuda"
        return {
            "task": self.settings.task,
            **asdict(self.recipe),
            "best_update": self.best_update,
            "chosen_at": [dict(case.sizes) for case in self.task.validation],
            "sequences": self.update * self.recipe.batch_size,
            "seconds": round(self.seconds, 1),
            "device": torch.cuda.get_device_name(self.device) if on_gpu else f"{platform.machine()} CPU",
            "threads": torch.get_num_threads(),
            "versions": {"python": platform.python_version(), "torch": torch.__version__},
            "curve": self.curve,
        }


def _make_optimizer(model: SequenceModel, device: torch.device) -> torch.optim.Optimizer:
    if device.type == "cpu":
        return torch.optim.Adam(model.parameters())
    # A captured update reads the rate from the device.
    rate = torch.zeros((), device=device)
    return torch.optim.Adam(model.parameters(), lr=rate, capturable=True, fused=True)


def _copy_weights(model: SequenceModel) -> dict[str, Tensor]:
    return {name: tensor.detach().clone() for name, tensor in model.state_dict().items()}


def _read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The record and the tensors of a saved run."""
    try:
        data = (folder / STATE).read_bytes()
    except FileNotFoundError:
        raise TrainingError(f"there is no unfinished run in {folder}") from None
    except OSError as error:
        raise TrainingError(f"the run in {folder} cannot be read: {error}") from error
    content, digest = data[:-_DIGEST_BYTES], data[-_DIGEST_BYTES:]
    if hashlib.sha256(content).digest() != digest:
        raise TrainingError(f"the run in {folder} is damaged: delete that folder to begin anew")
    try:
        tensors = load(content)
        return json.loads(tensors.pop("record").numpy().tobytes()), tensors
    except (SafetensorError, KeyError, ValueError) as error:
        raise TrainingError(f"the run in {folder} cannot be read: {error}") from error


def _differing(wanted: dict[str, Any], found: dict[str, Any]) -> list[str]:
    """The names of the settings that differ, down to those of the recipe's parts and the model."""
    names: list[str] = []
    for name, value in wanted.items():
        if isinstance(value, dict) and isinstance(found.get(name), dict):
            names += _differing(value, found[name])
        elif found.get(name) != value:
            names.append(name)
    return names


def _part(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): tensor for name, tensor in tensors.items() if name.startswith(prefix)}
