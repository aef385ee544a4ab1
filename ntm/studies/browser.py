"""How fast the engine trains in a browser: a row of `ntm.studies.speed`, by Chromium through Playwright."""

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from safetensors.torch import save

from ntm.engine.library import SOURCE
from ntm.machine.ntm import NTM
from ntm.tasks import Batch

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Route

_Result = TypeVar("_Result")
_PAGE = "http://engine.test/"
_WARMING_UP = 3
_UPDATES = """async ({ config, inputs, targets, mask, memory, steps, batch, warmingUp, seconds, fewest }) => {
  const { Engine, readSafetensors } = await import("/engine.js");
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const engine = await Engine.load(await bytes("/engine.wasm"));
  const machine = engine.machine(config, readSafetensors(await bytes("/model.safetensors")));
  const given = [inputs, targets, mask].map((values) => Float32Array.from(values));
  const options = memory === null ? {} : { memory: Float32Array.from(memory) };
  const update = () => machine.update(...given, steps, batch, options);
  for (let i = 0; i < warmingUp; i += 1) update();
  const times = [];
  for (let total = 0; times.length < fewest || total < seconds; total += times.at(-1)) {
    const start = performance.now();
    update();
    times.push((performance.now() - start) / 1000);
  }
  return { times, bytes: engine.exports.memory.buffer.byteLength };
}"""


def missing() -> str | None:
    """What a row for the browser lacks here, in a line; None if nothing."""

    def open_it() -> None:
        with _browser():
            pass

    try:
        return _apart(open_it)
    except Exception as error:  # Playwright raises kinds of its own, which are there only if it is
        return (str(error).strip() or type(error).__name__).splitlines()[0]


def time_updates(model: NTM, batch: Batch, seconds: float, fewest: int) -> tuple[list[float], int]:
    """Update a machine over and over on a batch in a page that holds nothing else.

    Args:
        model: its weights are not changed.
        batch: on the CPU.
        seconds: how long to go on.
        fewest: how many updates there must be.

    Returns:
        The seconds that each update took, and the bytes that the engine holds.
    """
    steps, count, _ = batch.inputs.shape
    contents = model.initial_state(count).memory.flatten().tolist()
    given: dict[str, Any] = {
        "config": model.config,
        **{field: getattr(batch, field).float().flatten().tolist() for field in ("inputs", "targets", "mask")},
        "memory": contents if model.config["memory_init"] == "random" else None,
        "steps": steps,
        "batch": count,
        "warmingUp": _WARMING_UP,
        "seconds": seconds,
        "fewest": fewest,
    }
    weights = save({name: tensor.contiguous() for name, tensor in model.state_dict().items()})

    def serve(route: "Route") -> None:
        name = route.request.url.removeprefix(_PAGE)
        if not name:
            route.fulfill(body="<!doctype html>", content_type="text/html")
        elif name == "model.safetensors":
            route.fulfill(body=weights)
        else:
            route.fulfill(path=SOURCE.with_name(name))

    def update() -> Any:
        with _browser() as browser:
            page = browser.new_page()
            page.route(f"{_PAGE}**", serve)
            page.goto(_PAGE)
            return page.evaluate(_UPDATES, given)

    found = _apart(update)
    return found["times"], found["bytes"]


def _apart(function: Callable[[], _Result]) -> _Result:
    """What a function gives in a thread of its own: Playwright starts no second time in one where it is running."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


@contextmanager
def _browser() -> Iterator["Browser"]:
    """Chromium: that of the environment variable CHROMIUM, or Playwright's own."""
    from playwright.sync_api import sync_playwright  # here, for the tests alone need it

    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=os.environ.get("CHROMIUM") or None, args=["--no-sandbox"])
