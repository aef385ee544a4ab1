"""The components of our own: their files, all of them, within what Gradio can take."""

import re
from importlib.resources import files

import gradio as gr
import pytest

from ntm.ui import addressing, flow, tape
from ntm.ui.component import make_component, scripts_of
from ntm.ui.scripts import make_module, use_module

SCRIPTS = {"ntm.ui.tape": tape.SCRIPTS, "ntm.ui.addressing": addressing.SCRIPTS, "ntm.ui.flow": flow.SCRIPTS}
PACKAGES = [*SCRIPTS, "ntm.ui.grid", "ntm.ui.tour", "ntm.ui.touching", "ntm.ui.trainer"]


def text_of(package: str, script: str) -> str:
    return files(package).joinpath(script).read_text("utf-8")


def test_scripts_become_one_in_their_order() -> None:
    component = make_component("ntm.ui.tape", ("words.js", "../addressing/numbers.js", "run.js"))
    parts = [text_of(*each) for each in (("ntm.ui.tape", "words.js"), ("ntm.ui.addressing", "numbers.js"))]
    assert component.js_on_load == "\n".join([*parts, text_of("ntm.ui.tape", "run.js")])
    scripts = scripts_of(component)
    assert scripts is not None
    assert (scripts.name, list(scripts.texts)) == ("tape", ["tape/words.js", "addressing/numbers.js", "tape/run.js"])


def test_the_script_of_the_folders_name_is_the_only_one_unless_others_are_named() -> None:
    grid = make_component("ntm.ui.grid", elem_id="somewhere")
    assert grid.js_on_load == text_of("ntm.ui.grid", "grid.js")
    assert grid.elem_id == "somewhere"


def test_the_module_holds_every_script_once_whatever_uses_it() -> None:
    components = [make_component(package, SCRIPTS.get(package)) for package in [*PACKAGES, *PACKAGES]]
    module = make_module([*components, gr.HTML(), gr.Button()])
    scripts = {name: text for each in map(scripts_of, components) if each for name, text in each.texts.items()}
    for name, text in scripts.items():
        assert module.count(text) == 1, name
    names = [package.rpartition(".")[-1] for package in PACKAGES]
    assert re.findall(r"^export function (\w+)", module, re.MULTILINE) == names
    # What several use comes before the functions that use it.
    assert module.index(scripts["tape/run.js"]) < module.index("export function")
    assert module.index("export function grid") < module.index(scripts["grid/grid.js"])


def test_a_component_calls_its_function_in_the_module_and_others_are_left_alone() -> None:
    grid, plain = make_component("ntm.ui.grid"), gr.HTML(js_on_load="1")
    use_module([grid, plain], "ntm/0/components.js")
    assert 'import(new URL("ntm/0/components.js"' in (grid.js_on_load or "")
    assert '["grid"](element, props, trigger, watch)' in (grid.js_on_load or "")
    assert plain.js_on_load == "1"


@pytest.mark.parametrize("package", SCRIPTS)
def test_none_of_its_scripts_is_left_out(package: str) -> None:
    own = sorted(file.name for file in files(package).iterdir() if file.name.endswith(".js"))
    assert sorted(name for name in SCRIPTS[package] if not name.startswith("../")) == own
    assert len(set(SCRIPTS[package])) == len(SCRIPTS[package])


@pytest.mark.parametrize("package", PACKAGES)
def test_templates_hold_nothing_that_gradio_would_fill_in(package: str) -> None:
    """It takes them for JavaScript and Handlebars templates, and where it fills one in it builds the element anew."""
    component = make_component(package, SCRIPTS.get(package))
    for template in (component.html_template, component.css_template):
        assert not re.search(r"`|\$\{|\{\{|\\", template)
