"""Numbers that are touched on the page: the future follows as the machine in Python says, and there is a way back."""

import json
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Locator, Page, expect

import ntm
from tests.browsing import visiting, wait_for_frames
from tests.intervening import intervene
from tests.ui.test_page import open_tab, pixels, wait_for_lstm

WORD = "A Turing machine with slots"
STATE = """
() => {
  const { run, original } = window.ntm.state;
  const numbers = (values) => Array.from(values);
  return {
    inputs: numbers(run.inputs), outputs: numbers(run.outputs), weights: numbers(run.writeWeights), steps: run.steps,
    overrides: run.overrides ?? [], original: original && numbers(original.outputs), mask: numbers(run.mask),
  };
}
"""


@pytest.fixture(scope="module")
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    """The page with the stages of addressing in sight."""
    with visiting(browser, f"{app_url}/?task=copy&word={WORD.replace(' ', '+')}") as page:
        expect(page.locator("#tape [data-part=status]")).to_contain_text(f"of {2 * len(WORD) + 2}")
        look_inside(page)
        yield page


def look_inside(page: Page) -> None:
    open_tab(page, "How it addresses")
    expect(page.locator("#addressing [data-stage=gated] canvas")).to_be_visible()


@pytest.fixture(autouse=True)
def untouched(page: Page) -> Iterator[None]:
    """Each test begins and ends with the run as the machine made it."""
    yield
    if page.locator("#touching [data-part=reset]").is_visible():
        page.locator("#touching [data-part=reset]").click()
    expect(page.locator("#touching [data-part=bar]")).to_be_hidden()


def seek(page: Page, step: int) -> None:
    page.locator("#tape [data-part=scrubber]").evaluate(
        "(scrubber, step) => { scrubber.value = step; scrubber.dispatchEvent(new Event('input')); }", step
    )
    expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", str(step))
    wait_for_frames(page)


def choose_head(page: Page, name: str) -> None:
    page.locator("#addressing").get_by_role("radio", name=name).check()
    wait_for_frames(page)


def number(page: Page, name: str) -> Locator:
    return page.locator("#addressing").get_by_role("slider", name=name)


def words(page: Page) -> Locator:
    return page.locator("#touching [data-part=words]")


def drag(page: Page, canvas: str, start: tuple[float, float], by: float) -> None:
    """Drag sideways from a place, which is given in shares of the picture, by so many pixels."""
    place = page.locator(canvas)
    place.scroll_into_view_if_needed()
    box = place.bounding_box()
    assert box is not None
    x, y = box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"]
    page.mouse.move(x, y)
    page.mouse.down()
    for part in (0.3, 0.6, 1):
        page.mouse.move(x + part * by, y)
    page.mouse.up()


