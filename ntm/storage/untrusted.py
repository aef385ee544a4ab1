"""Strict reading: what the files of a checkpoint may say, checked before anything is built from them.

A checkpoint may come from anyone. Nothing here executes what it reads, and nothing takes memory in proportion to a
number that a file merely names.
"""

import inspect
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from ntm import tasks
from ntm.machine.controllers import CONTROLLER_KINDS
from ntm.machine.memory import MEMORY_INITS
from ntm.machine.model import SequenceModel
from ntm.machine.models import MODELS
from ntm.machine.ntm import NTM

ARCHITECTURES: dict[str, type[SequenceModel]] = {kind.class_name: kind.model for kind in MODELS.values()}
"""the models by what `config.json` calls them"""

LARGEST_JSON = 4 * 2**20
LARGEST_MODEL = 256 * 2**20
_LARGEST_HEADER = 2**20
_FLOAT32_BYTES = 4
_MISSING = object()

_ALLOWED: dict[str, range | tuple[str, ...]] = {
    "input_size": range(1, 1025),
    "output_size": range(1, 1025),
    "controller": CONTROLLER_KINDS,
    "controller_size": range(1, 4097),
    "controller_layers": range(1, 17),
    "memory_slots": range(1, 2**20 + 1),
    "memory_width": range(1, 4097),
    "read_heads": range(1, 65),
    "write_heads": range(1, 65),
    "shift_range": range(513),
    "memory_init": MEMORY_INITS,
    "hidden_size": range(1, 4097),
    "num_layers": range(1, 17),
}


_EXTENSION = '"analog", {"register": {"channel": ..., "mean": ..., "deviation": ...}}'
_REGISTER: dict[str, Any] = {"channel": int, "mean": float, "deviation": float}


@dataclass(frozen=True)
class _IfThere:
    """A field that older files lack."""

    kind: Any


TRAINING_FACTS: dict[str, Any] = {
    "seed": int,
    "updates": int,
    "batch_size": int,
    "learning_rate": float,
    "best_update": int,
    "sequences": int,
    "seconds": float,
    "device": str,
    "threads": int,
    "curve": [{"update": int, "loss": float, "error": float}],
}
EVALUATION_FACTS: dict[str, Any] = {
    "error": str,
    "sequences": int,
    "seeds": [int],
    "scores": [
        {
            "sizes": {},
            "memory_slots": (int, None),
            "sequences": int,
            "error": float,
            "margin": _IfThere(float),
            "worst": float,
            "wrong": _IfThere(int),
            "optimal": _IfThere(float),
        }
    ],
}


class CheckpointError(Exception):
    """A checkpoint that cannot be had or cannot be trusted. The message is one sentence for the person who named it."""


