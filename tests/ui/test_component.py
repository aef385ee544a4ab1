"""The components of our own: their files, all of them, within what Gradio can take."""

import re
from importlib.resources import files

import pytest

from ntm.ui import addressing, flow, tape
from ntm.ui.component import make_component

SCRIPTS = {"ntm.ui.tape": tape.SCRIPTS, "ntm.ui.addressing": addressing.SCRIPTS, "ntm.ui.flow": flow.SCRIPTS}
PACKAGES = [*SCRIPTS, "ntm.ui.grid", "ntm.ui.tour", "ntm.ui.touching", "ntm.ui.trainer"]


def test_scripts_become_one_in_their_order() -> None:
    component = make_component("ntm.ui.tape", ("words.js", "run.js"))
    first, last = (files(tape).joinpath(name).read_text("utf-8") for name in ("words.js", "run.js"))
    assert component.js_on_load == f"{first}\n{last}"


def test_the_script_of_the_folders_name_is_the_only_one_unless_others_are_named() -> None:
    grid = make_component("ntm.ui.grid", elem_id="somewhere")
    assert grid.js_on_load == files("ntm.ui.grid").joinpath("grid.js").read_text("utf-8")
    assert grid.elem_id == "somewhere"


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
