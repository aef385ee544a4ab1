"""Reaching into runs of the published machines."""

from functools import cache

import pytest
import torch

import ntm
from ntm import tasks
from ntm.tasks import InputError, Question
from ntm.ui.panels.intervention import Intervention, intervene
from ntm.ui.run import Run, run_question

READ, WRITE = 0, 1
WORD = Question("copy", "10110010\n01011101\n11110000\n00011010\n10000001")


@cache
def machine(task: str) -> ntm.NTM:
    model = ntm.load(f"checkpoints/ntm-{task}")
    assert isinstance(model, ntm.NTM)
    return model


@cache
def copied() -> Run:
    return run_question(machine("copy"), WORD)


@pytest.mark.parametrize("task", tasks.names())
def test_a_run_that_nothing_was_done_to_goes_on_as_before(task: str) -> None:
    sizes = {name: offered[0] for name, offered in tasks.get(task).offered.items()}
    question = tasks.get(task).draw_question(torch.Generator().manual_seed(0), **sizes)
    run = run_question(machine(task), question, slots=40)
    for step in (0, 1, len(run.captions) - 1):
        changed = intervene(machine(task), run, Intervention(step))
        assert all(map(torch.equal, changed.trace, run.trace))


def slots_read(run: Run) -> list[int]:
    """Where each vector of the answer is read, in order."""
    return run.trace.read_weights[run.batch.mask[:, 0], 0, 0].argmax(-1).tolist()


@pytest.mark.parametrize("field", ["clear", "scramble"])
def test_what_is_taken_from_memory_is_missing_from_the_answer(field: str) -> None:
    before = [each.clone() for each in copied().trace]
    third = slots_read(copied())[2]
    step = copied().sizes["length"] + 2  # all is written, nothing is read yet
    changed = intervene(machine("copy"), copied(), Intervention(step, **{field: (third,)}))
    wrong = (changed.output != changed.target).any(-1)
    assert wrong[2]
    assert not wrong[:2].any()
    assert not changed.changed_memory[third].equal(copied().trace.memory[step - 1, 0, third])
    assert all(map(torch.equal, copied().trace, before)), "the original is left as it was"


def test_clearing_leaves_a_slot_as_it_was_at_first_and_scrambling_is_the_same_each_time() -> None:
    one, other = (intervene(machine("copy"), copied(), Intervention(4, clear=(1,), scramble=(2, 3))) for _ in "12")
    assert one.changed_memory[1].equal(copied().initial_memory[1])
    assert one.changed_memory[2:4].equal(other.changed_memory[2:4])
    assert not one.changed_memory[2].equal(one.changed_memory[3])
    assert one.changed_memory[4:].equal(copied().trace.memory[3, 0, 4:])


def test_a_reading_head_that_is_moved_and_cannot_jump_reads_on_from_there() -> None:
    run = copied()
    second_due, slots = run.sizes["length"] + 3, slots_read(run)
    changed = intervene(machine("copy"), run, Intervention(second_due, move=(READ, slots[2]), gate=(READ, 0.0)))
    assert slots_read(changed)[:3] == [slots[0], slots[3], slots[4]], "one slot on from where it was put"
    assert changed.bit_errors > 0


def test_a_gate_is_held_from_its_step_on() -> None:
    run = copied()
    changed = intervene(machine("copy"), run, Intervention(5, gate=(WRITE, 0.25)))
    assert (changed.trace.gate[5:, 0, WRITE] == 0.25).all()
    assert changed.trace.gate[:5].equal(run.trace.gate[:5])
    assert not (changed.trace.gate[5:, 0, READ] == 0.25).any()


@pytest.mark.parametrize(
    ("intervention", "complaint"),
    [
        (Intervention(-1), "no step -1; they are 0 to 11"),
        (Intervention(12), "no step 12"),
        (Intervention(0, clear=(128,)), "no slot 128; they are 0 to 127"),
        (Intervention(0, scramble=(-1,)), "no slot -1"),
        (Intervention(0, move=(0, 128)), "no slot 128"),
        (Intervention(0, move=(2, 0)), "no head 2; they are 0 to 1"),
        (Intervention(0, gate=(-1, 0.5)), "no head -1"),
        (Intervention(0, gate=(0, 1.5)), "from 0 to 1, not 1.5"),
        (Intervention(0, gate=(0, float("nan"))), "from 0 to 1, not nan"),
    ],
)
def test_what_is_not_there_is_named(intervention: Intervention, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        intervene(machine("copy"), copied(), intervention)


def test_a_model_without_memory_cannot_be_reached_into() -> None:
    model = ntm.load("checkpoints/lstm-copy")
    with pytest.raises(InputError, match="no memory to reach into"):
        intervene(model, run_question(model, WORD), Intervention(0))
