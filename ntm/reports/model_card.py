"""The model card: a README with the Hub's metadata, rendered from what is true of one checkpoint."""

import inspect
from collections.abc import Sequence
from pathlib import Path
from textwrap import fill
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ntm import tasks
from ntm.machine.extensions import PAPER, Extension
from ntm.machine.model import SequenceModel
from ntm.machine.models import MODELS, architecture_of
from ntm.machine.ntm import NTM
from ntm.reports import tables
from ntm.reports.tables import Row
from ntm.tasks import Task

CARD = "README.md"
_WIDTH = 120
PICTURES = {
    "run.png": "One run of the largest size it was trained on, step by step.",
    "generalisation.png": "Error by size, far beyond the sizes it was trained on.",
}

_TEXT = """---
{metadata}
---

# {name}

{kind} trained from scratch on the task *{task}*: {parameters:,} weights.
It belongs to a project that trains the machines of [the paper by Graves, Wayne and
Danihelka](https://arxiv.org/abs/1410.5401) and shows them at work in a browser.

> {about}
{pictures}{beyond}
## Use

The library is not on PyPI: run this in a clone of the project, after `pip install -r requirements.txt`.

```python
import torch
import ntm

model = ntm.load("{source}")
batch = ntm.tasks.{get}.sample(1)
logits, state = model(batch.inputs)
print(torch.sigmoid(logits).round())
```

`python train.py {command}` trains another one like it.

## Results

{error} per sequence on {sequences} fresh sequences a size ({seeds}), none of which were used in training or in
choosing the weights.{optimal} After "±" is half the 95 % interval of the mean. Where none or few were wrong, the share
of wrong sequences is below what the brackets say, at the level of 95 %.

{scores}

## Configuration

| argument | value |
| --- | --- |
{configuration}

## Training

| | |
| --- | --- |
{training}

Trained on sequences drawn anew for every update; there is no data set. The weights are those that did best on the
task's validation sizes: {validation}.

## Limits

It does this one task, in this one encoding. How it does beyond the sizes in the table is not known.
"""

_BEYOND = """
## What it has beyond the paper's machine

{about}
"""

_OPTIMAL = (
    " In brackets: how much more that is than the optimal estimator's on the same sequences, and the interval of that."
)

_BARE = """---
{metadata}
---

# {name}

{description} trained on sequences.

```python
import ntm

model = ntm.load("{source}")
```
"""
_TITLES = ("size", "memory slots", "sequences", "mean", "wrong sequences", "worst")
_TAGS = ("neural-turing-machine", "memory-augmented-neural-network")

_TRAINING = {
    "sequences": "sequences seen",
    "updates": "updates",
    "best_update": "update of these weights",
    "batch_size": "batch size",
    "learning_rate": "learning rate at the start",
    "seed": "seed",
    "seconds": "seconds",
    "device": "device",
    "versions": "versions",
}


def render(
    model: SequenceModel,
    task: str,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    source: str,
    pictures: Sequence[str] = (),
) -> str:
    """The text of the card.

    Args:
        model: the trained weights.
        task: the name of the task.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`.
        source: what a reader passes to `ntm.load`, a folder or a Hub id; its last part is the checkpoint's name.
        pictures: those of `PICTURES` that lie beside the card.
    """
    name, architecture = source.rpartition("/")[2], architecture_of(model)
    about, path = tasks.get(task), tasks.path_of(task)
    kind, extension = MODELS[architecture].description, _extension_of(model)
    # Of a task of one's own the file's name alone: where it lies says nothing to others.
    trained_on = task if path is None else path.name
    rows = tables.rows(about, evaluation)
    # Records of before do not say.
    chosen_at = evaluation.get("chosen_at", [case.sizes for case in about.validation])
    return _TEXT.format(
        metadata=_metadata(name, task, evaluation, rows).to_yaml(),
        name=name,
        kind=f"{kind} (with an extension: {extension.name})" if extension.name else kind,
        task=task,
        about=_describe_task(about),
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        beyond=_BEYOND.format(about=fill(extension.about, _WIDTH)) if extension.about else "",
        pictures="".join(f"\n![{PICTURES[picture]}]({picture})\n" for picture in pictures),
        source=source,
        get=f'get("{task}")' if path is None else f'load("{path.name}")',
        command=f"{trained_on}{_options_of(model, about)}",
        error=evaluation["error"].capitalize(),
        sequences=tables.describe_counts(evaluation["scores"]),
        # Records of before are of a single seed.
        seeds=tables.describe_seeds(evaluation["seeds"] if "seeds" in evaluation else [evaluation["seed"]]),
        optimal=_OPTIMAL if any(row.optimal is not None for row in rows) else "",
        scores=tables.markdown(_TITLES, list(map(_cells, rows))),
        validation="; ".join(dict.fromkeys(map(tables.describe_sizes, chosen_at))),
        configuration="\n".join(f"| `{argument}` | {value} |" for argument, value in model.config.items()),
        training="\n".join(f"| {words} | {_say(training[fact])} |" for fact, words in _TRAINING.items()),
    )


