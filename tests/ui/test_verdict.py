"""What is said of a run, on machines that are wrong as well as right."""

import pytest
import torch

import ntm
from ntm.tasks import Question, text
from ntm.ui import verdict
from ntm.ui.run import Run, run_question


def untrained_run(rows: int = 12) -> Run:
    torch.manual_seed(0)
    return run_question(ntm.NTM(10, 8), Question("copy", "\n".join(["10110010", "01011101"] * (rows // 2))))


def test_every_wrong_bit_is_counted() -> None:
    run = untrained_run()
    wrong = sum(
        bit != due
        for output, target in zip(run.output.tolist(), run.target.tolist(), strict=True)
        for bit, due in zip(output, target, strict=True)
    )
    assert run.bit_errors == wrong > 10
    assert f"{wrong} bits of 96 are wrong." in verdict.summary(run)


def test_the_word_is_shown_as_text() -> None:
    run = run_question(
        ntm.load("checkpoints/ntm-copy"), Question("copy", text.format_bits(text.parse_word("<b>&\x00")))
    )
    assert "“&lt;b&gt;&amp;·”" in verdict.summary(run, as_word=True)


def test_sizes_past_the_training_range_are_marked() -> None:
    machine = ntm.NTM(10, 8)
    assert "more than" not in verdict.summary(run_question(machine, Question("copy", "11111111\n" * 20)))
    assert "length 21: more than" in verdict.summary(run_question(machine, Question("copy", "11111111\n" * 21)))


def test_a_guesser_is_judged_beside_the_best_one() -> None:
    run = run_question(ntm.load("checkpoints/ntm-dynamic-ngrams"), Question("dynamic-ngrams", "0110" * 40))
    said = verdict.summary(run)
    assert f"{run.error:.1f} bits of surprise; the guesser that is best on average has {run.optimal_error:.1f}" in said
    assert "more than it was trained on" in said
    assert "bits of surprise" in verdict.comparison(run)


@pytest.mark.parametrize(
    ("errors", "bits", "words"),
    [
        (0, 160, "Not one of 160 bits is wrong."),
        (0, 8, "Not one of 8 bits is wrong."),
        (1, 8, "1 bit of 8 is wrong."),
        (2, 1200, "2 bits of 1,200 are wrong."),
    ],
)
def test_wrong_bits_are_counted_in_words(errors: int, bits: int, words: str) -> None:
    assert verdict.count_wrong_bits(errors, bits) == words
