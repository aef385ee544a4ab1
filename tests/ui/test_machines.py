import subprocess
import sys
from pathlib import Path

import pytest

import ntm
from ntm.storage.checkpoint import CHECKPOINTS, Checkpoint
from ntm.storage.untrusted import CheckpointError
from ntm.ui.machines import Machines, as_it_was, open_own, updates_kept
from tests.conftest import ROOT
from tests.tiny import machine


def checkpoint_of(model: ntm.NTM) -> Checkpoint:
    return Checkpoint(model, "copy", {}, {})


def test_machines_are_kept_by_use_and_by_their_size() -> None:
    own, large = checkpoint_of(machine()), checkpoint_of(ntm.NTM(10, 8, controller_size=2600))
    size = sum(parameter.nbytes for parameter in large.model.parameters())
    assert 64 * 2**20 > 2 * size > 2 * 2**20
    machines = Machines({"copy": own})
    fitting = 64 * 2**20 // (size + 100 * 2**10)
    keys = [machines.keep("a/b", large) for _ in range(fitting)]
    assert all(machines.get("copy", key) is large for key in keys)
    assert machines.get("copy", keys[0]) is large
    small = machines.keep("c/d", checkpoint_of(machine(1)))
    machines.keep("a/b", large)
    assert machines.get("copy", keys[0]) is large, "used last, so the second is the one to go"
    with pytest.raises(CheckpointError, match="put away to make room for those of others: pull it again"):
        machines.get("copy", keys[1])
    assert machines.source("copy", small) == "c/d"
    assert machines.get("copy", None) is own


def test_hundreds_of_small_machines_are_kept() -> None:
    machines = Machines({"copy": checkpoint_of(machine())})
    pulled = checkpoint_of(machine(1))
    keys = [machines.keep("a/b", pulled) for _ in range(300)]
    assert all(machines.get("copy", key) is pulled for key in keys)


def test_a_machine_whose_runs_would_fill_memory_is_refused() -> None:
    huge = checkpoint_of(ntm.NTM(10, 8, memory_slots=100_000))
    with pytest.raises(CheckpointError, match="a/huge has more memory than this page can show"):
        Machines({"copy": checkpoint_of(machine())}).keep("a/huge", huge)


def test_the_embedded_machine_needs_no_hub() -> None:
    own = open_own("copy", None)
    assert own.notice is None
    assert own.machine.task == "copy"
    assert ntm.load(own.source).config == own.machine.model.config
    assert Path(CHECKPOINTS / "ntm-copy").is_dir()


def test_a_pulled_machine_answers_for_its_own_task_alone() -> None:
    own, other = checkpoint_of(machine()), checkpoint_of(machine(1))
    machines = Machines({"copy": own, "repeat-copy": other})
    key = machines.keep("a/b", checkpoint_of(machine(2)))
    assert machines.get("copy", key) is not own
    assert machines.get("repeat-copy", key) is other
    assert machines.source("copy", key) == "a/b"
    assert machines.source("repeat-copy", key) == machines.source("repeat-copy", None) == "checkpoints/ntm-repeat-copy"
    assert Machines({"copy": own}, {"copy": "them/ntm-copy"}).source("copy", None) == "them/ntm-copy"


def test_a_machine_can_be_seen_as_it_was() -> None:
    kept = updates_kept("copy")
    assert kept == sorted(kept)
    first = as_it_was("copy", kept[0])
    finished = ntm.load(CHECKPOINTS / "ntm-copy")
    assert first.config == finished.config
    weights = finished.state_dict()
    assert any(not tensor.equal(weights[name]) for name, tensor in first.state_dict().items())


def test_the_page_is_built_without_pytorchs_compiler() -> None:
    """It was imported for one random number on the meta device, and took 100 MB of memory and two seconds."""
    program = """
import sys
from ntm import tasks
from ntm.ui.machines import Machines, open_own
from ntm.ui.page import make_page
own = {name: open_own(name, None) for name in tasks.names()}
machines, sources = ({name: getattr(each, part) for name, each in own.items()} for part in ("machine", "source"))
make_page(Machines(machines, sources))
assert "torch._dynamo" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
