"""The tape's scripts that need no page, in a real browser without one: they tell of a run what happened in it."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, JSHandle, Page

import ntm
from ntm import tasks
from ntm.tasks import Question
from ntm.ui import tour
from ntm.ui.browser.catalogue import find_read_delay
from ntm.ui.browser.pack import pack_run
from ntm.ui.controls import example
from ntm.ui.run import Run, run_question
from tests.intervening import intervene
from tests.numerics import seeded
from tests.ui.modules import array_of, machine_of, open_modules, question_of, unpack

SLOTS = 16
COMPLETE = """
fields => {
  const arrays = Object.entries(fields.arrays).map(([name, { numbers, shape }]) => {
    const array = Float32Array.from(numbers);
    array.shape = shape;
    return [name, array];
  });
  return prepareRun(complete({ ...fields.header, ...Object.fromEntries(arrays) }));
}
"""


@pytest.fixture(scope="module")
def scripts(browser: Browser) -> Iterator[Page]:
    with open_modules(browser) as page:
        yield page


@cache
def real_run(task: str) -> Run:
    """The published machine on a question inside its training range."""
    return run_question(machine_of(task), question_of(task))


def arrive(scripts: Page, run: Run, **options: Any) -> JSHandle:
    """A run of a published machine as the browser has it."""
    return unpack(scripts, machine_of(run.question.task), run, **options)


def focused_on(slots: Sequence[int | Sequence[float]]) -> np.ndarray:
    """(T, 1, N), the weights of a head that is on one slot in each step, or as they are given."""
    rows = [np.eye(SLOTS)[slot] if isinstance(slot, int) else np.array(slot) for slot in slots]
    return np.stack(rows)[:, None]


def made_up_run(
    scripts: Page,
    *,
    write: Sequence[int | Sequence[float]],
    read: Sequence[int | Sequence[float]],
    shares: Sequence[float] | None = None,
    adds: Sequence[float] | None = None,
    erases: Sequence[float] | None = None,
    scored: Sequence[int] = (),
    **header: Any,
) -> JSHandle:
    """A run of a machine with one head of each kind and memory one wide, as its weights and vectors are given.

    Args:
        write: the slot that the write head is on in each step.
        read: the slot that the read head is on in each step.
        shares: how much of the read head's weight content brought; nothing when None.
        adds: what is added in each step; nothing when None.
        erases: how much is erased in each step; nothing when None.
        scored: the steps in which an answer is due.
        header: what the header holds besides.
    """
    steps = len(write)
    fill = np.zeros(steps)
    arrays = {
        "writeWeights": focused_on(write),
        "readWeights": focused_on(read),
        "adds": np.reshape(fill if adds is None else adds, (steps, 1, 1)),
        "erases": np.reshape(fill if erases is None else erases, (steps, 1, 1)),
        **_brought_by_content(fill if shares is None else np.array(shares), read, write),
        "mask": np.isin(np.arange(steps), scored).astype(float),
        "initialMemory": np.zeros((SLOTS, 1)),
        **{name: np.zeros((steps, 1)) for name in ("inputs", "outputs", "targets")},
        **{name: np.zeros((steps, 2)) for name in ("strength", "sharpening")},
    }
    fields = {name: {"numbers": array.ravel().tolist(), "shape": array.shape} for name, array in arrays.items()}
    whole = {"captions": ["a step"] * steps, "readDelay": 0, "certain": True, "register": False}
    return scripts.evaluate_handle(COMPLETE, {"arrays": fields, "header": whole | header})


def _brought_by_content(shares: np.ndarray, *heads: Sequence[int | Sequence[float]]) -> dict[str, np.ndarray]:
    """Content where each head was before, and a gate that lets the read head have so much of it."""
    start = np.eye(SLOTS)[:1]
    before = [np.concatenate([start, focused_on(slots)[:-1, 0]]) for slots in heads]
    steps = len(shares)
    return {
        "contentWeights": np.stack(before, axis=1),
        "gate": np.stack([shares, np.zeros(steps)], axis=1),
        "shift": np.tile([0.0, 1.0, 0.0], (steps, 2, 1)),
    }


# Unpacking.


@pytest.mark.parametrize("task", tasks.names())
def test_a_run_arrives_as_it_was_to_16_bits(scripts: Page, task: str) -> None:
    run = real_run(task)
    baseline = run_question(ntm.load(f"checkpoints/lstm-{task}"), run.question)
    arrived = arrive(scripts, run, baseline=baseline)
    trace = run.trace
    sent = {
        "inputs": run.batch.inputs,
        "targets": run.batch.targets,
        "mask": run.batch.mask,
        "logits": trace.logits,
        "readWeights": trace.read_weights,
        "writeWeights": trace.write_weights,
        "contentWeights": trace.content_weights,
        "reads": trace.reads,
        "erases": trace.erases,
        "adds": trace.adds,
        "key": trace.key,
        "strength": trace.strength,
        "gate": trace.gate,
        "shift": trace.shift,
        "sharpening": trace.sharpening,
        "initialMemory": run.initial_memory,
        "baselineOutputs": baseline.trace.logits.sigmoid(),
    }
    for name, tensor in sent.items():
        whole = tensor if name.endswith("Memory") else tensor[:, 0]
        numbers = whole.detach().double().numpy()
        step = (numbers.max() - numbers.min()) / 65535  # so one number throughout, as in memory at first, is exact
        assert arrived.evaluate("(run, name) => run[name].shape", name) == list(numbers.shape)
        np.testing.assert_allclose(array_of(arrived, name), numbers.ravel(), rtol=2e-7, atol=0.501 * step, err_msg=name)
    assert arrived.evaluate("run => run.captions") == run.captions


def test_a_run_stays_small() -> None:
    run = run_question(ntm.NTM(10, 8), Question("copy", "11111111\n" * 120))
    assert len(pack_run(run)) < 400_000
    huge = run_question(machine_of("copy"), Question("copy", "10110010\n" * 120), slots=2048)
    assert len(pack_run(huge)) < 400_000, "most slots are not touched, and that takes no room"


def test_a_machine_without_memory_arrives_without_heads(scripts: Page) -> None:
    model = ntm.load("checkpoints/lstm-copy")
    arrived = unpack(scripts, model, run_question(model, real_run("copy").question))
    assert arrived.evaluate("run => [run.slots, run.heads.length, run.usedSlots]") == [0, 0, {"first": 0, "count": 0}]
    assert arrived.evaluate("run => headLines(run, 0)") == [
        {"kind": "none", "text": "this machine has no memory to look into"}
    ]
    assert arrived.evaluate("run => linkOf(run, run.steps - 1)") is None


def test_what_was_not_sent_is_not_there(scripts: Page) -> None:
    arrived = arrive(scripts, real_run("copy"))
    for name in ("originalOutputs", "baselineOutputs", "optimal"):
        assert arrived.evaluate("(run, name) => run[name] === undefined", name)


@pytest.mark.parametrize(
    ("task", "delay"), [("copy", 0), ("repeat-copy", 1), ("associative-recall", 1), ("priority-sort", 1)]
)
def test_answers_are_made_of_what_was_read_so_many_steps_before(task: str, delay: int) -> None:
    """What was read for other sequences, given to the layer of the logits, matters just where the delay is 0."""
    model = machine_of(task)
    assert find_read_delay(model, tasks.get(task)) == delay
    sizes = {name: trained[len(trained) // 2] for name, trained in tasks.get(task).sizes.items()}
    batch = tasks.get(task).sample(20, generator=seeded(), **sizes)
    trace = model.trace(batch.inputs, model.initial_state(20))
    seen = model.extension.sense(trace.reads.flatten(2))
    read = seen @ model.cell.output.weight[:, -seen.shape[-1] :].T
    of_others = trace.logits - read + read.roll(1, dims=1)
    turned = ((of_others > 0) != (trace.logits > 0))[batch.mask].float().mean()
    assert turned < 0.01 if delay else turned > 0.2


# Memory.


@pytest.mark.parametrize("task", tasks.names())
def test_memory_is_replayed_as_it_was(scripts: Page, task: str) -> None:
    run = real_run(task)
    memory = run.trace.memory[:, 0].numpy()
    replayed = array_of(arrive(scripts, run), "memory").reshape(memory.shape)
    np.testing.assert_allclose(replayed, memory, atol=2e-3)
    assert np.abs(memory - run.initial_memory.detach().numpy()).max() > 0.5, "and something was written"


# The slots in use.


@pytest.mark.parametrize("task", tasks.names())
def test_all_slots_that_a_head_was_on_are_shown(scripts: Page, task: str) -> None:
    run = real_run(task)
    shown = arrive(scripts, run).evaluate("run => run.usedSlots")
    slots = len(run.initial_memory)
    stretch = {(shown["first"] + place) % slots for place in range(shown["count"])}
    weights = np.concatenate([run.trace.read_weights.flatten(0, 2), run.trace.write_weights.flatten(0, 2)])
    assert set(np.flatnonzero((weights > 0.0201).any(axis=0))) <= stretch


@pytest.mark.parametrize(
    ("used", "shown"),
    [
        (range(10, 41), {"first": 9, "count": 33}),
        ([126, 127, 0, 1, 2], {"first": 125, "count": 16}),
        ([*range(120, 128), *range(20)], {"first": 119, "count": 30}),
        ([64], {"first": 63, "count": 16}),
        (range(0, 128, 2), {"first": 0, "count": 128}),
    ],
)
def test_the_stretch_is_the_shortest_around_the_circle(
    scripts: Page, used: Sequence[int], shown: dict[str, int]
) -> None:
    weights = [0.021 if slot in used else 0.019 for slot in range(128)]
    code = "weights => usedSlots({ slots: 128, writeWeights: weights, readWeights: weights.map(() => 0) })"
    assert scripts.evaluate(code, weights) == shown


def test_a_changed_run_shows_the_original_s_slots_as_long_as_its_heads_are_there(scripts: Page) -> None:
    code = """
    ([slots, slot]) => {
      const weights = Float32Array.from({ length: slots }, (_, other) => +(other === slot));
      const original = { slots, usedSlots: { first: 95, count: 20 }, brightest: 3 };
      const run = { slots, width: 1, memory: new Float32Array(slots), writeWeights: weights, readWeights: weights };
      return (({ usedSlots, brightest }) => [usedSlots.first, usedSlots.count, brightest])(prepareRun(run, original));
    }
    """
    assert scripts.evaluate(code, [100, 98]) == [95, 20, 3]
    assert scripts.evaluate(code, [100, 60]) == [59, 16, 3], "a head has left them"


# Where an answer comes from.


def test_a_slot_was_written_by_the_step_of_which_most_is_left(scripts: Page) -> None:
    run = made_up_run(
        scripts,
        write=[3, 3, 5, 3, 3],
        read=[0, 0, 0, 0, 3],
        adds=[1, 0.8, 9, 0.1, 0],
        erases=[0, 0.5, 1, 0, 0],
    )
    written = [run.evaluate("(run, step) => writtenAt(run, 3, step)", step) for step in range(6)]
    assert written == [None, 0, 1, 1, 1, 1], "half of the first is erased by the second; the last adds little"
    assert run.evaluate("run => writtenAt(run, 7, 5)") is None


def test_what_somebody_replaced_was_written_by_no_step(scripts: Page) -> None:
    run = made_up_run(scripts, write=[3, 3, 5], read=[0, 0, 3], adds=[2, 1, 0])

    def written_when_replaced(step: int, slot: int) -> int | None:
        cell = {"field": "memory", "step": step, "slot": slot, "index": 0}
        return run.evaluate("(run, cell) => writtenAt({ ...run, overrides: [cell] }, 3, 2)", cell)

    assert written_when_replaced(0, 9) == 0, "in another slot"
    assert written_when_replaced(0, 3) == 1, "what came after it stays"
    assert written_when_replaced(1, 3) is None


@pytest.mark.parametrize("delay", [0, 1])
def test_an_answer_goes_back_to_what_was_written_and_that_goes_on_to_the_answer(scripts: Page, delay: int) -> None:
    read = [9, 9, 9, 4, 2] if delay == 0 else [9, 9, 4, 2, 9]
    run = made_up_run(scripts, write=[2, 4, 9, 9, 9], read=read, adds=[1, 1, 0, 0, 0], scored=[3, 4], readDelay=delay)
    links = [run.evaluate("(run, step) => linkOf(run, step)", step) for step in range(5)]
    assert [link and (link["slot"], link["step"]) for link in links] == [(2, 4), (4, 3), None, (4, 1), (2, 0)]


def test_a_head_that_is_nowhere_in_particular_links_nothing(scripts: Page) -> None:
    vague = [0.29, 0.29] + [0.42 / 14] * 14
    run = made_up_run(scripts, write=[vague, 0], read=[0, vague], adds=[1, 0], scored=[1])
    assert run.evaluate("run => [linkOf(run, 0), linkOf(run, 1)]") == [None, None]


def test_an_answer_depends_on_the_slot_that_it_is_said_to_come_from(scripts: Page) -> None:
    run, model = real_run("copy"), machine_of("copy")
    arrived = arrive(scripts, run)

    def change_by_clearing(slot: int, step: int) -> float:
        cell = {"step": step, "field": "memory", "slot": slot % len(run.initial_memory), "value": 0.0}
        cells = [cell | {"index": index} for index in range(run.initial_memory.shape[-1])]
        cleared = intervene(model, run.batch.inputs[: step + 1], cells)
        return (cleared.logits.sigmoid() - run.trace.logits[: step + 1].sigmoid())[step].abs().max().item()

    for step in run.batch.mask[:, 0].nonzero().flatten().tolist():
        slot = arrived.evaluate("(run, step) => linkOf(run, step).slot", step)
        assert change_by_clearing(slot, step) > 0.4
        assert max(change_by_clearing(slot + by, step) for by in (-1, 1)) < 0.05


@pytest.mark.parametrize("task", ["copy", "priority-sort"])
def test_an_answer_comes_from_the_step_that_brought_it(scripts: Page, task: str) -> None:
    run = real_run(task)
    arrived = arrive(scripts, run)
    for step in run.batch.mask[:, 0].nonzero().flatten().tolist():
        due = re.search(r"vector \d+ ", run.captions[step])
        assert due is not None
        source = arrived.evaluate("(run, step) => linkOf(run, step).step", step)
        assert any(due.group() in run.captions[at] for at in (source, source - 1)), f"step {step} from {source}"


# Words.

UNSURE = [0.2] * 3 + [0.4 / 13] * 13


@pytest.mark.parametrize(
    ("before", "now", "share", "words"),
    [
        (None, 0, 0, "stays on slot 0 (100 %)"),
        (None, 1, 0, "moves one slot on, to slot 1 (100 %)"),
        (None, 15, 0, "moves one slot back, to slot 15 (100 %)"),
        (5, 6, 0.24, "moves one slot on, to slot 6 (100 %)"),
        (5, 6, 0.26, "moves one slot on, to slot 6, partly by content (100 %)"),
        (5, 6, 0.49, "moves one slot on, to slot 6, partly by content (100 %)"),
        (5, 2, 0, "moves 3 slots back, to slot 2 (100 %)"),
        (15, 1, 0, "moves 2 slots on, to slot 1 (100 %)"),
        (5, 5, 0, "stays on slot 5 (100 %)"),
        (5, 5, 0.49, "stays on slot 5, found partly by content (100 %)"),
        (5, 5, 0.76, "stays on slot 5, found by content (100 %)"),
        (5, 11, 0.51, "jumps to slot 11 partly by content (100 %)"),
        (5, 11, 0.74, "jumps to slot 11 partly by content (100 %)"),
        (5, 11, 0.76, "jumps to slot 11 by content (100 %)"),
        (UNSURE, 4, 0.9, "finds slot 4 by content (100 %)"),
        (UNSURE, 4, 0.6, "finds slot 4 partly by content (100 %)"),
        (UNSURE, 4, 0.4, "settles on slot 4, partly by content (100 %)"),
        (UNSURE, 4, 0.1, "settles on slot 4 (100 %)"),
        (5, UNSURE, 0.9, "looks at many slots at once, most at slot 0 (20 %)"),
    ],
)
def test_what_a_head_did_is_said(scripts: Page, before: Any, now: Any, share: float, words: str) -> None:
    read = [now] if before is None else [before, now]
    run = made_up_run(scripts, write=[0] * len(read), read=read, shares=[share] * len(read))
    said = run.evaluate("run => headLines(run, run.steps - 1)")
    assert said[1] == {"kind": "read", "text": f"read head {words}"}


def sentence_of(run: Run, step: int, kind: str, index: int) -> str:
    """What is to be said of a head, from the trace by loops over slots: equations 7 and 8, part by part."""
    trace, slots = run.trace, len(run.initial_memory)
    heads = {"read": trace.read_weights.shape[2], "write": trace.write_weights.shape[2]}
    weights = {"read": trace.read_weights, "write": trace.write_weights}[kind][:, 0, index].double().tolist()
    at = index + (heads["read"] if kind == "write" else 0)
    before = weights[step - 1] if step else [1.0] + [0.0] * (slots - 1)
    gate, content = trace.gate[step, 0, at].item(), trace.content_weights[step, 0, at].double().tolist()
    shifts = trace.shift[step, 0, at].tolist()
    reach = len(shifts) // 2
    now, was = (max(range(slots), key=row.__getitem__) for row in (weights[step], before))
    brought = {"content": 0.0, "shift": 0.0}
    for by in range(-reach, reach + 1):
        source = (now - by) % slots
        brought["content"] += shifts[by + reach] * gate * content[source]
        brought["shift"] += shifts[by + reach] * (1 - gate) * before[source]
    mostly = brought["content"] > brought["shift"]
    if brought["content"] > 3 * brought["shift"]:
        how = "by content"
    else:
        how = "partly by content" if 3 * brought["content"] > brought["shift"] else ""
    too = how and f", {how}"
    where = f" ({int(100 * weights[step][now] + 0.5)} %)"
    if weights[step][now] < 0.3:
        return f"looks at many slots at once, most at slot {now}{where}"
    if before[was] < 0.3:
        return (f"finds slot {now} {how}" if mostly else f"settles on slot {now}{too}") + where
    moved = (now - was + slots // 2) % slots - slots // 2
    if moved == 0:
        return f"stays on slot {now}{how and f', found {how}'}{where}"
    if mostly:
        return f"jumps to slot {now} {how}{where}"
    far = "one slot" if abs(moved) == 1 else f"{abs(moved)} slots"
    return f"moves {far} {'on' if moved > 0 else 'back'}, to slot {now}{too}{where}"


@pytest.mark.parametrize("task", tasks.names())
def test_each_sentence_about_a_published_machine_is_true(scripts: Page, task: str) -> None:
    """Recomputed from the trace by another route; sentences on the edge of a threshold or of a rounding may differ."""
    said = right = 0
    for seed in range(6):
        sizes = {name: trained[-1] for name, trained in tasks.get(task).sizes.items()}
        run = run_question(machine_of(task), tasks.get(task).draw_question(seeded(seed), **sizes))
        arrived = arrive(scripts, run)
        lines = arrived.evaluate("run => run.captions.map((_, step) => headLines(run, step))")
        for step, heads in enumerate(lines):
            counted = {"read": 0, "write": 0}
            for line in heads:
                if line["kind"] not in counted:
                    continue
                expected = sentence_of(run, step, line["kind"], counted[line["kind"]])
                counted[line["kind"]] += 1
                said, right = said + 1, right + line["text"].endswith(expected)
    assert said > 300
    assert right >= 0.995 * said


def test_copying_does_not_jump_by_content_while_it_writes(scripts: Page) -> None:
    """Memory is alike everywhere at first, so content says nothing, though the gate is open."""
    run = real_run("copy")
    lines = arrive(scripts, run).evaluate("run => run.captions.map((_, step) => headLines(run, step)[0].text)")
    writing = [line for line, caption in zip(lines, run.captions, strict=True) if "comes in" in caption]
    assert len(writing) > 5
    assert not [line for line in writing if "content" in line]


def test_the_lines_of_the_first_run_are_as_the_tour_tells_them(scripts: Page) -> None:
    """The tour says: each head moves one slot back with every step; the read head waited where the first letter is."""
    run = run_question(machine_of("copy"), example("copy").question)
    arrived = arrive(scripts, run)
    lines = arrived.evaluate("run => run.captions.map((_, step) => headLines(run, step).map(({ text }) => text))")
    assert {write.partition(",")[0] for write, _ in lines[3:41]} == {"write head moves one slot back"}
    assert {read.partition(" (")[0] for _, read in lines[:43]} == {"read head stays on slot 0"}
    assert {read.partition(",")[0] for _, read in lines[43:]} == {"read head moves one slot back"}
    first_answer = int(run.batch.mask[:, 0].nonzero()[0])
    assert arrived.evaluate("(run, step) => linkOf(run, step).slot", first_answer) == 0
    told = files(tour).joinpath("tour.js").read_text("utf-8").lower()
    assert told.count("one slot back") == 2
    assert "one slot further" not in told


def test_a_head_that_somebody_put_on_a_slot_goes_on_from_there(scripts: Page) -> None:
    run = real_run("copy")
    step = len(run.captions) - 3
    slot = (int(run.trace.read_weights[step, 0, 0].argmax()) + 50) % 128
    override = {"step": step, "field": "weighting", "head": 0, "slot": slot}
    moved = replace(run, trace=intervene(machine_of("copy"), run.batch.inputs, [override]))
    code = "(run, [override, step]) => headLines({ ...run, overrides: [override] }, step)[1].text"
    lines = [arrive(scripts, moved).evaluate(code, [override, at]) for at in (step, step + 1)]
    assert lines[0] == f"read head is on slot {slot}, where you put it"
    assert lines[1].startswith(f"read head moves one slot back, to slot {(slot - 1) % 128} (")


def test_the_register_is_said_where_there_is_one(scripts: Page) -> None:
    fields: dict[str, Any] = {"write": [0, 2, 5], "read": [0, 0, 0], "adds": [0.5, -3.04, 1]}
    run = made_up_run(scripts, **fields, register=True)
    lines = [run.evaluate("(run, step) => headLines(run, step)[2]", step) for step in range(2)]
    assert lines == [
        {"kind": "register", "text": "the register holds 0.5"},
        {"kind": "register", "text": "the register holds -2.5"},
    ]
    assert len(made_up_run(scripts, **fields).evaluate("run => headLines(run, 0)")) == 2


def test_steps_are_counted_from_one(scripts: Page) -> None:
    run = made_up_run(scripts, write=[0, 0], read=[0, 0], captions=["it comes in", "what will it be?"])
    said = [run.evaluate("(run, step) => stepWords(run, step)", step) for step in range(2)]
    assert said == ["Step 1 of 2: it comes in.", "Step 2 of 2: what will it be?"]


@pytest.mark.parametrize(
    ("delay", "bit", "words"),
    [
        (0, "null", "What comes out here is read from slot 3, which was written in step 1."),
        (1, "2", "Bit 3 of what comes out here was read one step before from slot 3, which was written in step 1."),
    ],
)
def test_a_link_is_said_from_both_its_ends(scripts: Page, delay: int, bit: str, words: str) -> None:
    run = made_up_run(scripts, write=[3, 0, 0], read=[0, 3, 3], adds=[1, 0, 0], scored=[2], readDelay=delay)
    assert run.evaluate(f"run => linkWords(run, 2, linkOf(run, 2), {bit})") == words
    assert run.evaluate(f"run => linkWords(run, 0, linkOf(run, 0), {bit})") == (
        "What is written to slot 3 comes out in step 3."
    )


def test_what_is_under_the_pointer_is_said(scripts: Page) -> None:
    run = made_up_run(scripts, write=[3, 0], read=[0, 3], adds=[1.5, 0], scored=[1])
    assert (
        run.evaluate("run => slotWords(run, 0, 3, 0)") == "slot 3, column 1: 1.500\nwrite head 1.000\nread head 0.000"
    )
    assert run.evaluate("run => slotWords(run, 1, 3, null)") == "slot 3\nwrite head 0.000\nread head 1.000"
    assert run.evaluate("run => weightWords(run, 'read', 1, 3)") == "step 2, slot 3: 1.000"
    assert run.evaluate("run => cellWords(run, 'input', undefined, 0, 0)") == "step 1, input 1: 0.00"
    assert run.evaluate("run => cellWords(run, 'output', run.outputs, 0, 0)") == "step 1, nothing is due"
    assert run.evaluate("run => cellWords(run, 'LSTM', [0.25, 0.75], 1, 0)") == (
        "step 2, bit 1: 0 is due, the LSTM's probability of 1 is 0.750"
    )


def test_a_bit_is_wrong_where_it_was_due_and_came_out_otherwise(scripts: Page) -> None:
    run = made_up_run(scripts, write=[0, 0], read=[0, 0], scored=[1])
    wrong = run.evaluate("run => [0, 1].map((step) => isWrong(run, [0.9, 0.9], step, 0))")
    assert wrong == [False, True]
    assert run.evaluate("run => isWrong(run, [0.9, 0.1], 1, 0)") is False
    assert run.evaluate("run => isWrong({ ...run, certain: false }, [0.9, 0.9], 1, 0)") is False
