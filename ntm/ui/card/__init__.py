"""The card: a picture of the run on show to hand on, with what was asked, what came of it and the link.

It is drawn in the browser, so that it also shows what somebody changed in the run.
"""

import gradio as gr

from ntm.ui.component import make_component

MAKE = "() => { document.dispatchEvent(new Event('card')); }"
"""Has the card drawn, or drawn anew; runs in the browser."""


def make_card() -> gr.HTML:
    """The component, which is empty until `MAKE`."""
    return make_component(__name__, ("../tape/run.js", "../tape/canvas.js", "drawing.js", "card.js"), elem_id="card")
