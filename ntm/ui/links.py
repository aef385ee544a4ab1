"""Links: a run as the query of an address, which opens it again on any host.

The page writes them (`ntm/ui/browser/address.js`), as its own address.
"""

from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import parse_qsl

from ntm import tasks
from ntm.tasks import InputError, Question
from ntm.tasks.text import format_bits, parse_word

# It needs no escape in an address, and nothing that can be asked holds one.
_LINE_BREAK = "~"
_OF_A_RUN = {"input", "word", "number", "slots", "update", "step"}
_FEWEST_SLOTS, _MOST_SLOTS = 16, 2048
_MOST_DIGITS = 9


class Link(NamedTuple):
    """What reopens a run, besides the machine."""

    question: Question
    slots: int | None = None
    """how many slots of memory it has; the machine's own number when None"""
    update: int | None = None
    """the update of training after which the machine was as it is shown; the finished one when None"""
    step: int | None = None
    """where to pause, from 0; played from the start when None"""
    word: str | None = None
    """the question as it was typed, where that was a word"""


def task_alone(parameters: Mapping[str, str]) -> str | None:
    """The task of a link that says nothing else of a run; None of any other."""
    return None if parameters.keys() & _OF_A_RUN else parameters.get("task")


def read(parameters: Mapping[str, str]) -> Link | None:
    """What a link's parameters ask for; None where they do not ask for a run. Others' parameters are passed over.

    Raises:
        InputError: if what they ask for cannot be shown.
    """
    if "task" not in parameters:
        return None
    word = parameters.get("word")
    text = parameters.get("input", "").replace(_LINE_BREAK, "\n") if word is None else format_bits(parse_word(word))
    question = Question(parameters["task"], text, _whole(parameters, "number"))
    tasks.ask(question)
    if word is not None and tasks.get(question.task).form.word is None:
        raise InputError("The link has a word, which cannot be asked of this task.")
    slots = _whole(parameters, "slots")
    if slots is not None and not _FEWEST_SLOTS <= slots <= _MOST_SLOTS:
        raise InputError(f"The link asks for {slots:,} memory slots; there can be {_FEWEST_SLOTS} to {_MOST_SLOTS:,}.")
    return Link(question, slots, _whole(parameters, "update"), _whole(parameters, "step"), word)


def read_query(query: str) -> Link:
    """The run that a query asks for.

    Raises:
        InputError: if it asks for none, or for one that cannot be shown.
    """
    link = read(dict(parse_qsl(query, keep_blank_values=True)))
    if link is None:
        raise InputError("There is no run yet.")
    return link


def _whole(parameters: Mapping[str, str], name: str) -> int | None:
    written = parameters.get(name)
    if written is None:
        return None
    if not (written.isascii() and written.isdecimal() and len(written) <= _MOST_DIGITS):
        raise InputError(f"The link's {name} is a whole number, not “{written[:20]}”.")
    return int(written)
