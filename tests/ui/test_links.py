"""Links come back as they were written, and what cannot be shown is explained in a sentence."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page, expect

from ntm import tasks
from ntm.tasks import InputError, Question
from ntm.tasks.text import format_bits, parse_word
from ntm.ui import links
from ntm.ui.links import Link
from tests.browsing import visiting
from tests.numerics import PROPERTY, seeded
from tests.ui.modules import describe, open_modules

_WRITE = """
([task, typed, how, step]) => {
  const question = read(task, typed);
  return queryOf({ asked: { ...how, word: isWord(task, typed.kind) ? typed.typed : null }, question }, step);
}
"""


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


whole = st.none() | st.integers(0, 10**6)


@st.composite
def any_links(draw: st.DrawFn) -> Link:
    task = draw(st.sampled_from(tasks.names()))
    # Two sizes of the largest would be more than a run holds.
    sizes = {name: draw(st.sampled_from(offered[:20])) for name, offered in tasks.get(task).offered.items()}
    slots = draw(st.none() | st.integers(16, 2048))
    question, word = tasks.get(task).draw_question(seeded(), **sizes), None
    if task == "copy" and draw(st.booleans()):
        word = draw(st.text(min_size=1, max_size=60))
        question = Question(task, format_bits(parse_word(word)))
    return Link(question, slots, draw(whole), draw(whole), word)


def write(modules: Page, link: Link) -> str:
    """The query of a link, as the page writes it."""
    question = link.question
    kind, typed = ("Bits", question.text) if link.word is None else ("Word", link.word)
    asked: dict[str, Any] = {"kind": kind, "typed": typed, "number": question.number}
    how = {"slots": link.slots, "update": link.update}
    return modules.evaluate(_WRITE, [describe(question.task), asked, how, link.step])


@PROPERTY
@given(link=any_links())
def test_a_link_reopens_what_it_was_written_of(modules: Page, link: Link) -> None:
    assert links.read_query(write(modules, link)) == link


def test_a_link_can_be_read_by_people_and_typed(modules: Page) -> None:
    link = Link(Question("associative-recall", "101100\n000000\n111111\n\n110011\n010101\n000111\n", 1.0), 256, step=7)
    written = "101100~000000~111111~~110011~010101~000111"
    assert write(modules, link) == f"task=associative-recall&input={written}&number=1&slots=256&step=7"
    word = Link(Question("copy", format_bits(parse_word("two words"))), word="two words")
    assert write(modules, word) == "task=copy&word=two+words"


def test_the_longest_link_gets_through(modules: Page) -> None:
    """Proxies and servers commonly take 8 kB for a request's first line; a host's own parameters come on top."""
    sizes = {task: {name: offered[-1] for name, offered in tasks.get(task).offered.items()} for task in tasks.names()}
    sizes["repeat-copy"] = {"length": 30, "repeats": 16}
    for task, of_it in sizes.items():
        assert len(write(modules, Link(tasks.get(task).draw_question(None, **of_it)))) < 4096


def test_parameters_that_ask_for_no_run_are_passed_over() -> None:
    assert links.read({}) is None
    assert links.read({"__theme": "dark", "input": "10110010"}) is None
    assert links.read({"task": "copy", "input": "10110010", "utm_source": "x"}) == Link(Question("copy", "10110010"))


def test_a_link_may_name_a_task_and_nothing_else_of_a_run() -> None:
    assert links.task_alone({"task": "copy", "__theme": "dark"}) == "copy"
    assert links.task_alone({"task": "copy", "slots": "256"}) is None
    assert links.task_alone({"input": "10110010"}) is None
    assert links.task_alone({}) is None


def test_a_link_to_a_task_opens_an_example_of_it(browser: Browser, app_url: str) -> None:
    with visiting(browser, f"{app_url}/?task=priority-sort") as page:
        expect(page.locator("#task").get_by_role("radio", name="Sort")).to_be_checked()
        page.wait_for_function("window.ntm.run?.asked.task === 'priority-sort'")
        assert page.evaluate("window.ntm.state.problem") is None
        assert page.evaluate("window.ntm.run.question.rows.length") == 20


COPY = {"task": "copy", "input": "10110010"}


@pytest.mark.parametrize(
    ("asked", "complaint"),
    [
        ({"task": "fly"}, "no task “fly”"),
        ({"task": ""}, "no task “”"),
        ({"task": "copy"}, "nothing to run"),
        ({"task": "copy", "input": "<script>"}, "not a bit"),
        ({"task": "copy", "input": "1" * 100_000}, "100,000 characters"),
        ({"task": "repeat-copy", "input": "10110010"}, "whole number"),
        ({"task": "repeat-copy", "input": "10110010", "number": "2.5"}, "link's number is a whole number, not “2.5”"),
        ({"task": "repeat-copy", "input": "10110010", "number": "0"}, "repeats can be 1 to"),
        ({"task": "dynamic-ngrams", "word": "ab"}, "a word, which cannot be asked of this task"),
        ({"task": "copy", "word": ""}, "type a word"),
        (COPY | {"number": "-1"}, "not “-1”"),
        (COPY | {"slots": "15"}, "15 memory slots; there can be 16 to 2,048"),
        (COPY | {"slots": "2049"}, "2,049 memory slots"),
        (COPY | {"slots": "9" * 5000}, "link's slots is a whole number, not “9{20}”"),
        (COPY | {"slots": "١٢٨"}, "whole number"),
        (COPY | {"step": "nan"}, "not “nan”"),
        (COPY | {"update": "../secret"}, "not “../secret”"),
    ],
)
def test_nonsense_is_explained(asked: dict[str, str], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint) as caught:
        links.read(asked)
    assert len(str(caught.value)) < 200


def test_back_and_forward_open_what_was_there(browser: Browser, app_url: str) -> None:
    address = f"{app_url}/?task=copy&input=10110010~01100110&step=3"

    def assert_shown(page: Page, task: str, rows: int) -> None:
        page.wait_for_function(
            "([task, rows]) => window.ntm?.run?.asked.task === task && window.ntm.run.question.rows.length === rows",
            arg=[task, rows],
        )
        expect(page.locator("#task input:checked")).to_have_value(task)

    with visiting(browser, address) as page:
        page.get_by_label("Sort", exact=True).check()
        page.wait_for_url("**/?task=priority-sort*")
        page.locator("#size input[type=number]").fill("12")  # an edit is no place of its own
        page.wait_for_function("window.ntm.run.question.rows.length === 12")
        page.wait_for_timeout(500)
        page.go_back()
        assert_shown(page, "copy", 2)
        expect(page.locator("[data-part=root]")).to_have_attribute("data-step", "3")
        page.go_forward()
        assert_shown(page, "priority-sort", 12)


@pytest.mark.parametrize("query", ["task=fly", "experiment=fly"])
def test_one_gets_back_past_a_link_that_cannot_be_opened(browser: Browser, app_url: str, query: str) -> None:
    with visiting(browser, f"{app_url}/?{query}") as page:
        page.wait_for_url("**/?task=copy*")
        assert page.evaluate("history.length") == 2  # the empty page that a browser begins with, and this one
