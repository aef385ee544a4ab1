"""What the page's events have in common: what a question changes on the page, and how a complaint looks."""

from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from gradio.blocks import Block

from ntm.ui.outcome import Outcome

Updates = Mapping[Block, Callable[[Outcome], Any]]
"""The components that change with every question asked, each with what it then shows."""
QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Options of an event that is too quick to show progress, and of no use outside the page."""


def alert(message: object) -> str:
    """What could not be done, in a sentence; HTML."""
    return f'<p class="problem" role="alert">{escape(str(message))}</p>'
