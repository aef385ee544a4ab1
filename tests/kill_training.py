"""A training that is killed again and again, and what is left of it each time.

    python -m tests.kill_training --kills 300

kills the training command with SIGKILL at random moments, half of them while it writes: the state of the run, a
snapshot, or the checkpoint in place of another one. After every kill the checkpoint under the name is a whole one, and
the same command goes on or starts again. A run that comes to its end in this way has the weights, bit for bit, of one
that was never stopped.
"""

import argparse
import os
import random
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ntm import tasks
from ntm.commands import train
from ntm.storage.checkpoint import WEIGHTS, read_folder
from ntm.training import loop, race
from tests.conftest import judge_quickly
from tests.tiny import write_checkpoint

_NAME = "ntm-copy"
_UPDATES = 100
_WRITING = (f".{_NAME}.run/*.partial", f".{_NAME}.run/snapshots/partial", f".{_NAME}.scratch-*")


def start(folder: Path, *arguments: str, updates: int = _UPDATES, evaluating: bool = False) -> int:
    """Start the command in a process of its own, which saves after every report.

    Args:
        folder: in place of `checkpoints/`; what is said goes to `log` in it.
        arguments: further ones.
        updates: how many.
        evaluating: whether at all sizes, which takes a while, or at the smallest alone.

    Returns:
        The number of the process.
    """
    folder.mkdir(exist_ok=True)
    (folder / "log").write_text("")  # here, so that nobody reads what the process before it said
    if child := os.fork():
        return child
    code = 70
    try:
        log = os.open(folder / "log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(log, 1)
        os.dup2(log, 2)
        sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
        torch.set_num_threads(1)
        with pytest.MonkeyPatch.context() as patch:
            cases = type(tasks.get("copy")).evaluation
            judge_quickly(patch)
            if evaluating:
                patch.setattr(type(tasks.get("copy")), "evaluation", cases)
            patch.setattr(loop, "_SECONDS_A_SAVE", 0.0)
            patch.setattr(train, "CHECKPOINTS", folder)
            code = train.main(["copy", "--updates", str(updates), "--batch-size", "1", *arguments])
    finally:
        os._exit(code)


def end(child: int) -> int:
    """The exit status of a process, negative for a signal, once it has ended."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _kill_somewhere(child: int, folder: Path, whole: float, chance: random.Random) -> None:
    """Kill a process after a random time, or a moment after it was seen to write."""
    deadline = time.monotonic() + chance.uniform(0, whole)
    if chance.random() < 0.5:
        pattern, moment = chance.choice(_WRITING), chance.uniform(0, 0.01)
        while time.monotonic() < deadline and not any(folder.glob(pattern)):
            pass
        deadline = min(deadline, time.monotonic() + moment)
    time.sleep(max(0.0, deadline - time.monotonic()))
    os.kill(child, signal.SIGKILL)


def check(folder: Path, kills: int, seed: int) -> Counter[str]:
    """Kill trainings so many times, and count what became of them.

    Raises:
        AssertionError: if anything was lost.
    """
    chance, counts = random.Random(seed), Counter[str]()
    straight, home = folder / "straight", folder / "killed"
    began = time.monotonic()
    assert end(start(straight)) == 0, (straight / "log").read_text()
    whole = time.monotonic() - began
    expected = load_file(straight / _NAME / WEIGHTS)
    old = load_file(write_checkpoint(home / _NAME) / WEIGHTS)
    finished = False
    while counts["kills"] < kills or not finished:
        unfinished = race.is_unfinished(home / f".{_NAME}.run")
        child = start(home, *["--resume"] * unfinished)
        if counts["kills"] < kills:
            _kill_somewhere(child, home, 1.2 * whole, chance)
        code = end(child)
        said = (home / "log").read_text()
        assert code in (0, -signal.SIGKILL), said
        finished = code == 0
        counts["kills"] += code != 0
        counts["runs finished"] += finished
        counts["goings-on"] += unfinished
        counts["with leftovers"] += any(home.glob(f".{_NAME}.scratch-*"))
        read_folder(home / _NAME)
        found = load_file(home / _NAME / WEIGHTS)
        wanted = [expected] if finished or counts["runs finished"] else [old, expected]
        assert any(all(tensor.equal(found[name]) for name, tensor in each.items()) for each in wanted), "other weights"
    left = {path.name for path in home.iterdir()}
    assert left == {_NAME, "log"}, left
    return counts


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill_training")
    parser.add_argument("--kills", type=int, default=300, help="(default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: %(default)s)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        counts = check(Path(folder), options.kills, options.seed)
    print(", ".join(f"{count} {name}" for name, count in counts.items()))


if __name__ == "__main__":
    main()
