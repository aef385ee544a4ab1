"""A run of a machine on a visitor's question."""

import gc
import weakref

import ntm
from ntm.tasks import Question
from ntm.ui.run import run_question


def test_a_machine_that_nobody_uses_any_more_is_let_go() -> None:
    model = ntm.NTM(10, 8)
    run_question(model, Question("copy", "10110010"))
    left = weakref.ref(model)
    del model
    gc.collect()
    assert left() is None
