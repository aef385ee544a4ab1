"""Every row of an answer: what was due, what came out, and the probabilities behind it."""

import gradio as gr

from ntm.ui.component import make_component


def make_rows() -> gr.HTML:
    """The component."""
    return make_component(__name__, elem_id="table")
