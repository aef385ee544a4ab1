"""The trainer: a machine of the visitor's choosing starts from noise and learns in the browser.

What can be chosen are components of Gradio's. Their values go to a component of our own, and not to the server: it has
each machine trained by a worker and shows how it goes.
"""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr

from ntm import tasks
from ntm.ui.browser.serve import scripts_address
from ntm.ui.component import make_component
from ntm.ui.events import QUIET

FIRST: dict[str, Any] = {
    "task": "copy",
    "largest_size": 8,
    "controller": "lstm",
    "controller_size": 64,
    "memory_slots": 16,
    "memory_width": 12,
    "memory_init": "random",
    "read_heads": 1,
    "write_heads": 1,
    "shift_range": 1,
    "learning_rate": 3e-3,
    "batch_size": 32,
    "seed": 1,
}
"""The settings that learn fastest, by the names that settings.js tells of."""


class _Preset(NamedTuple):
    name: str
    tells: str
    changes: dict[str, Any]
    """how its settings differ from `FIRST`"""


PRESETS = (
    _Preset(
        "Fast learner",
        "Its memory is random at first, and it learns to copy up to 8 vectors within about 1,200 updates.",
        {},
    ),
    _Preset(
        "Feedforward controller",
        "This controller remembers nothing from one step to the next. All that it needs later has to go into memory.",
        {"controller": "feedforward"},
    ),
    _Preset(
        "Memory the same everywhere",
        "All slots are alike at first, so only shifts lead from one to another. It takes half as long again.",
        {"memory_init": "constant"},
    ),
    _Preset(
        "Without shifts",
        "All slots are alike at first, and no head can move on to the next one. What can it still learn, and what not?",
        {"memory_init": "constant", "shift_range": 0},
    ),
    _Preset(
        "Up to 20 vectors",
        "The paper's task. Each update takes four times as long, and what it has learned carries further.",
        {"largest_size": 20, "controller_size": 100, "memory_slots": 32, "memory_width": 20},
    ),
)


def add_trainer(names: Sequence[str]) -> None:
    """Presets, every setting, and what comes of them.

    Args:
        names: the tasks of the page.
    """
    trainable = [name for name in names if _can_be_drawn(name)]
    preset = gr.Radio(
        [each.name for each in PRESETS], value=PRESETS[0].name, label="Start from noise", elem_id="preset"
    )
    note = gr.HTML(PRESETS[0].tells, elem_id="preset-note")
    with gr.Accordion("Every setting", open=False):
        fields = _add_fields(trainable)
    with gr.Row():
        train = gr.Button("Train", variant="primary", elem_id="train")
        beside = gr.Button("Train a second one beside it", elem_id="train-beside")
    trainer = make_component(__name__, value=json.dumps({"scripts": scripts_address()}), elem_id="trainer")
    chosen = {each.name: [each.tells, *(FIRST | each.changes).values()] for each in PRESETS}
    preset.input(None, preset, [note, *fields], js=f"(name) => ({json.dumps(chosen)})[name]", **QUIET)
    for button, kind in ((train, "first"), (beside, "second")):
        button.click(None, fields, trainer, js=_TRAIN % (json.dumps(list(FIRST)), json.dumps(kind)), **QUIET)


_TRAIN = """
(...values) => {
  const settings = Object.fromEntries(%s.map((name, index) => [name, values[index]]));
  return JSON.stringify({ kind: %s, settings, at: Date.now() });
}
"""
"""From the fields to what the trainer is to do; the time makes it differ from what was asked before."""


def _can_be_drawn(name: str) -> bool:
    """Whether the browser can draw a task's sequences, and its answers are right or wrong rather than likely."""
    layout = tasks.get(name).layout
    return layout is not None and layout.context is None


def _add_fields(names: Sequence[str]) -> list[gr.components.Component]:
    """A component for every setting, in the order of `FIRST`."""
    schemes = [("the same everywhere", "constant"), ("learned", "learned"), ("random, drawn anew each time", "random")]
    controllers = [("LSTM", "lstm"), ("feedforward", "feedforward")]
    titles = [(tasks.get(name).title, name) for name in names]
    with gr.Row():
        task = gr.Dropdown(titles, value=FIRST["task"], label="Task", min_width=150)
        largest = _number("largest_size", "Largest size in training")
        rate = gr.Number(FIRST["learning_rate"], label="Learning rate", min_width=150)
        batch = _number("batch_size", "Sequences an update")
        seed = _number("seed", "Seed")
    with gr.Row():
        controller = gr.Dropdown(controllers, value=FIRST["controller"], label="Controller", min_width=150)
        units = _number("controller_size", "Its units")
        slots = _number("memory_slots", "Slots")
        width = _number("memory_width", "Width of a slot")
        scheme = gr.Dropdown(schemes, value=FIRST["memory_init"], label="Memory at first", min_width=150)
    with gr.Row():
        reads = _number("read_heads", "Read heads")
        writes = _number("write_heads", "Write heads")
        shift = _number("shift_range", "Shifts by up to")
    return [task, largest, controller, units, slots, width, scheme, reads, writes, shift, rate, batch, seed]


def _number(name: str, label: str) -> gr.Number:
    return gr.Number(FIRST[name], label=label, precision=0, min_width=110)
