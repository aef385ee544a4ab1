"""What is shown of a run, on machines that are wrong as well as right."""

import base64
import gc
import json
import weakref
import zlib

import numpy as np
import pytest
import torch

import ntm
from ntm import tasks
from ntm.tasks import Question, text
from ntm.ui import verdict
from ntm.ui.run import Run, run_question
from ntm.ui.tape import encode
from tests.numerics import seeded


def untrained_run(rows: int = 12) -> Run:
    torch.manual_seed(0)
    return run_question(ntm.NTM(10, 8), Question("copy", "\n".join(["10110010", "01011101"] * (rows // 2))))


def test_every_wrong_bit_is_marked_and_counted() -> None:
    run = untrained_run()
    wrong = sum(
        bit != due
        for output, target in zip(run.output.tolist(), run.target.tolist(), strict=True)
        for bit, due in zip(output, target, strict=True)
    )
    assert run.bit_errors == wrong > 10
    assert verdict.table(run).count("<mark") == wrong
    assert f"{wrong} bits of 96 are wrong." in verdict.summary(run)


def test_the_word_is_shown_as_text() -> None:
    run = run_question(
        ntm.load("checkpoints/ntm-copy"), Question("copy", text.format_bits(text.parse_word("<b>&\x00")))
    )
    assert "“&lt;b&gt;&amp;·”" in verdict.summary(run, as_word=True)


def decode(value: str) -> dict[str, np.ndarray]:
    data = zlib.decompress(base64.b64decode(value))
    length = int.from_bytes(data[:4], "little")
    offset, fields = 4 + length, {}
    for name, field in json.loads(data[4:offset])["fields"].items():
        size = int(np.prod(field["shape"]))
        levels = np.frombuffer(data, "<u2", size, offset)
        fields[name] = (field["low"] + levels * (field["high"] - field["low"]) / 65535).reshape(field["shape"])
        offset += 2 * size
    assert offset == len(data)
    return fields


def test_the_browser_can_replay_memory_from_what_it_is_sent() -> None:
    run = untrained_run()
    fields = decode(encode(run))
    memory = fields["initialMemory"]
    for step in range(len(run.captions)):
        for head in range(fields["writeWeights"].shape[1]):
            weight = fields["writeWeights"][step, head][:, None]
            memory = memory * (1 - weight * fields["erases"][step, head]) + weight * fields["adds"][step, head]
        np.testing.assert_allclose(memory, run.trace.memory[step, 0].numpy(), atol=2e-3)
    np.testing.assert_allclose(fields["readWeights"], run.trace.read_weights[:, 0].numpy(), atol=1e-5)


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


def test_a_run_stays_small() -> None:
    run = run_question(ntm.NTM(10, 8), Question("copy", "11111111\n" * 120))
    assert len(encode(run)) < 200_000
    huge = run_question(ntm.load("checkpoints/ntm-copy"), Question("copy", "10110010\n" * 120), slots=2048)
    assert len(encode(huge)) < 200_000, "most slots are not touched, and that takes no room"


def test_a_guesser_is_judged_beside_the_best_one() -> None:
    run = run_question(ntm.load("checkpoints/ntm-dynamic-ngrams"), Question("dynamic-ngrams", "0110" * 40))
    said = verdict.summary(run)
    assert f"{run.error:.1f} bits of surprise; the guesser that is best on average has {run.optimal_error:.1f}" in said
    assert "more than it was trained on" in said
    fields = decode(encode(run))
    assert fields["optimal"].shape == (159, 1)
    np.testing.assert_allclose(fields["optimal"][5:, 0], run.optimal_probabilities[1:, 0].numpy(), atol=1e-4)
    assert "bits of surprise" in verdict.comparison(run)


def test_sizes_past_the_training_range_are_marked() -> None:
    machine = ntm.NTM(10, 8)
    assert "more than" not in verdict.summary(run_question(machine, Question("copy", "11111111\n" * 20)))
    assert "length 21: more than" in verdict.summary(run_question(machine, Question("copy", "11111111\n" * 21)))


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
