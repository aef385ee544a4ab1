"""The model card: a README with the Hub's metadata, rendered from what is true of one checkpoint."""

from collections.abc import Sequence
from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ntm.model import SequenceModel

PICTURES = {
    "run.png": "One run, step by step: inputs, outputs, what is added to memory and read from it, and where its heads "
    "write and read.",
    "generalisation.png": "Error by size, far beyond the sizes it was trained on.",
}

_TEXT = """---
{metadata}
---

# {name}

A {kind} that learned the task *{task}* from examples: {parameters:,} weights, trained from scratch. Made with the
Neural Turing Machine project, which shows such machines at work in a browser.
{pictures}
## Use

The library is not on PyPI: run this in a clone of the project, after `pip install -r requirements.txt`.

```python
import torch
import ntm

model = ntm.load("{source}")
batch = ntm.tasks.get("{task}").sample(1)
logits, state = model(batch.inputs)
print(torch.sigmoid(logits).round())
```

`python train.py {task}` trains another one like it.

## Results

{error} per sequence on {sequences:,} fresh sequences a size (seed {seed}), none of which were used in training or in
choosing the weights.

| size | memory slots | sequences | mean | worst |
| --- | ---: | ---: | ---: | ---: |
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
task's validation sizes.

## Limits

It does this one task, in this one encoding. How it does beyond the sizes in the table is not known.
"""

_KINDS = {"NTM": "Neural Turing Machine", "LSTMBaseline": "plain LSTM, the baseline beside the Neural Turing Machine,"}

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
    name = source.rpartition("/")[2]
    return _TEXT.format(
        metadata=_metadata(name, task, evaluation).to_yaml(),
        name=name,
        kind=_KINDS[type(model).__name__],
        task=task,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        pictures="".join(f"\n![{PICTURES[picture]}]({picture})\n" for picture in pictures),
        source=source,
        error=evaluation["error"].capitalize(),
        sequences=evaluation["sequences"],
        seed=evaluation["seed"],
        scores="\n".join(map(_row, evaluation["scores"])),
        configuration="\n".join(f"| `{argument}` | {value} |" for argument, value in model.config.items()),
        training="\n".join(f"| {words} | {_say(training[fact])} |" for fact, words in _TRAINING.items()),
    )


def _metadata(name: str, task: str, evaluation: dict[str, Any]) -> ModelCardData:
    return ModelCardData(
        license="mit",
        library_name="ntm",
        pipeline_tag="other",
        tags=["neural-turing-machine", "memory-augmented-neural-network", task],
        model_name=name,
        eval_results=[_result(task, evaluation, score) for score in evaluation["scores"]],
    )


def _result(task: str, evaluation: dict[str, Any], score: dict[str, Any]) -> EvalResult:
    where = f"{describe_sizes(score['sizes'])}, {score['memory_slots'] or 'no'} memory slots"
    return EvalResult(
        task_type="other",
        task_name=task,
        dataset_type="synthetic",
        dataset_name=f"{task}, {where}",
        # Results that differ in their data set's name alone are merged into one by the Hub's client.
        dataset_config=where.replace(", ", "-").replace(" ", "-"),
        metric_type=evaluation["error"].replace(" ", "_"),
        metric_name=f"{evaluation['error']} per sequence",
        metric_value=score["error"],
    )


def _row(score: dict[str, Any]) -> str:
    return (
        f"| {describe_sizes(score['sizes'])} | {score['memory_slots'] or ''} | {score['sequences']:,} "
        f"| {score['error']:.4g} | {score['worst']:.4g} |"
    )


def _say(fact: Any) -> str:
    if isinstance(fact, dict):
        return ", ".join(f"{name} {value}" for name, value in fact.items())
    return f"{fact:,}" if isinstance(fact, int | float) else str(fact)


def describe_sizes(sizes: dict[str, int]) -> str:
    """Sizes in words, such as "length 20"."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())
