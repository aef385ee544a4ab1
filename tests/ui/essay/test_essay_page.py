"""The live pieces of the essay: their head does what the equations say, and what is set in one shows in others."""

from collections.abc import Iterator
from importlib.resources import files

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from playwright.sync_api import Browser, Page, expect
from torch import Tensor

from ntm.machine import addressing as equations
from ntm.machine import memory as storage
from ntm.ui import essay
from tests.browsing import wait_for_frames

WEIGH = """
(changes) => {
  const head = weigh({ ...firstHead(), ...changes });
  const erase = PATTERN.map(() => head.erase), add = PATTERN.map((each) => head.add * each);
  const written = writeTo(head.memory, head.weighting, erase, add);
  const all = { ...head, read: readFrom(head.memory, head.weighting), written, pattern: PATTERN };
  const plain = (value) => (typeof value === "number" ? value : [...value]);
  return Object.fromEntries(Object.entries(all).map(([name, value]) => [name, plain(value)]));
}
"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """An empty page with nothing but the scripts that need none."""
    page = browser.new_page()
    for name in essay.HEAD:
        page.add_script_tag(content=files(essay).joinpath(name).read_text("utf-8"))
    yield page
    page.close()


def tensor(values: list[float], *shape: int) -> Tensor:
    return torch.tensor(values, dtype=torch.float64).reshape(1, *shape)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    wanted=some.integers(0, 9),
    strength=some.floats(0, 20),
    gate=some.floats(0, 1),
    sharpening=some.floats(1, 21),
    erase=some.floats(0, 1),
    add=some.floats(-1, 1),
    shift=some.lists(some.floats(0.01, 1), min_size=3, max_size=3),
    before=some.lists(some.floats(0.01, 1), min_size=10, max_size=10),
)
def test_each_number_does_what_its_equation_says(
    scripts: Page,
    wanted: int,
    strength: float,
    gate: float,
    sharpening: float,
    erase: float,
    add: float,
    shift: list[float],
    before: list[float],
) -> None:
    shift, before = (np.array(values) / np.sum(values) for values in (shift, before))
    numbers = {
        "wanted": wanted,
        "strength": strength,
        "gate": gate,
        "sharpening": sharpening,
        "erase": erase,
        "add": add,
    }
    head = scripts.evaluate(WEIGH, numbers | {"shift": shift.tolist(), "before": before.tolist()})
    memory = tensor(head["memory"], 10, 6)
    content = equations.content_weighting(memory, memory[:, wanted].unsqueeze(1), tensor([strength], 1))
    gated = equations.interpolate(content, tensor(before.tolist(), 1, 10), tensor([gate], 1))
    shifted = equations.shift(gated, tensor(shift.tolist(), 1, 3))
    weighting = equations.sharpen(shifted, tensor([sharpening], 1))
    adds = add * tensor(head["pattern"], 1, 6)
    written = storage.write(memory, weighting, torch.full_like(adds, erase), adds)
    expected = {"content": content, "gated": gated, "shifted": shifted, "weighting": weighting, "written": written}
    for name, values in (expected | {"read": storage.read(memory, weighting)}).items():
        assert head[name] == pytest.approx(values.flatten().tolist(), abs=1e-4), name


@pytest.fixture(params=[1280, 360])
def page(browser: Browser, app_url: str, request: pytest.FixtureRequest) -> Iterator[Page]:
    errors: list[str] = []
    page = browser.new_page(viewport={"width": request.param, "height": 800})
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(f"{app_url}/how-it-works")
    expect(page.locator("#essay [data-piece=write] canvas")).to_be_visible()
    yield page
    assert page.evaluate("document.documentElement.scrollWidth") <= request.param, "nothing is beside the screen"
    page.close()
    assert errors == []


def drawing(page: Page, piece: str) -> str:
    wait_for_frames(page)
    return page.locator(f"#essay [data-piece={piece}] canvas").last.evaluate("canvas => canvas.toDataURL()")


def words(page: Page, piece: str) -> str:
    wait_for_frames(page)
    return page.locator(f"#essay [data-piece={piece}] .words").inner_text()


def test_what_is_set_in_one_piece_shows_in_those_that_follow(page: Page) -> None:
    before = {piece: drawing(page, piece) for piece in ("content", "gate", "shift", "sharpening", "read", "write")}
    page.get_by_role("slider", name="the gate").fill("0")
    assert words(page, "gate") == "0 % of this, and 100 % (pale) of where the head was, slot 2."
    assert drawing(page, "content") == before["content"]
    for piece in ("gate", "shift", "sharpening", "read", "write"):
        assert drawing(page, piece) != before[piece]
    page.get_by_role("slider", name="the shift by +1").fill("1")
    assert words(page, "shift") == "100 % of it moves one slot on: 100 % on slot 3."
    expect(page.get_by_role("slider", name="the shift by 0")).to_have_value("0")


def test_a_head_goes_on_and_begins_again(page: Page) -> None:
    page.get_by_role("slider", name="the gate").fill("0")
    page.get_by_role("slider", name="the shift by +1").fill("1")
    for slot in (4, 5, 6):
        page.get_by_role("button", name="One step on").click()
        assert words(page, "sharpening") == f"To the power of 1.50: 100 % on slot {slot}."
    assert words(page, "read") == "What is read is mostly slot 6, which has 100 % of the weighting."
    page.get_by_role("button", name="Start again").click()
    assert words(page, "gate").endswith("where the head was, slot 2.")
    expect(page.get_by_role("slider", name="the gate")).to_have_value("0.8")


def test_the_key_is_chosen_by_number_and_in_the_picture(page: Page) -> None:
    field = page.get_by_role("spinbutton", name="The slot whose contents are the key")
    field.fill("3")
    assert words(page, "content").startswith("Slot 3 is most like the key: 1.00.")
    memory = page.locator("#essay [data-piece=content] canvas").first
    box = memory.bounding_box()
    assert box is not None
    memory.click(position={"x": box["width"] - 10, "y": 20})
    expect(field).to_have_value("9")
    assert words(page, "content").startswith("Slot 9 is most like the key: 1.00.")
