"""Touches as a part of an address, in a browser without a page."""

from collections.abc import Iterator
from importlib.resources import files
from itertools import pairwise

import pytest
from playwright.sync_api import Browser, Page

from ntm.ui import touching

# One write head between two read heads and nothing else; heads are numbered read heads first.
RUN = """
{
  steps: 40, slots: 128, width: 20, readHeads: 2, shift: { shape: [40, 3, 3] },
  heads: [{ name: "write head", gates: 2 }, { name: "read head 1", gates: 0 }, { name: "read head 2", gates: 1 }],
}
"""
READ = f"text => readTouches({RUN}, text)"
TOUCHES = {
    "5_gate_2_0_0.25": "set the gate of the write head to 0.25",
    "0_strength_0_0_20": "set the key strength of the read head 1 to 20.00",
    "39_sharpening_1_0_1": "set the sharpening of the read head 2 to 1.00",
    "6_key_1_3_-0.5": "set number 4 of the key of the read head 2 to -0.50",
    "7_shift_2_2_0.5_0_0.1234_1_0.3766": "set the shift by +1 of the write head to 0.50",
    "8_add_2_19_-1.5": "set number 20 of what the write head adds to -1.50",
    "8_erase_2_0_1": "set number 1 of what the write head erases to 1.00",
    "9_weighting_0_127": "put the read head 1 on slot 127",
    "20_memory_119_4_-0.75": "set number 5 of slot 119 to -0.75",
    "28_clear_120": "cleared slot 120",
}
MALFORMED = [
    *("", "~", "5", "5_gate", "5_gate_2", "5_gate_2_0", "5_gate_2_0_1_", "5_gate_2_0_1~", "5_gate_2_0_1_0_1", "<b>"),
    *("40_gate_2_0_1", "-1_gate_2_0_1", "5_gate_3_0_1", "5_gate_2_1_1", "5_gate_2_0_1.01", "5_strength_2_0_21"),
    *("5_key_0_20_0", "5_key_0_0_1e1", "5_erase_1_0_1", "5_add_0_0_1", "5_shift_2_0_1", "5_shift_2_0_1_0_0_1_0"),
    *("5_weighting_0_128", "5_weighting_0", "5_weighting_0_1_2", "5_clear_128", "5_clear_1_2", "5_memory_128_0_1"),
    *(
        "5_memory_0_0_NaN",
        "5_memory_0_0_1001",
        "5_memory_0_0_",
        "5_nothing_0_0_1",
        "5_constructor_0_0_1",
        "5.5_clear_1",
    ),
]


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    for name in ("names.js", "touches.js"):
        page.add_script_tag(content=files(touching).joinpath(name).read_text("utf-8"))
    yield page
    page.close()


@pytest.mark.parametrize("text", [*TOUCHES, "~".join(TOUCHES)])
def test_a_touch_is_written_as_it_was_read(scripts: Page, text: str) -> None:
    assert scripts.evaluate(f"text => writeTouches(({READ})(text))", text) == text


def test_a_touch_is_what_it_says(scripts: Page) -> None:
    for text, words in TOUCHES.items():
        assert scripts.evaluate(f"text => touchWords({RUN}, ({READ})(text)[0])", text) == words
    shift, cleared = scripts.evaluate(READ, "7_shift_2_2_0.5_0_0.1_1_0.4~28_clear_120")
    assert shift == [
        {"step": 7, "field": "shift", "head": 2, "index": index, "value": value}
        for index, value in ((2, 0.5), (0, 0.1), (1, 0.4))
    ]
    assert cleared == [{"step": 28, "field": "memory", "slot": 120, "index": index, "value": 0} for index in range(20)]


@pytest.mark.parametrize("text", MALFORMED)
def test_what_is_not_there_is_no_touch(scripts: Page, text: str) -> None:
    assert scripts.evaluate(READ, text) is None


def test_what_is_set_again_is_the_same_touch(scripts: Page) -> None:
    same = f"([one, other]) => isSameTouch(({READ})(one)[0], ({READ})(other)[0])"
    assert scripts.evaluate(same, ["9_weighting_0_127", "9_weighting_0_3"])
    assert scripts.evaluate(same, ["5_gate_2_0_0.25", "5_gate_2_0_1"])
    others = [
        "6_gate_2_0_0.25",
        "5_gate_1_0_0.25",
        "5_key_2_0_0.25",
        "5_key_2_1_0.25",
        "5_clear_2",
        "5_memory_2_0_0.25",
    ]
    for first, second in pairwise(others):
        assert not scripts.evaluate(same, [first, second])
