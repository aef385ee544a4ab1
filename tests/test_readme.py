"""The README: what the Hub reads of it, and that its commands are true."""

import re
import shlex
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from huggingface_hub import RepoCard
from huggingface_hub.utils import filter_repo_objects

from tests.conftest import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")
PINS = dict(line.split("==") for line in (ROOT / "requirements.txt").read_text().split())


def test_a_space_can_be_made_of_it() -> None:
    metadata = RepoCard(README).data
    assert metadata.sdk == "gradio"
    assert metadata.sdk_version == PINS["gradio"]
    assert metadata.python_version == "3.11"
    assert (ROOT / metadata.app_file).is_file()
    assert len(metadata.short_description) <= 60


def test_every_requirement_is_pinned() -> None:
    assert set(PINS) >= {"torch", "gradio", "huggingface-hub", "matplotlib"}


def test_its_files_and_pictures_exist() -> None:
    for name in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert (ROOT / name).is_file(), name


def test_every_file_of_the_package_has_its_phrase() -> None:
    """A component that is drawn in the browser has one for its folder."""
    named, folder = [], ""
    for line in README.partition("## Find your way")[2].split("```")[1].split("\n")[1:-1]:
        indentation, name = re.findall(r"^( *)(\S+) +\S", line)[0]
        if indentation:
            named.append(folder + name)
        else:
            folder = name
    components = {path.parent for path in (ROOT / "ntm" / "ui").rglob("*.js")}
    files = [path for path in (ROOT / "ntm").rglob("*") if path.suffix in (".py", ".cpp", ".js", ".md")]
    alone = [path for path in files if path.name != "__init__.py" and path.parent not in components]
    expected = [f"{path.relative_to(ROOT)}{'/' if path.is_dir() else ''}" for path in (*components, *alone)]
    assert sorted(named) == sorted(expected)


def test_a_space_gets_what_it_needs_and_no_more() -> None:
    command = shlex.split(next(line for line in README.splitlines() if line.startswith("hf upload")))
    options = {name: [] for name in ("--include", "--exclude")}
    for name, value in pairwise(command):
        if name in options:
            options[name].append(value)
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    debris = ["ntm/__pycache__/x.pyc", "checkpoints/.ntm-copy.run/state.safetensors", ".git/config", ".venv/bin/python"]
    sent = set(
        filter_repo_objects(
            [*listed, *debris], allow_patterns=options["--include"], ignore_patterns=options["--exclude"]
        )
    )
    assert {"app.py", "README.md", "requirements.txt", "ntm/ui/tape/run.js", "ntm/tasks/copy.py"} <= sent
    assert "checkpoints/ntm-copy/model.safetensors" in sent
    assert not [name for name in sent if name in debris or name.startswith(("tests/", ".ci/")) or name == "train.py"]


@pytest.mark.parametrize("snippet", re.findall(r"```python\n(import torch.*?)```", README, re.DOTALL))
def test_its_python_works_when_pasted(snippet: str) -> None:
    done = subprocess.run([sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "True" in done.stdout
    assert "torch.Size([42, 1, 1, 1024])" in done.stdout


def test_ci_runs_the_readmes_test_command() -> None:
    assert "tests/run" in README
    assert "tests/run" in Path(ROOT / ".ci" / "run").read_text()
