"""A page with nothing on it but the trainer."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, Route

from ntm import tasks
from ntm.ui import trainer
from ntm.ui.browser.catalogue import describe_task
from ntm.ui.browser.serve import MODULES, read_module

ADDRESS = "http://trainer.test/"
_TYPES = {".js": "text/javascript", ".wasm": "application/wasm"}


def describe(name: str) -> dict[str, Any]:
    """What the browser is told of a task."""
    return describe_task(tasks.get(name))
