"""Panels: what can be opened below the tape. Each brings its components and says what a new run makes of them."""

from collections.abc import Callable
from typing import Any, NamedTuple

from gradio.components import Component

from ntm.machine.model import SequenceModel
from ntm.ui.links import Link
from ntm.ui.run import Run

FindMachine = Callable[[str | None, Link], SequenceModel]
"""The machine that a visitor has on show, by the key of their own."""
RunAgain = Callable[[str | None, Link], Run]
"""The run that a visitor has on show, by the key of their own machine."""


class Panel(NamedTuple):
    """The part of a panel that a new run changes."""

    outputs: list[Component | Any]
    refresh: Callable[[Link, Run], list[Any]]
    """what is shown and the run of it, to an update for each of the outputs"""


QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""of an event that is too quick to show progress, and of no use outside the page"""
