"""The engine in a browser against the machine in Python, for every published checkpoint."""

import copy
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import torch

import ntm
from ntm import tasks
from ntm.engine import build_wasm
from ntm.machine.extensions import ExtensionSpec
from ntm.machine.memory import MemoryInit
from ntm.tasks import Batch
from ntm.tasks.recipe import Loss, mean_loss
from ntm.training.update import bit_losses
from tests.conftest import ROOT
from tests.intervening import Override, intervene

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Route

_ENGINE = ROOT / "ntm" / "engine"


@pytest.mark.skipif(shutil.which(build_wasm.COMPILER) is None, reason=f"needs {build_wasm.COMPILER}")
def test_the_committed_one_is_what_the_source_gives(tmp_path: Path) -> None:
    build_wasm.compile_to(tmp_path / "engine.wasm")
    assert (tmp_path / "engine.wasm").read_bytes() == build_wasm.WASM.read_bytes()


@pytest.fixture(scope="module")
def page(browser: "Browser") -> Iterator["Page"]:
    """An empty page with the files of the engine and of the checkpoints at hand."""
    with browser.new_context() as context:
        page = context.new_page()
        page.route("http://engine.test/engine/**", _serve(_ENGINE))
        page.route("http://engine.test/checkpoints/**", _serve(ROOT / "checkpoints"))
        page.route("http://engine.test/", lambda route: route.fulfill(body="<!doctype html>", content_type="text/html"))
        page.goto("http://engine.test/")
        yield page


def _serve(folder: Path) -> "Callable[[Route], None]":
    return lambda route: route.fulfill(path=folder / route.request.url.split(f"/{folder.name}/", 1)[1])


_RUN = """async ({ name, config, inputs, targets, mask, steps, batch }) => {
  const { Engine, readSafetensors } = await import("/engine/engine.js");
  const bytes = async (path) => new Uint8Array(await (await fetch(path)).arrayBuffer());
  const engine = await Engine.load(await bytes("/engine/engine.wasm"));
  const machine = engine.machine(config, readSafetensors(await bytes(`/checkpoints/${name}/model.safetensors`)));
  const given = Float32Array.from(inputs);
  const logits = machine.run(given, steps, batch);
  const trace = machine.trace(given, steps, batch);
  const outputs = config.output_size, scored = mask.reduce((a, b) => a + b) * outputs;
  const slope = (found) => found.map((logit, i) =>
    mask[Math.floor(i / outputs)] ? (1 / (1 + Math.exp(-logit)) - targets[i]) / scored : 0);
  const gradients = machine.gradients(given, steps, batch, slope);
  const losses = [1, 2].map(() => machine.update(given, targets, mask, steps, batch, { rate: 1e-5 }).loss);
  const plain = (all) => Object.fromEntries(Object.entries(all).map(([key, values]) => [key, Array.from(values)]));
  return { logits: Array.from(logits), trace: plain(trace), gradients: plain(gradients), losses };
}"""


@pytest.mark.parametrize("name", tasks.names())
def test_a_browser_computes_what_the_machine_does(page: "Page", name: str) -> None:
    """Logits, trace and gradients to single precision: as near to the run in double precision as Python's own."""
    model = ntm.load(f"checkpoints/ntm-{name}")
    task = tasks.get(name)
    sizes = {size: task.smallest.get(size, 2) for size in task.sizes}
    batch = task.sample(2, generator=torch.Generator().manual_seed(1), **sizes)
    steps, count, _ = batch.inputs.shape
    given: dict[str, Any] = {
        "name": f"ntm-{name}",
        "config": json.loads(json.dumps(model.config)),
        **{field: getattr(batch, field).float().flatten().tolist() for field in ("inputs", "targets", "mask")},
        "steps": steps,
        "batch": count,
    }
    found = page.evaluate(_RUN, given)
    exact = copy.deepcopy(model).double()
    double = type(batch)(batch.inputs.double(), batch.targets.double(), batch.mask)
    true, rounded = _all(exact, double), _all(model, batch)
    flat = {"logits": found["logits"], **found["trace"], **found["gradients"]}
    for field, expected in true.items():
        error = (torch.tensor(flat[field]).double() - expected).abs().max()
        rounding = (rounded[field].double() - expected).abs().max()
        assert error < max(1e-5 * max(expected.abs().max().item(), 1e-3), 8 * rounding), field
    assert found["losses"][1] <= found["losses"][0] * (1 + 1e-4) + 1e-6