def assert_as_in_python(page: Page) -> dict[str, Any]:
    """What is on show follows from what was replaced, and the words count the bits that changed."""
    found = page.evaluate(STATE)
    model = ntm.load("checkpoints/ntm-copy")
    assert isinstance(model, ntm.NTM)
    inputs = torch.tensor(found["inputs"]).reshape(found["steps"], 1, -1)
    trace = intervene(model, inputs, found["overrides"])
    np.testing.assert_allclose(found["outputs"], trace.logits.sigmoid().flatten(), atol=2e-3)
    np.testing.assert_allclose(found["weights"], trace.write_weights.flatten(), atol=2e-3)
    np.testing.assert_allclose(found["original"], model(inputs)[0].sigmoid().detach().flatten(), atol=2e-3)
    due = np.repeat(np.array(found["mask"]) > 0.5, len(found["outputs"]) // found["steps"])
    changed = ((np.array(found["outputs"]) > 0.5) != (np.array(found["original"]) > 0.5))[due].sum()
    said = re.search(r": (no|\d+) bits? changes?\.$", words(page).inner_text())
    assert said is not None
    assert (0 if said[1] == "no" else int(said[1])) == changed
    return found


def test_a_gate_that_is_set_by_keys_changes_the_future(page: Page) -> None:
    seek(page, 5)
    choose_head(page, "write head")
    gate = number(page, "the gate of the write head")
    gate.focus()
    page.keyboard.press("Home")
    expect(words(page)).to_contain_text("In step 6 you set the gate of the write head to 0.00: ")
    page.keyboard.press("ArrowRight")
    expect(words(page)).to_contain_text("to 0.01: ")
    found = assert_as_in_python(page)
    assert found["overrides"] == [{"step": 5, "field": "gate", "head": 1, "index": 0, "value": 0.01}]
    expect(gate).to_have_attribute("aria-valuetext", re.compile(r"^0\.01, was 0\.\d\d$"))
    expect(page.locator("#touching [data-part=live]")).to_have_text(words(page).inner_text())
    page.locator("#touching").get_by_role("button", name="Reset").focus()
    page.keyboard.press("Enter")
    expect(page.locator("#touching [data-part=bar]")).to_be_hidden()
    expect(gate).to_be_focused()
    expect(gate).not_to_have_attribute("aria-valuetext", re.compile("was"))


def test_what_is_touched_while_the_machine_plays_stays_on_show(browser: Browser, app_url: str) -> None:
    with visiting(browser, app_url, reduced_motion="no-preference") as page:
        look_inside(page)
        play = page.locator("#tape [data-part=play]")
        if play.get_attribute("aria-label") == "Play":  # this machine took long, and it is through
            play.click()
        number(page, "the gate of the write head").press("Home")
        expect(play).to_have_attribute("aria-label", "Play")
        (set_to,) = page.evaluate(STATE)["overrides"]
        expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", str(set_to["step"]))


def test_a_head_is_dragged_to_another_slot_and_the_original_stays_as_a_ghost(page: Page) -> None:
    seek(page, 2 + len(WORD))
    choose_head(page, "read head")
    before, tape = (pixels(page, place) for place in ("[data-stage=weighting] canvas", "#tape [data-part=memory]"))
    answer = page.locator("#tape [data-part=heads]").text_content() or ""
    drag(page, "[data-stage=weighting] canvas", (0.3, 0.5), 120)
    expect(words(page)).to_contain_text(re.compile(r"you put the read head on slot \d+: \d+ bits change"))
    found = assert_as_in_python(page)
    assert [each["field"] for each in found["overrides"]] == ["weighting"], "one drag is one touch"
    slot = found["overrides"][0]["slot"]
    expect(page.locator("#tape [data-part=heads]")).to_contain_text(f"read head is on slot {slot}, where you put it")
    expect(page.locator("[data-part=changed]")).not_to_have_attribute("hidden", "")
    field = page.locator("#addressing").get_by_role("spinbutton", name="Put the head on slot")
    expect(field).to_have_value(str(slot))
    field.fill(str(slot + 1))
    expect(words(page)).to_contain_text(f"you put the read head on slot {slot + 1}: ")
    assert_as_in_python(page)
    assert pixels(page, "[data-stage=weighting] canvas").tobytes() != before.tobytes()
    page.locator("#touching").get_by_role("button", name="Undo").click()
    expect(page.locator("#touching [data-part=bar]")).to_be_hidden()
    expect(page.locator("#tape [data-part=heads]")).to_have_text(answer)
    page.mouse.move(0, 0)
    assert pixels(page, "[data-stage=weighting] canvas").tobytes() == before.tobytes()
    assert pixels(page, "#tape [data-part=memory]").tobytes() == tape.tobytes()


def test_every_kind_of_number_can_be_set_and_each_is_undone_by_itself(page: Page) -> None:
    seek(page, 8)
    choose_head(page, "write head")
    page.locator("#addressing").get_by_role("spinbutton", name="Number of the vector, from the top").first.fill("7")
    of = "of the write head"
    names = [f"number 7 of the key {of}", f"the key strength {of}", f"the shift by +1 {of}", f"the sharpening {of}"]
    names += ["number 7 of what the write head erases", "number 7 of what the write head adds"]
    for name in names:
        slider = number(page, name)
        slider.focus()
        page.keyboard.press("End")
        expect(words(page)).to_contain_text(f"you set {name} to ")
        assert_as_in_python(page)
    expect(words(page)).to_contain_text(f"your change number {len(names)}")
    expect(number(page, f"the shift by 0 {of}")).to_have_value("0")
    for left in range(len(names) - 1, 0, -1):
        page.locator("#touching").get_by_role("button", name="Undo").click()
        expect(words(page)).to_contain_text(names[left - 1])
        assert_as_in_python(page)


def test_a_cell_of_memory_is_dragged_where_it_is_chosen(page: Page) -> None:
    seek(page, len(WORD) + 1)
    drag(page, "[data-stage=passed] canvas", (0.5, 0.3), 60)
    expect(words(page)).to_contain_text(re.compile(r"you set number \d+ of slot \d+ to "))
    found = assert_as_in_python(page)
    (override,) = found["overrides"]
    place = page.locator("#addressing").get_by_role("spinbutton", name="Slot of memory")
    expect(place).to_have_value(str(override["slot"]))
    expect(number(page, f"number {override['index'] + 1} of slot {override['slot']}")).not_to_have_value("0")


def test_heads_and_cells_are_dragged_on_the_tape_itself(page: Page) -> None:
    seek(page, 6)
    drag(page, "#tape [data-part=memory]", (0.5, 0.05), 100)
    expect(words(page)).to_contain_text("In step 7 you put the write head on slot ")
    assert_as_in_python(page)
    drag(page, "#tape [data-part=memory]", (0.5, 0.5), -60)
    expect(words(page)).to_contain_text(re.compile(r"In step 7 you set number \d+ of slot \d+ to -"))
    found = assert_as_in_python(page)
    assert [each["field"] for each in found["overrides"]] == ["weighting", "memory"]


def test_a_swipe_over_a_drawing_scrolls_and_sets_nothing_and_a_tap_puts_a_head(browser: Browser, app_url: str) -> None:
    link = f"{app_url}/?task=copy&word=Turing&step=9"
    with visiting(browser, link, viewport={"width": 360, "height": 740}, has_touch=True) as phone:
        expect(phone.locator("#tape [data-part=status]")).to_contain_text("Step 10 of 14")
        look_inside(phone)
        gate = phone.evaluate("() => window.ntm.run.gate[9 * 2 + 1]")
        assert float(number(phone, "the gate of the write head").input_value()) == pytest.approx(gate, abs=0.006)
        swipe_and_tap(phone)


def swipe_and_tap(phone: Page) -> None:
    picture = phone.locator("[data-stage=weighting] canvas")
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    before = phone.evaluate("scrollY")
    finger = phone.context.new_cdp_session(phone)

    def touch(kind: str, *points: dict[str, float]) -> None:
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for by in range(10, 130, 10):
        touch("touchMove", {"x": x + by / 20, "y": y + by})
    touch("touchEnd")
    phone.wait_for_function("before => scrollY < before - 50", arg=before)
    expect(phone.locator("#touching [data-part=bar]")).to_be_hidden()
    picture.tap()
    expect(words(phone)).to_contain_text("you put the write head on slot ")


def test_a_vector_of_the_flow_is_opened_and_set(page: Page) -> None:
    seek(page, 4)
    flow = page.locator("#flow")
    adds = flow.get_by_role("button", name="Open the add vector of the write head")
    adds.click()
    expect(adds).to_have_attribute("aria-expanded", "true")
    expect(flow.get_by_role("slider")).to_have_count(20)
    flow.get_by_role("slider", name="number 3 of what the write head adds").fill("-0.5")
    expect(words(page)).to_contain_text("you set number 3 of what the write head adds to -0.50")
    assert_as_in_python(page)
    flow.get_by_role("button", name="Open the read vector of the read head").click()
    expect(flow.get_by_role("slider").first).to_be_disabled()
    flow.get_by_role("button", name="Open the read vector of the read head").click()
    expect(flow.get_by_role("slider")).to_have_count(0)


def test_what_was_set_is_in_the_address_and_a_reload_keeps_it(browser: Browser, app_url: str) -> None:
    """Of every kind: a number of a head, one of a vector, a shift, a head's place, a cell and a whole slot."""
    kinds = ["5_gate_1_0_0.25", "6_key_0_3_-0.5", "7_shift_1_2_0.5_0_0.25_1_0.25", "8_erase_1_0_1", "9_weighting_0_17"]
    kinds += ["20_memory_119_4_-0.75", "28_clear_120"]
    link = f"{app_url}/?task=copy&word={WORD.replace(' ', '+')}&step=30&touch="
    with visiting(browser, link + "~".join(kinds)) as page:
        expect(words(page)).to_contain_text("In step 29 you cleared slot 120 (your change number 7): ")
        once = assert_as_in_python(page)
        assert len({(each["step"], each["field"]) for each in once["overrides"]}) == len(kinds)
        page.wait_for_function("kinds => location.search.endsWith('&step=30&touch=' + kinds)", arg="~".join(kinds))
        page.locator("#touching").get_by_role("button", name="Undo").click()
        expect(words(page)).to_contain_text("In step 21 you set number 5 of slot 119 to -0.75 (your change number 6): ")
        page.wait_for_function("kinds => location.search.endsWith('&touch=' + kinds)", arg="~".join(kinds[:-1]))
        page.reload()
        expect(words(page)).to_contain_text("you set number 5 of slot 119 to -0.75 (your change number 6): ")
        assert_as_in_python(page)
        wait_for_lstm(page)
        page.locator("#touching").get_by_role("button", name="Reset").click()
        page.wait_for_function("location.search.endsWith('&step=30')")
        wait_for_lstm(page)


def test_a_link_that_sets_what_is_not_there_is_told_and_shows_the_run(browser: Browser, app_url: str) -> None:
    with visiting(browser, f"{app_url}/?task=copy&word=Turing&step=9&touch=5_gate_9_0_1") as page:
        expect(page.locator("#problem")).to_contain_text(
            "What the link changes in this run is not there to be changed."
        )
        expect(page.locator("#tape [data-part=status]")).to_contain_text("Step 10 of 14")
        expect(page.locator("#touching [data-part=bar]")).to_be_hidden()
        page.wait_for_function("location.search.endsWith('&step=9')")


def test_another_question_takes_what_was_set_away(page: Page) -> None:
    seek(page, 5)
    number(page, "the gate of the").fill("1")
    expect(words(page)).to_be_visible()
    page.get_by_role("button", name="Surprise me").click()
    expect(page.locator("#touching [data-part=bar]")).to_be_hidden()
    assert page.evaluate(STATE)["overrides"] == []


def test_a_slot_is_cleared_and_what_can_be_taken_away_says_of_which_run_it_is(page: Page) -> None:
    open_tab(page, "Take it with you")
    expect(page.locator("#untouched")).to_be_hidden()
    open_tab(page, "How it addresses")
    seek(page, 2 + len(WORD))
    choose_head(page, "read head")
    page.locator("#addressing").get_by_role("spinbutton", name="Slot of memory").fill("120")
    page.locator("#addressing").get_by_role("button", name="Clear slot 120").click()
    expect(words(page)).to_contain_text(f"In step {3 + len(WORD)} you cleared slot 120: ")
    found = assert_as_in_python(page)
    assert [each["slot"] for each in found["overrides"]] == [120] * 20
    open_tab(page, "Take it with you")
    expect(page.locator("#untouched")).to_have_text(
        "The link and the card keep what you changed. All else here is of the run as it was before."
    )
    look_inside(page)


def test_what_shows_at_the_pointer_goes_at_escape(page: Page) -> None:
    for place, tip in (("#tape [data-part=memory]", "#tape"), ("[data-stage=content] canvas", "#addressing")):
        page.locator(place).hover()
        expect(page.locator(f"{tip} [data-part=tip]")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator(f"{tip} [data-part=tip]")).to_be_hidden()


# How much work a touch is.

TOUCH_IN_A_FRAME = """
new Promise(done => requestAnimationFrame(() => {
  const before = window.ntm.run, detail = [{ step: 5, field: "gate", head: 1, index: 0, value: 0.4 }];
  document.dispatchEvent(new CustomEvent("touch", { detail }));
  setTimeout(() => done(window.ntm.run !== before));
}))
"""
MOST_RESTYLED = 100  # elements; a whole page has some 500


def test_a_short_run_follows_a_touch_in_the_same_frame(page: Page) -> None:
    for _ in range(3):
        page.locator("#tape [data-part=root]").press("ArrowRight")
        assert page.evaluate(TOUCH_IN_A_FRAME)
        page.locator("#touching [data-part=reset]").click()


def test_a_touch_has_only_what_it_changes_styled_anew(browser: Browser, app_url: str) -> None:
    with visiting(browser, f"{app_url}/?task=copy&word=touch") as page:
        wait_for_lstm(page)
        assert page.evaluate(TOUCH_IN_A_FRAME)
        wait_for_frames(page)
        browser.start_tracing(page=page, categories=["disabled-by-default-devtools.timeline", "devtools.timeline"])
        page.locator("#touching [data-part=undo]").click()
        wait_for_frames(page)
        assert page.evaluate(TOUCH_IN_A_FRAME)
        wait_for_frames(page)
        events = json.loads(browser.stop_tracing())["traceEvents"]
    restyled = [each["args"]["elementCount"] for each in events if each["name"] == "UpdateLayoutTree"]
    assert restyled
    assert max(restyled) < MOST_RESTYLED
