"""What several tests share: the published checkpoints, a served page and a browser."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
import torch

from ntm import tasks
from ntm.tasks import Case, registry

if TYPE_CHECKING:
    from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
_SECONDS_TO_START = 120
_SECONDS_TO_APPEAR = 30  # on a busy machine; Playwright's own 5 are for an idle one


def pytest_configure() -> None:
    """Hear a terminal that is closed, as the tests ask for, also where `nohup` had it ignored. Have Triton interpret
    where it has no GPU: it asks once, when whoever is the first imports it, which compiling for a CPU does."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    if not torch.cuda.is_available():
        os.environ["TRITON_INTERPRET"] = "1"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests that open the page. A file with such tests stays on one worker and shares its server.

    A browser may be late where others train beside it, so these are tried once more. No others are: what fails now and
    then among those is a fault.
    """
    opening = [item for item in items if {"app_url", "browser"} & set(getattr(item, "fixturenames", ()))]
    for item in opening:
        item.add_marker("page")
        item.add_marker(pytest.mark.flaky(reruns=1))
    files = {item.path for item in opening}
    for item in items:
        if item.path in files:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


@contextmanager
def serve_app(log: Path, *arguments: str, environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Start the demo as a user does and yield its address."""
    with running_app(log, *arguments, environment=environment) as (_, url):
        yield url


@contextmanager
def running_app(
    log: Path, *arguments: str, environment: Mapping[str, str] = os.environ
) -> Iterator[tuple[subprocess.Popen, str]]:
    """The same with its process, which is stopped where it still runs."""
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "app.py", *arguments],
            cwd=ROOT,
            env={**environment, "PYTHONUNBUFFERED": "1"},
            stdout=output,
            stderr=subprocess.STDOUT,
            # The processes that run tests side by side ignore Ctrl-C, and what they start would.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )
        try:
            yield process, wait_for_address(process, log, r"(http://127\.0\.0\.1:\d+)")
        finally:
            process.terminate()
            process.wait(timeout=20)


def judge_quickly(patch: pytest.MonkeyPatch, **changes: Any) -> None:
    """Have every task judged at its smallest sizes only, and one seed trained unless more are asked for.

    Args:
        patch: puts it all back.
        **changes: to every recipe besides.
    """
    for task in map(tasks.get, tasks.names()):
        alone = {name: replace(recipe, seeds=1, **changes) for name, recipe in task.recipes.items()}
        patch.setattr(type(task), "recipes", alone)
        smallest = Case({name: task.smallest.get(name, 1) for name in task.sizes})
        patch.setattr(type(task), "validation", (smallest,))
        patch.setattr(type(task), "evaluation", (smallest,))


@contextmanager
def forgetting_tasks() -> Iterator[None]:
    """What is loaded within is forgotten after it."""
    before = dict(registry._registry())
    try:
        yield
    finally:
        registry._registry().clear()
        registry._registry().update(before)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every task is judged at its smallest sizes only, and one seed is trained."""
    judge_quickly(monkeypatch)


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, quick: None, tmp_path: Path) -> ModuleType:
    """train.py, which writes to `checkpoints` in a folder of the test's own."""
    from ntm.commands import train as module

    monkeypatch.setattr(module, "CHECKPOINTS", tmp_path / "checkpoints")
    monkeypatch.setattr(module, "_FINISHED", tmp_path / "checkpoints" / module._FINISHED.name)
    return module


@pytest.fixture(scope="session")
def app_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the demo on the embedded checkpoints."""
    with serve_app(tmp_path_factory.mktemp("app") / "log") as url:
        yield url


def wait_for_address(process: subprocess.Popen, log: Path, pattern: str) -> str:
    """The address, the pattern's group, that a process writes to its log once it listens there."""
    deadline = time.monotonic() + _SECONDS_TO_START
    while time.monotonic() < deadline and process.poll() is None:
        if found := re.search(pattern, log.read_text()):
            return found[1]
        time.sleep(0.2)
    raise RuntimeError(f"it did not start:\n{log.read_text()}")


@pytest.fixture(scope="session")
def browser() -> Iterator["Browser"]:
    """Chromium, the one that tests/run found or Playwright's own."""
    from playwright.sync_api import expect, sync_playwright  # here, so that the other tests run without it

    from tests.browsing import launch

    expect.set_options(timeout=_SECONDS_TO_APPEAR * 1000)
    with sync_playwright() as playwright:
        yield launch(playwright)
