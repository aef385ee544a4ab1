"""What the visitor asks with: the controls on the page, what they ask together, and how one changes others."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import gradio as gr
from gradio.blocks import Block

from ntm import tasks
from ntm.tasks import InputError
from ntm.ui import browser, controls, experiments, grid, links, tour
from ntm.ui.controls import BITS, WORD, Example
from ntm.ui.events import QUIET
from ntm.ui.links import Link
from ntm.ui.machines import Machines, updates_kept
from ntm.ui.problem import make_problem


class Controls(NamedTuple):
    """What the visitor asks with."""

    task: gr.Radio
    kind: gr.Radio
    typed: gr.Textbox
    problem: gr.HTML
    """why it cannot be asked"""
    bits: gr.HTML
    """the grid, which changes `typed` and `number`"""
    number: gr.Number
    size: gr.Slider
    surprise: gr.Button
    slots: gr.Dropdown
    learned: gr.Slider
    machine: gr.JSON
    """what the browser is told of the visitor's own machine"""


def add_tasks(machines: Machines) -> gr.Radio:
    """The choice of the task, at first the first one."""
    choices = [(tasks.get(name).title, name) for name in machines.tasks]
    first = controls.task_choice(machines.tasks[0])
    return gr.Radio(choices, label="What it learned to do", elem_id="task", container=False, **first)


def add_fields(machines: Machines, example: Example) -> dict[str, Any]:
    """The controls beside the machine, in the order in which they stand.

    Args:
        machines: those of the page.
        example: the question that the page begins with.
    """
    task = example.question.task
    field = controls.typed_field(task, example.kind, example.typed)
    return {
        "kind": gr.Radio([WORD, BITS], label="Write it as", elem_id="kind", **controls.kind_choice(task, example.kind)),
        "typed": gr.Textbox(label="Input", max_lines=2, elem_id="typed", **field),
        "number": gr.Number(elem_id="number", **controls.number_field(task, example.question.number)),
        "size": gr.Slider(step=1, buttons=[], elem_id="size", **controls.size_slider(example.question)),
        "surprise": gr.Button("Surprise me", size="md", elem_id="surprise"),
        "slots": gr.Dropdown(elem_id="slots", **controls.slots_choice(machines, task)),
        "machine": gr.JSON(visible=False),
        "problem": make_problem(),
        "bits": grid.make_grid(elem_id="grid"),
    }


def follow_edits(asking: Controls, ask: dict[str, Any]) -> None:
    """Have runs follow edits, in the browser."""
    kind, typed, number, bits = asking.kind, asking.typed, asking.number, asking.bits
    # Of a text `change`, for `input` is not told of a paste, or of the grid.
    gr.on([typed.change, number.input, asking.slots.input, asking.learned.input], **ask)
    bits.input(None, bits, [kind, typed, number], js=grid.WRITE_BACK, **QUIET)
    bits.ask(None, bits, number, js=grid.WRITE_NUMBER, **QUIET).then(**ask)


def show_questions(
    machines: Machines,
    asking: Controls,
    ask: dict[str, Any],
    *,
    tour_button: gr.Button,
    experiment: gr.HTML,
    page: gr.Blocks,
) -> None:
    """Have the controls show an example of a task, a random question, and those of a link, the tour and experiments."""
    task, kind, typed, number = asking.task, asking.kind, asking.typed, asking.number
    chosen = [task, kind, typed, number, asking.size, asking.slots, asking.learned]

    def place(updates: Mapping[str, Any]) -> dict[Block, Any]:
        return {getattr(asking, name): update for name, update in updates.items()}

    def show_example(task: str) -> dict[Block, Any]:
        return place(controls.show_example(machines, task))

    def surprise(task: str, size: int, number: float | None) -> dict[Block, Any]:
        return place(controls.surprise(task, size, number))

    def open_link(request: gr.Request) -> dict[Block, Any]:
        if (alone := links.task_alone(request.query_params)) in machines.tasks:
            return show_example(str(alone))
        try:
            link = _read_link(machines, request.query_params)
        except InputError as error:
            return {refused: str(error)}
        return gr.skip() if link is None else place(controls.show_link(machines, link))

    def show_link(event: gr.EventData) -> dict[Block, Any]:
        link = _read_link(machines, dict(parse_qsl(str(event.query), keep_blank_values=True)))
        return gr.skip() if link is None else place(controls.show_link(machines, link))

    anew = {**ask, "js": browser.ASK_ANEW}
    drawn = [asking.surprise.click, asking.size.input]
    surprised = gr.on(
        drawn, surprise, [task, asking.size, number], [kind, typed, number], trigger_mode="always_last", **QUIET
    )
    kind.input(controls.change_hint, [task, kind], typed, **QUIET)
    kind.input(None, [task, kind, typed, number], typed, js=browser.REWRITE, **QUIET).then(**ask)
    chose = task.input(show_example, task, chosen, **QUIET)
    begun = tour_button.click(partial(show_example, machines.tasks[0]), None, chosen, **QUIET)
    for shown in (surprised, chose):
        shown.then(**anew)
    begun.then(**anew).then(None, js=tour.START)
    experiment.choose(show_link, None, chosen, **QUIET).then(**ask).then(None, js=experiments.SHOWN)
    refused = gr.Textbox(visible=False)
    opened = page.load(open_link, None, [*chosen, refused], **QUIET)
    opened.then(**{**ask, "inputs": [*ask["inputs"], refused], "js": browser.ASK_LINK})


def _read_link(machines: Machines, parameters: Mapping[str, str]) -> Link | None:
    """The link that the page was opened with, if there is one.

    Raises:
        InputError: if it asks for what this page does not have.
    """
    link = links.read(parameters)
    if link is None:
        return None
    task = link.question.task
    if task not in machines.tasks:
        raise InputError(f"There is no machine for “{tasks.get(task).title}” here.")
    offered = [slots for _, slots in controls.slots_choice(machines, task)["choices"]]
    if link.slots not in (None, *offered):
        raise InputError(f"The link asks for {link.slots:,} memory slots, which this page does not offer.")
    if link.update not in (None, *updates_kept(task)):
        raise InputError(f"The link asks for update {link.update:,}, of which there is no snapshot.")
    return link
