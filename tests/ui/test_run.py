"""A run of a machine on a visitor's question."""

import gc
import weakref

import pytest

import ntm
from ntm import tasks
from ntm.tasks import Question
from ntm.ui.run import run_question
from tests.numerics import seeded


@pytest.mark.parametrize(
    ("task", "delay"), [("copy", 0), ("repeat-copy", 1), ("associative-recall", 1), ("priority-sort", 1)]
)
def test_answers_are_made_of_what_was_read_so_many_steps_before(task: str, delay: int) -> None:
    """What was read for other sequences, given to the layer of the logits, matters just where the delay is 0."""
    model = ntm.load(f"checkpoints/ntm-{task}")
    assert isinstance(model, ntm.NTM)
    sizes = {name: trained[len(trained) // 2] for name, trained in tasks.get(task).sizes.items()}
    assert run_question(model, tasks.get(task).draw_question(seeded(), **sizes)).read_delay == delay
    batch = tasks.get(task).sample(20, generator=seeded(), **sizes)
    trace = model.trace(batch.inputs, model.initial_state(20))
    seen = model.extension.sense(trace.reads.flatten(2))
    read = seen @ model.cell.output.weight[:, -seen.shape[-1] :].T
    of_others = trace.logits - read + read.roll(1, dims=1)
    turned = ((of_others > 0) != (trace.logits > 0))[batch.mask].float().mean()
    assert turned < 0.01 if delay else turned > 0.2


def test_a_machine_that_nobody_uses_any_more_is_let_go() -> None:
    model = ntm.NTM(10, 8)
    run_question(model, Question("copy", "10110010"))
    left = weakref.ref(model)
    del model
    gc.collect()
    assert left() is None
