"""The page for fingers, for the keyboard alone, for those who listen, and over a slow line; in a real browser."""

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, Response, expect

from tests.browsing import open_page, visiting, wait_for_frames
from tests.ui.test_page import choose_task, edges, open_tab, pause_at_start, wait_until_at_rest

PHONE = {"width": 360, "height": 740}
SCREEN = {"width": 1280, "height": 720}
SHIFTS = """
new PerformanceObserver(list => {
  for (const { hadRecentInput, value } of list.getEntries())
    if (!hadRecentInput) window.shifted = (window.shifted ?? 0) + value;
}).observe({ type: "layout-shift", buffered: true });
"""
MOST_BYTES = 350_000
OF_A_WORKER = re.compile("worker|machines|engine|random|lstm|weights")
"""what is fetched once the first run is drawn, and not by the page itself"""
HAS_RING = """
() => {
  const seen = (place) => {
    const { outlineStyle, outlineWidth, boxShadow } = getComputedStyle(place);
    return (outlineStyle !== "none" && parseFloat(outlineWidth) >= 2) || /0px 0px 0px 2px/.test(boxShadow);
  };
  const focused = document.activeElement;
  const places = [focused, focused.closest("label"), focused.closest(".wrap-inner")];
  return places.some(place => place && seen(place)) ? "" : focused.outerHTML.slice(0, 160);
}
"""


# Fingers.


@pytest.fixture(scope="module")
def phone(browser: Browser, app_url: str) -> Iterator[Page]:
    with visiting(browser, app_url, viewport=PHONE, has_touch=True, is_mobile=True) as page:
        yield page


def swipe(page: Page, place: str, across: float, down: float) -> None:
    """A finger goes that far from the middle of a place, as the browser is told of a real one."""
    page.locator(place).first.scroll_into_view_if_needed()
    left, top, right, bottom = edges(page, place)
    x, y = (left + right) / 2, (max(top, 0) + min(bottom, PHONE["height"])) / 2
    session = page.context.new_cdp_session(page)
    for step in range(9):
        points = [{"x": x + across * step / 8, "y": y + down * step / 8}]
        session.send("Input.dispatchTouchEvent", {"type": "touchMove" if step else "touchStart", "touchPoints": points})
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    session.detach()
    wait_for_frames(page)


def scrolled(page: Page) -> float:
    return page.evaluate("window.scrollY")


def test_a_swipe_down_scrolls_the_page_and_changes_nothing(phone: Page) -> None:
    pause_at_start(phone)
    before = scrolled(phone)
    swipe(phone, "[data-part=history]", 0, -120)
    phone.wait_for_function("before => window.scrollY > before + 40", arg=before)
    expect(phone.locator("[data-part=root]")).to_have_attribute("data-step", "0")
    swipe(phone, "[data-part=history]", 100, 0)
    expect(phone.locator("[data-part=root]")).not_to_have_attribute("data-step", "0")
    phone.get_by_label("Bits", exact=True).check()
    bit = '#grid [data-row="3"][data-bit="4"]'
    expect(phone.locator(bit)).to_be_visible()
    expect(phone.locator("#typed textarea")).to_have_value(re.compile("^[01]{8}\n"))
    typed = phone.locator("#typed textarea").input_value()
    swipe(phone, bit, 0, -120)
    phone.wait_for_timeout(300)  # in which an edit would arrive
    assert phone.locator("#typed textarea").input_value() == typed
    phone.locator(bit).scroll_into_view_if_needed()
    was = phone.locator(bit).get_attribute("aria-selected")
    phone.locator(bit).tap()
    expect(phone.locator(bit)).not_to_have_attribute("aria-selected", was or "")


# The tour.


IS_ON_TOP = """
card => {
  const { left, top, width, height } = card.getBoundingClientRect();
  const shares = Array.from({ length: 40 }, (_, place) => (place + 0.5) / 40);
  return shares.every(y => shares.every(
    x => card.contains(document.elementFromPoint(left + 4 + x * (width - 8), top + 4 + y * (height - 8)))));
}
"""


@pytest.mark.parametrize("viewport", [SCREEN, PHONE], ids=["screen", "phone"])
def test_each_stop_of_the_tour_is_in_view(browser: Browser, app_url: str, viewport: dict[str, int]) -> None:
    with visiting(browser, app_url, viewport=viewport) as page:
        open_tab(page, "How far does it carry?")
        page.get_by_role("button", name="Show me around").click()
        card = page.get_by_role("dialog", name="A short tour")
        expect(card).to_contain_text("1 of 7")
        for stop in range(1, 8):
            expect(card).to_contain_text(f"{stop} of 7")
            wait_until_at_rest(page, ".toured")
            _, top, _, bottom = edges(page, ".toured")
            free = edges(page, "#tour .card")[1]
            assert top >= 0, f"stop {stop}"
            assert bottom <= free or bottom - top > free - 40, f"stop {stop} lies below what is free"
            assert free - top > 60, f"stop {stop}"
            assert page.locator("#tour .card").evaluate(IS_ON_TOP), f"something lies over stop {stop}"
            page.keyboard.press("Enter")
        expect(card).to_be_hidden()


