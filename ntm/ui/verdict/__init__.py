"""The verdict: what came back and how well it went, beside what an LSTM makes of the same. The words are those of
`ntm/ui/browser/verdict.js`."""

import gradio as gr

from ntm.ui.component import make_component


def make_verdict() -> gr.HTML:
    """The component."""
    return make_component(__name__, elem_id="summary")
