"""Components of our own: each a folder with its HTML, CSS and JavaScript, drawn in the browser."""

from collections.abc import Mapping
from importlib.resources import files
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import gradio as gr


class Scripts(NamedTuple):
    """What draws a component."""

    name: str
    """of its folder"""
    texts: Mapping[str, str]
    """the files in their order, each by its folder and name, such as `grid/grid.js`"""


_scripts: WeakKeyDictionary[gr.HTML, Scripts] = WeakKeyDictionary()  # Gradio's component has no place for them


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

    own = Scripts(name, {_full_name(name, script): read(script) for script in scripts or (f"{name}.js",)})
    component = gr.HTML(
        html_template=read(f"{name}.html"),
        css_template=read(f"{name}.css"),
        js_on_load="\n".join(own.texts.values()),
        apply_default_css=False,
        **options,
    )
    _scripts[component] = own
    return component


def scripts_of(component: object) -> Scripts | None:
    """The scripts of a component that `make_component` made; None of any other."""
    return _scripts.get(component) if isinstance(component, gr.HTML) else None


def _full_name(folder: str, script: str) -> str:
    """Of a script of this folder or, where it is named from there as `../tape/run.js`, of another."""
    return script.removeprefix("../") if script.startswith("../") else f"{folder}/{script}"
