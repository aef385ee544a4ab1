"""The page's modules in a real browser without a page: the scripts that need none, and all that the server serves."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from playwright.sync_api import Browser, JSHandle, Page, Route

import ntm
from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.ui import tape
from ntm.ui.browser.catalogue import find_read_delay
from ntm.ui.browser.pack import pack_run
from ntm.ui.run import Run
from tests.conftest import ROOT
from tests.numerics import seeded

_HOST = "http://modules.test"
_MODULES = ("address", "encode", "question", "run", "runner", "verdict")
_IMPORT = """
async (names) => {
  for (const name of names) Object.assign(window, await import(`/${name}.js`));
}
"""
_UNPACK = """
async ([value, more]) => {
  const known = { certain: true, register: false };
  return prepareRun(complete({ ...known, ...(await unpack(value)), ...more }));
}
"""


@contextmanager
def open_modules(browser: Browser) -> Iterator[Page]:
    """An empty page in which everything that the modules export is a global, and the tape's scripts are there too."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.route(f"{_HOST}/**", _serve)
    page.goto(_HOST)
    for name in tape.WITHOUT_PAGE:
        page.add_script_tag(content=files(tape).joinpath(name).read_text("utf-8"))
    page.evaluate(_IMPORT, list(_MODULES))
    yield page
    page.close()
    assert errors == []


def _serve(route: Route) -> None:
    name = route.request.url.removeprefix(f"{_HOST}/")
    if not name:
        return route.fulfill(body="<!doctype html>", content_type="text/html")
    folders = (*(ROOT / "ntm" / each for each in ("ui/browser", "ui/trainer", "engine")), ROOT)
    return route.fulfill(path=next(path for folder in folders if (path := folder / name).is_file()))


def unpack(modules: Page, model: SequenceModel, run: Run, **options: Any) -> JSHandle:
    """A run as the browser has it when the server ran it."""
    register = "register" in (model.config.get("extension") or ())
    more = {"register": register, "readDelay": find_read_delay(model, tasks.get(run.question.task))}
    return modules.evaluate_handle(_UNPACK, [pack_run(model, run, **options), more])


def array_of(run: JSHandle, name: str) -> np.ndarray:
    return np.array(run.evaluate("(run, name) => Array.from(run[name])", name))


@cache
def machine_of(task: str) -> ntm.NTM:
    model = ntm.load(f"checkpoints/ntm-{task}")
    assert isinstance(model, ntm.NTM)
    return model


def question_of(task: str, seed: int = 0) -> tasks.Question:
    """One inside the training range."""
    sizes = {name: trained[len(trained) // 2] for name, trained in tasks.get(task).sizes.items()}
    return tasks.get(task).draw_question(seeded(seed), **sizes)


def describe(task: str) -> dict[str, Any]:
    """What the modules are told of a task."""
    it = tasks.get(task)
    told = {
        "name": task,
        "inputSize": it.input_size,
        "outputSize": it.output_size,
        "sizes": {name: [sizes[0], sizes[-1]] for name, sizes in it.sizes.items()},
        "form": it.form.describe(),
        "layout": it.layout and it.layout.describe(),
    }
    return json.loads(json.dumps(told))


def path_of_weights(name: str) -> str:
    return str(Path("/checkpoints") / name / "model.safetensors")
