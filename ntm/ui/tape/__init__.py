"""The tape: the run on show, drawn in the browser."""

from importlib.resources import files
from typing import Any

import gradio as gr

from ntm.ui.component import make_component

WITHOUT_PAGE = ("run.js", "origin.js", "words.js", "lists.js")
"""The scripts that tell what happened in a run, and need no page to do so."""
SCRIPTS = (
    *(*WITHOUT_PAGE, "canvas.js", "memory.js", "history.js", "describe.js", "view.js", "input.js"),
    *("../touching/names.js", "../addressing/numbers.js", "../addressing/touch.js", "touch.js"),
)
"""All scripts in their order. Data flows one way: from the run to the view of it, the drawings and words."""
_HISTORY_STYLE = files(__package__).joinpath("history.css").read_text("utf-8")


def make_tape(**options: Any) -> gr.HTML:
    """The component that shows the run on show."""
    return make_component(__name__, SCRIPTS, **options)


def make_history_place() -> gr.HTML:
    """Where the history stands. The tape, which draws it, moves it there."""
    return gr.HTML(
        html_template='<div data-part="place"></div>',
        css_template=_HISTORY_STYLE,
        js_on_load='document.dispatchEvent(new Event("history"))',
        apply_default_css=False,
        elem_id="history",
    )
