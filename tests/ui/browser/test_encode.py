"""The page's reading and encoding of questions against Python's: all tasks, random questions, text of every kind."""

from collections.abc import Iterator
from typing import Any
from unicodedata import category

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from ntm import tasks
from ntm.tasks import Asked, InputError, Question
from ntm.tasks.forms import Form
from ntm.tasks.text import format_bits, parse_word
from tests.numerics import PROPERTY, seeded
from tests.ui.modules import describe, open_modules

_ENCODE = """
([task, typed]) => {
  const question = read(task, typed), sequence = question && encode(task, question);
  if (!sequence) return null;
  const { inputs, targets, mask, ...rest } = sequence;
  const optimal = task.layout.context === null ? null : guess(task.layout.context, inputs);
  const plain = (values) => values && Array.from(values);
  const numbers = { inputs: plain(inputs), targets: plain(targets), mask: plain(mask), optimal: plain(optimal) };
  return { ...rest, ...sizesOf(task, question), ...numbers };
}
"""


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


def encode(modules: Page, task: str, typed: str, number: float | None = None, kind: str = "Bits") -> dict[str, Any]:
    """What the page makes of it; None where it leaves it to the server."""
    return modules.evaluate(_ENCODE, [describe(task), {"kind": kind, "typed": typed, "number": number}])


def asked(task: str, typed: str, number: float | None) -> Asked | None:
    """What Python makes of it; None where it refuses it."""
    try:
        return tasks.ask(Question(task, typed, number))
    except InputError:
        return None


def assert_alike(task: str, found: dict[str, Any], expected: Asked) -> None:
    batch = expected.batch
    for name, tensor in batch._asdict().items():
        np.testing.assert_array_equal(np.float32(found[name]), tensor.flatten().float().numpy(), err_msg=name)
    assert found["steps"] == len(batch.inputs)
    assert found["captions"] == expected.captions
    assert found["sizes"] == expected.sizes
    assert found["trained"] == expected.trained
    optimal = tasks.get(task).optimal_probabilities(batch.inputs)
    assert found["optimal"] == (None if optimal is None else optimal.flatten().tolist())


@st.composite
def questions(draw: st.DrawFn) -> Question:
    task = tasks.get(draw(st.sampled_from(tasks.names())))
    # Two sizes of the largest would be more than a run holds.
    sizes = {name: draw(st.sampled_from(offered[:20])) for name, offered in task.offered.items()}
    return task.draw_question(seeded(draw(st.integers(0, 2**31))), **sizes)


@PROPERTY
@given(question=questions())
def test_a_question_becomes_the_same_sequence_in_the_page(modules: Page, question: Question) -> None:
    found = encode(modules, question.task, question.text, question.number)
    assert_alike(question.task, found, tasks.ask(question))


@PROPERTY
@given(question=questions())
def test_the_grid_is_given_what_was_asked(modules: Page, question: Question) -> None:
    code = "([task, typed]) => layOut(task, read(task, typed))"
    typed = {"kind": "Bits", "typed": question.text, "number": question.number}
    shown = modules.evaluate(code, [describe(question.task), typed])
    parsed = tasks.get(question.task).form.parse(question.text, question.number)
    assert "".join(shown["rows"]) == "".join(str(int(bit)) for bit in parsed.rows.flatten())
    assert shown["number"] == question.number
    assert shown.get("priorities") == (None if parsed.priorities is None else pytest.approx(parsed.priorities.tolist()))


bits = ["10110010", "101100", "0", "1", "11", "10110010\n", "101100\n000000\n111111\n\n", "110011\n010101\n000111\n\n"]
between = [" ", "\t", "\n", "\n\n", "\r\n", "\x0b", "\u2028", "\u00a0", "x", "٣"]
priorities = [f" {each}" for each in ("0.25", "-1", "1.001", ".5", "1e-1", "nan", "inf", "+0.125", "-0.005\n", "5_0")]
pieces = st.sampled_from([*bits, *between, *priorities])
numbers = st.none() | st.integers(-1, 600) | st.sampled_from([0.5, 1.0, 2.5, 1e300])


