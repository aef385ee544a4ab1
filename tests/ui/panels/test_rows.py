"""The table of every row, of a machine that is wrong as well as right."""

import torch

import ntm
from ntm.tasks import Question
from ntm.ui.panels.rows import draw_table
from ntm.ui.run import run_question


def test_every_wrong_bit_is_marked() -> None:
    torch.manual_seed(0)
    run = run_question(ntm.NTM(10, 8), Question("copy", "\n".join(["10110010", "01011101"] * 6)))
    assert run.bit_errors > 10
    assert draw_table(run).count("<mark") == run.bit_errors
