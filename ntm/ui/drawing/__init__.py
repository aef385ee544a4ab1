"""A place for what the server draws of the run on show: it is drawn while it can be seen, once the visitor pauses."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from ntm.tasks import InputError
from ntm.ui import links
from ntm.ui.component import make_component
from ntm.ui.links import Link

Draw = Callable[[Link, float], str]
"""From a link to the run on show and the error of its answer (see `errorOf` in ntm/ui/browser/verdict.js) to HTML."""


def make_drawing(draw: Draw, **options: Any) -> gr.HTML:
    """The component.

    Args:
        draw: what is drawn.
        options: further arguments of `gr.HTML`.
    """

    def answer(shown: Any) -> str:
        if not isinstance(shown, Mapping) or not isinstance(shown.get("query"), str):
            return ""
        error = shown.get("error")
        try:
            return draw(links.read_query(shown["query"]), float(error) if isinstance(error, int | float) else 0.0)
        except InputError:
            return ""

    return make_component(__name__, server_functions=[answer], **options)
