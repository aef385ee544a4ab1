"""The page as a visitor meets it: a real server, a real browser, the published weights."""

import base64
import io
import re
from collections.abc import Iterator
from itertools import pairwise

import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browsing import FIRST_EVENT, open_page, visiting, wait_for_frames

WIDTHS = [1280, 390]
SENTENCE = "It only ever practised up to 20 letters."


@pytest.fixture(params=WIDTHS)
def page(request: pytest.FixtureRequest, browser: Browser, app_url: str) -> Iterator[Page]:
    """The page as a screen and as a phone show it, in motion."""
    viewport = {"width": request.param, "height": 900}
    with visiting(browser, app_url, viewport=viewport, reduced_motion="no-preference") as page:
        yield page


@pytest.fixture
def wide_page(browser: Browser, app_url: str) -> Iterator[Page]:
    """As `page`, at one width, for what does not depend on it."""
    with visiting(browser, app_url, reduced_motion="no-preference") as page:
        yield page


def open_tab(page: Page, name: str) -> None:
    """Open one of the tabs below the answer."""
    page.get_by_role("tab", name=name).click()


def run_id(page: Page) -> str:
    return page.locator("[data-part=root]").get_attribute("data-run") or ""


def current_step(page: Page) -> int:
    wait_for_frames(page)
    return int(page.locator("[data-part=root]").get_attribute("data-step") or -1)


def wait_until_at_rest(page: Page, selector: str) -> None:
    """Until what it names stays where it is: a tab that has just opened moves what is in it."""
    page.wait_for_selector(selector)
    page.evaluate(
        """async (selector) => {
            const place = () => Math.round(document.querySelector(selector).getBoundingClientRect().top);
            for (let before = NaN, still = 0; still < 10; ) {
                await new Promise(requestAnimationFrame);
                still = place() === before ? still + 1 : 0;
                before = place();
            }
        }""",
        selector,
    )


def pixels(page: Page, canvas: str) -> Image.Image:
    """What is drawn on a canvas, once it is in sight: what is not, is not drawn."""
    page.locator(canvas).first.scroll_into_view_if_needed()
    wait_for_frames(page)
    address = page.locator(canvas).evaluate("canvas => canvas.toDataURL()")
    return Image.open(io.BytesIO(base64.b64decode(address.split(",")[1]))).convert("RGBA")


def edges(page: Page, place: str) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the first of these, in pixels."""
    box = page.locator(place).first.bounding_box()
    assert box is not None
    return box["x"], box["y"], box["x"] + box["width"], box["y"] + box["height"]


def type_and_run(page: Page, kind: str, typed: str) -> None:
    """Edit the input; a run follows by itself."""
    page.get_by_label(kind, exact=True).check()
    hint = "Each character" if kind == "Word" else "One vector of 8 bits a line"
    expect(page.locator("#typed")).to_contain_text(hint)
    replace_text(page, "#typed", typed)


def replace_text(page: Page, place: str, typed: str) -> None:
    """All at once, as a paste does; Playwright's own typing takes half a minute for a megabyte."""
    page.locator(f"{place} textarea, {place} input").evaluate(
        "(field, typed) => { field.value = typed; field.dispatchEvent(new Event('input', {bubbles: true})); }", typed
    )


def choose_task(page: Page, title: str) -> None:
    before = run_id(page)
    page.get_by_label(title, exact=True).check()
    wait_for_new_run(page, before)


def wait_for_new_run(page: Page, before: str) -> None:
    expect(page.locator("[data-part=root]")).not_to_have_attribute("data-run", before)


def wait_for_lstm(page: Page) -> None:
    """What is beside the run comes after it."""
    expect(page.locator("#summary .comparison")).to_contain_text("LSTM")


def pause_at_start(page: Page) -> None:
    page.locator("[data-part=root]").focus()
    page.keyboard.press("Home")
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "0")


