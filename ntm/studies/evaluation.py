"""Evaluation: error by size on fresh sequences.

    python -m ntm.studies.evaluation checkpoints/ntm-copy
    python -m ntm.studies.evaluation --all

The first measures a checkpoint on its task's evaluation sizes, the second measures all of them and prints the tables
of the results page. Evaluation sequences come from a stream of their own (`ntm.tasks.streams`) that neither training
nor the choice of weights ever draws from.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, get_args

import torch
from tqdm import tqdm

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.models import MODELS
from ntm.reports import tables
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.storage.load import read
from ntm.storage.record import record
from ntm.storage.untrusted import CheckpointError
from ntm.tasks import Architecture, Case, Task
from ntm.tasks.option import add_task_option
from ntm.tasks.streams import make_generator

# Sequences drawn at once. Part of what is drawn: another number gives other sequences.
_BATCH_SIZE = 50
# The stream of sequences has index 0; random initial memory must not shift it.
_MEMORY_STREAM = 1

_FEW, _MANY = 100, 1000


@dataclass(frozen=True)
class Score:
    """How a model did in one case."""

    sizes: dict[str, int]
    memory_slots: int | None
    """None for a model without memory"""
    sequences: int
    error: float
    """mean over the sequences, in the task's unit"""
    worst: float
    """the error of the worst sequence"""
    optimal: float | None = None
    """mean of the best that can be done on the same sequences, where the task knows it"""


@torch.no_grad()
def measure(model: SequenceModel, task: Task, case: Case, *, sequences: int, seed: int = 0) -> Score:
    """Run a model on fresh sequences of one size.

    Args:
        model: the model to judge, on any device.
        task: what to ask of it.
        case: the sizes, and the memory slots to give it.
        sequences: how many.
        seed: the seed of the sequences.
    """
    device = next(model.parameters()).device
    generator, memory = make_generator("evaluation", seed), make_generator("evaluation", seed, _MEMORY_STREAM, device)
    errors, optimal = [], []
    for start in range(0, sequences, _BATCH_SIZE):
        batch_size = min(_BATCH_SIZE, sequences - start)
        batch = task.sample(batch_size, generator=generator, device=device, **case.sizes)
        logits, _ = model(batch.inputs, model.initial_state(batch_size, case.memory_slots, generator=memory))
        errors.append(task.errors(logits, batch))
        optimal.append(task.optimal_errors(batch))
    per_sequence, best = torch.cat(errors), [each for each in optimal if each is not None]
    return Score(
        sizes=dict(case.sizes),
        memory_slots=_memory_slots(model, case),
        sequences=sequences,
        error=per_sequence.mean().item(),
        worst=per_sequence.max().item(),
        optimal=torch.cat(best).mean().item() if best else None,
    )


def _memory_slots(model: SequenceModel, case: Case) -> int | None:
    own = model.config.get("memory_slots")
    return own and (case.memory_slots or own)


def evaluate(
    model: SequenceModel,
    task: Task,
    cases: Sequence[Case],
    *,
    sequences: int,
    seed: int = 0,
    on_score: Callable[[Score], object] | None = None,
) -> dict[str, Any]:
    """Measure a model case by case; the result is the contents of `evaluation.json`.

    Cases that differ in their memory slots alone are one case to a model without memory.

    Args:
        model: the model to judge, on any device.
        task: what to ask of it.
        cases: the sizes at which to ask it.
        sequences: how many fresh ones a case.
        seed: the seed of the sequences.
        on_score: told of each score as it comes.
    """
    scores = []
    for case in distinct(model, cases):
        score = measure(model, task, case, sequences=sequences, seed=seed)
        if on_score is not None:
            on_score(score)
        scores.append({name: value for name, value in asdict(score).items() if (name, value) != ("optimal", None)})
    return {"task": task.name, "error": task.error_name, "sequences": sequences, "seed": seed, "scores": scores}


def distinct(model: SequenceModel, cases: Sequence[Case]) -> list[Case]:
    """The cases that differ to this model, in order."""
    return list({(*case.sizes.items(), _memory_slots(model, case)): case for case in reversed(cases)}.values())[::-1]


def misses(task: Task, evaluation: Mapping[str, Any]) -> list[str]:
    """Where a machine does worse than its task promises, a phrase each; none where it has learned the task.

    Args:
        task: a task with a bar for some of its evaluation cases, see `Case`.
        evaluation: the contents of `evaluation.json`.
    """
    return [
        f"{tables.number(error)} {task.excess_name} at {tables.describe_sizes(case.sizes)}, where {bar:g} is the bar"
        for case, bar, error in _held_to_bars(task, evaluation)
        if error > bar
    ]