# The keyboard, and those who listen.


def test_what_has_the_keyboard_shows_it(browser: Browser, app_url: str) -> None:
    for theme in ("light", "dark"):
        with visiting(browser, f"{app_url}/?__theme={theme}", viewport=SCREEN) as page:
            choose_task(page, "Sort")
            page.locator("#task input:checked").focus()
            tags = set()
            for _ in range(40):
                page.keyboard.press("Tab")
                assert page.evaluate(HAS_RING) == "", theme
                tags.add(page.evaluate("document.activeElement.tagName + (document.activeElement.type ?? '')"))
            assert {"TEXTAREAtextarea", "INPUTrange", "INPUTnumber", "DIV", "SELECTselect-one"} <= tags


def test_a_step_is_told_once_and_the_run_can_be_read_as_a_table(browser: Browser, app_url: str) -> None:
    with visiting(browser, app_url) as page:
        pause_at_start(page)
        heard = page.locator("[data-part=heard]")
        expect(heard).to_have_attribute("aria-live", "polite")
        page.keyboard.press("ArrowRight")
        expect(heard).to_have_text(re.compile(r"^Step 2 of 82: vector 1 of 40 comes in\. write head .+ read head "))
        page.get_by_role("button", name="Play", exact=True).click()
        page.wait_for_function("document.querySelector('[data-part=root]').dataset.step >= 5")
        expect(heard).to_contain_text("Step 2 of 82")
        page.get_by_role("button", name="Pause", exact=True).click()
        page.get_by_text("Every step, as a table").click()
        steps = page.locator("[data-part=stepsTable]")
        expect(steps.get_by_role("columnheader")).to_have_text(
            ["step", "what it is about", "input", "due", "output", "write head", "read head"]
        )
        expect(steps.locator("tbody tr")).to_have_count(82)
        last = steps.locator("tbody tr").last.locator("th, td").all_inner_texts()
        assert last[:2] == ["82", "vector 40 of 40 is due"]
        assert last[3] == last[4] == f"{ord('.'):08b}"
        page.get_by_text("Memory at this step, as a table").click()
        slots = page.locator("[data-part=slotsTable] tbody tr")
        page.locator("[data-part=root]").focus()
        page.keyboard.press("End")
        expect(page.locator("[data-part=slotsTable]")).to_contain_text("step 40")
        assert slots.count() > 40


# A slow line.


def test_nothing_on_the_page_jumps(browser: Browser, app_url: str) -> None:
    for viewport in (SCREEN, PHONE):
        page = browser.new_page(viewport=viewport)
        page.add_init_script(SHIFTS)
        open_page(page, app_url)
        page.wait_for_timeout(1500)  # while it plays
        page.locator("#typed textarea").fill("It never saw as many as this.")
        expect(page.locator("#summary .verdict")).to_contain_text("It never saw as many as this.")
        page.wait_for_timeout(500)
        assert page.evaluate("window.shifted ?? 0") < 0.1, viewport
        page.close()


def test_little_is_fetched_before_the_first_run_is_drawn(browser: Browser, app_url: str) -> None:
    """Of what it takes, the page names every file at its head; all comes compressed, once, and is kept for good."""
    with browser.new_context() as context:
        page = context.new_page()
        answers: list[Response] = []
        page.on("response", lambda answer: answers.append(answer))
        fetched = count_bytes(page)
        open_page(page, app_url)
        assert 0 < fetched.total() < MOST_BYTES
        by_name = {answer.url.removeprefix(f"{app_url}/"): answer.headers for answer in answers}
        files = {name for name in by_name if name.startswith(("assets/", "ntm/")) and not OF_A_WORKER.search(name)}
        named = page.locator("head link[href][crossorigin]:is([rel=modulepreload], [rel=preload][as=style])")
        hrefs = named.evaluate_all("links => links.map(link => link.getAttribute('href'))")
        assert files == {href for href in hrefs if href.startswith(("assets/", "ntm/"))}
        assert len(files) > 50
        assert len([name for name in files if name.endswith("/components.js")]) == 1
        for name in files:
            assert by_name[name]["content-encoding"] == "br", name
            assert by_name[name]["cache-control"].endswith("immutable"), name
            assert sum(answer.url == f"{app_url}/{name}" for answer in answers) == 1, f"{name} is asked for once"
        assert by_name[""]["content-encoding"] == "gzip"

        fetched = count_bytes(page)
        open_page(page, app_url)
        assert sum(fetched[name] for name in files) == 0, "at the next visit"


def count_bytes(page: Page) -> Counter[str]:
    """The bytes that a page fetches from now on, headers and all, by what follows the page's address."""
    session, addresses, fetched = page.context.new_cdp_session(page), dict[str, str](), Counter[str]()
    session.send("Network.enable")

    def begin(event: dict[str, Any]) -> None:
        addresses[event["requestId"]] = event["request"]["url"].partition("/")[2].partition("/")[2].partition("/")[2]

    def count(event: dict[str, Any]) -> None:
        fetched[addresses[event["requestId"]]] += event["encodedDataLength"]

    session.on("Network.requestWillBeSent", begin)
    session.on("Network.loadingFinished", count)
    return fetched
