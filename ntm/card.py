"""The model card: a README with the Hub's metadata, rendered from what is true of one checkpoint."""

from typing import Any

from huggingface_hub import EvalResult, ModelCardData

from ntm.model import SequenceModel

_TEXT = """---
{metadata}
---

# {name}

A {kind} trained on the task *{task}* by `python train.py {task}`, with {parameters:,} weights.

## Use

```python
import torch
import ntm

model = ntm.load("{name}")
batch = ntm.tasks.get("{task}").sample(1)
logits, state = model(batch.inputs)
print(torch.sigmoid(logits).round())
```

## Results

Mean {error} on fresh sequences, seed {seed}.

| size | memory slots | sequences | mean | worst |
| --- | ---: | ---: | ---: | ---: |
{rows}

## Training

{sequences:,} sequences in {updates:,} updates and {seconds:,.0f} seconds on {device}, seed {training_seed}; the weights
are those of update {best_update:,}, which did best on the validation sizes.
"""

_KINDS = {"NTM": "Neural Turing Machine", "LSTMBaseline": "plain LSTM, the baseline beside the Neural Turing Machine,"}


def render(model: SequenceModel, task: str, training: dict[str, Any], evaluation: dict[str, Any]) -> str:
    """The text of the card.

    Args:
        model: the trained weights.
        task: the name of the task.
        training: the contents of `training.json`.
        evaluation: the contents of `evaluation.json`.
    """
    architecture = type(model).__name__
    name = f"{'ntm' if architecture == 'NTM' else 'lstm'}-{task}"
    return _TEXT.format(
        metadata=_metadata(name, task, evaluation).to_yaml(),
        name=name,
        kind=_KINDS[architecture],
        task=task,
        parameters=sum(parameter.numel() for parameter in model.parameters()),
        error=evaluation["error"],
        seed=evaluation["seed"],
        rows="\n".join(map(_row, evaluation["scores"])),
        sequences=training["sequences"],
        updates=training["updates"],
        seconds=training["seconds"],
        device=training["device"],
        training_seed=training["seed"],
        best_update=training["best_update"],
    )


def _metadata(name: str, task: str, evaluation: dict[str, Any]) -> ModelCardData:
    return ModelCardData(
        license="mit",
        library_name="ntm",
        tags=["neural-turing-machine", "memory-augmented-neural-network", task],
        model_name=name,
        eval_results=[
            EvalResult(
                task_type="other",
                task_name=task,
                dataset_type="synthetic",
                dataset_name=f"{task}, {describe_sizes(score['sizes'])}, {score['memory_slots'] or 'no'} memory slots",
                metric_type=evaluation["error"].replace(" ", "_"),
                metric_name=f"{evaluation['error']} per sequence",
                metric_value=score["error"],
            )
            for score in evaluation["scores"]
        ],
    )


def _row(score: dict[str, Any]) -> str:
    return (
        f"| {describe_sizes(score['sizes'])} | {score['memory_slots'] or ''} | {score['sequences']:,} "
        f"| {score['error']:.4g} | {score['worst']:.4g} |"
    )


def describe_sizes(sizes: dict[str, int]) -> str:
    """Sizes in words, such as "length 20"."""
    return ", ".join(f"{name} {size}" for name, size in sizes.items())
