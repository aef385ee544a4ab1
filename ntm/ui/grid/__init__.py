"""The grid: what is asked of the machine as bits to toggle, priorities to slide and items to choose.

It is a view of the run on show. An edit sends the question's `text` and `number` written anew, which the page puts
where they can be typed as well; so there is one way into the machine.
"""

from typing import Any

import gradio as gr

from ntm.ui.component import make_component

WRITE_BACK = """
value => {
  const { text, number } = JSON.parse(value);
  return ["Bits", text, number];
}
"""
"""From the grid's value to how the input is written, its text and its number; runs in the browser."""
WRITE_NUMBER = "value => JSON.parse(value).number"
"""From the grid's value to the number."""


def make_grid(**options: Any) -> gr.HTML:
    """The component; its value is what it was edited to, its events `input`, an edit, and `ask`, another number."""
    return make_component(__name__, **options)
