"""The guided tour: a few stops on the run that the page begins with."""

import gradio as gr

from ntm.ui.component import make_component

START = '() => { document.querySelector("#tour [data-part=tour]").dispatchEvent(new Event("start")); }'
"""Has it start, in the browser, on the run on show."""


def make_tour() -> gr.HTML:
    """The component, which shows nothing until the tour is started."""
    return make_component(__name__, elem_id="tour")
