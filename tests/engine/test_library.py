"""The compiled engine on disk: found again, whole or not at all, and no reason to fail."""

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ntm.engine import library
from tests.conftest import ROOT


@pytest.fixture(autouse=True)
def fresh(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """A cache folder of the test's own, and nothing remembered from one test to the next."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    _forget()
    yield tmp_path / "cache" / "ntm"
    _forget()


def _forget() -> None:
    for remembered in (library.load, library.available, library._find_or_compile):
        remembered.cache_clear()


def test_it_is_compiled_once(fresh: Path) -> None:
    library.load()
    (kept,) = fresh.iterdir()
    written = kept.stat().st_mtime_ns
    _forget()
    library.load()
    assert [(path, path.stat().st_mtime_ns) for path in fresh.iterdir()] == [(kept, written)]


@pytest.mark.slow
def test_one_that_is_cut_short_is_compiled_again(fresh: Path) -> None:
    """Loading it would end the process."""
    library.load()
    (kept,) = fresh.iterdir()
    whole = kept.read_bytes()
    kept.unlink()
    kept.write_bytes(whole[: len(whole) // 2])  # a new file: the loaded one is still in use
    _forget()
    assert library.load().ntm_lanes() in (4, 8, 16)
    assert [path.name == library._name(path.name.split("-")[1], path.read_bytes()) for path in fresh.iterdir()] == [
        True
    ]


@pytest.mark.slow
def test_one_for_another_processor_is_not_taken(monkeypatch: pytest.MonkeyPatch, fresh: Path) -> None:
    library.load()
    monkeypatch.setattr(library, "processor", lambda: "another")
    _forget()
    library.load()
    assert len({path.name.split("-")[1] for path in fresh.iterdir()}) == 2


@pytest.mark.slow
def test_older_kinds_have_narrower_vectors_and_run_here() -> None:
    widths = [library.load(target).ntm_lanes() for target in ("native", *library.older())]
    assert widths == sorted(set(widths), reverse=True)
    assert platform.machine() != "x86_64" or widths[-1] == 4
    assert library.kind() not in library.older()
    assert platform.machine() != "x86_64" or library.load(library.kind()).ntm_lanes() == widths[0]


@pytest.mark.slow
def test_a_folder_that_cannot_be_written_is_no_error(fresh: Path) -> None:
    fresh.parent.write_text("a file where the folder would be")
    assert library.load().ntm_lanes() in (4, 8, 16)


@pytest.mark.slow
def test_two_processes_may_compile_at_once(fresh: Path) -> None:
    program = "from ntm.engine import library; print(library.load().ntm_lanes())"
    started = [
        subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said = [process.communicate(timeout=300)[0] for process in started]
    assert said[0] == said[1] != ""
    assert all(path.suffix == ".so" for path in fresh.iterdir())


def test_without_a_compiler_it_says_so_in_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", str(tmp_path / "no-such-compiler"))
    with pytest.raises(library.EngineUnavailableError, match="no-such-compiler") as caught:
        library.load()
    assert "\n" not in str(caught.value)


def compiler_that(does: str, folder: Path) -> str:
    compiler = folder / "c++"
    compiler.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo {compiler} 1.0 && exit\n{does}\n')
    compiler.chmod(0o755)
    return str(compiler)


def test_a_failing_compiler_leaves_nothing_behind(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CXX", compiler_that('echo "cannot compile" >&2\nexit 1', tmp_path))
    with pytest.raises(library.EngineUnavailableError, match="cannot compile"):
        library.load()
    assert not list((tmp_path / "cache").rglob("*.so"))


def test_a_compiler_that_knows_no_native_compiles_for_all_processors_of_the_kind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fresh: Path
) -> None:
    refuses = 'for flag; do [ "$flag" = -march=native ] && echo "unsupported argument \'native\'" >&2 && exit 1; done'
    monkeypatch.setenv("CXX", compiler_that(refuses + '\nexec c++ "$@"', tmp_path))
    assert library.load().ntm_lanes() == 4
    assert len(list(fresh.iterdir())) == 1
