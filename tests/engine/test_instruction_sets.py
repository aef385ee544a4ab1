"""The engine built for every instruction set that a compiler at hand knows, and run wherever it can be."""

import platform
import re
import shutil
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from ntm.engine import library, native
from ntm.engine.choose import Forward
from ntm.machine.ntm import NTM, NTMState
from tests.engine.test_native import KINDS, build, compare

_ARM = "aarch64-linux-gnu-g++"
_CLANG = "clang++-14"
_HERE = Path(__file__).parent
KIND = pytest.mark.parametrize("kind", KINDS, ids=["plain", "analog", "register"])
X86 = pytest.mark.skipif(platform.machine() != "x86_64", reason="needs an x86 processor")
TARGETS = {
    "plain x86": (["c++", "-march=x86-64"], 4),
    "AVX2": (["c++", "-march=x86-64-v3"], 8),
    "AVX-512": (["c++", "-march=x86-64-v4"], 16),
    "NEON": ([_ARM], 4),
}
TARGET = pytest.mark.parametrize("target", TARGETS)


def assembly(target: str, folder: Path) -> tuple[str, int]:
    """What the compiler makes of the engine for a target, and how many floats a vector of it holds."""
    (compiler, *flags), lanes = TARGETS[target]
    if target != "NEON" and platform.machine() != "x86_64":
        pytest.skip("needs an x86 processor")
    if shutil.which(compiler) is None:
        pytest.skip(f"needs {compiler}")
    path = folder / "engine.s"
    subprocess.run([compiler, *library.FLAGS, *flags, "-S", str(library.SOURCE), "-o", str(path)], check=True)
    return path.read_text(), lanes


@pytest.mark.slow
@TARGET
def test_no_inner_loop_spills_or_calls_a_library(target: str, tmp_path: Path) -> None:
    """Read from the assembly: vectors as wide as the registers (a constant tuned on one processor once made the engine
    slow on others), no vector put on the stack within a loop, and no function of a number that is a call."""
    code, lanes = assembly(target, tmp_path)
    assert re.search(rf"ntm_lanes:(?:\n.*)*?\n\s+mov[lz]?\s+(?:\${lanes}, %eax|w0, {lanes})\n", code)
    called = set(re.findall(r"\s(?:call|jmp|bl|b)\s+(\w+)(?:@PLT)?", code))
    assert not called & {"expf", "logf", "tanhf", "log1pf", "powf", "exp", "log", "tanh", "pow", "_ZGVdN8v_expf"}
    loops = [loop for loop in innermost_loops(code) if any(map(_is_arithmetic, loop))]
    assert len(loops) > 50
    assert [line for loop in loops for line in loop if _puts_on_stack(line)] == []
    blocks = re.findall(r"^\S*product_block\S*:\n.*?\.cfi_endproc", code, re.DOTALL | re.MULTILINE)
    largest = max((loop for block in blocks for loop in innermost_loops(block)), key=_count_products)
    assert _count_products(largest) == {"plain x86": 8, "AVX2": 12, "AVX-512": 24, "NEON": 16}[target]


def _is_arithmetic(line: str) -> bool:
    return re.search(r"\s(v?(mul|add|sub|div)ps|vfn?m\w+ps|f(mla|mls|mul|add|sub|div))\s", line) is not None


def _puts_on_stack(line: str) -> bool:
    return (
        re.search(r"\sv?mov(?:a|u|dq)\w+\s+%[xyz]mm\d+, -?\d*\(%[re][sb]p\)|\sst[pr]\s+[qdv]\d+.*\[sp", line)
        is not None
    )


def _count_products(lines: Sequence[str]) -> int:
    return sum(re.search(r"\s(mulps|vfmadd\w+|fmla)\s", line) is not None for line in lines)


def innermost_loops(code: str) -> list[list[str]]:
    """The lines between a label and a jump back to it, without another label between."""
    loops: list[list[str]] = []
    label, lines = None, []
    for line in code.splitlines():
        if found := re.match(r"(\.L\w+):", line):
            label, lines = found[1], []
        elif label and re.match(rf"\s+(j\w+|b|b\.?\w\w|cbn?z\s+\w+,|tbn?z\s+\w+, \d+,)\s+{re.escape(label)}$", line):
            loops.append(lines)
            label, lines = None, []
        else:
            lines.append(line)
    return loops