@PROPERTY
@given(task=st.sampled_from(tasks.names()), text=st.lists(pieces, max_size=14).map("".join), number=numbers)
def test_the_page_reads_nothing_that_python_refuses_or_reads_otherwise(
    modules: Page, task: str, text: str, number: float | None
) -> None:
    found, expected = encode(modules, task, text, number), asked(task, text, number)
    if found is not None:
        assert expected is not None
        assert_alike(task, found, expected)


@pytest.mark.parametrize("task", tasks.names())
def test_the_page_reads_the_longest_and_refuses_what_is_longer(modules: Page, task: str) -> None:
    form = tasks.get(task).form
    number = None if form.number is None else 1
    longest = form.write(form.draw(form.most + 1, number, seeded()))
    for size in (form.most, form.most + 1, form.fewest, form.fewest - 1):
        text = _shorten(form, longest, size)
        expected = asked(task, text, number)
        assert (encode(modules, task, text, number) is None) == (expected is None)


def _shorten(form: Form, text: str, size: int) -> str:
    """The first so many rows, items or bits."""
    between = {"rows": "\n", "items": "\n\n"}.get(form.kind)
    return text[:size] if between is None else between.join(text.split(between)[:size])


@pytest.mark.parametrize("number", [2, 3])
def test_more_than_can_be_due_is_left_to_the_server(modules: Page, number: int) -> None:
    text = "10110010\n" * 250
    assert (encode(modules, "repeat-copy", text, number) is None) == (number == 3)
    assert (asked("repeat-copy", text, number) is None) == (number == 3)


@PROPERTY
@given(st.text(max_size=40))
def test_a_word_has_the_bytes_of_utf_8_and_reads_back(modules: Page, word: str) -> None:
    written = modules.evaluate("word => rowsOfWord(word)", word)
    assert written == ([] if not word else format_bits(parse_word(word)).split("\n"))
    assert modules.evaluate("rows => wordOf(rows)", written) == shown(word.encode())


def shown(written: bytes) -> str:
    """What bytes of UTF-8 say, with a middle dot for what has no place in a line, and for what is no character."""
    unseen = ("Cc", "Zl", "Zp")  # controls, and what separates lines and paragraphs
    said = written.decode(errors="replace")
    return "".join("·" if category(each) in unseen or each == "\ufffd" else each for each in said)


@PROPERTY
@given(st.text(min_size=1, max_size=40))
def test_a_word_becomes_its_bits_and_a_word_again_where_it_can(modules: Page, word: str) -> None:
    def rewrite(typed: str, kind: str) -> str:
        asked = {"kind": kind, "typed": typed, "number": None}
        return modules.evaluate("([task, asked]) => rewrite(task, asked)", [describe("copy"), asked])

    bits = rewrite(word, "Bits")
    assert bits == format_bits(parse_word(word))
    assert rewrite(bits, "Word") == (word if shown(word.encode()) == word else bits)


@pytest.mark.parametrize(("kind", "typed"), [("Bits", ""), ("Bits", "a" * 251), ("Word", ""), ("Word", "101")])
def test_what_cannot_be_asked_is_not_rewritten(modules: Page, kind: str, typed: str) -> None:
    asked = {"kind": kind, "typed": typed, "number": None}
    assert modules.evaluate("([task, asked]) => rewrite(task, asked)", [describe("copy"), asked]) == typed


@PROPERTY
@given(st.binary(min_size=1, max_size=12))
def test_bytes_that_are_no_characters_are_dots_in_both(modules: Page, written: bytes) -> None:
    rows = [f"{byte:08b}" for byte in written]
    assert modules.evaluate("rows => wordOf(rows)", rows) == shown(written)


@pytest.mark.parametrize(("word", "rows"), [("日本語", 9), ("🙂", 4), ("hello <b>ÿ", 11), ("a", 1)])
def test_a_word_of_any_alphabet_can_be_asked(modules: Page, word: str, rows: int) -> None:
    found = encode(modules, "copy", word, kind="Word")
    assert found["sizes"] == {"length": rows}
    assert_alike("copy", found, tasks.ask(Question("copy", format_bits(parse_word(word)))))
