"""The grid: bits are toggled by mouse, finger and keyboard, and the machine follows."""

import re
import time
from collections.abc import Iterator

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from ntm.ui.grid import make_grid
from tests.browsing import FIRST_EVENT, visiting
from tests.ui.test_page import choose_task, replace_text, run_id, type_and_run, wait_for_new_run

_SHOW_ALONE = """
asked => {
  window.ntm = { layOut: () => asked };
  document.dispatchEvent(new CustomEvent("run", { detail: { run: { id: 1, belief: null }, problem: null } }));
}
"""


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visiting(browser, app_url) as page:
        yield page


def bit(page: Page, row: int, column: int) -> str:
    return f'#grid [data-row="{row}"][data-bit="{column}"]'


def ask(page: Page, text: str) -> None:
    """Type it; of copying, as bits."""
    before = run_id(page)
    if page.get_by_label("Copy", exact=True).is_checked():
        type_and_run(page, "Bits", text)
    else:
        replace_text(page, "#typed", text)
    wait_for_new_run(page, before)
    rows = [line for line in text.splitlines() if line]
    expect(page.locator('#grid [data-bit="0"]')).to_have_count(len(rows))


def test_a_click_toggles_a_bit_and_the_run_follows(page: Page) -> None:
    page.get_by_label("Bits", exact=True).check()
    expect(page.locator("#typed textarea")).to_have_value(re.compile(f"^{ord('I'):08b}\n"))
    expect(page.locator(bit(page, 0, 0))).to_have_attribute("aria-selected", "false")
    before = run_id(page)
    page.locator(bit(page, 0, 0)).click()
    wait_for_new_run(page, before)
    expect(page.locator(bit(page, 0, 0))).to_have_attribute("aria-selected", "true")
    expect(page.locator("#typed textarea")).to_have_value(re.compile(f"^1{ord('I'):07b}\n"))
    expect(page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")


def test_an_edit_right_after_another_way_of_writing_stands(page: Page) -> None:
    def answer_late(route: Route) -> None:
        time.sleep(0.3)
        route.continue_()

    page.route(FIRST_EVENT, answer_late)
    before = run_id(page)
    page.evaluate(
        """async ([kind, bit]) => {
          document.querySelector(kind).click();
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          document.querySelector(bit).dispatchEvent(new KeyboardEvent("keydown", { key: " ", bubbles: true }));
        }""",
        ["#kind input[value=Bits]", bit(page, 0, 0)],
    )
    wait_for_new_run(page, before)
    expect(page.locator("#typed textarea")).to_have_value(re.compile(f"^1{ord('I'):07b}\n"))
    page.wait_for_timeout(1000)  # for whoever would put the old bits back
    expect(page.locator("#typed textarea")).to_have_value(re.compile(f"^1{ord('I'):07b}\n"))
    expect(page.locator(bit(page, 0, 0))).to_have_attribute("aria-selected", "true")


COUNT_RUNS = """() => {
  window.runs = [];
  document.addEventListener("run", ({ detail }) => {
    const rows = detail.run.question.rows.join(" ");
    if (rows !== window.runs.at(-1)) window.runs.push(rows);
  });
}"""


def test_runs_follow_edits_in_their_order(page: Page) -> None:
    """The page asks at once, and its controls ask the same a little later: no run comes again after a newer one."""
    ask(page, "00000000")
    page.evaluate(COUNT_RUNS)
    page.evaluate(
        """async () => {
            const bits = document.querySelectorAll("#grid [data-bit]");
            for (const bit of [...bits, ...bits]) {
                for (const kind of ["pointerdown", "pointerup"])
                    bit.dispatchEvent(new PointerEvent(kind, { bubbles: true, pointerId: 1, buttons: 1 }));
                if (Math.random() < 0.5) await new Promise(requestAnimationFrame);
            }
        }"""
    )
    expect(page.locator("#typed textarea")).to_have_value("00000000")
    runs = page.evaluate("window.runs")
    expected = ["1" * n + "0" * (8 - n) for n in range(1, 9)] + ["0" * n + "1" * (8 - n) for n in range(1, 9)]
    assert runs == [each for each in expected if each in runs]
    assert runs[-1] == "00000000"


def drag(page: Page, places: list[tuple[int, int]]) -> None:
    """The mouse held down over these cells, and told of nowhere in between."""
    boxes = [page.locator(bit(page, *place)).bounding_box() for place in places]
    for index, box in enumerate(boxes):
        assert box is not None
        page.mouse.move(box["x"] + 8, box["y"] + 8)
        if index == 0:
            page.mouse.down()
    page.mouse.up()


def test_a_drag_paints(page: Page) -> None:
    ask(page, "00000000\n00000000")
    drag(page, [(1, 1), (1, 2), (1, 3), (1, 4)])
    expect(page.locator("#typed textarea")).to_have_value("00000000\n01111000")


def test_a_drag_too_quick_to_be_followed_leaves_no_gaps(page: Page) -> None:
    ask(page, "00000000\n01111110\n00000000")
    drag(page, [(0, 1), (0, 6), (2, 6)])
    expect(page.locator("#typed textarea")).to_have_value("01111110\n01111110\n00000010")


def test_a_drag_that_the_browser_cancels_paints_no_more(page: Page) -> None:
    ask(page, "00000000\n00000000")
    page.locator(bit(page, 0, 1)).hover()
    page.mouse.down()
    page.locator(bit(page, 0, 2)).hover()
    page.locator(bit(page, 0, 2)).dispatch_event("pointercancel", {"bubbles": True})
    page.locator(bit(page, 1, 5)).hover()
    page.mouse.up()
    page.locator(bit(page, 1, 7)).click()
    expect(page.locator("#typed textarea")).to_have_value("01100000\n00000001")


def test_the_keyboard_sets_bits(page: Page) -> None:
    ask(page, "00000000\n00000000")
    page.locator(bit(page, 0, 0)).focus()
    for key in ("1", "0", "1", "ArrowDown", " ", "ArrowLeft", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#typed textarea")).to_have_value("10100000\n00110000")
    expect(page.locator(bit(page, 1, 2))).to_be_focused()


def test_rows_are_added_and_taken_away(page: Page) -> None:
    ask(page, "10110010")
    page.get_by_role("button", name="One row more").click()
    expect(page.locator("#typed textarea")).to_have_value("10110010\n00000000")
    expect(page.locator("[data-part=status]")).to_contain_text("of 6")
    page.get_by_role("button", name="One row less").click()
    page.get_by_role("button", name="One row less").click()
    expect(page.locator("#typed textarea")).to_have_value("10110010")


def test_an_item_is_chosen_to_ask_about(page: Page) -> None:
    choose_task(page, "Recall")
    page.locator("#number input").fill("2")
    ask(page, "101100\n000000\n111111\n\n110011\n010101\n000111\n\n001100\n111000\n100001")
    choices = page.locator("#grid input[type=radio]")
    expect(choices).to_have_count(3)
    expect(choices.nth(2)).to_be_disabled()
    for item in (0, 1):
        before = run_id(page)
        choices.nth(item).check()
        wait_for_new_run(page, before)
        expect(page.locator("#number input")).to_have_value(str(item + 1))
        page.locator("#tape [data-part=root]").focus()
        page.keyboard.press("End")
        expect(page.locator("[data-part=status]")).to_contain_text(f"item {item + 2}: vector 3 of 3 is due")
        expect(page.locator("#summary")).to_contain_text("Not one of 18 bits is wrong.")


def test_priorities_are_slid(page: Page) -> None:
    choose_task(page, "Sort")
    slider = page.locator("#grid input[type=range]").nth(2)
    slider.focus()
    before = run_id(page)
    page.keyboard.press("End")
    wait_for_new_run(page, before)
    expect(page.locator("#grid .row .value").nth(2)).to_have_text("1.00")
    page.locator("#tape [data-part=root]").focus()
    page.keyboard.press("Home")
    for _ in range(21):
        page.keyboard.press("ArrowRight")
    expect(page.locator("[data-part=status]")).to_contain_text("number 1: vector 3 is due")


def test_a_stream_is_typed_with_two_keys_beside_the_beliefs(page: Page) -> None:
    choose_task(page, "Predict")
    ask(page, "01" * 40)
    machine, best = page.locator("[data-part=machineText]"), page.locator("[data-part=optimalText]")
    for belief in (machine, best):  # after so many 01, both expect a 0 after 01010101
        expect(belief).to_have_text(re.compile("^[12]?[0-9] %$"))
    page.get_by_role("button", name="Next bit: 0").click()
    expect(page.locator("#typed textarea")).to_have_value("01" * 40 + "0")
    expect(machine).to_have_text(re.compile("^(7[1-9]|[89][0-9]|100) %$"))
    page.get_by_role("button", name="Take the last bit away").click()
    expect(page.locator("#typed textarea")).to_have_value("01" * 40)


def test_bits_that_cannot_be_run_leave_the_grid_as_it_was(page: Page) -> None:
    ask(page, "10110010")
    replace_text(page, "#typed", "102")
    expect(page.get_by_role("alert")).to_contain_text("“2”, which is not a bit")
    expect(page.locator("#grid .bit")).to_have_count(8)


def test_items_that_are_not_asked_about_are_numbered(browser: Browser) -> None:
    """No task of the paper has such a form, so the grid is on a page of its own here."""
    asked = {"task": "list", "number": None, "layout": "items", "rows": ["10", "11", "00", "01"], "rowsAnItem": 2}
    with gr.Blocks() as alone:
        make_grid(elem_id="grid")
    _, url, _ = alone.launch(prevent_thread_lock=True, quiet=True)
    page = browser.new_page()
    try:
        page.goto(url)
        page.wait_for_selector("#grid [data-part=rows]", state="attached")
        page.evaluate(_SHOW_ALONE, asked)
        expect(page.locator("#grid .ask")).to_have_text(["item 1", "item 2"])
        page.get_by_role("button", name="One item more").click()
        expect(page.locator("#grid .ask")).to_have_text(["item 1", "item 2", "item 3"])
        for _ in range(2):
            page.get_by_role("button", name="One item less").click()
        expect(page.locator("#grid .ask")).to_have_text(["item 1"])
        expect(page.locator("#grid input[type=radio]")).to_have_count(0)
    finally:
        page.close()
        alone.close()
