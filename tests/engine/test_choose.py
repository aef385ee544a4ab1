"""The fastest ways to run a model against its own, and what happens without a compiler."""

import math
import os
import subprocess
import sys
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import ntm
from ntm.engine import choose, library, native
from ntm.engine.choose import Choice, Forward, fastest, plain
from ntm.machine.model import SequenceModel
from ntm.training.update import bit_losses
from tests.conftest import ROOT
from tests.numerics import seeded

CPU, GPU = torch.device("cpu"), torch.device("cuda")


def compiled(model: SequenceModel) -> Forward:
    """What a GPU gets for a machine that the kernel does not run."""
    return fastest(model, "compiled")


def run(model: SequenceModel, way: Callable[[SequenceModel], Forward], device: torch.device = CPU) -> list[Tensor]:
    """Logits and gradients of one batch."""
    batch = ntm.tasks.get("copy").sample(4, length=5, generator=seeded(), device=device)
    logits, _ = way(model.to(device))(batch.inputs, model.initial_state(4))
    bit_losses(logits, batch).mean().backward()
    return [tensor.detach().cpu() for tensor in (logits, *(parameter.grad for parameter in model.parameters()))]


def assert_is_the_plain_way(
    arguments: dict[str, Any], way: Callable[[SequenceModel], Forward], device: torch.device = CPU
) -> None:
    torch.manual_seed(0)
    model = ntm.NTM(10, 8, controller_size=16, memory_slots=12, memory_width=6, **arguments)
    same = ntm.NTM(**model.config)
    same.load_state_dict(model.state_dict())
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message="running step by step")
        actual = run(same, way, device)
    for one, other in zip(actual, run(model, plain), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6 if device == CPU else 1e-5)


REGISTER = {"register": {"channel": 9, "mean": 5.5, "deviation": 2.9}}
MACHINES = pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"controller": "lstm", "controller_layers": 2, "read_heads": 2, "write_heads": 3, "shift_range": 2},
        {"controller": "lstm", "extension": "analog", "memory_init": "learned"},
        {"extension": REGISTER, "write_heads": 2},
    ],
    ids=["feedforward", "lstm of many heads", "analog", "register"],
)


@MACHINES
def test_the_fastest_way_is_the_plain_one(arguments: dict[str, Any]) -> None:
    assert_is_the_plain_way(arguments, fastest)


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        {"extension": REGISTER, "write_heads": 2},
        {
            "controller": "lstm",
            "controller_layers": 2,
            "read_heads": 2,
            "write_heads": 3,
            "shift_range": 2,
            "extension": "analog",
            "memory_init": "learned",
        },
    ],
    ids=["feedforward with a register", "analog lstm of many heads"],
)
def test_the_compiled_step_is_the_plain_one(arguments: dict[str, Any]) -> None:
    """Compiling takes half a minute, so that two machines have to have all parts between them."""
    assert_is_the_plain_way(arguments, compiled)


@MACHINES
@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_the_fastest_way_of_a_gpu_is_the_plain_one(arguments: dict[str, Any]) -> None:
    assert_is_the_plain_way(arguments, fastest, GPU)


def test_a_baseline_runs_as_it_is() -> None:
    torch.manual_seed(0)
    model = ntm.LSTMBaseline(10, 8, hidden_size=5)
    inputs = ntm.tasks.get("copy").sample(2, length=3).inputs
    assert torch.equal(fastest(model)(inputs, model.initial_state(2))[0], model(inputs)[0])


