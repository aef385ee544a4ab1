"""The guided experiments: each is gone through on the page with the published machines, and what it says is right is
held against the machine in Python."""

import json
import re
from collections.abc import Callable, Iterator
from importlib.resources import files
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, Page, expect

import ntm
from ntm import tasks
from ntm.machine.trace import Trace
from ntm.tasks import Question
from ntm.ui import experiments, links
from ntm.ui.links import Link
from ntm.ui.trainer import FIRST, PRESETS
from tests.browsing import visiting
from tests.intervening import intervene
from tests.ui.modules import machine_of
from tests.ui.test_page import open_tab

EXPERIMENTS = json.loads(files(experiments).joinpath("experiments.json").read_text("utf-8"))
BY_NAME = {each["name"]: each for each in EXPERIMENTS}


class Seen(NamedTuple):
    """What an experiment shows, as Python has it."""

    link: Link
    trace: Trace
    original: Trace
    lstm: torch.Tensor
    """probabilities (T, out)"""
    targets: torch.Tensor
    due: torch.Tensor
    """the steps in which an answer is due"""

    def rows(self, of: torch.Tensor | None = None) -> np.ndarray:
        """The bits that came out, of the machine or of these probabilities (S, out)."""
        return ((self.trace.logits[:, 0] > 0) if of is None else of > 0.5)[self.due].numpy()

    def wrong(self, of: torch.Tensor | None = None) -> np.ndarray:
        """The wrong bits of every row that is due."""
        return (self.rows(of) != (self.targets[self.due] > 0.5).numpy()).sum(axis=1)

    def changed(self) -> list[int]:
        """The numbers of the rows that came out otherwise than untouched, from 1."""
        before = (self.original.logits[:, 0] > 0)[self.due].numpy()
        return [int(row) + 1 for row in np.nonzero((self.rows() != before).any(axis=1))[0]]

    def on(self, kind: str, index: int = 0) -> list[int]:
        """The slot that a head is most on, in every step."""
        return self.weights(kind, index).argmax(-1).tolist()

    def weights(self, kind: str, index: int = 0) -> torch.Tensor:
        return {"read": self.trace.read_weights, "write": self.trace.write_weights}[kind][:, 0, index]


@torch.no_grad()
def see(place: dict[str, Any], overrides: list[dict[str, Any]]) -> Seen:
    link = links.read({name: str(value) for name, value in place.items()})
    assert link is not None
    batch, model = tasks.ask(link.question).batch, machine_of(link.question.task)
    lstm, _ = ntm.load(f"checkpoints/lstm-{link.question.task}")(batch.inputs)
    traces = [intervene(model, batch.inputs, replaced, slots=link.slots) for replaced in (overrides, [])]
    due = batch.mask[:, 0].nonzero().flatten()
    return Seen(link, *traces, lstm[:, 0].sigmoid(), batch.targets[:, 0], due)


# What is right, by the name of the experiment.


def who_fails_first(seen: Seen) -> str:
    machine, lstm = (np.flatnonzero(seen.wrong(of)) for of in (None, seen.lstm))
    assert machine.size == 0
    assert lstm[0] == 1
    return "lstm"


def more_letters_than_slots(seen: Seen) -> str:
    wrong = seen.wrong() > 0
    assert len(wrong) == 200
    assert wrong[:72].sum() > 3 * wrong[-72:].sum()
    written = seen.on("write")[1:201]
    assert len(set(written)) == 128, "every slot is written to, and 72 are twice"
    return "first"


def more_slots(seen: Seen) -> str:
    assert seen.trace.memory.shape[2] == 256
    return "right" if seen.wrong().sum() == 0 else "wrong"


def clear_a_slot(seen: Seen) -> str:
    (letter,) = seen.changed()
    assert seen.on("read")[seen.due[letter - 1]] == 120
    assert seen.on("read")[seen.due[0]] == 0
    assert seen.on("read")[seen.due[1]] == 127
    return str(letter)


def hold_the_head(seen: Seen) -> str:
    rows, before = seen.rows(), (seen.original.logits[:, 0] > 0)[seen.due].numpy()
    first = seen.changed()[0]
    assert (rows[first - 1 :] == before[first - 2 : -1]).all(), "said twice, and all that follow a step late"
    assert (before == (seen.targets[seen.due] > 0.5).numpy()).all()
    return "late"


