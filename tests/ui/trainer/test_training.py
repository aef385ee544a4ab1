"""The trainer's modules in a real browser, without the page: what they start from, draw, keep and go back to."""

import base64
import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from playwright.sync_api import Browser, Page

import ntm
from ntm import tasks
from ntm.reports import model_card
from ntm.storage.checkpoint import read_folder
from ntm.ui.trainer import FIRST
from tests.ui.modules import describe, open_modules

TINY = FIRST | {"largest_size": 2, "controller_size": 24, "memory_slots": 6, "memory_width": 8, "learning_rate": 6e-3}
MACHINES: list[dict[str, Any]] = [
    {},
    {"controller": "feedforward", "memory_init": "learned", "read_heads": 2, "write_heads": 3, "shift_range": 2},
]


@pytest.fixture(scope="module")
def page(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


def settings(**changes: Any) -> dict[str, Any]:
    """Those of the trainer, with what the worker is told of the task."""
    chosen = TINY | changes
    return chosen | {"task": describe(chosen["task"])}


def evaluate(page: Page, script: str, *given: Any) -> Any:
    """Run a function body that knows the modules named below, `engine` and `given`."""
    names = ["training", "random", "batches", "checkpoint", "zip", "weights"]
    return page.evaluate(
        "async ([script, names, given]) => {"
        "  const modules = await Promise.all(names.map((name) => import(`/${name}.js`)));"
        "  const { Engine } = await import('/engine.js');"
        "  const bytes = new Uint8Array(await (await fetch('/engine.wasm')).arrayBuffer());"
        "  const work = new Function(...names, 'engine', 'given', script);"
        "  return work(...modules, await Engine.load(bytes), given);"
        "}",
        [script, names, given],
    )


@pytest.mark.parametrize("changes", MACHINES, ids=["lstm", "feedforward"])
def test_first_weights_are_drawn_as_pytorch_draws_them(page: Page, changes: dict[str, Any]) -> None:
    """The same names, shapes and distributions: uniform or normal, with the same mean and deviation."""
    chosen = settings(controller_size=200, **changes)
    script = """
      const config = training.configOf(given[0]);
      const found = weights.initialWeights(config, new random.Random(7));
      const plain = ({ shape, values }) => ({ shape, values: Array.from(values) });
      return { config, found: Object.fromEntries(Object.entries(found).map(([name, each]) => [name, plain(each)])) };
    """
    answer = evaluate(page, script, chosen)
    torch.manual_seed(7)
    expected = ntm.NTM(**answer["config"]).state_dict()
    assert answer["found"].keys() == expected.keys()
    for name, like in expected.items():
        values = torch.tensor(answer["found"][name]["values"])
        assert answer["found"][name]["shape"] == list(like.shape), name
        few = 1 / like.numel() ** 0.5
        assert values.mean().abs() < 5 * like.std() * few, name
        assert values.std() == pytest.approx(like.std().item(), rel=4 * few), name
        assert values.abs().max() <= like.abs().max() * (1.5 if "contents" in name else 1 + 5 * few), name


def test_random_memory_is_drawn_anew_and_cut_off(page: Page) -> None:
    script = """
      const source = new random.Random(3), config = training.configOf(given[0]);
      return [1, 2].map(() => Array.from(weights.initialMemory(config, 64, source)));
    """
    first, second = map(torch.tensor, evaluate(page, script, settings(memory_slots=16, memory_width=12)))
    assert len(first) == 64 * 16 * 12
    assert not torch.equal(first, second)
    assert first.abs().max() <= 1
    like = torch.nn.init.trunc_normal_(torch.empty(len(first)), std=0.5, a=-1, b=1)
    assert first.std() == pytest.approx(like.std().item(), rel=0.03)
    assert first.mean().abs() < 0.02


@pytest.mark.parametrize(
    ("name", "sizes"),
    [("copy", {"length": 3}), ("repeat-copy", {"length": 2, "repeats": 3}), ("associative-recall", {"items": 3})],
)
def test_a_batch_holds_the_tasks_sequences(page: Page, name: str, sizes: dict[str, int]) -> None:
    """Each is what the task itself makes of the vectors in it; and half of them are skewed."""
    script = """
      const [task, sizes] = given, batch = batches.drawBatch(task, sizes, 64, new random.Random(5));
      const plain = (name) => [name, Array.from(batch[name])];
      return { ...batch, ...Object.fromEntries(["inputs", "targets", "mask"].map(plain)) };
    """
    found = evaluate(page, script, describe(name), sizes)
    task = tasks.get(name)
    like = task.sample(64, generator=torch.Generator().manual_seed(1), **sizes)
    drawn = {
        field: torch.tensor(found[field], dtype=torch.float32).view(getattr(like, field).shape)
        for field in like._fields
    }
    assert torch.equal(drawn["mask"] > 0, like.mask)
    # Flags and counts are where they are in every sequence; what is due is what came in.
    fixed = (like.inputs == like.inputs[:, :1]).all(1)
    assert torch.allclose(drawn["inputs"][:, 0][fixed], like.inputs[:, 0][fixed])
    came = [{tuple(row) for row in drawn["inputs"][:, each, : task.bits].tolist()} for each in range(64)]
    due = [drawn["targets"][:, each, : task.bits][like.mask[:, each]].tolist() for each in range(64)]
    assert all(tuple(row) in seen for rows, seen in zip(due, came, strict=True) for row in rows if any(row))
    ones = drawn["targets"][like.mask].view(-1, 64, task.output_size).mean((0, 2))
    assert ones[:32].var() < ones[32:].var()


def test_it_learns_and_says_when_and_its_rate_falls(page: Page) -> None:
    script = """
      const run = new training.Training(engine, given[0]);
      while (!run.finished && run.updates < 6000) run.update();
      const { updates, solvedAt, rate, error, curve, finished } = run;
      return { updates, solvedAt, rate, error, curve, finished, exam: run.evaluate({ length: 2 }, 200) };
    """
    run = evaluate(page, script, settings())
    assert run["finished"]
    assert run["solvedAt"] < run["updates"]
    assert run["rate"] < TINY["learning_rate"] / 20
    assert run["exam"]["error"] < 0.05
    assert run["curve"][0]["error"] > 3
    assert [row["update"] for row in run["curve"]] == list(range(10, run["updates"] + 1, 10))


def test_it_goes_back_where_it_was_best_after_a_collapse(page: Page) -> None:
    """All weights are made noise in the midst of it; the next look finds the weights of before, and a lower rate."""
    script = """
      const run = new training.Training(engine, given[0]);
      while (!run.solvedAt || run.updates % 200) run.update();
      const { rate, updates } = run;
      const blur = (values) => values.forEach((_, index) => { values[index] = Math.sin(index); });
      Object.values(run.machine.tensors).forEach(({ values }) => blur(values));
      while (!run.returns) run.update();
      return { after: run.updates - updates, slower: run.rate / rate, exam: run.evaluate({ length: 2 }, 200).error };
    """
    run = evaluate(page, script, settings())
    assert run["after"] == 200
    assert run["slower"] == pytest.approx(0.7)
    assert run["exam"] < 0.1


def test_the_same_seed_learns_the_same_and_another_does_not(page: Page) -> None:
    script = """
      return [1, 1, 2].map((seed) => {
        const run = new training.Training(engine, { ...given[0], seed });
        for (let i = 0; i < 20; i += 1) run.update();
        return run.curve;
      });
    """
    first, again, other = evaluate(page, script, settings())
    assert first == again
    assert first != other


@pytest.mark.parametrize("scheme", ["constant", "learned", "random"])
def test_what_is_kept_is_a_checkpoint_that_answers_as_in_the_browser(page: Page, tmp_path: Path, scheme: str) -> None:
    """`ntm.load` reads it, and it has all that publishing asks for."""
    script = """
      const run = new training.Training(engine, given[0]);
      for (let i = 0; i < 30; i += 1) run.update();
      const batch = batches.drawBatch(given[0].task, { length: 2 }, 1, new random.Random(9));
      const memory = weights.initialMemory(run.config, 1, new random.Random(4));
      const logits = run.machine.run(batch.inputs, batch.steps, 1, { memory });
      const bytes = checkpoint.packCheckpoint(run, 1.25);
      const plain = (values) => values && Array.from(values);
      const packed = btoa(String.fromCharCode(...bytes));
      return { inputs: plain(batch.inputs), memory: plain(memory), logits: plain(logits), packed };
    """
    found = evaluate(page, script, settings(memory_init=scheme))
    with zipfile.ZipFile(io.BytesIO(base64.b64decode(found["packed"]))) as archive:
        assert archive.testzip() is None
        archive.extractall(tmp_path)
    kept = read_folder(tmp_path / "ntm-copy")
    model = ntm.load(tmp_path / "ntm-copy")
    state = model.initial_state(1)
    if found["memory"] is not None:
        memory = torch.tensor(found["memory"]).view_as(state.memory)
        state = state._replace(memory=memory, reads=memory[:, :1])
    logits, _ = model(torch.tensor(found["inputs"]).view(-1, 1, 10), state)
    assert torch.allclose(logits.flatten(), torch.tensor(found["logits"]), atol=1e-4)
    assert kept.task == "copy"
    assert kept.training["updates"] == 30
    assert kept.training["sequences"] == 30 * TINY["batch_size"]
    assert [row["update"] for row in kept.training["curve"]] == [10, 20, 30]
    assert [score["sizes"] for score in kept.evaluation["scores"]] == [{"length": 1}, {"length": 2}]
    card = model_card.render(model, "copy", kept.training, kept.evaluation, source="someone/ntm-copy")
    assert "someone/ntm-copy" in card
    assert "ntm.load" in (tmp_path / "ntm-copy" / "README.md").read_text("utf-8")


def test_archives_hold_files_as_they_are(page: Page) -> None:
    script = (
        "return Array.from(zip.zip({ 'a/ü.json': JSON.stringify(given[0]), 'empty': '', 'b': Uint8Array.of(0, 255) }))"
    )
    with zipfile.ZipFile(io.BytesIO(bytes(evaluate(page, script, {"word": "Zürich"})))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["a/ü.json", "empty", "b"]
        assert json.loads(archive.read("a/ü.json")) == {"word": "Zürich"}
        assert archive.read("b") == b"\x00\xff"
        assert archive.read("empty") == b""