def test_without_a_compiler_it_says_so_and_runs_all_the_same(tmp_path: Path) -> None:
    program = """
import torch, ntm
from ntm.engine.choose import fastest
model = ntm.NTM(10, 8, controller_size=4, memory_slots=4)
inputs = torch.zeros(2, 1, 10)
assert torch.equal(fastest(model)(inputs, model.initial_state(1))[0], model(inputs)[0])
"""
    environment = {**os.environ, "CXX": "no-such-compiler", "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("running step by step, which is slower: ") == 1
    assert list(tmp_path.iterdir()) == []


def set_times(monkeypatch: pytest.MonkeyPatch, **seconds: float) -> None:
    """What the engines take; those that are not named take for ever."""
    monkeypatch.setattr(choose, "_time", lambda model, engines: dict.fromkeys(engines, math.inf) | seconds)


def test_what_was_measured_is_kept_and_asked_for_again(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(library, "cache_folder", lambda: tmp_path / "ntm")
    model = ntm.NTM(10, 8, controller_size=8, memory_slots=8)
    chosen = choose.choose(model)
    assert {"eager", "native", *choose.older_engines()[:1]} == set(chosen.seconds)
    assert 0.95 * chosen.seconds[chosen.engine] <= min(chosen.seconds.values())
    monkeypatch.setattr(choose, "_time", lambda *_: pytest.fail("measured again"))
    assert choose.choose(model) == chosen
    (kept,) = (tmp_path / "ntm").glob("choice-*.json")
    kept.write_text("{")
    set_times(monkeypatch, eager=1.0, native=2.0)
    assert choose.choose(model).engine == "eager"  # never what is slower than eager


@pytest.mark.parametrize(
    ("older", "engine"),
    [(0.8, "native:older"), (0.97, "native"), (1.1, "native")],
    ids=["faster", "by chance", "slower"],
)
def test_an_older_build_is_chosen_where_it_is_faster(
    older: float, engine: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(choose, "_builds", lambda: ("native", "native:older"))
    set_times(monkeypatch, eager=5.0, native=1.0, **{"native:older": older})
    model = ntm.NTM(10, 8, controller_size=8, memory_slots=8)
    assert choose.choose(model).engine == engine
    assert choose.choose(model).engine == engine, "as it was kept"


def test_an_older_build_that_the_compiler_does_not_know_is_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def load(target: str = "native") -> None:
        if target != "native":
            raise library.EngineUnavailableError("bad value for -march")

    monkeypatch.setattr(choose, "older_engines", lambda: ("native:older", "native:oldest"))
    monkeypatch.setattr(library, "load", load)
    assert choose._builds() == ("native",)


def test_the_first_of_two_that_choose_at_once_is_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Else a run that one of them began would go on in another engine, and end with other weights."""
    monkeypatch.setattr(library, "cache_folder", lambda: tmp_path)
    model = ntm.NTM(10, 8, controller_size=8, memory_slots=8)

    def meanwhile(model: ntm.NTM, engines: Sequence[str]) -> dict[str, float]:
        set_times(monkeypatch, eager=2.0, native=1.0)
        choose.choose(model)
        return dict.fromkeys(engines, 2.0) | {"eager": 1.0}

    monkeypatch.setattr(choose, "_time", meanwhile)
    assert choose.choose(model).engine == "native"


def test_a_choice_is_kept_for_its_model_only_and_not_at_all_where_nothing_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(library, "cache_folder", lambda: tmp_path / "ntm")
    set_times(monkeypatch, eager=2.0, native=1.0)
    for slots in (8, 9):
        choose.choose(ntm.NTM(10, 8, controller_size=8, memory_slots=slots))
    assert len(list((tmp_path / "ntm").glob("choice-*.json"))) == 2
    (tmp_path / "file").touch()
    monkeypatch.setattr(library, "cache_folder", lambda: tmp_path / "file")
    chosen = choose.choose(ntm.NTM(10, 8, controller_size=8, memory_slots=10))
    assert str(chosen) == "native, 2.0 times as fast as eager"


def test_an_engine_can_be_asked_for() -> None:
    model = ntm.NTM(10, 8, controller_size=8, memory_slots=8)
    inputs, state = torch.zeros(2, 1, 10), model.initial_state(1)
    assert torch.equal(fastest(model, "eager")(inputs, state)[0], model.unroll(inputs, state)[0])
    built = fastest(model, "native:native")(inputs, state)[0]
    assert torch.equal(built, native.unroll(model, inputs, state)[0])
    with pytest.raises(library.EngineUnavailableError, match="cannot be compiled"):
        fastest(model, "native:no-such-processor")
    with pytest.raises(library.EngineUnavailableError, match="an NVIDIA GPU"):
        fastest(model, "kernel")
    with pytest.raises(ValueError, match="the engine must be one of eager, compiled, native, kernel, not 'warp'"):
        fastest(model, "warp")


def failing(inputs: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
    raise RuntimeError("the device is gone\nand more")


def lying(model: ntm.NTM) -> Forward:
    """Right forward, and wrong by a hundredth backward."""

    def forward(inputs: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        logits, weightings, _ = model.unroll(inputs, state)
        return logits.detach() + 1.01 * (logits - logits.detach()), weightings

    return forward


@pytest.mark.parametrize(
    ("way", "said"),
    [
        (lambda model: failing, "native is left for eager, which is slower: the device is gone$"),
        (
            lying,
            "native is left for eager, which is slower: what it computes is off by 1e-02 of its size, the machine by ",
        ),
    ],
)
def test_what_fails_or_computes_something_else_is_left_for_the_next_best(
    way: Callable[[ntm.NTM], Forward], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = ntm.NTM(10, 8, controller_size=8, memory_slots=8)
    monkeypatch.setattr(choose, "choose", lambda model: Choice("native", {}))
    own = choose._way
    monkeypatch.setattr(choose, "_way", lambda model, engine: way(model) if engine == "native" else own(model, engine))
    forward, inputs, state = fastest(model), torch.ones(4, 2, 10), model.initial_state(2)
    with pytest.warns(UserWarning, match=said) as caught:
        found = [forward(inputs, state)[0] for _ in range(2)]
    assert len(caught) == 1
    assert all(torch.equal(each, model.unroll(inputs, state)[0]) for each in found)


def test_what_is_right_is_trusted_and_not_looked_at_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounding alone is no fault, where a machine's gradients are a thousand times what its weights are as well."""
    torch.manual_seed(0)
    model = ntm.NTM(10, 8, controller="lstm", controller_size=8, memory_slots=8)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(30)
    monkeypatch.setattr(choose, "choose", lambda model: Choice("native", {}))
    forward, inputs, state = fastest(model), torch.ones(30, 2, 10), model.initial_state(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first = forward(inputs, state)[0]
        monkeypatch.setattr(choose, "_fault", lambda *_: pytest.fail("looked again"))
        assert torch.equal(forward(inputs, state)[0], first)


def test_a_compiled_step_is_nobody_elses(monkeypatch: pytest.MonkeyPatch) -> None:
    """It once was the model's own from then on: validation had to be kept from it for the whole process."""
    monkeypatch.setattr(torch, "compile", lambda step, isolate_recompiles: lambda *given: pytest.fail("compiled"))
    model = ntm.NTM(10, 8, controller_size=4, memory_slots=4)
    forward = fastest(model, "compiled")
    model.unroll(torch.ones(1, 1, 10))
    with pytest.raises(pytest.fail.Exception, match="compiled"):
        forward(torch.ones(1, 1, 10), model.initial_state(1))


def test_compiling_is_timed_where_the_native_engine_does_not_run_a_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(library, "cache_folder", lambda: Path("/no/such/folder"))
    set_times(monkeypatch, eager=2.0, compiled=1.0)
    monkeypatch.setattr(choose, "_compiles", lambda model: True)
    assert choose.choose(ntm.NTM(10, 8, controller_size=4, controller_layers=9)).engine == "compiled"
    assert choose.choose(ntm.NTM(10, 8, controller_size=4).double()).engine == "compiled"
