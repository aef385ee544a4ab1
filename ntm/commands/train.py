"""The training command line: `python train.py copy`, and `python train.py push` to publish what it made."""

import argparse
import json
import os
import platform
import sys
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, suppress
from pathlib import Path
from typing import Any, NoReturn, get_args

import torch
from safetensors import SafetensorError
from tqdm import tqdm

from ntm import tasks
from ntm.engine.choose import ENGINES, choose
from ntm.engine.library import EngineUnavailableError
from ntm.machine.controllers import CONTROLLER_KINDS
from ntm.machine.ntm import NTM
from ntm.storage import checkpoint, hub
from ntm.storage.checkpoint import CHECKPOINTS, SNAPSHOTS, read_folder
from ntm.storage.folders import InUseError, locked, scratch
from ntm.storage.record import record
from ntm.storage.untrusted import CheckpointError
from ntm.studies.evaluation import evaluate, misses, shortfall
from ntm.tasks import Architecture, Task
from ntm.tasks.option import add_task_option
from ntm.training import parallel, race
from ntm.training.interruption import Interruption, interruptible
from ntm.training.loop import Progress
from ntm.training.parallel import Share
from ntm.training.run import Settings, TrainingError, TrainingRun
from ntm.training.track import Tracker, tracked

ALL, PUSH = "all", "push"
HERE = ""
_FINISHED = CHECKPOINTS / ".all.json"
_INTERRUPTED = 130
_NOT_LEARNED = 3
_EVALUATION_SEQUENCES = 100


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code.

    0 when all went well, 1 for an error, 2 for a wrong command line, 3 where a machine was trained and has not learned
    its task, 130 when stopped.
    """
    warnings.formatwarning = lambda message, *_, **__: f"note: {message}\n"
    try:
        options = _parse(_load_task(sys.argv[1:] if arguments is None else arguments))
        if options.command == PUSH:
            return _push(options)
        return _train(options)
    except (
        TrainingError,
        InUseError,
        EngineUnavailableError,
        CheckpointError,
        SafetensorError,
        ValueError,
        OSError,
    ) as error:
        if not parallel.local_rank():
            print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # nothing was begun, or all is written
        return _INTERRUPTED


class _Parser(argparse.ArgumentParser):
    """Says what was wrong in one line; how to do it right is what --help is for."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"error: {message}\n")


def _load_task(arguments: list[str]) -> list[str]:
    """The arguments with the name of a task in place of the path of a file that defines one."""
    if not arguments or not arguments[0].endswith(".py"):
        return arguments
    name = tasks.load(arguments[0]).name
    if name in (ALL, PUSH):
        raise ValueError(f"{arguments[0]}: {name!r} is a command here; give the task another name")
    return [name, *arguments[1:]]


def _parse(arguments: list[str]) -> argparse.Namespace:
    private = _Parser(add_help=False)
    private.add_argument("--private", action="store_true", help="publish to a private repository")

    recipe = _Parser(add_help=False)
    recipe.add_argument("--seed", type=int, help="of weights and batches (default: the task's recipe)")
    recipe.add_argument(
        "--seeds",
        type=int,
        metavar="K",
        help="begin K seeds from that one on, go on with the better ones, keep the best (default: the task's recipe)",
    )
    recipe.add_argument("--updates", type=int, help="how many (default: the task's recipe)")
    recipe.add_argument("--batch-size", type=int, help="sequences an update (default: the task's recipe)")
    recipe.add_argument("--device", default="auto", help="cpu, cuda, ... (default: a GPU where there is one)")
    recipe.add_argument("--engine", choices=ENGINES, help="that runs the machine (default: the fastest, by measuring)")
    recipe.add_argument(
        "--track",
        nargs="?",
        const=HERE,
        metavar="NAMESPACE/SPACE",
        help="send every run to a Trackio dashboard, on this machine or in a Space (takes: pip install trackio)",
    )
    recipe.add_argument("--resume", action="store_true", help="go on with the run that was stopped")

    single = _Parser(add_help=False, parents=[recipe, private])
    single.add_argument("--model", choices=get_args(Architecture), default="ntm", help="(default: %(default)s)")
    single.add_argument(
        "--controller",
        choices=CONTROLLER_KINDS,
        help="train the machine as the paper has it, without an extension, with this controller",
    )
    single.add_argument(
        "--output", type=Path, help="checkpoint folder (default: checkpoints/MODEL-TASK, or MODEL-CONTROLLER-TASK)"
    )
    single.add_argument("--push-to-hub", metavar="NAMESPACE/NAME", help="publish the checkpoint when it is trained")

    parser = _Parser(
        description="Train a Neural Turing Machine and write a checkpoint folder.",
        epilog="In place of a task's name, the path of a Python file trains on the task that it defines.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in tasks.names():
        commands.add_parser(name, parents=[single], help=f"train on {name}")
    everything = commands.add_parser(ALL, parents=[recipe], help="train both models on every task, one after another")
    everything.set_defaults(controller=None, output=None)
    usage = (
        "train.py push [--private] [--task PATH] FOLDER NAMESPACE/NAME\n"
        "       train.py push [--private] [--task PATH] --all NAMESPACE"
    )
    push = commands.add_parser(PUSH, parents=[private], usage=usage, help="publish checkpoints on the Hugging Face Hub")
    add_task_option(push)
    push.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="a checkpoint folder")
    push.add_argument("name", nargs="?", metavar="NAMESPACE/NAME", help="what to publish it as")
    push.add_argument("--all", metavar="NAMESPACE", help="publish every folder of checkpoints/ under its own name")

    options = parser.parse_args(arguments)
    if options.command == PUSH and [options.folder, options.name, options.all].count(None) != (2 if options.all else 1):
        push.error("give a folder and what to publish it as, or --all and a namespace")
    return options


