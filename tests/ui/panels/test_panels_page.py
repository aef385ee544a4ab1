"""What can be opened below the tape, the tape's own links between steps, and the tour; in a real browser."""

import re
from collections.abc import Iterator
from itertools import combinations

import pytest
from playwright.sync_api import Browser, Page, expect

from ntm.ui.machines import updates_kept
from ntm.ui.panels.how_it_works import GLOSSARY
from tests.browsing import visiting
from tests.ui.experiments.test_experiments_page import EXPERIMENTS
from tests.ui.test_page import choose_task, open_tab, replace_text, run_id, wait_for_new_run


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visiting(browser, app_url) as page:
        yield page


def seek(page: Page, step: int) -> None:
    page.locator("#tape [data-part=scrubber]").evaluate(
        "(scrubber, step) => { scrubber.value = step; scrubber.dispatchEvent(new Event('input')); }", step
    )
    expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", str(step))


# From an output to where it was written, and back.


def test_what_comes_out_is_traced_to_where_it_was_written(page: Page) -> None:
    written = []
    for letter in (3, 6, 9):
        seek(page, 41 + letter)
        expect(page.locator("#tape [data-part=status]")).to_contain_text(f"vector {letter} of 40 is due")
        expect(page.locator("[data-part=linkText]")).to_contain_text("is read from slot ")
        page.locator("[data-part=follow]").click()
        expect(page.locator("#tape [data-part=status]")).to_contain_text("comes in")
        written.append(int(page.locator("#tape [data-part=root]").get_attribute("data-step") or 0))
    assert written == [written[0], written[0] + 3, written[0] + 6], "as far apart as the letters"
    assert 0 <= written[0] - 3 <= 1, "when the letter came in, or right after it"


def test_each_vector_that_is_sorted_is_traced_to_where_it_came_in(page: Page) -> None:
    choose_task(page, "Sort")
    before = run_id(page)
    replace_text(
        page, "#typed", "\n".join(f"{37 * row % 256:08b} {(7 * row % 20) / 10 - 0.95:.2f}" for row in range(20))
    )
    wait_for_new_run(page, before)
    caption = page.locator("#tape [data-part=status]")
    for place in (1, 5, 9, 16):
        seek(page, 20 + place)
        expect(caption).to_contain_text(f"number {place}: ")
        vector = re.search(r"vector \d+ ", caption.inner_text())
        assert vector is not None
        page.locator("[data-part=follow]").click()
        expect(caption).to_contain_text(vector.group() + "comes in")


@pytest.mark.parametrize(
    ("title", "vectors", "due"),
    [("Recall", (1, 2, 3), "vector {} of 3 is due"), ("Repeat copy", (10, 9, 8), "vector {} is due, time 4")],
)
def test_what_was_heard_once_is_traced_to_there(page: Page, title: str, vectors: tuple[int, ...], due: str) -> None:
    choose_task(page, title)
    caption = page.locator("#tape [data-part=status]")
    written = []
    for vector in vectors:
        last = page.locator("#tape [data-part=scrubber]").get_attribute("max")
        seek(page, int(last or 0))
        page.locator("#tape [data-part=root]").focus()
        while due.format(vector) not in caption.inner_text():
            step = caption.inner_text()
            page.keyboard.press("ArrowLeft")
            expect(caption).not_to_have_text(step)
        page.locator("[data-part=follow]").click()
        expect(caption).not_to_contain_text("is due")
        written.append(int(page.locator("#tape [data-part=root]").get_attribute("data-step") or 0) - vector)
    assert written == [written[0]] * 3, "as far apart as the vectors"


def test_what_is_written_is_followed_to_where_it_is_read(page: Page) -> None:
    seek(page, 8)
    expect(page.locator("[data-part=linkText]")).to_contain_text("comes out in step")
    page.locator("[data-part=follow]").click()
    expect(page.locator("#tape [data-part=status]")).to_contain_text("is due")
    page.locator("[data-part=follow]").click()
    expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", "8")