REGISTER: ExtensionSpec = {"register": {"channel": 3, "mean": 1.5, "deviation": 1.0}}
_UPDATE = """async ({ config, tensors, batches, memory, size, options }) => {
  const { Engine } = await import("/engine/engine.js");
  const engine = await Engine.load(new Uint8Array(await (await fetch("/engine/engine.wasm")).arrayBuffer()));
  for (const tensor of Object.values(tensors)) tensor.values = Float32Array.from(tensor.values);
  const machine = engine.machine(config, tensors);
  const given = memory && Float32Array.from(memory);
  const update = ({ inputs, targets, mask, steps }) => machine.update(
    ...[inputs, targets, mask].map((each) => Float32Array.from(each)), steps, size, { ...options, memory: given });
  const values = () =>
    Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, Array.from(tensor.values)]));
  const first = update(batches[0]), once = machine.snapshot();
  const second = update(batches[1]), twice = values();
  machine.restore(once);
  update(batches[1]);
  return { judged: [first, second], values: twice, again: values() };
}"""


@pytest.mark.parametrize(
    ("scheme", "extension"),
    [("constant", None), ("learned", None), ("random", None), ("learned", REGISTER)],
    ids=["constant", "learned", "random", "learned, with a register"],
)
def test_a_browser_trains_as_python_does(page: "Page", scheme: MemoryInit, extension: ExtensionSpec) -> None:
    """Two updates by Adam with a worst bit and a limited norm; gone back and done again, the second is the same."""
    torch.manual_seed(3)
    sizes = {"controller_size": 16, "memory_slots": 9, "memory_width": 6}
    model = ntm.NTM(10, 8, controller="lstm", memory_init=scheme, extension=extension, **sizes)
    task, loss, size = tasks.get("copy"), Loss(worst_bit=0.5), 4
    batches = [task.sample(size, length=length) for length in (3, 5)]
    memory = model.initial_state(size).memory.detach() if scheme == "random" else None
    given = {
        "config": model.config,
        "tensors": {
            name: {"shape": list(each.shape), "values": each.flatten().tolist()}
            for name, each in model.state_dict().items()
        },
        "batches": [
            {
                **{field: getattr(batch, field).float().flatten().tolist() for field in Batch._fields},
                "steps": len(batch.mask),
            }
            for batch in batches
        ],
        "memory": None if memory is None else memory.flatten().tolist(),
        "size": size,
        "options": {"rate": 1e-2, "norm": 0.1, "worstBit": 0.5},
    }
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    judged = []
    for batch in batches:
        state = model.initial_state(size)
        state = state if memory is None else state._replace(memory=memory, reads=memory[:, :1])
        logits, weightings, _ = model.unroll(batch.inputs, state)
        losses = bit_losses(logits, batch)
        judged.append({"loss": mean_loss(losses, batch.mask).item(), "error": task.errors(logits, batch).mean().item()})
        optimizer.zero_grad()
        (mean_loss(losses, batch.mask) + loss.of_certainty(losses, weightings)).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 0.1)
        optimizer.step()
    found = page.evaluate(_UPDATE, given)
    assert found["judged"] == [pytest.approx(each, rel=1e-5) for each in judged]
    assert found["values"] == found["again"]
    for name, each in model.state_dict().items():
        # A part that is missing of the gradient of learned contents hardly shows in so few steps of Adam.
        bound = 1e-6 if name == "initial_memory.contents" else 2e-4
        assert (torch.tensor(found["values"][name]) - each.flatten()).abs().max() < bound, name


