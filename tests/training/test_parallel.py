"""Two processes, as torchrun starts them, against one that has the whole batch."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from ntm import tasks
from ntm.training import parallel
from ntm.training.parallel import Share
from tests.conftest import ROOT

SHORT = ["--updates", "20", "--batch-size", "8"]
TORCHRUN = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]


def run(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=200)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "model"), [("repeat-copy", "ntm"), ("associative-recall", "lstm")])
def test_two_processes_train_the_same_model_as_one(tmp_path: Path, task: str, model: str) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    arguments = ["-m", "tests.quick_train", task, "--model", model, *SHORT, "--output"]
    assert run(sys.executable, *arguments, str(one)).returncode == 0
    together = run(*TORCHRUN, *arguments, str(two))
    assert together.returncode == 0, together.stderr
    assert together.stdout.count("Ctrl-C") == 1

    weights, shared = load_file(one / "model.safetensors"), load_file(two / "model.safetensors")
    for name, tensor in weights.items():
        torch.testing.assert_close(shared[name], tensor, rtol=1e-3, atol=1e-5)
    curves = [json.loads((folder / "training.json").read_text())["curve"] for folder in (one, two)]
    for row, other in zip(*curves, strict=True):
        assert row["loss"] == pytest.approx(other["loss"], rel=1e-4)
        assert row["error"] == pytest.approx(other["error"], rel=1e-4)


@pytest.mark.slow
def test_two_processes_race_seeds(tmp_path: Path) -> None:
    output = tmp_path / "ntm-copy"
    done = run(*TORCHRUN, "-m", "tests.quick_train", "copy", *SHORT, "--seeds", "3", "--output", str(output))
    assert done.returncode == 0, done.stderr
    facts = json.loads((output / "training.json").read_text())
    assert {facts["seed"], *(other["seed"] for other in facts["other_seeds"])} == {0, 1, 2}
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


@pytest.mark.slow
def test_a_batch_that_cannot_be_shared_is_refused_in_one_line(tmp_path: Path) -> None:
    done = run(*TORCHRUN, "train.py", "copy", "--batch-size", "3", "--output", str(tmp_path / "ntm-copy"))
    assert done.returncode != 0
    assert done.stderr.count("error: 2 processes cannot share a batch of 3 evenly") == 1
    assert not list(tmp_path.iterdir())


def test_the_parts_of_a_batch_make_the_whole() -> None:
    batch = tasks.get("copy").sample(6, length=4)
    parts = [parallel.part(batch, Share(rank, 3)) for rank in range(3)]
    for field, tensor in enumerate(batch):
        assert torch.stack([part[field] for part in parts], dim=2).flatten(1, 2).equal(tensor)
