"""What is said of a machine in use."""

import ntm
from ntm.storage.checkpoint import Checkpoint
from ntm.ui.machines import Machines
from ntm.ui.panels.hub import describe, tell_facts
from tests.tiny import machine


def checkpoint_of(model: ntm.NTM | ntm.LSTMBaseline) -> Checkpoint:
    return Checkpoint(model, "copy", {}, {})


def test_names_are_text_and_a_network_without_memory_has_no_slots() -> None:
    assert "<b>&lt;i&gt;</b>: " in describe("<i>", checkpoint_of(machine()))
    assert "lstm" not in describe("x", checkpoint_of(ntm.LSTMBaseline(10, 8, hidden_size=4)))


def test_a_machine_that_was_put_away_is_told_of() -> None:
    machines = Machines({"copy": checkpoint_of(machine())})
    assert "page&#x27;s own" in tell_facts(machines, None, "copy")
    key = machines.keep("a/b@v2", checkpoint_of(machine(1)))
    assert "<b>a/b@v2</b>" in tell_facts(machines, key, "copy")
    assert "pull it again" in tell_facts(machines, "a key of nobody's", "copy")
