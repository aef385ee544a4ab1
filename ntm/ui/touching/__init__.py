"""What a visitor has set in the run on show, in words, and the way back from it."""

from typing import Any

import gradio as gr

from ntm.ui.component import make_component

SCRIPTS = ("names.js", "touches.js", "touching.js")
"""All scripts in their order."""


def make_touching(**options: Any) -> gr.HTML:
    """The component; it is in sight as long as something is set."""
    return make_component(__name__, SCRIPTS, **options)
