"""What runs take: weighed before they begin, and never less than they do take."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ntm
from ntm.tasks import InputError, Question
from ntm.ui import budget
from ntm.ui.budget import Cost, NeedsMoreError
from ntm.ui.run import run_question

ROWS = "\n".join(f"{row:08b}" for row in range(250))


def test_the_tiny_wide_machine_is_weighed_with_the_slots_that_it_runs_with() -> None:
    wide = ntm.NTM(10, 8, controller_size=1, memory_slots=3, memory_width=4096)
    assert run_question(wide, Question("copy", ROWS)).trace.memory.shape == (502, 1, 3, 4096)
    with pytest.raises(InputError, match=r"would take 1,\d\d\d MB of memory, and there are 200 MB for it"):
        run_question(wide, Question("copy", ROWS), slots=128)
    with pytest.raises(InputError, match="fewer memory slots, or type less"):
        run_question(wide, Question("copy", "\n".join(ROWS.split()[:20])), slots=2048)


def test_many_heads_are_weighed_as_well() -> None:
    many = ntm.NTM(10, 8, controller_size=1, memory_slots=8, memory_width=1, read_heads=64, write_heads=64)
    with pytest.raises(InputError, match="would take"):
        run_question(many, Question("copy", ROWS), slots=2048)


def test_a_machine_that_shifts_further_than_it_has_slots_is_told_how_many_it_needs() -> None:
    far = ntm.NTM(10, 8, controller_size=1, memory_slots=1025, memory_width=1, shift_range=512)
    with pytest.raises(InputError, match="up to 512 slots at once, so it needs 1,025 memory slots at least"):
        run_question(far, Question("copy", "10110010"), slots=128)


def test_numbers_that_grow_beyond_all_bounds_are_no_answer() -> None:
    model = ntm.NTM(10, 8, controller_size=4, memory_slots=8, memory_width=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(1e30)
    with pytest.raises(InputError, match="beyond all bounds"):
        run_question(model, Question("copy", "10110010"))


def test_a_turn_does_no_more_than_it_was_granted() -> None:
    model = ntm.NTM(10, 8, controller_size=1, memory_slots=8, memory_width=20)
    question = Question("copy", ROWS)
    with budget.grant(budget.SHORT):
        run_question(model, question, slots=128)
        with pytest.raises(NeedsMoreError) as more:
            run_question(model, question, slots=2048)
    with budget.grant(more.value.cost):
        run_question(model, question, slots=2048)
    with budget.grant(Cost(1, 10**9)), pytest.raises(NeedsMoreError) as both:
        run_question(model, question, slots=128)
    assert both.value.cost.operations == 10**9, "what was granted before is still needed"


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="memory is measured as Linux tells it")
def test_no_run_takes_more_than_its_weight() -> None:
    """Measured in a process of its own, with all that the page makes of a run."""
    done = subprocess.run([sys.executable, "-c", _PROGRAM], input=ROWS, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        taken, weighed = map(int, line.split())
        assert taken <= weighed
        assert weighed <= 2 * taken, "or what could be run would be refused"
    assert len(done.stdout.splitlines()) == 4


_PROGRAM = """
import gc, sys, torch, ntm
from pathlib import Path
from ntm.tasks import Question
from ntm.ui import allocator
from ntm.ui.browser.pack import pack_run
from ntm.ui.budget import weigh
from ntm.ui.run import run_question

def read(name):
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))

torch.set_num_threads(1)
allocator.give_back_at_once()
text = sys.stdin.read()
for slots, arguments in (
    (2048, {"controller": "lstm"}),
    (512, {"read_heads": 4, "write_heads": 4, "memory_width": 4}),
    (128, {"memory_width": 512, "controller_size": 1}),
    (512, {"shift_range": 20, "memory_slots": 64, "memory_width": 4}),
):
    model = ntm.NTM(10, 8, **arguments)
    pack_run(model, run_question(model, Question("copy", "10110010"), slots=128))
    gc.collect()
    Path("/proc/self/clear_refs").write_text("5")
    before = read("VmRSS")
    pack_run(model, run_question(model, Question("copy", text), slots=slots))
    print(read("VmHWM") - before, weigh(model, 502, slots=slots).bytes)
"""
