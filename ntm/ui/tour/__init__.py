"""The guided tour: a few stops on the run that the page begins with."""

from importlib.resources import files

import gradio as gr

START = '() => { document.querySelector("#tour [data-part=tour]").dispatchEvent(new Event("start")); return []; }'
"""Has it start, in the browser, with the next run on show."""


def make_tour() -> gr.HTML:
    """The component, which shows nothing until the tour is started."""
    here = files(__name__)
    return gr.HTML(
        html_template=here.joinpath("tour.html").read_text("utf-8"),
        css_template=here.joinpath("tour.css").read_text("utf-8"),
        js_on_load=here.joinpath("tour.js").read_text("utf-8"),
        apply_default_css=False,
        elem_id="tour",
    )
