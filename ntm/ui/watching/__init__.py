"""Telling the server of the run on show: while a component of this kind can be seen, once the visitor pauses."""

import json
from typing import NamedTuple

import gradio as gr

from ntm.tasks import InputError
from ntm.ui import links
from ntm.ui.component import make_component
from ntm.ui.links import Link


class Seen(NamedTuple):
    """The run on show, as the browser tells of it."""

    link: Link
    address: str
    """of the page, with the link"""
    error: float
    """of its answer, see `errorOf` in ntm/ui/browser/verdict.js"""


def make_watch() -> gr.HTML:
    """The component, which shows nothing itself; at its event `settled` its value is what `read` reads."""
    return make_component(__name__)


def read(value: str) -> Seen:
    """What a browser tells of the run on show.

    Raises:
        InputError: if it tells of none.
    """
    try:
        told = json.loads(value)
        query, address, error = str(told["query"]), str(told["address"]), float(told["error"])
    except (ValueError, TypeError, KeyError) as problem:
        raise InputError("There is no run yet.") from problem
    return Seen(links.read_query(query), address, error)
