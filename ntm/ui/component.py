"""Components of our own: each a folder with its HTML, CSS and JavaScript, drawn in the browser."""

from importlib.resources import files
from typing import Any

import gradio as gr


def make_component(package: str, scripts: tuple[str, ...] | None = None, **options: Any) -> gr.HTML:
    """A component from the files in its folder.

    Args:
        package: the folder, as a Python package; `ntm.ui.grid` holds `grid.html` and `grid.css`.
        scripts: names of its JavaScript files, which become one function body in this order; `grid.js` alone when None.
        options: further arguments of `gr.HTML`.
    """
    folder, name = files(package), package.rpartition(".")[-1]

    def read(file: str) -> str:
        return folder.joinpath(file).read_text("utf-8")

    return gr.HTML(
        html_template=read(f"{name}.html"),
        css_template=read(f"{name}.css"),
        js_on_load="\n".join(map(read, scripts or (f"{name}.js",))),
        apply_default_css=False,
        **options,
    )
