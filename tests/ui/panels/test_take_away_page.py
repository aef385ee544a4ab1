"""Links and files, in a real browser: a run is reopened as it was, and nonsense is explained."""

import re
from collections.abc import Callable, Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

RECALL = "task=associative-recall&input=101100~000000~111111~~110011~010101~000111&number=1&slots=256&step=7"


@pytest.fixture
def visit(browser: Browser, app_url: str) -> Iterator[Callable[[str], Page]]:
    """Open the page with a query; the browser's console must stay empty."""
    messages: list[str] = []
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))

    def open_page(query: str) -> Page:
        page.goto(f"{app_url}/?{query}")
        page.wait_for_selector("[data-part=root][data-run]")
        return page

    yield open_page
    page.close()
    assert messages == []


def test_a_link_reopens_the_run_it_was_made_of(visit: Callable[[str], Page]) -> None:
    page = visit(RECALL)
    expect(page.get_by_label("Recall", exact=True)).to_be_checked()
    expect(page.locator("#summary")).to_contain_text("Not one of 18 bits is wrong.")
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "7")
    page.get_by_role("tab", name="Take it with you").click()
    expect(page.locator("#link").get_by_role("textbox")).to_have_value(page.url)
    expect(page.locator("#snippet textarea")).to_have_value(re.compile("memory_slots=256"))


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        ("task=copy&input=10110010&number=2.5", "The link's number is a whole number, not “2.5”."),
        ("task=copy&input=10110010&slots=100", "100 memory slots, which this page does not offer"),
        ("task=copy&input=10110010&update=5", "update 5, of which there is no snapshot"),
        ("task=fly&step=3", "There is no task “fly”"),
        ("task=copy&input=10110010&step=x", "The link's step is a whole number, not “x”."),
    ],
)
def test_a_link_with_nonsense_is_explained_and_the_page_works(
    visit: Callable[[str], Page], query: str, complaint: str
) -> None:
    page = visit(query)
    expect(page.locator(".problem")).to_contain_text(complaint)
    expect(page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")
    page.get_by_role("button", name="Surprise me").click()
    expect(page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")
    expect(page.locator(".problem")).to_have_count(0)


def save_card(page: Page) -> Image.Image:
    """Make the card, and look at what is saved."""
    page.get_by_role("button", name="Make the card").click()
    expect(page.locator("#card img")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="Save the card").click()
    return Image.open(download.value.path()).convert("RGB")


def test_a_card_says_what_was_asked_and_shows_where_the_heads_were(visit: Callable[[str], Page]) -> None:
    page = visit("task=copy&word=hello+memory")
    page.get_by_role("tab", name="Take it with you").click()
    card = save_card(page)
    assert card.size == (1200, 630)
    alt = "“hello memory”. The machine says “hello memory” Not one of 96 bits is wrong."
    expect(page.locator("#card img")).to_have_attribute("alt", alt)
    heads = np.asarray(card, dtype=int)[350:540, 140:1144]
    for colour in ((0xC2, 0x50, 0x0A), (0x00, 0x72, 0xB2)):
        assert (np.abs(heads - colour).max(-1) < 40).mean() > 0.01, "it writes and reads one slot a step"


def test_a_card_shows_what_somebody_changed(visit: Callable[[str], Page]) -> None:
    page = visit("task=copy&word=hello+memory")
    page.get_by_role("tab", name="Take it with you").click()
    before = save_card(page)
    page.evaluate("window.ntm.rerun([{ step: 4, field: 'gate', head: 1, index: 0, value: 1 }], '')")
    page.wait_for_function("window.ntm.state.original")
    after = save_card(page)
    assert "changed by hand" in (page.locator("#card img").get_attribute("alt") or "")
    assert np.abs(np.asarray(before, dtype=int) - np.asarray(after, dtype=int)).mean() > 0.5


def test_the_files_are_there_to_download(visit: Callable[[str], Page]) -> None:
    page = visit("")
    page.get_by_role("tab", name="Take it with you").click()
    page.get_by_role("button", name="Make the files").click()
    for name in ("figure.svg", "trace.npz"):
        stem, _, suffix = name.partition(".")
        expect(page.locator("#files").get_by_role("row").filter(has_text=stem).filter(has_text=suffix)).to_have_count(1)
    with page.expect_download() as download:
        page.locator("#files a[download]").first.click()
    assert download.value.path().stat().st_size > 10_000
