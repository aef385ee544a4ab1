"""Which of Gradio's files a page loads before it shows anything, read off Gradio's own scripts.

Gradio finds that out in four rounds, each of which asks for the next, and over a slow line every round costs its time.
"""

import re
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

import gradio as gr
from gradio.blocks import Block

ASSETS = files("gradio").joinpath("templates/frontend/assets")
_PAGE = files("gradio").joinpath("templates/frontend/index.html")
_LISTED = re.compile(r"__vite__mapDeps=.*?\[(.*?)\]", re.DOTALL)
_LOADED = re.compile(r"import\(`\./([^`]+)`\)(?:(?!import\().)*?__vite__mapDeps\(\[([\d,]*)\]", re.DOTALL)
_USE = re.compile(r"(?:\b(\w+):\{)?\b(base|component|example):")
_NAME = re.compile(r'"\./([^"]+)"')


def files_of(page: gr.Blocks) -> list[str]:
    """The names of the files in `ASSETS` that a page loads, in the order in which it does.

    Gradio's scripts are a build, so what they load is found by how they are written. Of what is not found, the browser
    asks for itself, later.
    """
    found = re.findall(r"assets/([\w-]+[.](?:js|css))", _PAGE.read_text("utf-8"))
    for name in list(found):
        found += _loaded_by(name)
    found += [name for each in list(found) for name in _loaded_by(each, "Blocks-")]
    kinds = {block.get_block_name() for block in _loaded_first(page)}
    for core in [name for name in found if re.match(r"core-.*js", name)]:
        found += _loaded_for(kinds, core)
    return list(dict.fromkeys(found))


def _loaded_by(script: str, wanted: str = "") -> list[str]:
    """The scripts that a script loads, if they are called so, with what they need."""
    text = _read(script)
    return [name for match in _LOADED.finditer(text) if match[1].startswith(wanted) for name in _named(text, match)]


def _loaded_for(kinds: set[str], core: str) -> list[str]:
    """What Gradio's list of components has it load for those of these kinds: all but how they look as an example."""
    text, kind, before = _read(core), "", 0
    found: list[str] = []
    for match in _LOADED.finditer(text):
        *_, (begun, use) = _USE.findall(text, before, match.start()) or [("", "")]
        kind, before = begun or kind, match.end()
        if kind in kinds and use in ("base", "component"):
            found += _named(text, match)
    return found


def _named(text: str, match: re.Match[str]) -> list[str]:
    """A script that another loads, and what comes with it, which that other lists by number."""
    listed = _LISTED.search(text)
    names = _NAME.findall(listed[1]) if listed else []
    return [match[1], *(names[int(number)] for number in match[2].split(",") if number)]


def _read(script: str) -> str:
    return ASSETS.joinpath(script).read_text("utf-8") if script.endswith(".js") else ""


def _loaded_first(page: gr.Blocks) -> Iterator[Block]:
    """What Gradio loads for the first of a page's routes: all that is not invisible, in closed tabs as well."""
    below: list[Any] = [page.get_config_file()["page"][""]["layout"]]
    while below:
        layout = below.pop()
        block = page.blocks.get(layout["id"], page)
        if getattr(block, "visible", True):
            yield block
            below += layout.get("children", [])
