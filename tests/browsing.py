"""The page in a browser: opened, and its console watched."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, Page, Playwright

# The page asks what its link says. By then Gradio listens to all else.
FIRST_EVENT = "**/queue/join*"
WIDE = {"width": 1280, "height": 900}


def launch(playwright: Playwright) -> Browser:
    """Chromium, the one that tests/run found or Playwright's own."""
    return playwright.chromium.launch(
        executable_path=os.environ.get("CHROMIUM") or None,
        args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
    )


def open_page(page: Page, url: str) -> None:
    """Go there and wait until the first run is drawn and edits are listened to."""
    with page.expect_request(FIRST_EVENT):
        page.goto(url)
    page.wait_for_selector("[data-part=root][data-run]")


def wait_for_frames(page: Page) -> None:
    """Until what has been set in motion so far is painted."""
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


@contextmanager
def visiting(browser: Browser, url: str, **options: Any) -> Iterator[Page]:
    """The page with its first run drawn; the browser's console must stay empty, whatever is done with it.

    Args:
        browser: the browser.
        url: the page's address.
        options: of the browser's page; 1280 pixels wide and without motion unless they say otherwise.
    """
    messages: list[str] = []
    page = browser.new_page(**{"viewport": WIDE, "reduced_motion": "reduce"} | options)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    page.on("dialog", lambda dialog: messages.append(f"dialog: {dialog.message}"))
    open_page(page, url)
    yield page
    page.close()
    assert messages == []