def open_the_gate(seen: Seen) -> str:
    changed = seen.changed()
    assert seen.due[changed[0] - 1] == 29
    assert changed == list(range(changed[0], len(seen.due) + 1))
    assert seen.weights("read")[29].max() < 0.3
    return "rest"


def when_it_counts(seen: Seen) -> str:
    held = seen.trace.memory[:, 0, :, 0].sum(-1)[seen.due].tolist()
    falls = [index for index, (before, after) in enumerate(pairwise(held), start=1) if before - after > 0.9]
    assert falls == [3, 6, 9, 12], "it counts down once a time, and after the last"
    first = [seen.on("read")[seen.due[index]] for index in (0, 3, 6, 9)]
    assert len(set(first)) == 1, "the read head is back on the first vector"
    return "first"


def twice_as_often(seen: Seen) -> str:
    ends, lstm = (np.flatnonzero(seen.rows(of)[:, -1]) for of in (None, seen.lstm))
    assert ends.tolist() == [3 * 20]
    assert lstm[0] == 3 * 12, "it has lost count soon after ten, the most that it was trained on"
    return "asked"


def the_first_item(seen: Seen) -> str:
    assert seen.wrong().sum() == 0
    assert seen.wrong(seen.lstm).sum() > 0
    return "machine"


def before_the_question(seen: Seen) -> str:
    assert seen.link.step == seen.due[0] - 6, "the step before the first of two flags with three vectors between"
    assert seen.weights("read")[seen.link.step].max() < 0.3
    assert seen.weights("read")[seen.due[0]].max() > 0.9
    return "everywhere"


def sure_of_the_next(seen: Seen) -> str:
    right = torch.where(seen.targets > 0.5, seen.trace.logits[:, 0].sigmoid(), 1 - seen.trace.logits[:, 0].sigmoid())
    bit = int((right <= 0.9).nonzero()[-1, 0]) + 3
    assert 9 < bit <= 100
    return "several"


def how_it_sorts(seen: Seen) -> str:
    slots = seen.on("write")[:8]
    assert [after - before for before, after in pairwise(slots)] == [1] * 7
    return "come"


def never_twice(seen: Seen) -> str:
    for step in seen.due.tolist():
        slot = seen.on("read")[step]
        assert seen.on("write")[step] == slot
        was, left = seen.trace.memory[step - 1, 0, slot], seen.trace.memory[step, 0, slot]
        assert (was - left).norm() > 0.3 * was.norm(), "what is read is written over"
    return "follows"


RIGHT: dict[str, Callable[[Seen], str]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        *(who_fails_first, more_letters_than_slots, more_slots, clear_a_slot, hold_the_head, open_the_gate),
        *(when_it_counts, twice_as_often, the_first_item, before_the_question, sure_of_the_next),
        *(how_it_sorts, never_twice),
    )
}


def test_there_are_experiments_for_every_task_and_none_is_unchecked() -> None:
    assert len(EXPERIMENTS) >= 10
    assert {each["before"]["task"] for each in EXPERIMENTS} == set(tasks.names())
    assert {*RIGHT, "without-shifts"} == set(BY_NAME)
    for each in EXPERIMENTS:
        assert 2 <= len(each["answers"]) <= 4


def test_without_shifts_all_slots_but_the_first_stay_alike() -> None:
    """Whatever its weights: so training cannot change it."""
    preset = next(each for each in PRESETS if each.name == BY_NAME["without-shifts"]["then"]["preset"])
    names = ("controller", "controller_size", "memory_slots", "memory_width", "memory_init", "shift_range")
    settings = FIRST | preset.changes
    for seed in range(3):
        torch.manual_seed(seed)
        model = ntm.NTM(10, 8, **{name: settings[name] for name in names})
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.mul_(3)
        memory = model.trace(tasks.get("copy").sample(1, length=8).inputs).memory[:, 0]
        assert (memory[:, 1:] - memory[:, 1:2]).abs().max() < 1e-5
        assert (memory[:, 0] - memory[:, 1]).abs().max() > 0.1


