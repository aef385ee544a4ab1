"""The scripts of all components as one module, which a browser fetches once and keeps.

Gradio takes a component's script as text, in the page itself: again at every visit, and what several components use as
often as there are of these. So in its place the page holds a line that calls the component's function in this module.
"""

import json
from collections import Counter
from collections.abc import Iterable

import gradio as gr

from ntm.ui.component import scripts_of

_CALL = """
const components = import(new URL(%s, (window.gradio_config?.root ?? location.origin) + "/"));
components.then((module) => module[%s](element, props, trigger, watch));
"""
_FUNCTION = """
export function %s(element, props, trigger, watch) {
%s
}
"""


def make_module(components: Iterable[object]) -> str:
    """The module: scripts that several kinds of component use, then a function for each kind, around its others."""
    kinds = {scripts.name: scripts.texts for scripts in map(scripts_of, components) if scripts is not None}
    count = Counter(name for texts in kinds.values() for name in texts)
    shared = {name: text for texts in kinds.values() for name, text in texts.items() if count[name] > 1}
    functions = [
        _FUNCTION % (kind, "\n".join(text for name, text in texts.items() if name not in shared))
        for kind, texts in kinds.items()
    ]
    return "\n".join([*shared.values(), *functions])


def use_module(components: Iterable[object], address: str) -> None:
    """Have each component call its function in the module, which is at an address below the page's own."""
    for component in components:
        scripts = scripts_of(component)
        if isinstance(component, gr.HTML) and scripts is not None:
            component.js_on_load = _CALL % (json.dumps(address), json.dumps(scripts.name))