def write(
    folder: Path,
    model: SequenceModel,
    task: str,
    training: dict[str, Any],
    evaluation: dict[str, Any],
    *,
    source: str,
) -> None:
    """Write the card of a checkpoint folder, with those of its pictures that are there; see `render`."""
    pictures = [name for name in PICTURES if (folder / name).is_file()]
    text = render(model, task, training, evaluation, source=source, pictures=pictures)
    (folder / CARD).write_text(text, encoding="utf-8")


def write_bare(folder: Path, model: SequenceModel, *, source: str) -> None:
    """Write the card of weights of which nothing else is known.

    Args:
        folder: where to.
        model: the weights.
        source: what a reader passes to `ntm.load`.
    """
    metadata = ModelCardData(license="mit", library_name="ntm", pipeline_tag="other", tags=list(_TAGS))
    name = source.rpartition("/")[2]
    description = MODELS[architecture_of(model)].description
    text = _BARE.format(metadata=metadata.to_yaml(), name=name, description=description, source=source)
    (folder / CARD).write_text(text, encoding="utf-8")


def _extension_of(model: SequenceModel) -> Extension:
    return model.extension if isinstance(model, NTM) else PAPER


def _options_of(model: SequenceModel, task: Task) -> str:
    """What `train.py` is told beside the task, to train another one like it."""
    if not isinstance(model, NTM):
        return f" --model {architecture_of(model)}"
    shown = {"controller": "feedforward", "extension": None} | dict(task.recipes["ntm"].arguments)
    alike = bool(model.config["extension"]) == bool(shown["extension"])
    controller = model.config["controller"]
    return "" if alike and controller == shown["controller"] else f" --controller {controller}"


def _describe_task(task: Task) -> str:
    """What a task asks for: the first words of the file that defines it."""
    words = inspect.getdoc(inspect.getmodule(type(task))) or task.tells or task.name
    return words.partition("\n\n")[0].replace("\n", " ")


def _metadata(name: str, task: str, evaluation: dict[str, Any], rows: Sequence[Row]) -> ModelCardData:
    return ModelCardData(
        license="mit",
        library_name="ntm",
        pipeline_tag="other",
        tags=[*_TAGS, task],
        model_name=name,
        eval_results=[_result(task, evaluation, row) for row in rows],
    )


def _result(task: str, evaluation: dict[str, Any], row: Row) -> EvalResult:
    slots = "no" if row.memory_slots is None else f"{row.memory_slots}"
    where = f"{row.sizes}, {slots} memory slots"
    return EvalResult(
        task_type="other",
        task_name=task,
        dataset_type="synthetic",
        dataset_name=f"{task}, {where}",
        # Results that differ in their data set's name alone are merged into one by the Hub's client.
        dataset_config=where.replace(", ", "-").replace(" ", "-"),
        metric_type=evaluation["error"].replace(" ", "_"),
        metric_name=f"{evaluation['error']} per sequence",
        metric_value=row.error,
    )


def _cells(row: Row) -> list[str]:
    slots = "" if row.memory_slots is None else f"{row.memory_slots:,}"
    wrong = tables.wrong_sequences(row)
    return [row.label, slots, f"{row.sequences:,}", tables.mean_error(row), wrong, tables.number(row.worst)]


def _say(fact: Any) -> str:
    if isinstance(fact, dict):
        return ", ".join(f"{name} {value}" for name, value in fact.items())
    return f"{fact:,}" if isinstance(fact, int | float) else str(fact)
