"""What the visitor asks with: the words, sizes and fields of each task, and what they are for a question."""

from typing import Any, NamedTuple

import gradio as gr

from ntm import tasks
from ntm.tasks import InputError, Question, Task
from ntm.tasks.text import format_bits, parse_word
from ntm.ui.links import Link
from ntm.ui.machines import Machines, updates_kept

WORD, BITS = "Word", "Bits"
_WORD_HINT = "Each character is a vector of 8 bits or more."
_SLOTS = (128, 256, 512, 1024, 2048)


class Example(NamedTuple):
    """A question to begin a task with."""

    kind: str
    """how it is written, `WORD` or `BITS`"""
    typed: str
    question: Question


def example(name: str) -> Example:
    """The word that the task's form has, or else a random question of the largest sizes of training."""
    task = tasks.get(name)
    if task.form.word is not None:
        return Example(WORD, task.form.word, Question(name, format_bits(parse_word(task.form.word))))
    sizes = {size: choices[-1] for size, choices in task.sizes.items()}
    question = task.draw_question(None, **sizes | _first_number(task))
    return Example(BITS, question.text, question)


def _first_number(task: Task) -> dict[str, int]:
    """The size that is the form's number, where it is one, as the page begins with it."""
    number = task.form.number
    return {number.name: number.first} if number is not None and number.name in task.sizes else {}


def as_word(task: str, kind: str) -> bool:
    """Whether what is typed is a word."""
    return kind == WORD and tasks.get(task).form.word is not None


def read_typed(task: str, kind: str, typed: str) -> str:
    """What is typed in the task's form.

    Raises:
        InputError: if it is a word that cannot be asked.
    """
    return format_bits(parse_word(typed)) if as_word(task, kind) else typed


# What each control is for a task: the arguments of a component, on the page at first and of every update.


def task_choice(task: str) -> dict[str, Any]:
    """The choice of the task."""
    return {"value": task, "info": tasks.get(task).tells}


def kind_choice(task: str, kind: str) -> dict[str, Any]:
    """The choice of how the input is written."""
    return {"value": kind, "visible": tasks.get(task).form.word is not None}


def typed_field(task: str, kind: str, typed: str) -> dict[str, Any]:
    """The input as text."""
    return {"value": typed, "info": _hint(task, kind), "lines": 1}


def _hint(task: str, kind: str) -> str:
    return _WORD_HINT if as_word(task, kind) else tasks.get(task).form.hint


def number_field(name: str, value: float | None) -> dict[str, Any]:
    """The number that a question has besides its text."""
    task = tasks.get(name)
    number = task.form.number
    if number is None:
        return {"value": value, "label": None, "visible": False}
    trained = f" {_trained(task.sizes[number.name])}" if number.name in task.sizes else ""
    return {"value": value, "label": number.label + trained, "visible": True}


def size_slider(question: Question) -> dict[str, Any]:
    """How many rows, items or bits a question has. Another number draws as many."""
    task = tasks.get(question.task)
    offered, trained = task.form.sizes, next(iter(task.sizes.values()))
    label = f"How many {task.form.noun} {_trained(trained)}"
    return {"minimum": offered[0], "maximum": offered[-1], "value": size_of(question), "label": label}


def size_of(question: Question) -> int:
    """How many rows, items or bits a question has."""
    return tasks.ask(question).sizes[next(iter(tasks.get(question.task).sizes))]


def _trained(sizes: range) -> str:
    return f"(trained {'on' if len(sizes) == 1 else 'up to'} {sizes[-1]})"


def slots_choice(machines: Machines, task: str) -> dict[str, Any]:
    """The choice of how much memory to run with; at first as much as the page's own machine has."""
    own = machines.get(task, None).model.config.get("memory_slots", _SLOTS[0])
    choices = [(f"{own:,}, its own", own), *((f"{each:,}", each) for each in _SLOTS if each != own)]
    return {"choices": choices, "value": own, "label": "Memory slots", "info": "The weights stay the same."}


def learned_choice(task: str) -> dict[str, Any]:
    """The slider over the snapshots; its last place is the finished machine."""
    kept = updates_kept(task)
    span = f"from update {kept[0]:,} to {kept[-1]:,}, then finished" if kept else ""
    return {
        "minimum": 0,
        "maximum": max(1, len(kept)),
        "value": max(1, len(kept)),
        "step": 1,
        "label": "Watch it learn: drag back through its training",
        "info": span,
        "visible": bool(kept),
    }


# Updates of several controls at once.


def show(machines: Machines, shown: Link, kind: str = BITS, typed: str | None = None) -> dict[str, Any]:
    """Updates by name: of the task, how it is written, the text, the number, the size, the slots and the snapshot for a
    question."""
    question = shown.question
    task = question.task
    slots, learned = slots_choice(machines, task), learned_choice(task)
    if shown.slots is not None:
        slots |= {"value": shown.slots}
    if shown.update is not None:
        learned |= {"value": updates_kept(task).index(shown.update)}
    return {
        "task": gr.Radio(**task_choice(task)),
        "kind": gr.Radio(**kind_choice(task, kind)),
        "typed": gr.Textbox(**typed_field(task, kind, question.text if typed is None else typed)),
        "number": gr.Number(**number_field(task, question.number)),
        "size": gr.Slider(**size_slider(question)),
        "slots": gr.Dropdown(**slots),
        "learned": gr.Slider(**learned),
    }


def show_link(machines: Machines, link: Link) -> dict[str, Any]:
    """The same for what a link asks, written as it was typed."""
    return show(machines, link) if link.word is None else show(machines, link, WORD, link.word)


def show_example(machines: Machines, task: str) -> dict[str, Any]:
    """The same for an example to begin a task with."""
    begun = example(task)
    return show(machines, Link(begun.question), begun.kind, begun.typed)


def surprise(name: str, size: int, number: float | None) -> dict[str, Any]:
    """How the input is written, the text and the number of a random question."""
    task = tasks.get(name)
    sizes = {**_first_number(task), next(iter(task.sizes)): size}
    asked = task.form.number
    if asked is not None and number is not None and number in task.offered.get(asked.name, ()):
        sizes[asked.name] = int(number)
    try:
        question = task.draw_question(None, **sizes)
    except InputError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return {"kind": BITS, "typed": gr.Textbox(**typed_field(name, BITS, question.text)), "number": question.number}


def change_hint(task: str, kind: str) -> gr.Textbox:
    """Say how the input is written. The text itself is rewritten in the browser, at once."""
    return gr.Textbox(info=_hint(task, kind))