def _push(options: argparse.Namespace) -> int:
    if options.all is None:
        chosen = {options.folder: options.name}
    else:
        folders = sorted(path.parent for path in CHECKPOINTS.glob(f"[!.]*/{checkpoint.CONFIG}"))
        chosen = {folder: f"{options.all}/{folder.name}" for folder in folders}
    for folder, name in chosen.items():
        print(f"published {hub.push(folder, name, private=options.private)}", flush=True)
    return 0


def _train(options: argparse.Namespace) -> int:
    if options.command != ALL and options.push_to_hub is not None:
        hub.check_push(options.push_to_hub)
    device = _device(options.device)
    with interruptible() as interrupted, parallel.joined(device) as share:
        if options.command == ALL:
            return _train_all(options, device, share, interrupted)
        code = _train_one(options, options.model, tasks.get(options.command), device, share, interrupted)
    if options.push_to_hub is not None and share.leads:
        output = options.output or _default_output(options, options.model, options.command)
        if code == _NOT_LEARNED:
            print(f"not published; to do it all the same: python train.py push FOLDER {options.push_to_hub}")
        elif code == 0:
            print(f"published {hub.push(output, options.push_to_hub, private=options.private)}")
    return code


def _train_all(options: argparse.Namespace, device: torch.device, share: Share, interrupted: Interruption) -> int:
    if _FINISHED.exists() and not options.resume:
        raise TrainingError(f"{_FINISHED} says that not all were trained: go on with --resume, or delete it")
    finished = _read_finished() if _FINISHED.exists() else []
    codes = [0]
    for task in map(tasks.get, tasks.names()):
        for model in get_args(Architecture):
            if [model, task.name] in finished:
                continue
            codes.append(_INTERRUPTED)
            if not interrupted.is_set():
                codes[-1] = _train_one(options, model, task, device, share, interrupted)
            if codes[-1] == _INTERRUPTED:
                return _INTERRUPTED
            finished.append([model, task.name])
            if share.leads:
                checkpoint.write_json(_FINISHED, finished)
    _FINISHED.unlink(missing_ok=True)
    return max(codes)


def _read_finished() -> list[list[str]]:
    """The models and tasks that an `all` has trained."""
    with suppress(ValueError, RecursionError):
        found = json.loads(_FINISHED.read_text(encoding="utf-8"))
        if isinstance(found, list) and all(isinstance(each, list) and len(each) == 2 for each in found):
            return found
    raise TrainingError(f"{_FINISHED} is damaged: delete it to begin anew")


def _train_one(
    options: argparse.Namespace,
    model: Architecture,
    task: Task,
    device: torch.device,
    share: Share,
    interrupted: Interruption,
) -> int:
    output = _output(options, model, task.name)
    folder = output.with_name(f".{output.name}.run")
    settings = Settings.of(
        *(task, model),
        seed=options.seed,
        seeds=options.seeds,
        updates=options.updates,
        batch_size=options.batch_size,
        controller=options.controller,
    )
    with locked(folder) if share.leads else nullcontext(), ExitStack() as opened:
        begin = race.resume if options.resume and (race.is_unfinished(folder) or options.command != ALL) else race.start
        runs = begin(settings, folder, device)
        if share.leads:
            chosen = ", ".join(str(run.recipe.seed) for run in runs)
            print(f"{output.name} on {_device_name(device)}, seed {chosen}; Ctrl-C saves the run", flush=True)
            machine = runs[0].model
            if isinstance(machine, NTM):
                print(f"engine: {options.engine or choose(machine)}", flush=True)
        tracker = None
        if options.track is not None and share.leads:
            tracker = opened.enter_context(tracked(runs, output.name, options.track or None))
        if not _train_with_progress(runs, share, interrupted, options.engine, tracker):
            if share.leads:
                _name_failures(runs)
                updates = " and ".join(f"{run.update:,}" for run in runs)
                updates += f" of {settings.recipe.updates:,} updates"
                print(f"stopped after {updates}; the same command with --resume goes on")
            return _INTERRUPTED
        if not share.leads:
            return 0
        _name_failures(runs)
        try:
            with interrupted.at_once():
                learned = _write(runs, output)
        except KeyboardInterrupt:
            print("stopped in the evaluation; the same command with --resume goes on with it")
            return _INTERRUPTED
        if tracker is not None:
            for run in runs:
                tracker.conclude(run, _verdict(run, kept=run is race.best(runs), learned=learned))
        with scratch(output) as gone:
            os.replace(folder, gone)  # at once, so that no kill leaves half a run
    return 0 if learned else _NOT_LEARNED


