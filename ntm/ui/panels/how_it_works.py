"""The page that explains the machine, with the paper's equations."""

from importlib.resources import files

import gradio as gr

_TEXT = files(__package__).joinpath("how_it_works.md")
_FORMULAS: list[dict[str, str | bool]] = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


def add_how_it_works() -> None:
    """The page's text."""
    gr.Markdown(_TEXT.read_text("utf-8"), latex_delimiters=_FORMULAS)