def test_an_output_bit_can_be_pointed_at(page: Page) -> None:
    canvas = page.locator("#history [data-part=history]")
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box is not None
    strips_before_output = (10 * 8 + 6) + (8 * 8 + 6)
    page.mouse.click(box["x"] + box["width"] - 5, box["y"] + strips_before_output + 2 * 8 + 4)
    expect(page.locator("[data-part=linkText]")).to_contain_text("Bit 3 of what comes out here is read from slot ")
    expect(page.locator("#tape [data-part=status]")).to_contain_text("vector 40 of 40 is due")


# Training and generalisation.


def test_its_training_is_played_from_noise_to_the_finished_machine(page: Page) -> None:
    open_tab(page, "As it learned")
    expect(page.locator("#curve")).to_contain_text("the finished machine")
    page.get_by_role("button", name="Play its training").click()
    expect(page.locator("#summary .verdict")).to_contain_text("of 320 are wrong.")
    slider = page.locator("#learned input[type=number]")
    expect(slider).to_have_value(re.compile("^[1-9]$"))
    page.get_by_role("button", name="Stop", exact=True).first.click()
    expect(page.get_by_role("button", name="Play its training")).to_be_visible()
    page.wait_for_timeout(1500)
    place = slider.input_value()
    expect(page.locator("#curve")).to_contain_text(f"after update {updates_kept('copy')[int(place)]:,}")
    page.wait_for_timeout(1500)
    assert slider.input_value() == place


@pytest.mark.parametrize(
    ("title", "charts", "words"),
    [
        ("Copy", 1, "bit errors a sequence"),
        ("Repeat copy", 2, "this run, repeats 12"),
        ("Predict", 1, "bits above optimal a sequence"),
    ],
)
def test_the_visitor_is_a_dot_among_the_sizes(page: Page, title: str, charts: int, words: str) -> None:
    if title != "Copy":
        choose_task(page, title)
    open_tab(page, "How far does it carry?")
    panel = page.locator("#generalisation")
    expect(panel.locator("svg")).to_have_count(charts)
    expect(panel.locator("svg circle.mark")).to_have_count(charts)
    expect(panel).to_contain_text(words)
    for name in ("NTM", "LSTM", "trained on"):
        expect(panel.locator(".names").first).to_contain_text(name)
    before, run = panel.locator("circle.mark").first.get_attribute("cx"), run_id(page)
    page.locator("#size input[type=number]").fill("25")
    wait_for_new_run(page, run)
    expect(panel.locator("circle.mark").first).not_to_have_attribute("cx", before or "")


def test_nothing_in_a_chart_is_cut_off_or_covered(page: Page) -> None:
    open_tab(page, "How far does it carry?")
    chart = page.locator("#generalisation svg")
    expect(chart).to_have_count(1)
    (left, top, right, bottom), *texts = chart.evaluate(
        """chart => [chart, ...chart.querySelectorAll("text")].map(each => each.getBoundingClientRect())
             .map(({ left, top, right, bottom }) => [left, top, right, bottom])"""
    )
    assert all(left <= each[0] and top <= each[1] and each[2] <= right and each[3] <= bottom for each in texts)
    for one, other in combinations(texts, 2):
        assert one[2] <= other[0] or other[2] <= one[0] or one[3] <= other[1] or other[3] <= one[1]


def test_a_tab_does_not_stay_empty_while_the_machine_plays(browser: Browser, app_url: str) -> None:
    with visiting(browser, app_url, reduced_motion="no-preference") as page:
        page.locator("[data-part=speed]").select_option(index=0)
        open_tab(page, "How far does it carry?")
        expect(page.locator("#generalisation svg")).to_have_count(1)
        expect(page.locator("[data-part=play]")).to_have_attribute("aria-label", "Pause")


# A GIF that takes long.


