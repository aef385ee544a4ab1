"""Runs in the browser, on the real page: the numbers are the machine's, an edit asks the server for nothing, the
address follows, and a browser that cannot run machines is served as well."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

import ntm
from ntm import tasks
from ntm.tasks import Question
from ntm.ui.run import Run, run_question
from tests.browsing import open_page, visiting
from tests.ui.modules import machine_of
from tests.ui.test_page import choose_task, replace_text, run_id, type_and_run, wait_for_lstm, wait_for_new_run

_PLAIN = """
names => Object.fromEntries(names.map((name) => [name, Array.from(window.ntm.run[name])]))
"""
_WITHOUT_WEBASSEMBLY = "delete window.WebAssembly"


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visiting(browser, app_url) as page:
        yield page


def shown_question(page: Page) -> Question:
    shown = page.evaluate("(({ task, text, number }) => [task, text, number])(window.ntm.run.question)")
    return Question(*shown)


def assert_is_that_of_python(page: Page, run: Run, *, absolute: float = 2e-4) -> None:
    trace = run.trace
    expected = {
        "inputs": run.batch.inputs,
        "targets": run.batch.targets,
        "logits": trace.logits,
        "memory": trace.memory,
        "initialMemory": run.initial_memory,
        "readWeights": trace.read_weights,
        "writeWeights": trace.write_weights,
        "contentWeights": trace.content_weights,
        "reads": trace.reads,
        "key": trace.key,
        "gate": trace.gate,
        "shift": trace.shift,
    }
    found = page.evaluate(_PLAIN, list(expected))
    for name, tensor in expected.items():
        numbers = tensor.detach().flatten().numpy()
        np.testing.assert_allclose(found[name], numbers, atol=absolute * max(1, np.abs(numbers).max()), err_msg=name)


@pytest.mark.parametrize("title", ["Copy", "Repeat copy", "Recall", "Predict", "Sort"])
def test_a_run_is_the_machines_and_an_edit_of_any_kind_asks_the_server_for_nothing(page: Page, title: str) -> None:
    if title != "Copy":
        choose_task(page, title)
    wait_for_lstm(page)
    if page.get_by_label("Bits", exact=True).is_visible():
        page.get_by_label("Bits", exact=True).check()
    page.wait_for_timeout(500)  # for whatever else this page may ask for
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))

    before = run_id(page)
    page.locator('#grid [data-row="0"][data-bit="3"]').click()
    wait_for_new_run(page, before)
    if page.locator("#grid input[type=range]").count():
        before = run_id(page)
        page.locator("#grid input[type=range]").first.press("Home")
        wait_for_new_run(page, before)
    if page.locator("#number input").is_visible():
        before = run_id(page)
        number = page.locator("#number input")
        number.fill("3" if number.input_value() == "2" else "2")
        wait_for_new_run(page, before)
    before = run_id(page)
    page.locator("#slots input").click()
    page.get_by_role("option", name="256", exact=True).click()
    wait_for_new_run(page, before)
    wait_for_lstm(page)
    assert requests == []

    question = shown_question(page)
    assert_is_that_of_python(page, run_question(machine_of(question.task), question, slots=256))
    lstm = run_question(ntm.load(f"checkpoints/lstm-{question.task}"), question)
    heard = page.evaluate("Array.from(window.ntm.run.baselineOutputs)")
    np.testing.assert_allclose(heard, lstm.trace.logits.sigmoid().flatten(), atol=1e-4)


def test_the_next_bit_is_believed_as_the_machine_does(page: Page) -> None:
    choose_task(page, "Predict")
    replace_text(page, "#typed", "0110" * 20)
    page.wait_for_function("window.ntm.run.question.rows.length === 80 && window.ntm.run.belief")
    longer = run_question(machine_of("dynamic-ngrams"), Question("dynamic-ngrams", "0110" * 20 + "0"))
    best = longer.optimal_probabilities
    assert best is not None
    expected = [longer.probabilities[-1].item(), best[-1].item()]
    assert page.evaluate("window.ntm.run.belief") == pytest.approx(expected, abs=1e-4)


def test_an_edit_stays_at_its_step(page: Page) -> None:
    page.get_by_label("Bits", exact=True).check()
    root = page.locator("#tape [data-part=root]")
    root.focus()
    page.keyboard.press("Home")
    for _ in range(9):
        page.keyboard.press("ArrowRight")
    before = run_id(page)
    page.locator('#grid [data-row="0"][data-bit="7"]').click()
    wait_for_new_run(page, before)
    expect(root).to_have_attribute("data-step", "9")
    replace_text(page, "#typed", "10110010\n" * 30)
    expect(page.locator("#summary")).to_contain_text("of 240 bits")
    expect(root).to_have_attribute("data-step", "9")


def test_the_address_follows_and_a_reload_loses_nothing(page: Page) -> None:
    replace_text(page, "#typed", "日本語 & co~")
    expect(page.locator("#summary")).to_contain_text("This machine says 日本語 & co~")
    page.locator("#slots input").click()
    page.get_by_role("option", name="256", exact=True).click()
    page.locator("#tape [data-part=root]").focus()
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    page.wait_for_function("location.search.includes('step=4') && location.search.includes('slots=256')")
    page.reload()
    page.wait_for_selector("[data-part=root][data-run]")
    expect(page.locator("#typed textarea, #typed input")).to_have_value("日本語 & co~")
    expect(page.get_by_label("Word", exact=True)).to_be_checked()
    expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", "4")
    assert page.evaluate("window.ntm.run.slots") == 256


def test_a_full_memory_is_said_to_be_full(page: Page) -> None:
    type_and_run(page, "Bits", "\n".join(f"{37 * row % 256:08b}" for row in range(250)))
    expect(page.locator("#summary")).to_contain_text("Memory is full: 250 vectors came in, and there are 128 slots")
    page.locator("#slots input").click()
    page.get_by_role("option", name="1,024", exact=True).click()
    expect(page.locator("#summary")).to_contain_text("Not one of 2,000 bits is wrong.")
    expect(page.locator("#summary")).not_to_contain_text("Memory is full")


def test_a_browser_without_webassembly_is_served_the_same_and_told(browser: Browser, app_url: str) -> None:
    with browser.new_context() as context:
        context.add_init_script(_WITHOUT_WEBASSEMBLY)
        page = context.new_page()
        open_page(page, app_url)
        for title in ("Repeat copy", "Predict"):
            choose_task(page, title)
            expect(page.locator("#summary")).to_contain_text("This browser cannot run the machine itself")
            question = shown_question(page)
            run = run_question(machine_of(question.task), question)
            if tasks.get(question.task).optimal_errors(run.batch) is None:
                assert page.evaluate("window.ntm.errorOf(window.ntm.run)") == run.bit_errors
            assert_is_that_of_python(page, run, absolute=2e-3)
            wait_for_lstm(page)
        replace_text(page, "#typed", "012")
        expect(page.get_by_role("alert")).to_contain_text("“2”, which is not a bit")
