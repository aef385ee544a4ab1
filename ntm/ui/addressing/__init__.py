"""The view of addressing: how a head comes to its weighting in the step on show, as in the paper's figure 2.

Each stage is drawn over the slots with its equation and its numbers, and each number can be set.
"""

from typing import Any

import gradio as gr

from ntm.ui.component import make_component

STAGES = ("../tape/run.js", "stages.js", "../touching/names.js", "numbers.js")
"""The scripts that tell what happened, and need no page to do so."""
SCRIPTS = (*STAGES, "../tape/canvas.js", "bars.js", "touch.js", "sliders.js", "view.js", "describe.js", "input.js")
"""All scripts in their order."""


def make_addressing(**options: Any) -> gr.HTML:
    """The component that shows the page's run."""
    return make_component(__name__, SCRIPTS, **options)
