"""The page that explains the machine, with the paper's equations and the field's terms."""

import re
from importlib.resources import files

import gradio as gr

from ntm.ui.essay import make_pieces

_TEXT = files(__package__).joinpath("how_it_works.md")
_FORMULAS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
GLOSSARY = {
    "slot": "A row of memory: so many numbers that are written and read together.",
    "head": "A part of the machine that looks at memory, to write there or to read.",
    "weighting": "How much a head looks at each slot: shares from 0 to 1 that add up to 1.",
    "key": "What a head looks for: a vector that is compared with every slot.",
    "strength": "How much more the slots count that are most like the key; at 0 all count alike.",
    "gate": "How much of the weighting comes from content, and how much from where the head was.",
    "shift": "How much of a weighting goes one slot back, stays, or goes one slot on.",
    "sharpening": "A power that makes large shares larger and small ones smaller, so that moves do not blur.",
    "erase": "How much of each number in a slot goes away before something is added.",
    "add": "What is added to the slots that a head writes to, as much as its weighting says.",
}
"""What the terms mean that the text has in double brackets, a sentence each."""
_TERM = re.compile(r"\[\[((\w+?)s?)\]\]")
_MARKED = (
    '<span class="term"><button type="button" aria-describedby="term-{term}">{word}</button>'
    '<span role="tooltip" id="term-{term}">{meaning}</span></span>'
)


def add_how_it_works() -> None:
    """The page's text, and the pieces in it."""
    # Its own text, so nothing in it has to be made harmless.
    gr.Markdown(_explain(_TEXT.read_text("utf-8")), latex_delimiters=_FORMULAS, sanitize_html=False, elem_id="essay")
    make_pieces()


def _explain(text: str) -> str:
    """The text with each term in double brackets, of which there is one, told of where somebody points at it."""
    return _TERM.sub(lambda found: _MARKED.format(word=found[1], term=found[2], meaning=GLOSSARY[found[2]]), text)