def read_json(path: Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
        CheckpointError: if the file is missing, too large or not an object in JSON.
    """
    try:
        if path.stat().st_size > LARGEST_JSON:
            raise CheckpointError(f"{path.name} is larger than {LARGEST_JSON // 2**20} MB")
        value = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {path.name}") from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise CheckpointError(f"{path.name} is not sound JSON") from error
    if not isinstance(value, dict):
        raise CheckpointError(f"{path.name} holds no JSON object")
    return value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON")


def read_config(path: Path, task: str | None = None) -> dict[str, Any]:
    """The contents of `config.json`, in today's fields and checked.

    Raises:
        CheckpointError: if the file is missing, no sound JSON, or `check_config` refuses it.
    """
    config = upgrade_config(read_json(path))
    check_config(config, task)
    return config


def upgrade_config(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration in today's fields, from those of before machines had `extension`: `analog` and `register`.

    Raises:
        CheckpointError: if the old fields say what no machine can be.
    """
    if "extension" in config:
        return config
    rest = {name: value for name, value in config.items() if name not in ("analog", "register")}
    match config.get("analog", False), config.get("register"):
        case False, None:
            return rest
        case True, None:
            return rest | {"extension": "analog"}
        case False, register:
            return rest | {"extension": {"register": register}}
        case analog, register:
            raise CheckpointError(
                f"config.json gives analog as {quote(analog)} and register as {quote(register)}; a machine is analog "
                f"(true) or has a register, not both"
            )


def check_config(config: dict[str, Any], task: str | None = None) -> None:
    """Check the contents of `config.json` field by field, then the memory that the model would take.

    Args:
        config: untrusted.
        task: what the model is wanted for; its widths must fit. The task that the file names, if known, when None.

    Raises:
        CheckpointError: if a field is unknown, missing, of the wrong type or out of bounds, if one sequence would take
            more than 256 MB, or if the model is for another task.
    """
    architecture = config.get("architecture")
    if not isinstance(architecture, str) or architecture not in ARCHITECTURES:
        raise CheckpointError(
            f"config.json names the architecture {quote(architecture)}; known are {' and '.join(ARCHITECTURES)}"
        )
    arguments = model_arguments(config)
    parameters = inspect.signature(ARCHITECTURES[architecture]).parameters
    for name, value in arguments.items():
        if name not in parameters:
            raise CheckpointError(f"config.json has the field {quote(name)}, which {architecture} does not know")
        _check_field(name, value)
    for name, parameter in parameters.items():
        if parameter.default is parameter.empty and name not in arguments:
            raise CheckpointError(f"config.json has no {name}")
    _check_memory(architecture, arguments)
    _check_task(config, task)


def model_arguments(config: dict[str, Any]) -> dict[str, Any]:
    """The part of `config.json` that goes to the model's constructor."""
    return {name: value for name, value in config.items() if name not in ("architecture", "task")}


def _check_field(name: str, value: Any) -> None:
    if name == "extension":
        wanted = f"null, {_EXTENSION} with three numbers"
        fits = value in (None, "analog") or _names_register(value)
    elif isinstance(allowed := _ALLOWED[name], range):
        wanted = f"a whole number from {allowed.start} to {allowed.stop - 1:,}"
        fits = type(value) is int and value in allowed
    else:
        wanted = " or ".join(allowed)
        fits = isinstance(value, str) and value in allowed
    if not fits:
        raise CheckpointError(f"config.json gives {name} as {quote(value)}, which must be {wanted}")


def _names_register(value: Any) -> bool:
    return (
        _holds(value, {"register": _REGISTER})
        and value.keys() == {"register"}
        and value["register"].keys() == _REGISTER.keys()
    )


def _check_memory(architecture: str, arguments: dict[str, Any]) -> None:
    """Weigh a skeleton on the meta device, which has shapes and no storage, with what one sequence needs beside it."""
    try:
        with torch.device("meta"):
            model = ARCHITECTURES[architecture](**arguments)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"config.json describes no model: {error}") from error
    numbers = sum(tensor.numel() for tensor in model.state_dict().values())
    if isinstance(model, NTM):
        # Memory and weightings before a step, after it and, as measured, three times in between; and the shift, which
        # looks at a window of slots around every slot for every head.
        window = 2 * model.shift_range + 1
        numbers += model.memory_slots * (5 * model.config["memory_width"] + model.head_count * (5 + window))
    if numbers * _FLOAT32_BYTES > LARGEST_MODEL:
        raise CheckpointError(
            f"the model that config.json describes would take {numbers * _FLOAT32_BYTES / 2**20:,.0f} MB of memory; "
            f"at most {LARGEST_MODEL // 2**20} MB are allowed"
        )


def _check_task(config: dict[str, Any], wanted: str | None) -> None:
    named = config.get("task")
    if named is not None and not tasks.is_name(named):
        raise CheckpointError(f"config.json names the task {quote(named)}, which is no name of a task")
    if None not in (named, wanted) and named != wanted:
        raise CheckpointError(f"the model was trained on {named}, not on {wanted}")
    if wanted is None and named not in tasks.names():
        return  # no task, or one of somebody's own, whose widths are not known here
    task = tasks.get(wanted or named or "")
    widths = config["input_size"], config["output_size"]
    if widths != (task.input_size, task.output_size):
        raise CheckpointError(
            f"the model has {widths[0]} inputs and {widths[1]} outputs, "
            f"but {task.name} needs {task.input_size} and {task.output_size}"
        )