def test_it_starts_with_a_run_already_there(page: Page) -> None:
    expect(page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")
    expect(page.locator("[data-part=status]")).to_contain_text("of 82")
    assert len(pixels(page, "[data-part=memory]").getcolors(1 << 20) or []) > 20
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_priorities_are_read_beside_their_sliders(page: Page) -> None:
    choose_task(page, "Sort")
    _, _, right, _ = edges(page, "#grid .rows")
    assert edges(page, "#grid .value")[2] <= right
    assert page.locator("#grid input[type=range]").first.evaluate("slider => slider.offsetWidth") >= 40


def test_the_button_that_plays_training_is_a_button(page: Page) -> None:
    open_tab(page, "As it learned")
    _, top, _, bottom = edges(page, "#play-training")
    assert bottom - top < 120


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (1265, 720), (360, 740), (768, 1024), (2560, 1300)])
def test_question_machine_and_answer_are_on_one_screen(browser: Browser, app_url: str, width: int, height: int) -> None:
    with visiting(browser, app_url, viewport={"width": width, "height": height}) as page:
        places = [
            edges(page, place)
            for place in ("#typed", "[data-part=memory]", "#summary .verdict", "#summary .comparison")
        ]
        assert all(above[3] <= below[1] for above, below in pairwise(places)), "one below the other"
        assert places[-1][3] <= height
        assert places[1][2] - places[1][0] > 0.9 * (width - 64), "the machine has the full width"
        assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
        if width > 1000:  # 15 of 1280 pixels are a scroll bar's, where it has a place of its own
            lines = page.locator("#typed textarea").evaluate("text => text.scrollHeight / 40")
            assert lines < 1.1, "the sentence is on one line"


@pytest.mark.parametrize(("width", "height"), [(320, 568), (390, 844), (844, 390)])
def test_a_small_phone_shows_every_task_and_the_machine(
    browser: Browser, app_url: str, width: int, height: int
) -> None:
    with visiting(browser, app_url, viewport={"width": width, "height": height}) as page:
        tasks = page.locator("#task label").all()
        boxes = [task.bounding_box() for task in tasks]
        assert len(boxes) == 1 + len(TASKS)  # and copy
        assert all(box is not None and box["x"] >= 0 and box["x"] + box["width"] <= width for box in boxes)
        assert edges(page, "#show-around")[2] <= edges(page, ".nav-holder a")[0], "neither covers the other"
        assert edges(page, "[data-part=memory]")[1] < 0.8 * height


def test_the_first_thing_seen_is_what_both_make_of_a_sentence(wide_page: Page) -> None:
    ours, lstm = (wide_page.locator(f"#summary .{name} .said") for name in ("verdict", "comparison"))
    typed = wide_page.locator("#typed textarea").input_value()
    assert typed == SENTENCE
    assert len(typed) == 40
    expect(ours).to_have_text(typed)
    expect(ours.locator("mark")).to_have_count(0)
    said = lstm.inner_text()
    assert len(said) == 40
    marked = lstm.evaluate(
        "said => [...said.childNodes].flatMap(each => Array(each.textContent.length).fill(each.nodeName === 'MARK'))"
    )
    assert marked == [letter != due for letter, due in zip(said, typed, strict=True)]
    assert sum(marked) > 20


def test_a_word_is_said_back(page: Page) -> None:
    before = run_id(page)
    type_and_run(page, "Word", "hello <b>ÿ日")
    wait_for_new_run(page, before)
    expect(page.locator("#summary")).to_contain_text("This machine says hello <b>ÿ日 Not one of 112 bits is wrong.")
    expect(page.locator("[data-part=status]")).to_contain_text("of 30")


def test_enter_runs_a_word(wide_page: Page) -> None:
    before = run_id(wide_page)
    wide_page.locator("#typed textarea, #typed input").fill("ok")
    wide_page.locator("#typed textarea, #typed input").press("Enter")
    wait_for_new_run(wide_page, before)
    expect(wide_page.locator("#summary")).to_contain_text("This machine says ok ")


