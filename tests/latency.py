"""How soon the page answers in a browser, and how soon a machine is trained in it: python -m tests.latency

The demo is started on this machine and opened in Chromium (that of the environment variable CHROMIUM, or Playwright's
own). From an event to the frame that shows what came of it: a number is dragged, and a bit is turned over, in runs of
several sizes. Then ten seeds of the first preset are trained until they are solved, and frames are counted meanwhile.
"""

import statistics
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from ntm.ui.trainer import FIRST, PRESETS
from tests.browsing import launch, visiting
from tests.conftest import serve_app
from tests.ui.modules import describe, open_modules

_SIZES: list[tuple[int, int | None]] = [(20, None), (120, None), (120, 2048)]
_EVENTS = 25
_SEEDS = range(1, 11)
_MOST_UPDATES = 5000
# What a run becomes is drawn in the next frame, whose task is followed by that of the message.
_WATCH = """() => {
  window.waits = [];
  let begun = null;
  for (const kind of ["input", "pointerdown"]) addEventListener(kind, () => { begun ??= performance.now(); }, true);
  document.addEventListener("run", () => {
    if (begun === null) return;
    const from = begun;
    begun = null;
    requestAnimationFrame(() => {
      const painted = new MessageChannel();
      painted.port1.onmessage = () => window.waits.push(performance.now() - from);
      painted.port2.postMessage(null);
    });
  });
}"""
_TRAIN = """async ([settings, mostUpdates]) => {
  const { Training } = await import("/training.js");
  const { Engine } = await import("/engine.js");
  const bytes = new Uint8Array(await (await fetch("/engine.wasm")).arrayBuffer());
  const training = new Training(await Engine.load(bytes), settings), begun = performance.now();
  while (training.solvedAt === null && training.updates < mostUpdates) training.update();
  return [training.solvedAt, (performance.now() - begun) / 1000];
}"""
_FRAMES = """new Promise((done) => {
  const times = [];
  const count = (time) => {
    times.push(time);
    if (time - times[0] < 5000) requestAnimationFrame(count);
    else done((1000 * (times.length - 1)) / (time - times[0]));
  };
  requestAnimationFrame(count);
})"""


def time_events(page: Page, act: Callable[[int], object]) -> list[float]:
    """Milliseconds from each event to its painted frame.

    Args:
        page: the page.
        act: does what begins the event of this number.
    """
    page.evaluate(_WATCH)
    for number in range(_EVENTS):
        act(number)
        page.wait_for_function("count => window.waits.length > count", arg=number)
    return [float(wait) for wait in page.evaluate("window.waits")]


def drag_gate(page: Page) -> list[float]:
    """Drag the gate of the first head from one end to the other."""
    page.get_by_role("tab", name="How it addresses").click()
    gate = page.locator("#addressing [data-numbers=gate] input")
    gate.scroll_into_view_if_needed()
    page.wait_for_timeout(1000)
    box = gate.bounding_box()
    assert box is not None
    y, width = box["y"] + box["height"] / 2, box["width"] - 16
    page.mouse.move(box["x"] + 8, y)
    page.mouse.down()
    waits = time_events(page, lambda number: page.mouse.move(box["x"] + 8 + width * (number + 1) / _EVENTS, y))
    page.mouse.up()
    return waits


def turn_bits(page: Page) -> list[float]:
    """Turn over one bit of the grid again and again."""
    bit = page.locator('#grid [data-row="0"][data-bit="3"]')
    bit.scroll_into_view_if_needed()
    return time_events(page, lambda _: bit.click())


def print_waits(name: str, waits: Sequence[float]) -> None:
    """Their median and the one that one in ten is above."""
    tenth = statistics.quantiles(waits, n=10, method="inclusive")[-1]
    print(f"  {name}: median {statistics.median(waits):.0f} ms, nine in ten within {tenth:.0f} ms", flush=True)


def count_frames(browser: Browser, url: str) -> float:
    """Frames a second while a machine is trained on the page."""
    with visiting(browser, url) as page:
        page.get_by_role("tab", name="Train one").click()
        page.get_by_role("button", name="Train", exact=True).click()
        page.get_by_role("region", name="First machine").get_by_text("wrong bits a sequence").wait_for()
        return float(page.evaluate(_FRAMES))


def train(browser: Browser) -> list[tuple[int | None, float]]:
    """After how many updates, None where it was not, and seconds each seed was solved."""
    settings: dict[str, Any] = FIRST | PRESETS[0].changes | {"task": describe(FIRST["task"])}
    with open_modules(browser) as page:
        return [tuple(page.evaluate(_TRAIN, [settings | {"seed": seed}, _MOST_UPDATES])) for seed in _SEEDS]


def main() -> int:
    """Run the command; the exit code."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        browser = launch(playwright)
        with serve_app(Path(folder) / "log") as url:
            for length, slots in _SIZES:
                print(f"copying {length} vectors in {slots or 128} slots", flush=True)
                rows = "~".join(["10110010", "01101001", "11100001", "00011110"][row % 4] for row in range(length))
                address = f"{url}/?task=copy&step=12&input={rows}" + (f"&slots={slots}" if slots else "")
                for name, act in (("a number is dragged", drag_gate), ("a bit is turned over", turn_bits)):
                    with visiting(browser, address) as page:
                        page.wait_for_timeout(2000)  # until all that is fetched ahead is there
                        print_waits(name, act(page))
            frames = count_frames(browser, url)
        solved = [(updates, seconds) for updates, seconds in train(browser) if updates is not None]
        print(
            f"“{PRESETS[0].name}”: {len(solved)} of {len(_SEEDS)} seeds solved; {frames:.0f} frames a second meanwhile"
        )
        for unit, values in zip(("updates", "seconds"), zip(*solved, strict=True), strict=False):
            print(f"  after {min(values):,.0f} to {max(values):,.0f} {unit}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
