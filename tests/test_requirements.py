"""What has to be installed: everything that is imported is declared, and everything that is declared is pinned."""

import ast
import sys
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
NEEDED = {requirement.name: requirement for requirement in map(Requirement, PROJECT["dependencies"])}
DEMO = {requirement.name: requirement for requirement in map(Requirement, PROJECT["optional-dependencies"]["demo"])}
BROWSER = {"playwright"}
"""what the extra of this name brings, to time the engine in a browser"""
ALONG = {"brotli", "pillow", "starlette", "triton"}
"""what Gradio and Matplotlib bring along, and PyTorch where it is built for a GPU"""
INSTALLED = packages_distributions()


def pins(path: str) -> dict[str, str]:
    return dict(line.split("==") for line in (ROOT / path).read_text(encoding="utf-8").split())


def imported_packages(path: Path) -> set[str]:
    """The names under which other people's packages are installed that a file imports, wherever in its text."""
    modules = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            modules.add(node.module or "")
    others = {module.partition(".")[0] for module in modules} - {"ntm", "tests"} - sys.stdlib_module_names
    return {canonicalize_name(INSTALLED.get(name, [name])[0]) for name in others} - ALONG


@pytest.mark.parametrize("folder", sorted(path.parent.name for path in (ROOT / "ntm").glob("*/__init__.py")))
def test_what_the_package_imports_is_declared(folder: str) -> None:
    imported = {name for path in (ROOT / "ntm" / folder).rglob("*.py") for name in imported_packages(path)}
    extra = {"ui": DEMO.keys(), "studies": BROWSER}.get(folder, set())
    assert imported <= NEEDED.keys() | extra


def test_nothing_is_declared_that_is_not_imported() -> None:
    imported = {name for path in (ROOT / "ntm").rglob("*.py") for name in imported_packages(path)}
    assert (NEEDED | DEMO).keys() | BROWSER == imported


def test_the_pinned_set_is_what_is_declared() -> None:
    pinned = pins("requirements.txt")
    assert pinned.keys() == (NEEDED | DEMO).keys()
    for name, requirement in (NEEDED | DEMO).items():
        assert requirement.specifier.contains(pinned[name]), f"{name}=={pinned[name]} is not {requirement}"


def test_what_times_the_engine_in_a_browser_is_an_extra() -> None:
    assert {Requirement(each).name for each in PROJECT["optional-dependencies"]["browser"]} == BROWSER


def test_what_training_looks_for_when_it_is_asked_to_track_is_an_extra() -> None:
    (track,) = map(Requirement, PROJECT["optional-dependencies"]["track"])
    assert track.name == "trackio"
    assert track.specifier.contains(pins("tests/requirements.txt")["trackio"])


def test_what_the_tests_import_is_pinned() -> None:
    imported = {name for path in (ROOT / "tests").rglob("*.py") for name in imported_packages(path)}
    assert imported <= (pins("requirements.txt") | pins("tests/requirements.txt")).keys()