def test_the_last_of_many_edits_arrives(wide_page: Page) -> None:
    wide_page.locator("#typed textarea, #typed input").press_sequentially(" Or does it?", delay=15)
    expect(wide_page.locator("#summary")).to_contain_text(f"This machine says {SENTENCE} Or does it? ")


def test_bits_are_shown_row_by_row(wide_page: Page) -> None:
    before = run_id(wide_page)
    type_and_run(wide_page, "Bits", "10110010\n00000000\n11111111")
    wait_for_new_run(wide_page, before)
    wide_page.get_by_text("Every row with its probabilities").click()
    rows = wide_page.locator("#table tbody tr")
    expect(rows).to_have_count(3)
    expect(rows.nth(1).locator("td").nth(0)).to_have_text("00000000")
    expect(rows.nth(1).locator("td").nth(1)).to_have_text("00000000")
    probabilities = [float(each) for each in rows.nth(2).locator("td").nth(2).inner_text().split()]
    assert len(probabilities) == 8
    assert min(probabilities) > 0.5


def test_random_vectors_come_at_the_chosen_length(wide_page: Page) -> None:
    before = run_id(wide_page)
    wide_page.locator("#size input[type=number]").fill("7")
    wait_for_new_run(wide_page, before)
    expect(wide_page.locator("[data-part=status]")).to_contain_text("of 16")
    expect(wide_page.locator("#typed textarea")).to_have_value(re.compile(r"^([01]{8}\n){6}[01]{8}$"))
    expect(wide_page.locator("#typed")).to_contain_text("One vector of 8 bits a line")


TASKS = {
    "Repeat copy": ("Not one of ", "end marker"),
    "Recall": ("Not one of 18 bits is wrong.", "is due"),
    "Predict": ("bits of surprise; the guesser that is best on average has", "what will bit"),
    "Sort": ("of 128", "number 16: vector"),
}


@pytest.mark.parametrize("title", TASKS)
def test_every_task_is_played_in_its_own_terms(page: Page, title: str) -> None:
    verdict, last_step = TASKS[title]
    choose_task(page, title)
    expect(page.locator("#summary")).to_contain_text(verdict)
    expect(page.locator("#summary")).to_contain_text("A plain LSTM:")
    page.locator("[data-part=root]").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-part=status]")).to_contain_text(last_step)
    assert len(pixels(page, "[data-part=memory]").getcolors(1 << 20) or []) > 20
    before = run_id(page)
    page.get_by_role("button", name="Surprise me").click()
    wait_for_new_run(page, before)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")


def test_a_number_is_changed_and_the_run_follows(wide_page: Page) -> None:
    choose_task(wide_page, "Repeat copy")
    replace_text(wide_page, "#typed", "10110010")
    wide_page.locator("#number input").fill("3")
    expect(wide_page.locator("[data-part=status]")).to_contain_text("of 7")
    wide_page.locator("#number input").fill("2.5")
    expect(wide_page.get_by_role("alert")).to_contain_text("whole number, not 2.5")
    expect(wide_page.locator("[data-part=status]")).to_contain_text("of 7")
    wide_page.locator("#number input").fill("12")
    expect(wide_page.locator("#summary")).to_contain_text("length 1, repeats 12: more than it was trained on")


def test_heads_are_told_of_in_words_and_numbers(wide_page: Page) -> None:
    choose_task(wide_page, "Sort")
    wide_page.locator("[data-part=root]").focus()
    wide_page.keyboard.press("End")
    heads = wide_page.locator("[data-part=heads] li")
    expect(heads).to_have_count(2)
    expect(heads.nth(0)).to_contain_text("write head ")
    expect(heads.nth(1)).to_contain_text("by content")
    open_tab(wide_page, "How it addresses")
    addressing = wide_page.locator("#addressing")
    addressing.get_by_role("radio", name="read head").check()
    gate = addressing.get_by_role("slider", name="the gate of the read head")
    expect(gate).to_be_visible()
    assert 0.5 < float(gate.input_value()) <= 1
    shifts = addressing.get_by_role("slider", name="the shift by")
    assert sum(map(float, shifts.evaluate_all("all => all.map(each => each.value)"))) == pytest.approx(1, abs=0.02)


