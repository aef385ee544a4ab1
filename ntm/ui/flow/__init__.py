"""The view of the flow: the machine's parts, lit by what passes between them in the step on show.

The vectors that pass can be opened, and those that heads emit can be set.
"""

from typing import Any

import gradio as gr

from ntm.ui import addressing
from ntm.ui.component import make_component

_NUMBERS = tuple(name if name.startswith("..") else f"../addressing/{name}" for name in addressing.STAGES)
SCRIPTS = (
    *(*_NUMBERS, "../tape/canvas.js", "../addressing/touch.js", "../addressing/sliders.js"),
    *("parts.js", "drawing.js", "view.js"),
)
"""All scripts in their order."""


def make_flow(**options: Any) -> gr.HTML:
    """The component that shows the page's run."""
    return make_component(__name__, SCRIPTS, **options)
