"""Links come back as they were written, and what cannot be shown is explained in a sentence."""

from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import InputError, Question
from ntm.ui import links
from ntm.ui.links import Link
from tests.numerics import PROPERTY, seeded

whole = st.none() | st.integers(0, 10**6)


@st.composite
def any_links(draw: st.DrawFn) -> Link:
    task = draw(st.sampled_from(tasks.names()))
    # Two sizes of the largest would be more than a run holds.
    sizes = {name: draw(st.sampled_from(offered[:20])) for name, offered in tasks.get(task).offered.items()}
    slots = draw(st.none() | st.integers(16, 2048))
    return Link(tasks.get(task).draw_question(seeded(), **sizes), slots, draw(whole), draw(whole))


def parameters(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, strict_parsing=True, keep_blank_values=True))


@PROPERTY
@given(any_links())
def test_a_link_reopens_what_it_was_written_of(link: Link) -> None:
    assert links.read(parameters(links.write(link))) == link


def test_a_link_can_be_read_by_people_and_typed() -> None:
    link = Link(Question("associative-recall", "101100\n000000\n111111\n\n110011\n010101\n000111\n", 1.0), 256, step=7)
    written = "101100~000000~111111~~110011~010101~000111"
    assert links.write(link) == f"task=associative-recall&input={written}&number=1&slots=256&step=7"


def test_the_longest_link_gets_through() -> None:
    """Proxies and servers commonly take 8 kB for a request's first line; a host's own parameters come on top."""
    sizes = {task: {name: offered[-1] for name, offered in tasks.get(task).offered.items()} for task in tasks.names()}
    sizes["repeat-copy"] = {"length": 30, "repeats": 16}
    assert all(
        len(links.write(Link(tasks.get(task).draw_question(None, **of_it)))) < 4096 for task, of_it in sizes.items()
    )


def test_parameters_that_ask_for_no_run_are_passed_over() -> None:
    assert links.read({}) is None
    assert links.read({"__theme": "dark", "input": "10110010"}) is None
    assert links.read({"task": "copy", "input": "10110010", "utm_source": "x"}) == Link(Question("copy", "10110010"))


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
