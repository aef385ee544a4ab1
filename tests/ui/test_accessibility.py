"""No violation that axe-core calls serious or worse, on any view, in light and dark."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from tests.ui.test_page import choose_task, open_page

TABS = ["How it addresses", "How far does it carry?", "As it learned", "Take it with you", "Experiments", "Look inside"]


def serious(page: Page) -> list[str]:
    violations = Axe().run(page).response["violations"]
    return [
        f"{each['id']}: {node['html'][:200]}"
        for each in violations
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_view_can_be_used_by_everyone(browser: Browser, app_url: str, theme: str, width: int) -> None:
    page = browser.new_page(viewport={"width": width, "height": 900}, reduced_motion="reduce")
    open_page(page, f"{app_url}/?__theme={theme}")
    for title in ("Repeat copy", "Recall", "Predict", "Sort", "Copy"):
        choose_task(page, title)
        assert serious(page) == [], title
    page.get_by_text("Memory at this step, as a table").click()
    page.get_by_role("button", name="Every row with its probabilities").click()
    for name in TABS:
        page.get_by_role("tab", name=name).click()
        expect(page.get_by_role("tab", name=name)).to_have_attribute("aria-selected", "true")
        if name == "How it addresses":
            page.locator("#flow").get_by_role("button", name="Open the key of the write head").click()
            page.locator("#addressing").get_by_role("slider", name="the gate of the write head").fill("1")
            expect(page.locator("#touching").get_by_role("button", name="Undo")).to_be_visible()
        if name == "Take it with you":
            page.get_by_role("button", name="Another machine, from the Hugging Face Hub").click()
            page.get_by_role("button", name="Draw the figure").click()
            expect(page.locator("#figure img[alt]:not([alt=''])")).to_be_visible(timeout=30_000)
        assert serious(page) == [], name
    page.get_by_role("tab", name="Experiments").click()
    page.locator("#experiments a", has_text="Which letter dies?").click()
    page.get_by_role("button", name="The 8th, the e").click()
    expect(page.locator("#experiment .right")).to_be_visible()
    assert serious(page) == [], "experiment"
    page.get_by_role("button", name="Show me around").click()
    expect(page.get_by_role("dialog", name="A short tour")).to_be_visible()
    assert serious(page) == [], "tour"
    page.goto(f"{app_url}/how-it-works?__theme={theme}")
    expect(page.locator(".katex-display").first).to_be_visible()
    assert serious(page) == [], "how it works"
    page.close()
