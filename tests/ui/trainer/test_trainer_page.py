"""The trainer in its place on the served page."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browsing import visiting, wait_for_frames
from tests.ui.test_accessibility import serious

SMALL = {"Largest size in training": "2", "Its units": "16", "Slots": "5", "Width of a slot": "6"}


@pytest.fixture(params=[(1280, "light"), (360, "dark")], ids=["wide", "narrow"])
def page(request: pytest.FixtureRequest, browser: Browser, app_url: str) -> Iterator[Page]:
    """The page with the trainer open."""
    width, theme = request.param
    with visiting(browser, f"{app_url}/?__theme={theme}", viewport={"width": width, "height": 800}) as page:
        page.get_by_role("tab", name="Train one").click()
        expect(page.get_by_text("Press Train")).to_be_visible()
        yield page


def open_settings(page: Page) -> None:
    """Show every setting, and wait until Gradio has given the fields their values: it does so after they are there."""
    page.get_by_role("button", name="Every setting").click()
    expect(page.get_by_label("Shifts by up to")).to_be_visible()
    wait_for_frames(page)


def test_a_visitor_trains_machines_of_their_own(page: Page) -> None:
    """With the keyboard, beside one another, without a request to the server; usable by everyone all along."""
    page.get_by_label("Without shifts").check()
    expect(page.locator("#preset-note")).to_contain_text("no head can move on")
    open_settings(page)
    expect(page.get_by_label("Shifts by up to")).to_have_value("0")
    for label, value in SMALL.items():
        page.get_by_label(label, exact=True).fill(value)
        page.keyboard.press("Tab")
    page.keyboard.press("Escape")  # the list that opened, fading in, when the keyboard came to it
    expect(page.get_by_test_id("dropdown-option")).to_have_count(0)
    assert serious(page) == []
    page.get_by_role("button", name="Train", exact=True).focus()
    page.keyboard.press("Enter")
    first = page.get_by_role("region", name="First machine")
    expect(first).to_contain_text("LSTM of 16 · 5 slots of 6, constant · no shifts")
    expect(first).to_contain_text("wrong bits a sequence")
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.get_by_label("Seed").fill("7")
    page.get_by_role("button", name="Train a second one beside it").click()
    second = page.get_by_role("region", name="Second machine")
    expect(second).to_contain_text("seed 7")
    expect(second).to_contain_text("wrong bits a sequence")
    for machine in (first, second):
        machine.get_by_role("button", name="Pause").click()
        expect(machine.get_by_role("button", name="Go on")).to_be_visible()
    assert [url for url in requests if not url.startswith(("blob:", "data:")) and "/ntm/" not in url] == []
    assert serious(page) == []
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_refused_setting_is_told_in_a_sentence(page: Page) -> None:
    open_settings(page)
    page.get_by_label("Slots", exact=True).fill("2")
    page.keyboard.press("Tab")
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("alert")).to_have_text("Shifts by up to 1 take 3 slots or more; here are 2.")