def test_a_register_is_seen_to_count_down(wide_page: Page) -> None:
    choose_task(wide_page, "Repeat copy")
    wide_page.locator("#number input").fill("4")
    expect(wide_page.locator("#summary")).to_contain_text("Not one of 369 bits is wrong.")
    pause_at_start(wide_page)
    for _ in range(12):
        wide_page.keyboard.press("ArrowRight")
    held = []
    for _ in range(4):
        expect(wide_page.locator("[data-part=status]")).to_contain_text(f"vector 1 is due, time {len(held) + 1}.")
        words = wide_page.locator("[data-part=heads] .register").inner_text()
        held.append(float(re.fullmatch(r"the register holds (-?\d+\.\d)", words)[1]))
        for _ in range(10):
            wide_page.keyboard.press("ArrowRight")
    assert [before - after for before, after in pairwise(held)] == pytest.approx([1, 1, 1], abs=0.2)
    assert held[2] > 0 > held[3]


def test_bits_are_seen_beside_a_large_count(wide_page: Page) -> None:
    """Values as large as a bit are in full colour, however large one of them is."""
    choose_task(wide_page, "Repeat copy")
    wide_page.locator("#number input").fill("20")
    expect(wide_page.locator("#summary")).to_contain_text("repeats 20")
    pause_at_start(wide_page)
    for _ in range(12):
        wide_page.keyboard.press("ArrowRight")
    expect(wide_page.locator("[data-part=root]")).to_have_attribute("data-step", "12")
    shares = {colour: number for number, colour in pixels(wide_page, "[data-part=memory]").getcolors(1 << 20) or []}
    for sign in ("negative", "positive"):
        colour = wide_page.locator(f".legend .{sign}").evaluate("mark => getComputedStyle(mark).backgroundColor")
        red, green, blue = map(int, re.findall(r"\d+", colour))
        assert shares.get((red, green, blue, 255), 0) > 1000


def test_more_memory_carries_it_further(wide_page: Page) -> None:
    before = run_id(wide_page)
    wide_page.locator("#slots input").click()
    wide_page.get_by_role("option", name="512", exact=True).click()
    wait_for_new_run(wide_page, before)
    wide_page.get_by_role("button", name="All 512 slots").click()
    expect(wide_page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")


def test_it_can_be_watched_learning(wide_page: Page) -> None:
    before = run_id(wide_page)
    open_tab(wide_page, "As it learned")
    wide_page.locator("#learned input[type=number]").fill("0")
    wide_page.locator("#learned input[type=number]").press("Tab")
    wait_for_new_run(wide_page, before)
    expect(wide_page.locator("#summary .verdict")).to_contain_text("of 320 are wrong.")


def test_a_word_becomes_its_bits_and_a_word_again(wide_page: Page) -> None:
    wide_page.get_by_label("Bits", exact=True).check()
    field = wide_page.locator("#typed textarea, #typed input")
    expect(field).to_have_value("\n".join(f"{ord(character):08b}" for character in SENTENCE))
    wide_page.get_by_label("Word", exact=True).check()
    expect(wide_page.locator("#typed textarea, #typed input")).to_have_value(SENTENCE)


def test_the_keyboard_scrubs_and_the_drawing_follows(page: Page) -> None:
    pause_at_start(page)
    at_start = pixels(page, "[data-part=memory]"), pixels(page, "[data-part=history]")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "9")
    expect(page.locator("[data-part=status]")).to_contain_text("Step 10 of 82: vector 9 of 40 comes in.")
    assert pixels(page, "[data-part=memory]").tobytes() != at_start[0].tobytes()
    assert pixels(page, "[data-part=history]").tobytes() != at_start[1].tobytes()
    page.keyboard.press("Home")
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "0")
    assert pixels(page, "[data-part=memory]").tobytes() == at_start[0].tobytes()
    page.keyboard.press("End")
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "81")


