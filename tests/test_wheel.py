"""The wheel in an empty environment: what someone has who installs the package and never sees the repository.

Installing it takes half a minute. `import ntm` takes as long there as `import torch`, give or take 0.1 seconds; what
keeps it so is in test_layers.py.
"""

import os
import subprocess
import sys
import venv
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.conftest import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


def run(*command: str | Path, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("NTM_", "PYTHON"))}
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=250)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation"]
    done = run(*pip, "--wheel-dir", folder, ROOT, folder=folder)
    assert done.returncode == 0, done.stderr
    return next(folder.glob("*.whl"))


@pytest.fixture(scope="module")
def commands(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands of an environment that holds the wheel, what it needs, and nothing else."""
    environment = tmp_path_factory.mktemp("environment")
    venv.create(environment)
    pip = [
        sys.executable,
        "-m",
        "pip",
        "--python",
        environment / "bin" / "python",
        "install",
        "--quiet",
        "--no-compile",
    ]
    done = run(*pip, "--constraint", ROOT / "requirements.txt", wheel, folder=environment)
    assert done.returncode == 0, done.stderr
    return environment / "bin"


def test_it_holds_every_file_of_the_package(wheel: Path) -> None:
    listed = subprocess.run(["git", "ls-files", "ntm"], cwd=ROOT, capture_output=True, text=True, check=True)
    names = ZipFile(wheel).namelist()
    assert {name for name in names if name.startswith("ntm/")} == set(listed.stdout.split()) - {"ntm/ui/page.png"}
    assert any(name.endswith("/licenses/LICENSE") for name in names)


def test_it_trains_loads_and_runs(commands: Path, tmp_path: Path) -> None:
    trained = run(commands / "ntm-train", "priority-sort", "--updates", "20", "--batch-size", "2", folder=tmp_path)
    assert trained.returncode == 3, trained.stderr
    assert "not learned: " in trained.stdout
    assert (tmp_path / "checkpoints" / "ntm-priority-sort" / "README.md").is_file()
    program = """
import ntm
batch = ntm.tasks.get("priority-sort").sample(1)
logits, state = ntm.load("checkpoints/ntm-priority-sort")(batch.inputs)
print(logits.shape == batch.targets.shape)
"""
    ran = run(commands / "python", "-c", program, folder=tmp_path)
    assert ran.stdout == "True\n", ran.stderr


def test_its_types_are_found(commands: Path, tmp_path: Path) -> None:
    mypy = [sys.executable, "-m", "mypy", "--strict", "--python-executable", commands / "python"]
    done = run(*mypy, "-c", "import ntm\nreveal_type(ntm.NTM(10, 8))", folder=tmp_path)
    assert done.returncode == 0, done.stdout
    assert 'Revealed type is "ntm.machine.ntm.NTM"' in done.stdout


def test_the_demo_asks_for_its_extra(commands: Path, tmp_path: Path) -> None:
    done = run(commands / "ntm-demo", folder=tmp_path)
    assert done.returncode == 1
    assert done.stderr == "error: the demo needs gradio, which the extra ntm[demo] brings\n"
