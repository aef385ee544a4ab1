"""Folders of which nobody ever sees a half: replaced, cleared and held, and what is left when a process is killed."""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from ntm.storage import folders
from ntm.storage.folders import InUseError, exchange, locked, replacing, scratch


def kill_in(work: Callable[[], object]) -> None:
    """Do work in a process of its own, which is to be killed in it."""
    child = os.fork()
    if not child:
        work()
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL


def kill_myself(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_folder_is_held_by_one_process(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with locked(folder):
        with pytest.raises(InUseError, match="another process is writing in"), locked(folder):
            pass
        assert folder.is_dir()
        (folder / "state").touch()
    with locked(folder):
        (folder / "state").unlink()
    assert not folder.exists(), "an empty one is taken away"


def test_a_killed_process_holds_nothing(tmp_path: Path) -> None:
    def hold() -> None:
        with locked(tmp_path / "run"):
            kill_myself()

    kill_in(hold)
    with locked(tmp_path / "run"):
        pass


def test_leftovers_of_a_kill_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    def write() -> None:
        with replacing(tmp_path / "ntm-copy") as fresh:
            (fresh / "config.json").touch()
            kill_myself()

    kill_in(write)
    assert len(list(tmp_path.glob(".ntm-copy.*"))) == 1
    others = {".ntm-copy.run", ".ntm-copy.original", ".ntm-copy.v2.scratch-abcdefgh"}
    for name in others:
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    with scratch(tmp_path / "ntm-copy") as living:
        (living / "file").touch()
        with replacing(tmp_path / "ntm-copy"):
            pass
        assert (living / "file").exists(), "another process would be writing there"
    assert {path.name for path in tmp_path.iterdir()} == others | {"ntm-copy"}


def test_two_names_are_exchanged_at_once(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.mkdir()
    (one / "file").touch()
    assert not exchange(one, other), "there is nothing to exchange it with"
    other.mkdir()
    if not exchange(one, other):
        pytest.skip("this system cannot exchange two names")
    assert not (one / "file").exists()
    assert (other / "file").exists()


@pytest.mark.parametrize("can_exchange", [True, False])
@pytest.mark.parametrize("rename", [1, 2])
@pytest.mark.parametrize("before", [False, True], ids=["after", "before"])
def test_a_kill_at_a_rename_leaves_a_whole_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, can_exchange: bool, rename: int, before: bool
) -> None:
    """Without an exchange the name is missing between the two, and the next write puts it back before its own work."""
    folder = tmp_path / "ntm-copy"
    with replacing(folder) as fresh:
        (fresh / "file").write_text("old")
    done = 0

    def counting(step: Callable[..., object]) -> Callable[..., object]:
        def do(*paths: Path) -> object:
            nonlocal done
            done += 1
            if before and done == rename:
                kill_myself()
            result = step(*paths)
            if not before and done == rename:
                kill_myself()
            return result

        return do

    def write() -> None:
        monkeypatch.setattr(os, "replace", counting(os.replace))
        monkeypatch.setattr(folders, "exchange", counting(exchange) if can_exchange else lambda *_: False)
        with replacing(folder) as fresh:
            (fresh / "file").write_text("new")
        kill_myself()  # after all renames

    kill_in(write)
    with pytest.raises(ZeroDivisionError), replacing(folder):
        raise ZeroDivisionError
    assert (folder / "file").read_text() in ("old", "new")
    with replacing(folder) as fresh:
        (fresh / "file").write_text("newest")
    assert (folder / "file").read_text() == "newest"
    assert [path.name for path in tmp_path.iterdir()] == ["ntm-copy"]
