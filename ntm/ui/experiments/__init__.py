"""Guided experiments: each asks first, then shows a run, and marks the answer by what happened in that run.

`experiments.json` holds them: what is asked, the run before and the run that tells, as the parameters of a link, the
answers with a word why, and which of the measures in `measures.js` says what is right. `?experiment=NAME` opens one.
"""

import json
from importlib.resources import files

import gradio as gr

from ntm.ui.browser.serve import scripts_address
from ntm.ui.component import make_component

SHOWN = '() => { document.dispatchEvent(new Event("shown")); }'
"""Tells it, in the browser, that what it chose to show has been asked."""


def make_experiments() -> gr.HTML:
    """The component that asks. Its event `choose` has the `query` of a link to the run that is to be shown."""
    return make_component(__name__, value=json.dumps({"scripts": scripts_address()}), elem_id="experiment")


def make_list() -> gr.HTML:
    """Where the experiments are listed. The component above does that, once this is in sight."""
    return gr.HTML(
        html_template='<div class="experiments"></div>',
        css_template=files(__package__).joinpath("list.css").read_text("utf-8"),
        js_on_load='document.dispatchEvent(new Event("experiments"))',
        apply_default_css=False,
        elem_id="experiments",
    )
