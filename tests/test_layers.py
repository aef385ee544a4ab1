"""Imports go down only: from a folder of ntm/ to those before it, and never in a circle."""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from tests.conftest import ROOT

LAYERS = ("machine", "tasks", "engine", "reports", "storage", "training", "studies", "ui", "commands")
"""Each may import those before it."""


def name_of(path: Path) -> str:
    """The dotted name of a module, such as "ntm.tasks.copy"; a package is called like its folder."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in sorted((ROOT / "ntm").rglob("*.py"))}


def imported_by(module: str) -> set[str]:
    """The modules of ntm that a module names in its imports, wherever in its text they stand."""
    package = module if MODULES[module].name == "__init__.py" else module.rpartition(".")[0]
    names = set()
    for node in ast.walk(ast.parse(MODULES[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            ancestors = package.split(".")[: 1 - node.level or None] if node.level else []
            source = ".".join([*ancestors, *([node.module] if node.module else [])])
            for alias in node.names:
                submodule = f"{source}.{alias.name}"
                names.add(submodule if submodule in MODULES else source)
    return names & MODULES.keys()


GRAPH = {module: imported_by(module) for module in MODULES}


def layer(module: str) -> int:
    """The place in the order; the package's own face stands above the folders that it shows."""
    _, _, rest = module.partition(".")
    return LAYERS.index(rest.partition(".")[0]) if rest else len(LAYERS)


def test_every_folder_has_its_place() -> None:
    assert {path.parent.name for path in (ROOT / "ntm").glob("*/__init__.py")} == set(LAYERS)


def test_no_import_goes_up() -> None:
    upwards = [
        f"{module} imports {imported}"
        for module, names in GRAPH.items()
        for imported in sorted(names)
        if layer(imported) > layer(module)
    ]
    assert upwards == []


def test_no_imports_go_in_a_circle() -> None:
    list(TopologicalSorter(GRAPH).static_order())  # raises CycleError, which names the modules


def test_the_package_needs_torch_and_next_to_nothing_else() -> None:
    """So `import ntm` takes hardly longer than `import torch`: gradio, matplotlib and huggingface_hub take seconds."""
    program = """
import sys
import torch
before = set(sys.modules)
import ntm
ntm.tasks.names()
print(*{name.partition(".")[0] for name in sys.modules.keys() - before} - sys.stdlib_module_names)
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    brought = set(done.stdout.split())
    assert brought <= {"ntm", "safetensors", "torch"}
