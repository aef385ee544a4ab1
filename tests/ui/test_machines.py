from pathlib import Path

import pytest

import ntm
from ntm.checkpoint import Checkpoint, CheckpointError
from ntm.ui.machines import CHECKPOINTS, Machines, facts, open_own
from tests.tiny import machine


def checkpoint_of(model: ntm.NTM) -> Checkpoint:
    return Checkpoint(model, "copy", {}, {})


def test_the_last_few_machines_are_kept_and_the_rest_put_away() -> None:
    own, pulled = checkpoint_of(machine()), [checkpoint_of(machine(seed)) for seed in range(5)]
    machines = Machines(own)
    keys = [machines.keep("a/b", each) for each in pulled[:4]]
    assert machines.get(keys[0]) is pulled[0]
    machines.keep("a/b", pulled[4])
    assert machines.get(keys[0]) is pulled[0], "used last, so the second is the one to go"
    with pytest.raises(CheckpointError, match="pull it again"):
        machines.get(keys[1])
    assert machines.get(None) is own


def test_a_machine_whose_runs_would_fill_memory_is_refused() -> None:
    huge = checkpoint_of(ntm.NTM(10, 8, memory_slots=100_000))
    with pytest.raises(CheckpointError, match="a/huge has more memory than this page can show"):
        Machines(checkpoint_of(machine())).keep("a/huge", huge)


def test_facts_are_text() -> None:
    assert "<b>&lt;i&gt;</b>: " in facts("<i>", checkpoint_of(machine()))
    assert "lstm" not in facts("x", Checkpoint(ntm.LSTMBaseline(10, 8, hidden_size=4), "copy", {}, {}))


def test_the_embedded_machine_needs_no_hub() -> None:
    own, notice = open_own("copy", None)
    assert notice is None
    assert own.task == "copy"
    assert Path(CHECKPOINTS / "ntm-copy").is_dir()