def test_a_long_drawing_can_be_stopped(page: Page) -> None:
    before = run_id(page)
    page.locator("#size input[type=number]").fill("250")
    wait_for_new_run(page, before)
    open_tab(page, "Take it with you")
    page.get_by_role("button", name="Make the GIF").click()
    expect(page.get_by_text("/502 frames")).to_be_visible()
    page.locator("#stop-gif").click()
    expect(page.get_by_text("/502 frames")).to_have_count(0)
    expect(page.locator("#animation img")).to_have_count(0)
    # The place is free again: another drawing does not wait for the first to end.
    page.get_by_role("button", name="Draw the figure").click()
    expect(page.locator("#figure img")).to_be_visible(timeout=30_000)


# The tour, and the page behind it.


def test_the_tour_stops_on_a_real_run(page: Page) -> None:
    choose_task(page, "Sort")
    page.get_by_role("button", name="Show me around").click()
    card = page.get_by_role("dialog", name="A short tour")
    expect(card).to_contain_text("1 of 7")
    expect(page.get_by_label("Copy", exact=True)).to_be_checked()
    expect(page.locator("#summary")).to_contain_text("This machine says It only ever practised up to 20 letters.")
    for stop, step in enumerate(("4", "9", "41", "45", "48", "81", "81"), start=1):
        expect(card).to_contain_text(f"{stop} of 7")
        expect(page.locator(".toured")).to_have_count(1)
        expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", step)
        card.get_by_role("button", name="Next" if stop < 7 else "Done").click()
    expect(card).to_be_hidden()
    expect(page.locator(".toured")).to_have_count(0)


def test_the_tour_can_be_left_at_once(page: Page) -> None:
    page.get_by_role("button", name="Show me around").click()
    card = page.get_by_role("dialog", name="A short tour")
    expect(card).to_be_visible()
    page.keyboard.press("Escape")
    expect(card).to_be_hidden()


def test_a_page_explains_how_it_works(page: Page) -> None:
    page.get_by_role("link", name="How it works").click()
    expect(page.get_by_role("heading", name="How it works")).to_be_visible()
    expect(page.locator(".katex-display")).to_have_count(6)
    hidden = "main => [...main.children].flatMap((each) => each.getAnimations()).length"
    assert page.locator("main.contain").evaluate(hidden) == 0, "it waits for no machine"
    expect(page.get_by_role("link", name="Implementing Neural Turing Machines")).to_be_visible()
    terms = page.locator(".term button")
    assert sorted(
        terms.evaluate_all("all => all.map(each => each.getAttribute('aria-describedby').slice(5))")
    ) == sorted(GLOSSARY)
    for term, meaning in GLOSSARY.items():
        told = page.locator(f"#term-{term}")
        expect(told).to_be_hidden()
        page.locator(f"[aria-describedby=term-{term}]").focus()
        expect(told).to_be_visible()
        expect(told).to_have_text(meaning)
    experiments = page.locator("a[href*='?experiment=']").evaluate_all(
        "all => all.map(each => each.href.split('=')[1])"
    )
    assert len(experiments) == 4
    assert set(experiments) <= {each["name"] for each in EXPERIMENTS}


def test_the_machine_in_use_is_told_of(page: Page) -> None:
    open_tab(page, "Take it with you")
    page.get_by_role("button", name="Another machine, from the Hugging Face Hub").click()
    expect(page.locator("#machine")).to_contain_text("lstm controller of 100")
    choose_task(page, "Sort")
    expect(page.locator("#machine")).to_contain_text("feedforward controller of 128")


def test_it_fails_for_want_of_slots_and_succeeds_with_more_of_them(page: Page) -> None:
    before = run_id(page)
    page.locator("#size input[type=number]").fill("200")
    wait_for_new_run(page, before)
    expect(page.locator("#summary .verdict")).to_contain_text(
        "of 1,600 are wrong. length 200: more than it was trained on"
    )
    page.locator("#slots input").click()
    page.get_by_role("option", name="1,024", exact=True).click()
    expect(page.locator("#summary .verdict")).to_contain_text("Not one of 1,600 bits is wrong.")
