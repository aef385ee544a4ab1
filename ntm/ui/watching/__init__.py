"""Telling the server of the run on show: while a component of this kind can be seen, once the visitor pauses."""

import json
from typing import NamedTuple

import gradio as gr

from ntm.tasks import InputError
from ntm.ui import links
from ntm.ui.component import make_component
from ntm.ui.links import Link

TELL = "(told, ...others) => [window.ntm.told(), ...others]"
"""Puts what `read` reads in place of an event's first input; runs in the browser."""
_LONGEST = 300


class Seen(NamedTuple):
    """The run on show, as the browser tells of it."""

    link: Link
    address: str
    """of the page, with the link"""
    error: float
    """of its answer, see `errorOf` in ntm/ui/browser/verdict.js"""
    heading: str
    """what stands over a picture of it, see `wordsOf` there"""
    caption: str
    """what that says of it"""


def make_watch() -> gr.HTML:
    """The component, which shows nothing itself; at its event `settled` its value is what `read` reads."""
    return make_component(__name__)


def read(value: str | None) -> Seen:
    """What a browser tells of the run on show.

    Raises:
        InputError: if it tells of none.
    """
    try:
        told = json.loads(value or "")
        query, error = str(told["query"]), float(told["error"])
        address, heading, caption = (str(told[name]) for name in ("address", "heading", "caption"))
    except (ValueError, TypeError, KeyError) as problem:
        raise InputError("There is no run yet.") from problem
    return Seen(links.read_query(query), address, error, heading[:_LONGEST], caption[:_LONGEST])
