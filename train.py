"""The training command line: `python train.py copy`, and `python train.py push` to publish what it made."""

import argparse
import json
import platform
import shutil
import signal
import sys
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import torch
from safetensors import SafetensorError
from tqdm import tqdm

from ntm import checkpoint, hub, tasks, training
from ntm.checkpoint import SNAPSHOTS
from ntm.evaluation import evaluate, record
from ntm.tasks import Architecture, Task

ALL = "all"
CHECKPOINTS = Path(__file__).parent / "checkpoints"
_FINISHED = CHECKPOINTS / ".all.json"
_INTERRUPTED = 130
_EVALUATION_SEQUENCES = 100


def main(arguments: list[str] | None = None) -> int:
    """Run the command; the exit code."""
    warnings.formatwarning = lambda message, *_, **__: f"note: {message}\n"
    options = _parse(arguments)
    try:
        if options.command == "push":
            return _push(options)
        if options.command != ALL and options.push_to_hub is not None:
            hub.check_push(options.push_to_hub)
        with _interruptible() as interrupted:
            if options.command == ALL:
                return _train_all(options, interrupted)
            return _train(options, options.model, tasks.get(options.command), options.output, interrupted)
    except (training.TrainingError, checkpoint.CheckpointError, SafetensorError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    private = argparse.ArgumentParser(add_help=False)
    private.add_argument("--private", action="store_true", help="publish to a private repository")

    recipe = argparse.ArgumentParser(add_help=False)
    recipe.add_argument("--seed", type=int, help="of weights and batches (default: the task's recipe)")
    recipe.add_argument("--updates", type=int, help="how many (default: the task's recipe)")
    recipe.add_argument("--batch-size", type=int, help="sequences an update (default: the task's recipe)")
    recipe.add_argument("--device", default="auto", help="cpu, cuda, ... (default: a GPU where there is one)")
    recipe.add_argument("--resume", action="store_true", help="go on with the run that was stopped")

    single = argparse.ArgumentParser(add_help=False, parents=[recipe, private])
    single.add_argument("--model", choices=get_args(Architecture), default="ntm", help="(default: %(default)s)")
    single.add_argument("--output", type=Path, help="checkpoint folder (default: checkpoints/MODEL-TASK)")
    single.add_argument("--push-to-hub", metavar="NAMESPACE/NAME", help="publish the checkpoint when it is trained")

    parser = argparse.ArgumentParser(description="Train a Neural Turing Machine and write a checkpoint folder.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name in tasks.names():
        commands.add_parser(name, parents=[single], help=f"train on {name}")
    commands.add_parser(ALL, parents=[recipe], help="train both models on every task, one after another")
    usage = "train.py push [--private] FOLDER NAMESPACE/NAME\n       train.py push [--private] --all NAMESPACE"
    push = commands.add_parser(
        "push", parents=[private], usage=usage, help="publish checkpoints on the Hugging Face Hub"
    )
    push.add_argument("folder", type=Path, nargs="?", metavar="FOLDER", help="a checkpoint folder")
    push.add_argument("name", nargs="?", metavar="NAMESPACE/NAME", help="what to publish it as")
    push.add_argument("--all", metavar="NAMESPACE", help="publish every folder of checkpoints/ under its own name")

    options = parser.parse_args(arguments)
    if options.command == "push" and [options.folder, options.name, options.all].count(None) != (
        2 if options.all else 1
    ):
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


def _train_all(options: argparse.Namespace, interrupted: threading.Event) -> int:
    if _FINISHED.exists() and not options.resume:
        raise training.TrainingError(f"{_FINISHED} says that not all were trained: go on with --resume, or delete it")
    finished = json.loads(_FINISHED.read_text()) if _FINISHED.exists() else []
    for task in map(tasks.get, tasks.names()):
        for model in get_args(Architecture):
            if [model, task.name] in finished:
                continue
            if interrupted.is_set() or _train(options, model, task, None, interrupted):
                return _INTERRUPTED
            finished.append([model, task.name])
            checkpoint.write_json(_FINISHED, finished)
    _FINISHED.unlink()
    return 0


def _train(
    options: argparse.Namespace,
    model: Architecture,
    task: Task,
    chosen_output: Path | None,
    interrupted: threading.Event,
) -> int:
    device = _device(options.device)
    output = chosen_output or CHECKPOINTS / f"{model}-{task.name}"
    if chosen_output is not None and output.exists() and not options.resume:
        raise training.TrainingError(f"{output} exists already; name another folder")
    folder = output.with_name(f".{output.name}.run")
    settings = training.Settings.of(
        task, model, seed=options.seed, updates=options.updates, batch_size=options.batch_size
    )
    if options.resume and (folder.exists() or options.command != ALL):
        run = training.resume(settings, folder, device)
    elif folder.exists():
        raise training.TrainingError(f"{folder} holds an unfinished run: go on with --resume, or delete that folder")
    else:
        run = training.start(settings, device)
    print(f"{output.name} on {_device_name(device)}, seed {settings.recipe.seed}; Ctrl-C saves the run", flush=True)
    if not _train_with_progress(run, settings, task, folder, interrupted):
        updates = f"{run.update:,} of {settings.recipe.updates:,} updates"
        print(f"stopped after {updates}; the same command with --resume goes on")
        return _INTERRUPTED
    _write(run, settings, task, folder, output)
    shutil.rmtree(folder)
    if options.command != ALL and options.push_to_hub is not None:
        print(f"published {hub.push(output, options.push_to_hub, private=options.private)}")
    return 0


def _train_with_progress(
    run: training.Run, settings: training.Settings, task: Task, folder: Path, interrupted: threading.Event
) -> bool:
    bar = tqdm(total=settings.recipe.updates, initial=run.update, unit="update", dynamic_ncols=True)

    def show(progress: training.Progress) -> None:
        bar.update(progress.update - bar.n)
        rate = bar.format_dict["rate"] or 0.0
        bar.set_postfix_str(
            f"loss {progress.loss:.4f}, {task.error_name} {progress.error:.2f}, "
            f"{rate * settings.recipe.batch_size:,.0f} sequences/s"
        )

    with bar:
        return training.train(run, settings, folder, on_progress=show, stopping=interrupted.is_set)


def _write(run: training.Run, settings: training.Settings, task: Task, folder: Path, output: Path) -> None:
    run.model.load_state_dict(run.best)
    with tqdm(total=len(task.evaluation), unit="size", desc="evaluating", leave=False) as bar:
        evaluation = evaluate(
            run.model, task, task.evaluation, sequences=_EVALUATION_SEQUENCES, on_score=lambda _: bar.update()
        )
    record(output, run.model, task, training.facts(run, settings), evaluation, folder / SNAPSHOTS)
    print(f"wrote {output}, the weights of update {run.best_update:,}")


@contextmanager
def _interruptible() -> Iterator[threading.Event]:
    """Turn the first Ctrl-C or termination signal into an event; a second one ends the program at once."""
    event = threading.Event()
    signals = (signal.SIGINT, signal.SIGTERM)
    previous = {number: signal.getsignal(number) for number in signals}

    def stop(*_: object) -> None:
        event.set()
        for each, handler in previous.items():
            signal.signal(each, handler)

    for number in signals:
        signal.signal(number, stop)
    try:
        yield event
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.zeros((), device=name).device
    except (RuntimeError, AssertionError) as error:
        raise training.TrainingError(f"no device {name!r} here: {str(error).splitlines()[0]}") from error


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{torch.get_num_threads()} threads of {platform.machine()} CPU"


if __name__ == "__main__":
    sys.exit(main())
