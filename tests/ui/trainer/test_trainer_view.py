"""The trainer as a visitor has it, on a page with nothing else: real workers, the real engine."""

import re
import zipfile
from collections.abc import Callable, Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

import ntm
from ntm.ui import theme, trainer
from tests.ui.modules import describe, open_modules
from tests.ui.trainer.test_training import TINY

_MOUNT = """
async ([html, style, tasks]) => {
  document.body.innerHTML = `<style>${style}</style>${html}`;
  const { mount } = await import("/trainer_view.js");
  window.trainer = mount(document.body, (name) => tasks[name]);
}
"""
_SHOWN = """
() => ({
  rows: document.querySelector("polyline.rows")?.points.length ?? 0,
  state: document.querySelector("[data-part=state]").textContent,
})
"""


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


@pytest.fixture
def train(modules: Page) -> Iterator[Callable[..., Locator]]:
    """Starts a machine of tiny settings with changes, and gives its card; nothing trains before and after."""
    html, style = (files(trainer).joinpath(f"trainer.{kind}").read_text("utf-8") for kind in ("html", "css"))
    told = {name: describe(name) for name in ("copy", "associative-recall")}
    modules.evaluate(_MOUNT, [html, theme.STYLE + style, told])

    def start(kind: str = "first", **changes: Any) -> Locator:
        modules.evaluate("([kind, settings]) => trainer.train(kind, settings)", [kind, TINY | changes])
        return modules.locator(f".run.{kind}")

    yield start
    for button in modules.get_by_role("button", name="Put away").all():
        button.click()


def update_of(card: Locator) -> int:
    return update_in(part(card, "state").inner_text())


def update_in(state: str) -> int:
    found = re.search(r"(?:pdate|Finished after) ([\d,]+)", state)
    return int(found[1].replace(",", "")) if found else 0


def part(card: Locator, name: str) -> Locator:
    return card.locator(f"[data-part={name}]")


@pytest.mark.slow
def test_a_machine_learns_to_say_what_it_is_asked(modules: Page, train: Callable[..., Locator], tmp_path: Path) -> None:
    """From noise to every letter right, told to those who do not see it as well; the weights can be taken away."""
    card = train()
    modules.get_by_label("Ask it to repeat").fill("Hi")
    expect(part(card, "state")).to_contain_text("Solved after", timeout=120_000)
    expect(part(card, "answered")).to_have_text("Hi")
    expect(part(card, "answered").locator(".no")).to_have_count(0)
    expect(part(card, "wrong")).to_have_text("0 of 16 bits of this answer wrong")
    expect(modules.get_by_role("status")).to_contain_text("Solved after")
    expect(modules.get_by_role("img", name="Solved after").first).to_be_visible()
    with modules.expect_download() as download:
        card.get_by_role("button", name="Keep the weights").click()
    assert download.value.suggested_filename == "ntm-copy.zip"
    zipfile.ZipFile(download.value.path()).extractall(tmp_path)
    model = ntm.load(tmp_path / "ntm-copy")
    batch = ntm.tasks.get("copy").sample(200, length=2)
    errors = ntm.tasks.get("copy").errors(model(batch.inputs)[0], batch)
    assert errors.mean() < 0.5, "of 8 by chance; solved is told at the first word that is right"


def test_it_pauses_steps_and_goes_on_at_another_rate(modules: Page, train: Callable[..., Locator]) -> None:
    card = train()
    expect(part(card, "state")).to_contain_text("wrong bits")
    card.get_by_role("button", name="Pause").click()
    expect(part(card, "state")).to_contain_text("Paused at update")
    paused = update_of(card)
    modules.wait_for_timeout(500)
    assert update_of(card) == paused
    card.get_by_role("button", name="One update").click()
    expect(part(card, "state")).to_contain_text(f"Paused at update {paused + 1:,},")
    slider = card.get_by_role("slider", name="Learning rate")
    slider.focus()
    modules.keyboard.press("ArrowRight")
    expect(part(card, "rateText")).not_to_have_text("0.006")
    rate = float(part(card, "rateText").inner_text())
    assert 0.006 < rate < 0.008
    expect(slider).to_have_attribute("aria-valuetext", str(rate))
    card.get_by_role("button", name="Go on").click()
    expect(card.get_by_role("button", name="Pause")).to_be_visible()
    expect(part(card, "state")).not_to_contain_text(f"update {paused + 1:,},")
    assert float(part(card, "rateText").inner_text()) == rate


