"""What the browser is sent of a run: small, and enough to replay it."""

import base64
import json
import zlib

import numpy as np
import torch

import ntm
from ntm.tasks import Question
from ntm.ui.run import Run, run_question
from ntm.ui.tape import encode


def untrained_run(rows: int = 12) -> Run:
    torch.manual_seed(0)
    return run_question(ntm.NTM(10, 8), Question("copy", "\n".join(["10110010", "01011101"] * (rows // 2))))


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


def test_a_run_stays_small() -> None:
    run = run_question(ntm.NTM(10, 8), Question("copy", "11111111\n" * 120))
    assert len(encode(run)) < 200_000
    huge = run_question(ntm.load("checkpoints/ntm-copy"), Question("copy", "10110010\n" * 120), slots=2048)
    assert len(encode(huge)) < 200_000, "most slots are not touched, and that takes no room"


def test_what_the_best_guesser_says_is_sent_beside_the_machines_guesses() -> None:
    run = run_question(ntm.load("checkpoints/ntm-dynamic-ngrams"), Question("dynamic-ngrams", "0110" * 40))
    fields = decode(encode(run))
    assert fields["optimal"].shape == (159, 1)
    np.testing.assert_allclose(fields["optimal"][5:, 0], run.optimal_probabilities[1:, 0].numpy(), atol=1e-4)