def test_it_plays_and_pauses(wide_page: Page) -> None:
    pause_at_start(wide_page)
    wide_page.locator("[data-part=speed]").select_option("4")
    wide_page.locator("[data-part=root]").focus()
    wide_page.keyboard.press(" ")
    expect(wide_page.get_by_role("button", name="Pause", exact=True)).to_be_visible()
    wide_page.wait_for_function("document.querySelector('[data-part=root]').dataset.step >= 8")
    wide_page.get_by_role("button", name="Pause", exact=True).click()
    stopped = current_step(wide_page)
    wide_page.wait_for_timeout(400)
    assert current_step(wide_page) == stopped
    wide_page.locator("[data-part=speed]").select_option("16")
    wide_page.get_by_role("button", name="Play", exact=True).click()
    expect(wide_page.locator("[data-part=root]")).to_have_attribute("data-step", "81")
    expect(wide_page.get_by_role("button", name="Play", exact=True)).to_be_visible()


def test_pointing_at_the_history_moves_through_time(page: Page) -> None:
    pause_at_start(page)
    page.locator("[data-part=history]").scroll_into_view_if_needed()
    box = page.locator("[data-part=history]").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 4, box["y"] + 20)
    page.mouse.up()
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "81")


def test_a_finger_moves_through_time_too(browser: Browser, app_url: str) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 900}, has_touch=True)
    open_page(page, app_url)
    page.locator("[data-part=history]").scroll_into_view_if_needed()
    box = page.locator("[data-part=history]").bounding_box()
    assert box is not None
    page.touchscreen.tap(box["x"] + box["width"] - 4, box["y"] + 20)
    expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "81")
    page.close()


def test_it_works_inside_a_frame_of_another_site(browser: Browser, app_url: str) -> None:
    page = browser.new_page()
    with page.expect_request(FIRST_EVENT):
        page.set_content(f'<iframe src="{app_url}" width="900" height="800"></iframe>')
    frame = page.frame_locator("iframe")
    frame.locator("[data-part=root][data-run]").wait_for()
    frame.locator("#typed textarea, #typed input").press_sequentially(" framed")
    expect(frame.locator("#summary")).to_contain_text(f"This machine says {SENTENCE} framed ")
    page.close()


def test_values_appear_on_hover(wide_page: Page) -> None:
    pause_at_start(wide_page)
    box = wide_page.locator("[data-part=memory]").bounding_box()
    assert box is not None
    wide_page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    tip = wide_page.locator("[data-part=tip]")
    expect(tip).to_contain_text("slot ")
    expect(tip).to_contain_text("write head 0.")
    expect(tip).to_contain_text("read head 0.")


def test_all_slots_can_be_seen(wide_page: Page) -> None:
    pause_at_start(wide_page)
    close = pixels(wide_page, "[data-part=memory]")
    wide_page.get_by_role("button", name="All 128 slots").click()
    expect(wide_page.get_by_role("button", name="All 128 slots")).to_have_attribute("aria-pressed", "true")
    assert pixels(wide_page, "[data-part=memory]").tobytes() != close.tobytes()