def test_the_browser_asks_before_a_machine_is_lost(modules: Page, train: Callable[..., Locator]) -> None:
    leaves = "window.dispatchEvent(new Event('beforeunload', { cancelable: true }))"
    assert modules.evaluate(leaves)
    card = train()
    modules.wait_for_function("document.querySelector('polyline.rows')?.points.length > 20")  # of ten updates each
    card.get_by_role("button", name="Pause").click()
    expect(part(card, "state")).to_contain_text("Paused")
    assert not modules.evaluate(leaves)
    with modules.expect_download():
        card.get_by_role("button", name="Keep the weights").click()
    assert modules.evaluate(leaves)


def test_two_machines_are_trained_on_one_chart(modules: Page, train: Callable[..., Locator]) -> None:
    first, second = train(), train("second", controller="feedforward", memory_init="learned", seed=2)
    expect(part(first, "settings")).to_contain_text("LSTM of 24")
    expect(part(second, "settings")).to_contain_text("feedforward of 24 · 6 slots of 8, learned")
    expect(modules.locator("polyline.rows.first")).to_be_attached()
    expect(modules.locator("polyline.rows.second")).to_be_attached()
    second.get_by_role("button", name="Pause").click()
    expect(part(second, "state")).to_contain_text("Paused")
    before = update_of(first)
    expect(part(first, "state")).not_to_contain_text(f" {before:,},")
    first.get_by_role("button", name="Put away").click()
    expect(modules.locator(".run")).to_have_count(1)
    expect(modules.locator("polyline.rows")).to_have_count(1)


def test_nothing_is_lost_while_the_page_is_hidden(modules: Page, train: Callable[..., Locator]) -> None:
    """A hidden page gets no frames, so nothing is drawn; all that happened is there when it is seen again."""
    modules.evaluate(
        "window.frame = requestAnimationFrame; window.requestAnimationFrame = (draw) => { window.due = draw; }"
    )
    card = train()
    modules.wait_for_function("Boolean(window.due)", polling=100)
    modules.wait_for_timeout(5_000)
    assert modules.evaluate(_SHOWN)["rows"] == 0
    modules.evaluate("window.requestAnimationFrame = frame; frame(due)")
    expect(part(card, "state")).to_contain_text("wrong bits")
    shown = modules.evaluate(_SHOWN)
    assert shown["rows"] >= 2
    assert shown["rows"] == update_in(shown["state"]) // 10


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"memory_slots": 2}, "Shifts by up to 1 take 3 slots or more; here are 2."),
        ({"seed": 1.5}, "The seed must be a whole number from 0 to 4,294,967,295."),
        ({"controller_size": None}, "The controller's units must be a whole number from 1 to 512."),
        ({"learning_rate": 3}, "The learning rate must be from 0.00001 to 0.1."),
        ({"learning_rate": None}, "The learning rate must be from 0.00001 to 0.1."),
    ],
)
def test_what_cannot_be_trained_is_told(
    modules: Page, train: Callable[..., Locator], changes: dict[str, Any], sentence: str
) -> None:
    card = train(**changes)
    expect(modules.get_by_role("alert")).to_have_text(sentence)
    expect(card).to_have_count(0)
    train()
    expect(modules.get_by_role("alert")).to_be_hidden()


def test_a_task_without_words_is_asked_what_is_drawn(modules: Page, train: Callable[..., Locator]) -> None:
    card = train(task="associative-recall")
    expect(part(card, "wrong")).to_contain_text("of 18 bits")
    expect(modules.get_by_label("Ask it to repeat")).to_be_hidden()
    expect(part(card, "echo")).to_be_hidden()
    picture = "document.querySelector('.run canvas').toDataURL()"
    card.get_by_role("button", name="Pause").click()
    expect(card.get_by_role("button", name="Go on")).to_be_visible()
    before = modules.evaluate(picture)
    modules.get_by_role("button", name="Ask something else").click()
    modules.wait_for_function(f"(before) => {picture} !== before", arg=before)
