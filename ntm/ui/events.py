"""What the page's events have in common, and how a complaint looks."""

from html import escape
from typing import Any

QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}
"""Options of an event that is too quick to show progress, and of no use outside the page."""


def alert(message: object) -> str:
    """What could not be done, in a sentence; HTML."""
    return f'<p class="problem" role="alert">{escape(str(message))}</p>'