def load_weights(model: SequenceModel, path: Path) -> None:
    """Fill a model from a safetensors file that holds exactly its tensors, float32 and finite.

    Raises:
        CheckpointError: if the file is missing, damaged, does not fit, or holds NaN, infinity or another precision.
    """
    try:
        with path.open("rb") as raw:
            if int.from_bytes(raw.read(8), "little") > _LARGEST_HEADER:
                raise CheckpointError(f"{path.name} is damaged or no safetensors file")
        with safe_open(path, framework="pt") as file:
            weights = _read_tensors(file, model.state_dict(), path.name)
    except FileNotFoundError:
        raise CheckpointError(f"there is no {path.name}") from None
    except OSError as error:
        raise CheckpointError(f"{path.name} cannot be read: {error.strerror}") from error
    except SafetensorError as error:
        raise CheckpointError(f"{path.name} is damaged or cut short") from error
    model.load_state_dict(weights, strict=True)


def _read_tensors(file: Any, expected: dict[str, Tensor], name: str) -> dict[str, Tensor]:
    """Compare names, shapes and types from the header first, so that no more is read than the model will take."""
    names = set(file.keys())
    for tensor in expected.keys() - names:
        raise CheckpointError(f"{name} has no {tensor}, which the model that config.json describes needs")
    for tensor in names - expected.keys():
        raise CheckpointError(f"{name} has {quote(tensor)}, which the model that config.json describes does not know")
    for tensor, like in expected.items():
        header = file.get_slice(tensor)
        shape = tuple(header.get_shape())
        if shape != tuple(like.shape):
            raise CheckpointError(
                f"{name} does not fit config.json: {tensor} is {_size(shape)} and should be {_size(tuple(like.shape))}"
            )
        if header.get_dtype() != "F32":
            raise CheckpointError(f"{name} holds {tensor} as {header.get_dtype()}; only float32 is read")
    weights = {tensor: file.get_tensor(tensor) for tensor in expected}
    for tensor, values in weights.items():
        if not torch.isfinite(values).all():
            raise CheckpointError(f"{name} holds NaN or infinity in {tensor}")
    return weights


def _size(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def read_facts(path: Path, kinds: dict[str, Any]) -> dict[str, Any]:
    """The contents of `training.json` or `evaluation.json`; nothing where the file is missing.

    Args:
        path: the file to read.
        kinds: what the fields hold. They may be missing; further ones are kept unchecked, and are not to be relied on.

    Raises:
        CheckpointError: if a field holds something else.
    """
    if not path.exists():
        return {}
    facts = read_json(path)
    for name, kind in kinds.items():
        if name in facts and not _holds(facts[name], kind):
            raise CheckpointError(f"{path.name} holds no sound {name}")
    return facts


def _holds(value: Any, kind: Any) -> bool:
    if isinstance(kind, tuple):
        return any(_holds(value, each) for each in kind)
    if isinstance(kind, list):
        return isinstance(value, list) and all(_holds(each, kind[0]) for each in value)
    if isinstance(kind, dict):
        named = isinstance(value, dict) and all(_holds(value.get(name, _MISSING), kind[name]) for name in kind)
        return named and (bool(kind) or all(type(each) is int for each in value.values()))
    if isinstance(kind, _IfThere):
        return value is _MISSING or _holds(value, kind.kind)
    if kind is float:
        return type(value) in (int, float) and math.isfinite(value)
    return value is None if kind is None else type(value) is kind


def quote(value: Any, longest: int = 40) -> str:
    """A value from outside as it may stand in a message: on one line, and short."""
    text = repr(value[: longest + 1] if isinstance(value, str) else value)
    return text if len(text) <= longest else f"{text[:longest]}..."