def shortfall(task: Task, evaluation: Mapping[str, Any]) -> float:
    """How far a machine is from what its task promises, to tell which of two is: 0 where it has learned the task.

    The sum over all bars of how many times as large as the bar an error is, less one; infinite where one is not known.

    Args:
        task: a task with a bar for some of its evaluation cases, see `Case`.
        evaluation: the contents of `evaluation.json`.
    """
    return sum(max(0.0, error / bar - 1) for _, bar, error in _held_to_bars(task, evaluation))


def _held_to_bars(task: Task, evaluation: Mapping[str, Any]) -> Iterator[tuple[Case, float, float]]:
    """Each case with a bar, the bar, and the error, or what of it is above the least possible one."""
    for case in task.evaluation:
        if case.bar is not None:
            found = (score for score in evaluation.get("scores", []) if _is_of(score, case))
            yield case, case.bar, next(map(tables.excess, found), math.inf)


def _is_of(score: Mapping[str, Any], case: Case) -> bool:
    # A model without memory has the same score whatever slots a case asks for.
    return score["sizes"] == dict(case.sizes) and (
        case.memory_slots is None or score["memory_slots"] in (None, case.memory_slots)
    )


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m ntm.studies.evaluation", description="Error by size on fresh sequences."
    )
    parser.add_argument("checkpoint", nargs="?", help="a checkpoint folder, or a Hub id such as NAMESPACE/ntm-copy")
    parser.add_argument(
        "--all", action="store_true", help="every folder of checkpoints/, both models of a task together"
    )
    parser.add_argument("--full", action="store_true", help=f"{_MANY:,} sequences a size instead of {_FEW}")
    parser.add_argument("--seed", type=int, default=0, help="of the sequences (default: %(default)s)")
    parser.add_argument(
        "--size", action="append", metavar="NAME=NUMBER", help="judge at this size only, such as length=70; repeatable"
    )
    parser.add_argument("--memory-slots", type=int, metavar="N", help="with --size: run with this many memory slots")
    parser.add_argument("--save", action="store_true", help="record it in the folder's evaluation.json and card")
    add_task_option(parser)
    options = parser.parse_args(arguments)
    if options.all == (options.checkpoint is not None):
        parser.error("give a checkpoint, or --all")
    if options.size and (options.save or options.all):
        parser.error(f"{'--save records' if options.save else '--all judges'} all sizes; leave out --size")
    if options.memory_slots is not None and not options.size:
        parser.error("--memory-slots goes with --size")
    return options


def _chosen_cases(options: argparse.Namespace, task: Task) -> tuple[Case, ...]:
    if not options.size:
        return task.evaluation
    sizes = {}
    for text in options.size:
        name, _, number = text.partition("=")
        if not number.isdecimal():
            raise ValueError(f"--size must be like length=70, not {text!r}")
        sizes[name] = int(number)
    task.check_sizes(sizes)
    missing = task.sizes.keys() - sizes.keys()
    if missing:
        raise ValueError(f"{task.name} also needs --size {'=... --size '.join(sorted(missing))}=...")
    return (Case(sizes, options.memory_slots),)


def _judge(options: argparse.Namespace, sources: Mapping[str, str]) -> None:
    """Measure checkpoints of one task, by what the table calls them, and print one table."""
    found = {name: read(source) for name, source in sources.items()}
    task = tasks.get(next(iter(found.values())).task or "")
    cases = _chosen_cases(options, task)
    sequences = _MANY if options.full else _FEW
    evaluations = {}
    total = sum(len(distinct(each.model, cases)) for each in found.values())
    with tqdm(total=total, unit="size", desc=task.name, leave=False) as bar:
        for name, each in found.items():
            evaluations[name] = evaluate(
                *(each.model, task, cases), sequences=sequences, seed=options.seed, on_score=lambda _: bar.update()
            )
    print(f"\n{task.name}: {task.error_name} over {sequences:,} fresh sequences a size, seed {options.seed}\n")
    print(tables.compare(task, evaluations), flush=True)
    if options.save:
        for name, each in found.items():
            record(Path(sources[name]), each.model, task, each.training, evaluations[name])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = _parse(arguments)
    try:
        if not options.all:
            _judge(options, {"error": options.checkpoint})
            return 0
        for name in tasks.names():
            folders = {MODELS[model].label: CHECKPOINTS / f"{model}-{name}" for model in get_args(Architecture)}
            there = {model: str(folder) for model, folder in folders.items() if folder.is_dir()}
            if there:
                _judge(options, there)
    except (CheckpointError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
