"""What the visitor asks with: the controls on the page, what they ask together, and how one changes others."""

from collections.abc import Mapping
from functools import partial
from typing import Any, NamedTuple

import gradio as gr
from gradio.blocks import Block

from ntm import tasks
from ntm.tasks import InputError, Question
from ntm.ui import controls, grid, links, tape, tour
from ntm.ui.controls import BITS, WORD, Example
from ntm.ui.events import QUIET, alert
from ntm.ui.links import Link
from ntm.ui.machines import Machines, updates_kept
from ntm.ui.outcome import Outcome, ask


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


def add_tasks(machines: Machines) -> gr.Radio:
    """The choice of the task, at first the first one."""
    choices = [(tasks.get(name).title, name) for name in machines.tasks]
    first = controls.task_choice(machines.tasks[0])
    return gr.Radio(choices, label="What it learned to do", elem_id="task", container=False, **first)


def add_fields(machines: Machines, example: Example, first: Outcome) -> dict[str, Any]:
    """The controls beside the machine, in the order in which they stand.

    Args:
        machines: those of the page.
        example: the question that the page begins with.
        first: what came of it.
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
        "problem": gr.HTML(visible=False, elem_id="problem"),
        "bits": grid.make_grid(value=grid.encode(first.model, first.run), elem_id="grid"),
    }


def ask_as_typed(
    machines: Machines,
    key: str | None,
    task: str,
    kind: str,
    typed: str,
    number: float | None,
    slots: int,
    learned: int,
) -> Outcome:
    """Ask what the controls ask.

    Raises:
        InputError: if it cannot be asked.
        CheckpointError: if the machine cannot be had.
    """
    bits = controls.read_typed(task, kind, typed)
    kept = updates_kept(task)
    update = kept[learned] if learned < len(kept) else None
    question = Question(task, bits, number if tasks.get(task).form.number else None)
    return ask(machines, Link(question, slots, update), key, as_word=controls.as_word(task, kind))


def follow_edits(asking: Controls, run: dict[str, Any]) -> None:
    """Have runs follow edits: the last edit always arrives, and none waits for another visitor's."""
    kind, typed, number, bits = asking.kind, asking.typed, asking.number, asking.bits
    # Of a text `change`, for `input` is not told of a paste, or of the grid.
    edits = [typed.change, number.input, asking.slots.input, asking.learned.input]
    gr.on(edits, **run, queue=False, trigger_mode="always_last")
    typed.submit(**run)
    bits.input(None, bits, [kind, typed, number], js=grid.WRITE_BACK, **QUIET)
    bits.ask(None, bits, number, js=grid.WRITE_NUMBER, **QUIET).then(**run)


def show_questions(
    machines: Machines, asking: Controls, run: dict[str, Any], tour_button: gr.Button, page: gr.Blocks
) -> None:
    """Have the controls show an example of a task, a random question, the question of a link, and that of the tour."""
    task, kind, typed, number = asking.task, asking.kind, asking.typed, asking.number
    chosen = [task, kind, typed, number, asking.size, asking.slots, asking.learned]

    def place(updates: Mapping[str, Any]) -> dict[Block, Any]:
        return {getattr(asking, name): update for name, update in updates.items()}

    def show_example(task: str) -> dict[Block, Any]:
        return place(controls.show_example(machines, task))

    def surprise(task: str, size: int, number: float | None) -> dict[Block, Any]:
        return place(controls.surprise(task, size, number))

    def open_link(request: gr.Request) -> dict[Block, Any]:
        try:
            link = _read_link(machines, request.query_params)
        except InputError as error:
            return {asking.problem: gr.HTML(alert(error), visible=True)}
        return gr.skip() if link is None else place(controls.show(machines, link))

    drawn = [asking.surprise.click, asking.size.input]
    gr.on(drawn, surprise, [task, asking.size, number], [kind, typed, number], trigger_mode="always_last", **QUIET)
    kind.input(controls.change_kind, [task, kind, typed], typed, **QUIET)
    task.input(show_example, task, chosen, **QUIET)
    begun = tour_button.click(partial(show_example, machines.tasks[0]), None, chosen, js=tour.START, **QUIET)
    begun.then(**run)
    # The input that a link brings changes the text, and that runs it.
    page.load(open_link, None, [*chosen, asking.problem], **QUIET).then(None, js=tape.GO_TO_STEP_OF_ADDRESS)


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
