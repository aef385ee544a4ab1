"""What is said of a run, on machines that are wrong as well as right."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, JSHandle, Page

import ntm
from ntm.tasks import Question, text
from ntm.ui.run import Run, run_question
from tests.ui.modules import machine_of, open_modules, unpack

_JUDGE = "(run) => ({ ...verdictOf(run), lstm: comparisonOf(run), error: errorOf(run) })"


@pytest.fixture(scope="module")
def modules(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


def judge(modules: Page, model: ntm.NTM, run: Run, word: str | None = None, **options: Any) -> dict[str, Any]:
    arrived = unpack(modules, model, run, **options)
    return _with_question(arrived, run, word).evaluate(_JUDGE)


def _with_question(arrived: JSHandle, run: Run, word: str | None) -> JSHandle:
    question = {"task": run.question.task, "rows": run.question.text.split()}
    return arrived.evaluate_handle(
        "(run, more) => ({ ...run, ...more })", {"question": question, "asked": {"word": word}}
    )


def untrained() -> ntm.NTM:
    torch.manual_seed(0)
    return ntm.NTM(10, 8)


def test_every_wrong_bit_is_counted(modules: Page) -> None:
    model = untrained()
    run = run_question(model, Question("copy", "\n".join(["10110010", "01011101"] * 6)))
    wrong = sum(
        bit != due
        for output, target in zip(run.output.tolist(), run.target.tolist(), strict=True)
        for bit, due in zip(output, target, strict=True)
    )
    said = judge(modules, model, run, baseline=run)
    assert wrong > 10
    assert said["score"] == said["lstm"]["score"] == f"{wrong} bits of 96 are wrong."
    assert said["error"] == wrong
    assert not said["good"]
    assert said["said"] is None


@pytest.mark.parametrize("word", ["<b>&\x00", "日本🙂", "a"])
def test_the_word_is_said_and_its_wrong_characters_are_told_apart(modules: Page, word: str) -> None:
    question = Question("copy", text.format_bits(text.parse_word(word)))
    said = judge(modules, machine_of("copy"), run_question(machine_of("copy"), question), word)
    assert said["said"] == [{"text": word.replace("\x00", "·"), "wrong": False}]
    assert said["good"]
    run = run_question(untrained(), question)
    right = (run.output == run.target).all(-1).tolist()
    found = judge(modules, untrained(), run, word)["said"]
    ends = [len(word[: place + 1].encode()) for place in range(len(word))]
    expected = [all(right[end - len(each.encode()) : end]) for each, end in zip(word, ends, strict=True)]
    assert any(part["wrong"] for part in found) == (not all(expected))
    assert all(one["wrong"] != other["wrong"] for one, other in pairwise(found))


def test_sizes_past_the_training_range_are_marked(modules: Page) -> None:
    model = untrained()
    beyond = [
        judge(modules, model, run_question(model, Question("copy", "11111111\n" * rows)))["beyond"] for rows in (20, 21)
    ]
    assert beyond == [None, "length 21: more than it was trained on"]


def test_a_guesser_is_judged_beside_the_best_one(modules: Page) -> None:
    model = machine_of("dynamic-ngrams")
    run = run_question(model, Question("dynamic-ngrams", "0110" * 40))
    lstm = run_question(ntm.load("checkpoints/lstm-dynamic-ngrams"), run.question)
    said = judge(modules, model, run, baseline=lstm)
    assert run.optimal_error is not None
    share = run.error / run.optimal_error - 1
    best = f"the guesser that is best on average has {run.optimal_error:.1f} ({share:+.1%})."
    assert said["score"] == f"{run.error:.1f} bits of surprise; {best}"
    assert said["good"] == (share < 0.1)
    assert said["error"] == pytest.approx(run.error - run.optimal_error, abs=0.02)
    assert said["lstm"]["score"] == f"{lstm.error:.1f} bits of surprise."


def test_memory_is_full_where_more_came_in_than_there_are_slots_and_something_is_wrong(modules: Page) -> None:
    model, question = machine_of("copy"), Question("copy", "\n".join(f"{37 * row % 256:08b}" for row in range(40)))
    full = [judge(modules, model, run_question(model, question, slots=slots))["full"] for slots in (20, 128)]
    assert full[0].startswith("Memory is full: 40 vectors came in, and there are 20 slots")
    assert full[1] is None


@pytest.mark.parametrize(
    ("errors", "bits", "words"),
    [
        (0, 160, "Not one of 160 bits is wrong."),
        (0, 8, "Not one of 8 bits is wrong."),
        (1, 8, "1 bit of 8 is wrong."),
        (2, 1200, "2 bits of 1,200 are wrong."),
    ],
)
def test_wrong_bits_are_counted_in_words(modules: Page, errors: int, bits: int, words: str) -> None:
    steps = bits // 8
    run = {"steps": steps, "outputSize": 8, "mask": [1] * steps, "targets": [0] * bits, "slots": 0}
    run |= {"outputs": [1] * errors + [0] * (bits - errors), "sizes": {}, "trained": True, "certain": True}
    assert (
        modules.evaluate("run => verdictOf({ ...run, asked: { word: null }, question: { rows: [] } }).score", run)
        == words
    )


def test_a_picture_is_told_what_was_asked_and_what_came_of_it(modules: Page) -> None:
    word = "né"
    model = ntm.load("checkpoints/ntm-copy")
    run = run_question(model, Question("copy", text.format_bits(text.parse_word(word))))
    arrived = _with_question(unpack(modules, model, run, baseline=run), run, word)
    says = "says “né” Not one of 24 bits is wrong."
    assert arrived.evaluate("run => wordsOf(run, 'Copy')") == {
        "kicker": "Neural Turing Machine · Copy",
        "heading": "“né”",
        "caption": f"The machine {says}",
        "comparison": f"A plain LSTM {says}",
    }
    changed = "run => wordsOf({ ...run, asked: { word: null }, overrides: [{}, {}], baselineOutputs: null }, 'Copy')"
    assert arrived.evaluate(changed) == {
        "kicker": "Neural Turing Machine · Copy",
        "heading": "Length 3",
        "caption": "The machine: Not one of 24 bits is wrong. 2 numbers in it changed by hand.",
        "comparison": "",
    }