@pytest.fixture
def page(browser: Browser, app_url: str) -> Iterator[Page]:
    with visiting(browser, f"{app_url}/?experiment={EXPERIMENTS[0]['name']}") as page:
        yield page


def card(page: Page) -> Any:
    return page.locator("#experiment section")


def test_the_answer_that_is_marked_is_what_the_machine_does(page: Page) -> None:
    """They come one after another, from the address that the first one has."""
    for place, experiment in enumerate(EXPERIMENTS):
        assert_is_marked_right(page, experiment, place)
        next_one = card(page).get_by_role("button", name="Next", exact=True)
        expect(next_one).to_be_focused()
        next_one.click()
    expect(card(page).locator("[data-part=asks]")).to_have_text(EXPERIMENTS[0]["asks"])


def assert_is_marked_right(page: Page, experiment: dict[str, Any], place: int) -> None:
    expect(card(page).locator("[data-part=asks]")).to_have_text(experiment["asks"])
    page.wait_for_function("name => location.search === '?experiment=' + name", arg=experiment["name"])
    expect(page.locator("#typed")).to_be_hidden()
    answers, then = experiment["answers"], experiment["then"]
    choices = card(page).locator(".choices button")
    expect(choices).to_have_text([answer["says"] for answer in answers])
    expect(card(page).locator(".right, .wrong")).to_have_count(0)
    chosen = answers[place % len(answers)]["key"]
    choices.nth(place % len(answers)).click()
    marked = card(page).locator(".choices .right")
    expect(marked).to_have_count(1)
    right = next(answer["key"] for answer in answers if answer["says"] == marked.inner_text())
    if "tab" in then:
        expect(page.locator("#preset").get_by_label(then["preset"])).to_be_checked()
        assert right == "two"
    else:
        overrides = page.evaluate("window.ntm.run.overrides ?? []")
        assert bool(overrides) == ("touch" in then)
        assert right == RIGHT[experiment["name"]](see(then, overrides)), experiment["name"]
        expect(page.locator("#tape [data-part=root]")).to_have_attribute("data-step", str(then.get("step", 0)))
    why = card(page).get_by_role("status")
    expect(why).to_contain_text("Right. " if chosen == right else "No. ")
    assert not re.search("{|}|undefined|NaN|Infinity", why.inner_text())
    expect(card(page).locator(".choices .wrong")).to_have_count(int(chosen != right))


def test_they_are_left_and_found_again_in_their_tab(page: Page) -> None:
    expect(card(page).locator("[data-part=asks]")).to_have_text(EXPERIMENTS[0]["asks"])
    page.wait_for_function("window.ntm.run.asked.word === 'Turing'")
    page.keyboard.press("Escape")
    expect(card(page)).to_be_hidden()
    expect(page.locator("#typed textarea")).to_be_visible()
    page.wait_for_function("!location.search.includes('experiment')")
    open_tab(page, "Experiments")
    found = page.locator("#experiments a")
    expect(found).to_have_text([each["asks"] for each in EXPERIMENTS])
    addresses = found.evaluate_all("links => links.map(link => link.getAttribute('href'))")
    assert addresses == [f"?experiment={name}" for name in BY_NAME]
    found.nth(3).click()
    expect(card(page).locator("[data-part=asks]")).to_have_text(EXPERIMENTS[3]["asks"])
    page.wait_for_function("window.ntm.run.asked.word === 'Which letter dies?'")
    page.get_by_role("button", name="Show me around").click()
    expect(card(page)).to_be_hidden()


def test_one_that_there_is_not_is_told(browser: Browser, app_url: str) -> None:
    with visiting(browser, f"{app_url}/?experiment=<b>") as page:
        expect(page.locator("#problem")).to_contain_text("There is no experiment “<b>” here.")
        expect(card(page)).to_be_hidden()


def test_what_is_shown_is_what_any_link_may_ask() -> None:
    for each in EXPERIMENTS:
        for place in (each["before"], each["then"]):
            if "tab" in place:
                continue
            link = links.read({name: str(value) for name, value in place.items()})
            assert link is not None
            assert isinstance(link.question, Question)
