"""Evaluation: error by size on fresh sequences.

    python -m ntm.studies.evaluation checkpoints/ntm-copy
    python -m ntm.studies.evaluation --all --full --save

The first measures a checkpoint on its task's evaluation sizes, the second measures all of them, on 10,000 sequences a
size from ten seeds, and records it for the results page. Evaluation sequences come from streams of their own
(`ntm.tasks.streams`) that neither training nor the choice of weights ever draws from.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from tqdm import tqdm

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.machine.models import labels_of
from ntm.reports import tables
from ntm.reports.uncertainty import margin
from ntm.storage.checkpoint import CHECKPOINTS, published
from ntm.storage.load import read
from ntm.storage.record import record
from ntm.storage.untrusted import CheckpointError
from ntm.tasks import Case, Task
from ntm.tasks.option import add_task_option
from ntm.tasks.streams import make_generator

_ONE_SEED = (0,)
# Sequences drawn at once. Part of what is drawn: another number gives other sequences.
_BATCH_SIZE = 50
# The stream of sequences has index 0; random initial memory must not shift it.
_MEMORY_STREAM = 1

_SEQUENCES = 100
# Where a machine makes no error, as many as these put the true rate of wrong sequences under 0.03 %.
_MANY_SEQUENCES, _MANY_SEEDS = 1000, 10


@dataclass(frozen=True)
class Score:
    """How a model did in one case."""

    sizes: dict[str, int]
    memory_slots: int | None
    """None for a model without memory"""
    sequences: int
    """how many in all"""
    error: float
    """mean over the sequences, in the task's unit"""
    margin: float
    """half the 95 % interval of the mean of what is above the least possible error"""
    worst: float
    """the error of the worst sequence"""
    wrong: int | None = None
    """how many sequences had an error; None where the least possible error is not zero"""
    optimal: float | None = None
    """mean of the best that can be done on the same sequences, where the task knows it"""


@torch.no_grad()
def measure(model: SequenceModel, task: Task, case: Case, *, sequences: int, seeds: Sequence[int] = _ONE_SEED) -> Score:
    """Run a model on fresh sequences of one size.

    Args:
        model: the model to judge, on any device.
        task: what to ask of it.
        case: the sizes, and the memory slots to give it.
        sequences: how many of each seed.
        seeds: the seeds of the sequences.
    """
    drawn = [batch for seed in seeds for batch in _errors(model, task, case, sequences, seed)]
    errors = torch.cat([each for each, _ in drawn]).double()
    possible = [least for _, least in drawn if least is not None]
    optimal = torch.cat(possible).double() if possible else None
    return Score(
        sizes=dict(case.sizes),
        memory_slots=_memory_slots(model, case),
        sequences=len(errors),
        error=errors.mean().item(),
        margin=margin((errors if optimal is None else errors - optimal).tolist()),
        worst=errors.max().item(),
        wrong=int((errors > 0).sum()) if optimal is None else None,
        optimal=None if optimal is None else optimal.mean().item(),
    )


def _errors(
    model: SequenceModel, task: Task, case: Case, sequences: int, seed: int
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """The errors of a seed's sequences, a batch at a time, and the least that were possible."""
    device = next(model.parameters()).device
    generator, memory = make_generator("evaluation", seed), make_generator("evaluation", seed, _MEMORY_STREAM, device)
    for start in range(0, sequences, _BATCH_SIZE):
        batch_size = min(_BATCH_SIZE, sequences - start)
        batch = task.sample(batch_size, generator=generator, device=device, **case.sizes)
        logits, _ = model(batch.inputs, model.initial_state(batch_size, case.memory_slots, generator=memory))
        yield task.errors(logits, batch), task.optimal_errors(batch)


def _memory_slots(model: SequenceModel, case: Case) -> int | None:
    own = model.config.get("memory_slots")
    return own and (case.memory_slots or own)


def evaluate(
    model: SequenceModel,
    task: Task,
    cases: Sequence[Case],
    *,
    sequences: int,
    seeds: Sequence[int] = _ONE_SEED,
    on_score: Callable[[Score], object] | None = None,
) -> dict[str, Any]:
    """Measure a model case by case; the result is the contents of `evaluation.json`.

    Cases that differ in their memory slots alone are one case to a model without memory.

    Args:
        model: the model to judge, on any device.
        task: what to ask of it.
        cases: the sizes at which to ask it.
        sequences: how many fresh ones a case, of each seed.
        seeds: the seeds of the sequences.
        on_score: told of each score as it comes.
    """
    scores = []
    for case in distinct(model, cases):
        score = measure(model, task, case, sequences=sequences, seeds=seeds)
        if on_score is not None:
            on_score(score)
        unknown = [name for name in ("wrong", "optimal") if getattr(score, name) is None]
        scores.append({name: value for name, value in asdict(score).items() if name not in unknown})
    facts = {"task": task.name, "error": task.error_name, "sequences": sequences * len(seeds), "seeds": list(seeds)}
    return facts | {"scores": scores}


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
    parser.add_argument(
        "--full",
        action="store_true",
        help=f"{_MANY_SEQUENCES:,} sequences a size from each of {_MANY_SEEDS} seeds, not {_SEQUENCES} from one",
    )
    parser.add_argument("--seed", type=int, default=0, help="of the sequences, or the first (default: %(default)s)")
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


def _judge(options: argparse.Namespace, sources: Sequence[str | Path]) -> None:
    """Measure checkpoints of one task and print one table."""
    found = {str(source): read(str(source)) for source in sources}
    task = tasks.get(next(iter(found.values())).task or "")
    cases = _chosen_cases(options, task)
    sequences = _MANY_SEQUENCES if options.full else _SEQUENCES
    seeds = range(options.seed, options.seed + (_MANY_SEEDS if options.full else 1))
    evaluations = {}
    total = sum(len(distinct(each.model, cases)) for each in found.values())
    with tqdm(total=total, unit="size", desc=task.name, leave=False) as bar:
        for source, each in found.items():
            evaluations[source] = evaluate(
                *(each.model, task, cases), sequences=sequences, seeds=seeds, on_score=lambda _: bar.update()
            )
    drawn = f"{sequences * len(seeds):,} fresh sequences a size, {tables.describe_seeds(seeds)}"
    labels = labels_of([each.model for each in found.values()])
    print(f"\n{task.name}: {task.error_name} over {drawn}\n")
    print(tables.compare(task, dict(zip(labels, evaluations.values(), strict=True))), flush=True)
    if options.save:
        for source, each in found.items():
            record(Path(source), each.model, task, each.training, evaluations[source])


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    options = _parse(arguments)
    try:
        if not options.all:
            _judge(options, [options.checkpoint])
            return 0
        for name in tasks.names():
            if folders := published(CHECKPOINTS, name):
                _judge(options, folders)
    except (CheckpointError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
