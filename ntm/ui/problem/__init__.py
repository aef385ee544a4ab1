"""Why what is asked cannot be run, in a sentence."""

import gradio as gr

from ntm.ui.component import make_component


def make_problem() -> gr.HTML:
    """The component."""
    return make_component(__name__, elem_id="problem")
