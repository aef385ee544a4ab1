"""Trainings that are stopped and killed: real signals to real processes, of which nothing is lost."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from safetensors.torch import load_file

from ntm.storage.checkpoint import read_folder
from ntm.training.run import STATE
from tests.kill_training import check, end, start

pytestmark = pytest.mark.slow  # each is several trainings

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
WEIGHTS = Path("ntm-copy/model.safetensors")


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a training was never stopped."""
    folder = tmp_path_factory.mktemp("straight")
    assert end(start(folder)) == 0
    return folder


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.001)


def read_log(folder: Path) -> str:
    return (folder / "log").read_text() if (folder / "log").exists() else ""


def assert_same_weights(one: Path, other: Path) -> None:
    found = load_file(other / WEIGHTS)
    assert all(tensor.equal(found[name]) for name, tensor in load_file(one / WEIGHTS).items())


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_training_saves_and_a_second_one_loses_nothing(
    tmp_path: Path, straight: Path, number: signal.Signals
) -> None:
    child = start(tmp_path)
    wait_until((tmp_path / ".ntm-copy.run" / STATE).exists)
    for _ in range(2):
        os.kill(child, number)
        time.sleep(0.01)
    assert end(child) == 130
    assert "the same command with --resume goes on" in read_log(tmp_path)
    assert end(start(tmp_path, "--resume")) == 0
    assert_same_weights(straight, tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"ntm-copy", "log"}


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_in_the_evaluation_stops_it_and_resume_goes_on_with_it(
    tmp_path: Path, straight: Path, number: signal.Signals
) -> None:
    child = start(tmp_path, evaluating=True)
    wait_until(lambda: "evaluating" in read_log(tmp_path))
    for _ in range(2):
        os.kill(child, number)
        time.sleep(0.01)
    assert end(child) == 130
    assert "stopped in the evaluation; the same command with --resume goes on" in read_log(tmp_path)
    assert not (tmp_path / "ntm-copy").exists()
    state = tmp_path / ".ntm-copy.run" / STATE
    assert state.exists()
    assert end(start(tmp_path, "--resume")) == 0
    assert "100/100 [00:00<?" in read_log(tmp_path), "nothing is trained again"
    assert_same_weights(straight, tmp_path)


def test_a_second_trainer_in_the_same_folder_is_told(tmp_path: Path, straight: Path) -> None:
    first = start(tmp_path)
    wait_until((tmp_path / ".ntm-copy.run" / STATE).exists)
    for arguments in ([], ["--resume"]):
        os.kill(first, signal.SIGSTOP)
        assert end(start(tmp_path, *arguments)) == 1
        said = read_log(tmp_path)
        assert said.startswith("error: another process is writing in ")
        assert said.count("\n") == 1
    os.kill(first, signal.SIGCONT)
    assert end(first) == 0
    assert_same_weights(straight, tmp_path)


@pytest.mark.parametrize("arguments", [[], ["--seeds", "2"]], ids=["one seed", "two seeds"])
def test_a_folder_without_a_state_is_no_run(tmp_path: Path, straight: Path, arguments: list[str]) -> None:
    """As earlier versions left one, when they were killed before their first save."""
    snapshots = tmp_path / ".ntm-copy.run" / "snapshots"
    snapshots.mkdir(parents=True)
    (snapshots / "0000900.safetensors").write_bytes(b"of another run")
    assert end(start(tmp_path, *arguments)) == 0, read_log(tmp_path)
    assert min(path.stem for path in (tmp_path / "ntm-copy" / "snapshots").iterdir()) == "0000020"
    assert not list(tmp_path.glob("*/snapshots/0000900.safetensors"))
    if not arguments:
        assert_same_weights(straight, tmp_path)


def test_one_of_two_seeds_killed_before_its_first_save_begins_and_the_other_goes_on(tmp_path: Path) -> None:
    child = start(tmp_path, "--seeds", "2", updates=1000)
    wait_until(lambda: any(tmp_path.glob(f".ntm-copy.run/seed-*/{STATE}")))
    os.kill(child, signal.SIGKILL)
    end(child)
    assert len(list(tmp_path.glob(f".ntm-copy.run/seed-*/{STATE}"))) == 1, "on one thread seeds take turns"
    child = start(tmp_path, "--seeds", "2", "--resume", updates=1000)
    wait_until(lambda: "/2000" in read_log(tmp_path))
    os.kill(child, signal.SIGTERM)
    assert end(child) == 130, read_log(tmp_path)


def test_nothing_is_lost_by_a_few_kills(tmp_path: Path) -> None:
    """`python -m tests.kill_training` is the long version."""
    counts = check(tmp_path, kills=5, seed=0)
    assert counts["kills"] == 5
    read_folder(tmp_path / "killed" / "ntm-copy")
