"""The live pieces of the essay: one head over a small memory, whose every number the reader sets.

They stand where the text has a place for one, `<div data-piece="gate"></div>`, and share the head: what is set in one
piece shows in those that follow from it.
"""

import gradio as gr

from ntm.ui.component import make_component

HEAD = ("../addressing/stages.js", "head.js")
"""The scripts that tell what the head does, and need no page to do so."""
_DRAWING = ("../tape/canvas.js", "../addressing/bars.js", "../addressing/sliders.js")


def make_pieces() -> gr.HTML:
    """The component, which shows nothing where it stands itself."""
    return make_component(__name__, (*HEAD, "../touching/names.js", "../addressing/numbers.js", *_DRAWING, "essay.js"))
