"""The compiled step against the plain one, and what happens without a compiler."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

import ntm
from ntm.compilation import compile_step
from ntm.training import masked_loss
from tests.conftest import ROOT


@pytest.mark.parametrize(
    "arguments",
    [{}, {"controller": "lstm", "controller_layers": 2, "read_heads": 2, "write_heads": 3, "shift_range": 2}],
    ids=["feedforward", "lstm of many heads"],
)
def test_the_compiled_step_is_the_plain_one(arguments: dict) -> None:
    torch.manual_seed(0)
    plain = ntm.NTM(10, 8, controller_size=16, memory_slots=12, memory_width=6, **arguments)
    compiled = ntm.NTM(**plain.config)
    compiled.load_state_dict(plain.state_dict())
    assert compile_step(compiled)
    batch = ntm.tasks.get("copy").sample(4, length=5)
    results = []
    for model in (plain, compiled):
        logits, _ = model(batch.inputs)
        masked_loss(logits, batch).backward()
        results.append((logits.detach(), [parameter.grad for parameter in model.parameters()]))
    torch.testing.assert_close(results[1][0], results[0][0], rtol=1e-5, atol=1e-6)
    for actual, expected in zip(results[1][1], results[0][1], strict=True):
        torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-6)


def test_without_a_compiler_it_says_so_and_runs_all_the_same(tmp_path: Path) -> None:
    program = """
import torch, ntm
from ntm.compilation import compile_step
model = ntm.NTM(10, 8, controller_size=4, memory_slots=4)
assert not compile_step(model)
print(model(torch.zeros(2, 1, 10))[0].shape)
"""
    environment = {**os.environ, "CXX": "no-such-compiler", "TORCHINDUCTOR_CACHE_DIR": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "running without compiling" in done.stderr
    assert "torch.Size([2, 1, 8])" in done.stdout
