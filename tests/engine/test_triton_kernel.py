"""The kernel of a GPU without one: its numbers in Triton's interpreter, and what it compiles to."""

import copy
import importlib.util
import json
import os
import subprocess
import sys
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor

import ntm
from ntm.machine.ntm import NTM, NTMState
from tests.conftest import ROOT
from tests.engine.test_native import distance

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("triton") is None, reason="needs Triton, which there is for Linux alone"
)


@pytest.fixture(scope="module")
def kernel() -> ModuleType:
    """The kernels as Triton's interpreter runs them."""
    if "TRITON_INTERPRET" not in os.environ:
        pytest.skip("where there is a GPU, Triton compiles")
    return importlib.import_module("ntm.engine.triton_kernel")


def build(seed: int = 0, **arguments: Any) -> NTM:
    torch.manual_seed(seed)
    model = ntm.NTM(4, 3, controller_size=9, memory_slots=7, memory_width=5, **arguments)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(2)
    return model


def gradients(logits: Tensor, weightings: Tensor, of: list[Tensor]) -> list[Tensor]:
    """Of a sum in which every number counts differently."""
    generator = torch.Generator().manual_seed(2)
    total = sum(
        (values * torch.randn(values.shape, generator=generator).to(values)).sum() for values in (logits, weightings)
    )
    return list(torch.autograd.grad(total, of))


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"controller": "lstm", "memory_init": "learned"},
        {"controller": "lstm", "shift_range": 2},
        {"controller": "feedforward", "memory_init": "learned", "shift_range": 0},
    ],
    ids=["lstm", "lstm of wide shifts", "feedforward"],
)
def test_it_computes_what_the_plain_machine_does(kernel: ModuleType, arguments: dict[str, Any]) -> None:
    model = build(**arguments)
    exact = copy.deepcopy(model).double()
    inputs = torch.randint(-1, 2, (5, 2, 4), generator=torch.Generator().manual_seed(1)).float()
    found = []
    for machine, way in ((model, kernel.unroll), (exact, lambda model, *given: model.unroll(*given)[:2])):
        given = inputs.to(next(machine.parameters()).dtype).requires_grad_()
        _, state = machine(torch.ones_like(given[:2]))  # a state in the middle of a run, which gradients reach too
        logits, weightings = way(machine, given, state)
        found.append([logits, weightings, *gradients(logits, weightings, [given, *machine.parameters()])])
    for one, other in zip(*found, strict=True):
        assert distance(one.double(), other) < 1e-5


@pytest.mark.slow
def test_machines_side_by_side_are_as_each_alone(kernel: ModuleType) -> None:
    models = [build(seed, controller="lstm") for seed in (1, 2)]
    inputs = torch.randn(2, 3, 2, 4, generator=torch.Generator().manual_seed(1))
    states = [model.initial_state(2) for model in models]
    memory, weights, reads = (torch.stack(parts) for parts in zip(*(state[:3] for state in states), strict=True))
    carry = tuple(torch.stack(parts) for parts in zip(*(state.controller for state in states), strict=True))
    logits, weightings = kernel.unroll_all(models, inputs, NTMState(memory, weights, reads, carry))
    together = gradients(logits, weightings, [each for model in models for each in model.cell.parameters()])
    assert all(gradient.isfinite().all() for gradient in together)
    for index, model in enumerate(models):
        alone = kernel.unroll(model, inputs[index], states[index])
        torch.testing.assert_close(logits[index], alone[0])
        torch.testing.assert_close(weightings[index], alone[1])


def test_it_says_what_it_does_not_run(kernel: ModuleType) -> None:
    assert kernel.refusal(ntm.NTM(4, 3)) is None
    assert "extension" in kernel.refusal(ntm.NTM(4, 3, extension="analog"))
    assert "heads" in kernel.refusal(ntm.NTM(4, 3, read_heads=2))
    assert "memory" in kernel.refusal(ntm.NTM(4, 3), 1024)


_COMPILE = """
import json, pathlib, re, subprocess, sys, tempfile
import ntm, triton
from ntm.engine import triton_kernel as kernel
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

capability = int(sys.argv[1])
sizes = kernel.constants(ntm.NTM(10, 8, controller="lstm").config, 128)
reader = pathlib.Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
for function in (kernel.forward_kernel, kernel.backward_kernel):
    constants = {name: sizes[name] for name in function.arg_names if name in sizes}
    kinds = {"steps": "i32", "batch": "i32"} | dict.fromkeys(constants, "constexpr")
    signature = {name: kinds.get(name, "*fp32") for name in function.arg_names}
    compiled = triton.compile(
        ASTSource(fn=function, signature=signature, constexprs=constants),
        target=GPUTarget("cuda", capability, 32),
        options={"num_warps": kernel.WARPS},
    )
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(compiled.asm["cubin"])
        file.flush()
        said = subprocess.run([reader, "--dump-resource-usage", file.name], capture_output=True, text=True).stdout
    usage = {name: int(value) for name, value in re.findall(r"(REG|STACK|LOCAL):(\\d+)", said)}
    print(json.dumps(usage | {"shared": compiled.metadata.shared}))
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("capability", [80, 90])
def test_it_compiles_for_gpus_with_hardly_a_spill(capability: int) -> None:
    """For the machine that copies: 255 registers are all that a thread has, and what has none goes to the stack.

    With Triton 3.9 nothing does. With 3.6, which PyTorch 2.11 brings, 2 numbers a thread do on an H100, 24 on an A100.
    """
    environment = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    done = subprocess.run(
        [sys.executable, "-c", _COMPILE, str(capability)], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        usage = json.loads(line)
        assert usage["REG"] <= 255
        assert usage["STACK"] <= 96
        assert usage["LOCAL"] == 0
        assert usage["shared"] <= 48 * 1024