def test_the_lstm_is_drawn_beside_the_machine_with_what_it_gets_wrong(wide_page: Page) -> None:
    choose_task(wide_page, "Repeat copy")
    replace_text(wide_page, "#typed", "10110010\n01101001\n11100001")
    wide_page.locator("#number input").fill("20")
    wide_page.wait_for_function("window.ntm.run.question.rows.length === 3 && window.ntm.run.question.number === 20")
    pause_at_start(wide_page)
    wait_for_lstm(wide_page)
    history = pixels(wide_page, "[data-part=history]").convert("RGB")
    input_strip, output_strip = 10 * 8 + 8, 9 * 8 + 8

    def wrong_pixels(top: int) -> int:
        colours = history.crop((80, top, history.width, top + output_strip - 8)).getcolors(1 << 20) or []
        return sum(number for number, colour in colours if colour == (0xC8, 0x10, 0x2E))

    output, lstm = (input_strip + place * output_strip for place in (1, 2))
    assert wrong_pixels(output) == 0
    assert wrong_pixels(lstm) > 500
    wide_page.locator("[data-part=history]").scroll_into_view_if_needed()
    box = wide_page.locator("[data-part=history]").bounding_box()
    assert box is not None
    wide_page.mouse.move(box["x"] + box["width"] - 40, box["y"] + lstm + 12)
    expect(wide_page.locator("[data-part=tip]")).to_contain_text("is due, the LSTM's probability of 1 is 0.")


def test_reduced_motion_does_not_start_by_itself(browser: Browser, app_url: str) -> None:
    page = browser.new_page(reduced_motion="reduce")
    open_page(page, app_url)
    page.wait_for_timeout(700)
    assert current_step(page) == 0
    page.close()


BAD_INPUT = {
    "nothing": ("", "nothing to run"),
    "letters": ("hello", "“h”, which is not a bit"),
    "7 bits": ("1011001", "Row 1 has 7 bits"),
    "9 bits": ("101100101", "Row 1 has 9 bits"),
    "different widths": ("10110010\n101", "Row 2 has 3 bits"),
    "5,000 rows": ("10110010\n" * 5000, "5,000 rows; up to 250 fit here"),
    "a megabyte": ("1" * 1_000_000, "1,000,000 characters"),
    "emoji": ("🙂", "“🙂”, which is not a bit"),
    "markup": ("<script>alert(1)</script>", "“<”, which is not a bit"),
}


@pytest.mark.parametrize("width", WIDTHS)
def test_bad_input_is_explained_and_the_last_run_stays_without_its_verdict(
    browser: Browser, app_url: str, width: int
) -> None:
    messages: list[str] = []
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.on("console", lambda message: messages.append(message.text))
    page.on("dialog", lambda dialog: messages.append(dialog.message))
    open_page(page, app_url)
    for typed, complaint in BAD_INPUT.values():
        type_and_run(page, "Bits", typed)
        expect(page.get_by_role("alert")).to_contain_text(complaint)
        expect(page.locator("#summary")).not_to_contain_text("wrong")
        expect(page.locator("[data-part=status]")).to_contain_text("of 82")
    type_and_run(page, "Word", "€" * 84)
    expect(page.get_by_role("alert")).to_contain_text("252 bytes of UTF-8; up to 250 fit here")
    type_and_run(page, "Bits", "10110010")
    expect(page.locator("#summary")).to_contain_text("Not one of 8 bits is wrong.")
    expect(page.get_by_role("alert")).to_have_count(0)
    assert messages == []
    page.close()


def download(page: Page, image: str) -> Image.Image:
    source = page.locator(f"{image} img").get_attribute("src", timeout=90_000)
    return Image.open(io.BytesIO(page.request.get(source or "").body()))


def test_the_papers_figure_is_drawn_for_this_run(wide_page: Page) -> None:
    open_tab(wide_page, "Take it with you")
    wide_page.get_by_role("button", name="Draw the figure").click()
    picture = download(wide_page, "#figure")
    assert picture.format == "PNG"
    assert min(picture.size) > 600
    assert len(picture.convert("RGB").getcolors(1 << 24) or []) > 50


def test_the_run_becomes_an_animated_gif(wide_page: Page) -> None:
    before = run_id(wide_page)
    type_and_run(wide_page, "Word", "abc")
    wait_for_new_run(wide_page, before)
    open_tab(wide_page, "Take it with you")
    wide_page.get_by_role("button", name="Make the GIF").click()
    picture = download(wide_page, "#animation")
    assert picture.format == "GIF"
    assert getattr(picture, "n_frames", 1) == 8
