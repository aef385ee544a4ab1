"""The stages of addressing as the page shows them, against the machine's own equations; in a browser without a page."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
import torch
from playwright.sync_api import Browser, JSHandle, Page
from torch import Tensor

import ntm
from ntm import tasks
from ntm.machine import addressing as equations
from ntm.machine.trace import Trace
from ntm.ui import addressing
from tests.numerics import seeded

RUN = """
({ sizes, arrays }) => {
  const run = { ...sizes };
  for (const [name, { numbers, shape }] of Object.entries(arrays)) {
    run[name] = Float32Array.from(numbers);
    run[name].shape = shape;
  }
  const of = (kind, count, weights, first) => Array.from({ length: count }, (_, index) => (
    { kind, index, count, weights, gates: first + index, name: kind + " head" }
  ));
  const { writeHeads, readHeads, writeWeights, readWeights } = run;
  run.heads = [...of("write", writeHeads, writeWeights, readHeads), ...of("read", readHeads, readWeights, 0)];
  return run;
}
"""
EMITTED = ("key", "strength", "gate", "shift", "sharpening")
NAMES = {
    "read_weights": "readWeights",
    "write_weights": "writeWeights",
    **{name: name for name in (*EMITTED, "memory", "erases", "adds")},
}
STAGES = """
(run, [step, place]) => {
  const stages = stagesOf(run, run.heads.find(({ gates }) => gates === place), step);
  return Object.fromEntries(
    Object.entries(stages).map(([name, each]) => [name, each.length ? Array.from(each) : each]),
  );
}
"""
NUMBERS = """
(run, step) => run.heads.flatMap((head) => Object.values(numbersOf(run, head, step, { row: 3, slot: 5 })).flat().map(
  (number) => ({ ...number, head: head.name, overrides: number.overrides(number.value) }),
))
"""
WORDS = """
() => {
  const on = (slot) => Float32Array.from({ length: 8 }, (_, other) => +(slot === other));
  const flat = new Float32Array(8).fill(0.125);
  return stageWords({
    similarity: on(3), strength: 0.5, gate: 0.004, shift: [0.1, 0.2, 0.7], sharpening: 2, before: on(6),
    content: flat, byContent: flat, gated: on(6), shifted: on(7), weighting: on(7),
  });
}
"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    """An empty page with nothing but these scripts, which therefore read nothing else."""
    page = browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    for name in addressing.STAGES:
        page.add_script_tag(content=files(addressing).joinpath(name).read_text("utf-8"))
    yield page
    page.close()
    assert errors == []


@cache
def traced(task: str) -> tuple[ntm.NTM, Tensor, Trace]:
    """A published machine, its first memory (N, M), and what it did on a question inside its training range."""
    model = ntm.load(f"checkpoints/ntm-{task}")
    assert isinstance(model, ntm.NTM)
    sizes: dict[str, Any] = {name: trained[len(trained) // 2] for name, trained in tasks.get(task).sizes.items()}
    batch = tasks.get(task).sample(1, generator=seeded(), **sizes)
    state = model.initial_state(1)
    return model, state.memory[0].detach(), model.trace(batch.inputs, state)


def to_browser(scripts: Page, task: str) -> JSHandle:
    model, memory, trace = traced(task)
    arrays = {name: getattr(trace, field)[:, 0] for field, name in NAMES.items()} | {"initialMemory": memory}
    sent = {name: {"numbers": each.flatten().tolist(), "shape": list(each.shape)} for name, each in arrays.items()}
    sizes = {
        "steps": len(trace.gate),
        "slots": len(memory),
        "width": memory.shape[-1],
        "readHeads": model.cell.read_heads,
        "writeHeads": model.head_count - model.cell.read_heads,
        "register": model.extension.register_columns > 0,
        "brightest": memory_peak(trace),
    }
    return scripts.evaluate_handle(RUN, json.loads(json.dumps({"sizes": sizes, "arrays": sent})))


def memory_peak(trace: Trace) -> float:
    return trace.memory.abs().max().item()


@pytest.mark.parametrize("task", tasks.names())
def test_each_stage_is_what_its_equation_makes_of_the_one_before(scripts: Page, task: str) -> None:
    model, first_memory, trace = traced(task)
    run = to_browser(scripts, task)
    weights = torch.cat([trace.read_weights, trace.write_weights], dim=2)[:, 0]
    searched = model.extension.searched
    steps = len(weights)
    for step in sorted({0, 1, steps // 2, steps - 1}):
        memory = (trace.memory[step - 1, 0] if step else first_memory)[:, searched]
        previous = weights[step - 1] if step else torch.eye(len(memory))[:1].expand_as(weights[0])
        key, strength, gate = trace.key[step, 0][:, searched], trace.strength[step, 0], trace.gate[step, 0]
        gated = equations.interpolate(trace.content_weights[step, 0], previous, gate)
        expected = {
            "similarity": equations.cosine_similarity(memory, key),
            "content": equations.content_weighting(memory, key, strength),
            "before": previous,
            "byContent": gate[:, None] * trace.content_weights[step, 0],
            "gated": gated,
            "shifted": equations.shift(gated, trace.shift[step, 0]),
            "weighting": weights[step],
        }
        for place in range(model.head_count):
            found = run.evaluate(STAGES, [step, place])
            for name, values in expected.items():
                np.testing.assert_allclose(found[name], values[place], rtol=1e-3, atol=1e-5, err_msg=name)
            for name, said in (("strength", strength), ("gate", gate), ("sharpening", trace.sharpening[step, 0])):
                assert found[name] == pytest.approx(said[place].item())


@pytest.mark.parametrize("task", tasks.names())
def test_a_number_is_in_its_range_and_replaces_itself(scripts: Page, task: str) -> None:
    """Set to what it is, every number of every head replaces what is there by what is there."""
    model, _, trace = traced(task)
    step = len(trace.gate) // 2
    emitted = {"erase": trace.erases, "add": trace.adds, **{name: getattr(trace, name) for name in EMITTED}}
    numbers = to_browser(scripts, task).evaluate(NUMBERS, step)
    assert len({number["head"] for number in numbers}) == 2
    for number in numbers:
        assert number["least"] <= number["value"] <= number["most"]
        for each in number["overrides"]:
            assert each["step"] == step
            field, index = each["field"], each["index"]
            if field == "memory":
                was = trace.memory[step, 0, each["slot"], index]
            else:
                place = each["head"] - (model.cell.read_heads if field in ("erase", "add") else 0)
                was = emitted[field][step, 0, place].reshape(-1)[index]
            assert each["value"] == pytest.approx(was.item(), abs=1e-6), number["name"]


@pytest.mark.parametrize(
    ("shift", "index", "value", "expected"),
    [
        ([0.2, 0.3, 0.5], 2, 0.0, [0.4, 0.6, 0]),
        ([0.0, 0.0, 1.0], 2, 0.4, [0.3, 0.3, 0.4]),
        ([0.25, 0.5, 0.25], 1, 1.0, [0, 1, 0]),
    ],
)
def test_shares_of_a_shift_still_sum_to_one(
    scripts: Page, shift: list[float], index: int, value: float, expected: list[float]
) -> None:
    assert scripts.evaluate("given => shiftWith(...given)", [shift, index, value]) == pytest.approx(expected)


def test_a_stage_is_told_in_a_sentence(scripts: Page) -> None:
    assert scripts.evaluate(WORDS) == {
        "similarity": "Slot 3 is most like the key: 1.00.",
        "content": "Strength 0.50 makes of that about the same on every slot, 13 %.",
        "gated": "0.4 % of this, and 100 % (pale) of where the head was, slot 6.",
        "shifted": "70 % of it moves one slot on: 100 % on slot 7.",
        "weighting": "To the power of 2.00: 100 % on slot 7.",
    }