def _runs_here(target: str) -> bool:
    """Whether this processor has the instructions of a kind of x86."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text().split())
    except OSError:
        return False
    return {"x86-64": {"sse2"}, "x86-64-v3": {"avx2", "fma"}, "x86-64-v4": {"avx512f", "avx512vl"}}[target] <= flags


@X86
@KIND
@pytest.mark.parametrize(("target", "lanes"), [("x86-64", 4), ("x86-64-v3", 8), ("x86-64-v4", 16)])
def test_every_x86_computes_the_same(target: str, lanes: int, kind: dict[str, Any]) -> None:
    if not _runs_here(target):
        pytest.skip(f"this processor does not run {target}")
    assert library.load(target).ntm_lanes() == lanes
    compare(_machine(kind), 20, 5, lambda model: lambda *given: native.unroll(model, *given, target=target)[:2])


def _machine(kind: dict[str, Any]) -> NTM:
    return build({"controller": "lstm", "read_heads": 2, "write_heads": 2, "memory_slots": 21, **kind})


@pytest.fixture(scope="module", params=["NEON", "AVX-512's vectors", "Clang"])
def driver(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[str], int]:
    """The command that runs the engine as it is built for others, and how many floats a vector of it holds.

    NEON runs in QEMU. QEMU does not know AVX-512, but the vectors and blocks that the engine has for it can be computed
    by AVX2, without the hint of where to keep them. Clang is the compiler of other systems; it once took vectors to be
    aligned that are not.
    """
    if request.param == "NEON":
        command, runner, lanes = [_ARM, "-static"], ["qemu-aarch64"], 4
    elif request.param == "Clang":
        command, runner, lanes = [_CLANG, "-march=native"], [], library.load().ntm_lanes()
    else:
        command, runner, lanes = ["c++", "-march=x86-64-v3", "-D__AVX512F__", "-Dasm(...)=", "-Wno-psabi"], [], 16
        if not _runs_here("x86-64-v3"):
            pytest.skip("this processor does not run AVX2")
    for program in (command[0], *runner):
        if shutil.which(program) is None:
            pytest.skip(f"needs {program}")
    path = tmp_path_factory.mktemp("driver") / "driver"
    source = ["-I", str(library.SOURCE.parent), str(_HERE / "driver.cpp")]
    subprocess.run([*command, *library.FLAGS, *source, "-o", str(path)], check=True)
    return [*runner, str(path)], lanes


@pytest.mark.slow
@KIND
def test_others_compute_the_same_too(driver: tuple[list[str], int], kind: dict[str, Any], tmp_path: Path) -> None:
    command, lanes = driver

    def drive(*arrays: Tensor) -> list[Tensor]:
        (tmp_path / "in").write_bytes(b"".join(map(_to_bytes, arrays)))
        subprocess.run([*command, str(tmp_path / "in"), str(tmp_path / "out")], check=True)
        found = _from_bytes((tmp_path / "out").read_bytes())
        assert found.pop(0).tolist() == [lanes]
        return found

    compare(_machine(kind), 20, 5, lambda model: _driven(model, drive))


def _to_bytes(array: Tensor) -> bytes:
    return np.int64(array.numel()).tobytes() + array.detach().contiguous().numpy().tobytes()


def _from_bytes(data: bytes) -> list[Tensor]:
    arrays = []
    while data:
        end = 8 + 4 * int(np.frombuffer(data[:8], np.int64)[0])
        arrays.append(torch.from_numpy(np.frombuffer(data[8:end], np.float32).copy()))
        data = data[end:]
    return arrays


def _driven(model: NTM, drive: Callable[..., list[Tensor]]) -> Forward:
    """A machine's way through the driver, with its gradients."""

    class Driven(torch.autograd.Function):
        @staticmethod
        def forward(context: Any, shape: Tensor, parts: int, inputs: Tensor, *tensors: Tensor) -> tuple[Tensor, Tensor]:
            state, parameters = tensors[:parts], tensors[parts:]
            steps, batch, _ = inputs.shape
            logits = torch.zeros(steps, batch, model.output_size)
            weightings = torch.zeros(steps, *state[1].shape)
            context.given = [shape, *parameters, inputs, *state]
            context.last = list(map(torch.zeros_like, state))
            context.shapes = [each.shape for each in (inputs, *tensors)]
            found = drive(*context.given, logits, weightings, *context.last)
            return found[0].view_as(logits), found[1].view_as(weightings)

        @staticmethod
        def backward(context: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
            found = drive(*context.given, *gradients, *context.last)[2 + len(context.last) :]
            return None, None, *(each.view(shape) for each, shape in zip(found, context.shapes, strict=True))

    def forward(inputs: Tensor, state: NTMState) -> tuple[Tensor, Tensor | None]:
        taken, shape = native._prepare(model, inputs, state, keeps_tape=True)
        parts = native._parts(state)
        of_shape = torch.from_numpy(np.frombuffer(bytes(shape), np.float32).copy())
        return Driven.apply(of_shape, len(parts), taken, *parts, *model.cell.parameters())

    return forward
