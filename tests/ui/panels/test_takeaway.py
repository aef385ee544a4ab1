"""What visitors take away does what it says: the numbers are the run's, and the Python runs."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import ntm
from ntm import tasks
from ntm.storage import snapshots
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.tasks import Question
from ntm.ui.panels import takeaway
from ntm.ui.run import run_question
from tests.conftest import ROOT

BITS = "10110010\n01011101\n11110000"


@pytest.mark.parametrize("name", ["ntm-copy", "lstm-copy"])
def test_the_trace_holds_every_number_of_the_run(name: str, tmp_path: Path) -> None:
    run = run_question(ntm.load(f"checkpoints/{name}"), Question("copy", BITS), slots=20)
    takeaway.write_trace(run, tmp_path / "trace.npz")
    with np.load(tmp_path / "trace.npz") as arrays:
        fields = {**run.batch._asdict(), **run.trace._asdict()}
        assert set(arrays) == {*fields, "initial_memory"}
        for field, tensor in fields.items():
            np.testing.assert_array_equal(arrays[field], tensor[:, 0])
        np.testing.assert_array_equal(arrays["initial_memory"], run.initial_memory)


def printed(snippet: str) -> str:
    ran = subprocess.run([sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert ran.stderr == ""
    return ran.stdout


@pytest.mark.slow
@pytest.mark.parametrize("task", tasks.names())
def test_the_snippet_repeats_the_run(task: str) -> None:
    sizes = {name: offered[0] for name, offered in tasks.get(task).offered.items()}
    question = tasks.get(task).draw_question(torch.Generator().manual_seed(0), **sizes)
    source = f"checkpoints/ntm-{task}"
    run = run_question(ntm.load(source), question)
    measure = "wrong bits" if run.optimal_error is None else "bits of surprise"
    expected = f"{run.output.int().tolist()}\n{measure}: {run.error:.1f}\n"
    assert printed(takeaway.write_snippet(question, source)) == expected


def test_the_snippet_repeats_a_run_with_other_slots_and_the_weights_of_then() -> None:
    folder = CHECKPOINTS.relative_to(ROOT) / "ntm-copy" / "snapshots"
    snapshot = snapshots.path(folder, snapshots.updates(folder)[0])
    snippet = takeaway.write_snippet(Question("copy", BITS), "checkpoints/ntm-copy", slots=20, snapshot=snapshot)
    assert "memory_slots=20" in snippet
    wrong = float(printed(snippet).split("wrong bits: ")[1])
    assert wrong > 3, "it had hardly learned anything then"


def test_the_snippet_loads_the_revision_that_was_run() -> None:
    snippet = takeaway.write_snippet(Question("copy", BITS), "NAMESPACE/ntm-copy@v2")
    assert "ntm.load('NAMESPACE/ntm-copy', revision='v2')" in snippet
    assert "revision" not in takeaway.write_snippet(Question("copy", BITS), "NAMESPACE/ntm-copy")