def _output(options: argparse.Namespace, model: Architecture, task: str) -> Path:
    """Where the checkpoint goes.

    Raises:
        TrainingError: if that was chosen and exists already.
    """
    if options.output is None:
        return _default_output(options, model, task)
    output: Path = options.output
    if output.exists() and not options.resume:
        raise TrainingError(f"{output} exists already; name another folder")
    return output


def _default_output(options: argparse.Namespace, model: Architecture, task: str) -> Path:
    kind = model if options.controller is None else f"{model}-{options.controller}"
    return CHECKPOINTS / f"{kind}-{task}"


def _train_with_progress(
    runs: Sequence[TrainingRun],
    share: Share,
    interrupted: Interruption,
    engine: str | None,
    tracker: Tracker | None,
) -> bool:
    recipe, task = runs[0].recipe, runs[0].task
    done = {run.recipe.seed: run.update for run in runs}
    bar = tqdm(
        total=race.budget(len(runs), recipe.updates),
        initial=sum(done.values()),
        unit="update",
        dynamic_ncols=True,
        disable=not share.leads,
    )

    def show(run: TrainingRun, progress: Progress) -> None:
        if tracker is not None:
            tracker.report(run)
        bar.update(progress.update - done[run.recipe.seed])
        done[run.recipe.seed] = progress.update
        rate = bar.format_dict["rate"] or 0.0
        seed = f"seed {run.recipe.seed}: " if len(runs) > 1 else ""
        bar.set_postfix_str(
            f"{seed}loss {progress.loss:.4f}, {task.error_name} {progress.error:.2f}, "
            f"{rate * recipe.batch_size:,.0f} sequences/s"
        )

    with bar:
        return race.train(runs, share=share, on_progress=show, stopping=interrupted.is_set, engine=engine)


def _name_failures(runs: Sequence[TrainingRun]) -> None:
    for run in runs:
        if run.failure is not None:
            print(f"note: seed {run.recipe.seed}: {run.failure}", file=sys.stderr)


def _verdict(run: TrainingRun, *, kept: bool, learned: bool) -> str:
    if run.failure is not None:
        return str(run.failure)
    if not kept:
        return "not kept: another seed did better on validation"
    if not isinstance(run.model, NTM):
        return "kept; nothing is promised of a baseline"
    return "kept: it does what its task promises" if learned else "kept, but it does not do what its task promises"


def _write(runs: Sequence[TrainingRun], output: Path) -> bool:
    """Write the best weights, beside the folder if better ones are there; whether the task was learned.

    A baseline learns what it can: nothing is promised of it.
    """
    best = race.best(runs)
    best.model.load_state_dict(best.best)
    with tqdm(total=len(best.task.evaluation), unit="size", desc="evaluating", leave=False) as bar:
        evaluation = evaluate(
            *(best.model, best.task, best.task.evaluation),
            sequences=_EVALUATION_SEQUENCES,
            on_score=lambda _: bar.update(),
        )
    place = output
    if shortfall(best.task, evaluation) > shortfall(best.task, _evaluation_of(output)):
        place = output.with_name(f"{output.name}-seed-{best.recipe.seed}")
        print(f"{output} holds better weights and stays; to replace them: rm -r {output} && mv {place} {output}")
    record(place, best.model, best.task, race.facts(runs), evaluation, best.folder / SNAPSHOTS)
    print(f"wrote {place}, the weights of seed {best.recipe.seed} after update {best.best_update:,}")
    missed = misses(best.task, evaluation) if isinstance(best.model, NTM) else []
    if missed:
        more = f", and {len(missed) - 1} sizes more" if len(missed) > 1 else ""
        print(f"not learned: {missed[0]}{more}; more --updates, another --seed or more --seeds may fare better")
    return not missed


def _evaluation_of(folder: Path) -> dict[str, Any]:
    """What is on record of the weights in a folder; nothing where there are none, or none that can be read."""
    try:
        return read_folder(folder).evaluation
    except CheckpointError:
        return {}


def _device(name: str) -> torch.device:
    rank = parallel.local_rank()
    if name in ("auto", "cuda") and torch.cuda.is_available():
        return torch.device("cuda", rank or 0)
    if name == "auto":
        return torch.device("cpu")
    try:
        probe = torch.zeros((), device=name)
        probe.item()  # which a device without numbers, such as "meta", cannot
        return probe.device
    except (RuntimeError, AssertionError) as error:
        raise TrainingError(f"no device {name!r} here: {str(error).splitlines()[0]}") from error


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of {platform.machine()} CPU"
