"""The page in Firefox, which lays out and rounds otherwise: the machine runs and learns in it, and nothing overlaps."""

import shutil
from collections.abc import Iterator

import pytest

from tests.firefox import Firefox, firefox

PROGRAM = shutil.which("firefox-esr") or shutil.which("firefox")
pytestmark = pytest.mark.skipif(PROGRAM is None, reason="there is no Firefox")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Firefox]:
    with firefox(PROGRAM or "", tmp_path_factory.mktemp("profile")) as page:
        yield page
        assert page.console == []


def press(page: Firefox, role: str, words: str) -> None:
    """Press the button or tab with these words."""
    page.evaluate(
        f"[...document.querySelectorAll('{role}')].find(each => each.textContent.trim() === '{words}').click()"
    )


def test_the_machine_runs_in_it(page: Firefox, app_url: str) -> None:
    page.open(app_url)
    said = page.wait_for("document.querySelector('#summary .verdict')?.innerText")
    assert "Not one of 320 bits is wrong." in said
    assert page.evaluate("window.ntm.run.byServer") is False
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    heights = page.evaluate("[...document.querySelectorAll('.answers .said')].map(each => each.offsetHeight)")
    assert len(heights) == 2
    assert max(heights) < 30, "one letter under the other"


def test_a_number_that_is_touched_changes_the_future(page: Firefox, app_url: str) -> None:
    page.open(f"{app_url}/?task=copy&word=Firefox&step=12")
    page.wait_for("document.querySelector('#tape [data-part=root]')?.dataset.step === '12'")
    press(page, "[role=tab]", "How it addresses")
    page.wait_for("document.querySelector('#addressing [data-numbers=gate] input')?.offsetWidth")
    page.evaluate(
        "[...document.querySelectorAll('#addressing [data-numbers=gate] input')].map(input => {"
        " input.value = 1; input.dispatchEvent(new Event('input', { bubbles: true })); })"
    )
    assert "In step 13 you set the gate" in page.wait_for(
        "document.querySelector('#touching [data-part=words]').innerText"
    )


def test_rows_with_priorities_stand_beside_each_other(page: Firefox, app_url: str) -> None:
    page.open(f"{app_url}/?task=priority-sort")
    page.wait_for("document.querySelectorAll('#grid .value').length === 20")
    overlaps = page.evaluate(
        """[...document.querySelectorAll('#grid [role=row]')].map(row => {
             const edges = [...row.children].map(each => each.getBoundingClientRect());
             const next = edges.slice(1).some(({ left }, place) => left < edges[place].right - 0.5);
             return next || edges.at(-1).right > row.getBoundingClientRect().right + 0.5;
           })"""
    )
    assert overlaps == [False] * 20


def test_a_machine_learns_in_it(page: Firefox, app_url: str) -> None:
    page.open(app_url)
    page.wait_for("document.querySelector('#summary .verdict')?.innerText")
    press(page, "[role=tab]", "Train one")
    page.wait_for(
        "[...document.querySelectorAll('button')].find(each => each.textContent.trim() === 'Train')?.offsetWidth"
    )
    press(page, "button", "Train")
    assert page.wait_for(
        "/Update ([1-9][0-9]*)/.exec(document.querySelector('[aria-label=\"First machine\"]')?.innerText)"
    )