def _all(model: ntm.NTM, batch: tasks.Batch) -> dict[str, torch.Tensor]:
    """The trace, step by step, and the gradients of the mean loss, flat and by name."""
    trace = model.trace(batch.inputs, change_heads=lambda heads: heads)
    losses = bit_losses(model.unroll(batch.inputs)[0], batch)
    named = {name: each for name, each in model.named_parameters() if name.startswith("cell.")}
    loss = losses.sum() / (batch.mask.sum() * losses.shape[-1])
    gradients = torch.autograd.grad(loss, list(named.values()))
    found = trace._asdict() | dict(zip(named, gradients, strict=True))
    return {name: each.detach().flatten() for name, each in found.items()}


_TRACE = """async ({ config, weights, inputs, steps, batch, slots, overrides }) => {
  const { Engine } = await import("/engine/engine.js");
  const engine = await Engine.load(new Uint8Array(await (await fetch("/engine/engine.wasm")).arrayBuffer()));
  const tensors = Object.fromEntries(Object.entries(weights).map(([name, [shape, values]]) =>
    [name, { shape, values: Float32Array.from(values) }]));
  const trace = engine.machine(config, tensors).trace(Float32Array.from(inputs), steps, batch, { slots, overrides });
  return Object.fromEntries(Object.entries(trace).map(([key, values]) => [key, Array.from(values)]));
}"""
_MACHINES: dict[str, dict[str, Any]] = {
    "the paper's": {"controller": "lstm", "read_heads": 2, "write_heads": 3, "shift_range": 2},
    "an analog one": {"extension": "analog", "write_heads": 2},
    "one with a register": {"extension": REGISTER, "read_heads": 2},
}


@pytest.mark.parametrize("kind", _MACHINES)
def test_all_that_follows_from_what_somebody_replaces_is_as_the_machine_says(page: "Page", kind: str) -> None:
    torch.manual_seed(0)
    model = ntm.NTM(4, 3, controller_size=16, memory_slots=13, memory_width=5, memory_init="learned", **_MACHINES[kind])
    inputs = torch.randint(-1, 2, (12, 2, 4)).float()
    overrides = _one_of_each(model)
    given = {
        "config": json.loads(json.dumps(model.config)),
        "weights": {name: [list(each.shape), each.flatten().tolist()] for name, each in model.state_dict().items()},
        "inputs": inputs.flatten().tolist(),
        "steps": 12,
        "batch": 2,
        "slots": 17,
    }
    untouched = page.evaluate(_TRACE, given | {"overrides": []})
    for some in [[each] for each in overrides] + [overrides]:
        expected = intervene(copy.deepcopy(model).double(), inputs.double(), some, slots=17)._asdict()
        found = page.evaluate(_TRACE, given | {"overrides": some})
        assert found["logits"] != untouched["logits"], some
        for field, values in expected.items():
            before = values[: some[0]["step"]].numel()
            assert found[field][:before] == untouched[field][:before], "the past is as it was"
            torch.testing.assert_close(
                torch.tensor(found[field]).double(), values.flatten(), rtol=1e-4, atol=1e-4, msg=f"{some} {field}"
            )


def _one_of_each(model: ntm.NTM) -> list[Override]:
    """Replaces a number of every kind: of the last read head or the last write head, from step 3 on."""
    reads, heads = model.cell.read_heads, model.head_count
    emitted = [("key", reads - 1, 4, -0.9), ("strength", heads - 1, 0, 40.0), ("gate", reads - 1, 0, 1.0)]
    emitted += [("sharpening", heads - 1, 0, 9.0), ("add", heads - 1, 2, 0.8), ("erase", heads - 1, 3, 1.0)]
    shift = [0.0] * (2 * model.shift_range) + [1.0]
    emitted += [("shift", reads - 1, index, value) for index, value in enumerate(shift)]
    named = [dict(zip(("field", "head", "index", "value"), each, strict=True)) for each in emitted]
    named += [
        {"field": "weighting", "head": heads - 1, "slot": 15},
        {"field": "memory", "slot": 0, "index": 4, "value": 0.7},
    ]
    return [{"step": 3 + place % 4} | each for place, each in enumerate(named)]
