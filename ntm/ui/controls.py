"""What the visitor asks with: the words, sizes and fields of each task, and what they are for a question."""

from typing import Any

import gradio as gr
from torch import Tensor

from ntm import tasks
from ntm.ui import questions, text
from ntm.ui.links import Link
from ntm.ui.machines import Machines, updates_kept
from ntm.ui.questions import Question

WORD, BITS = "Word", "Bits"
FIRST_WORD = "Turing machine"
WORD_HINT = "Each character becomes one vector of 8 bits."
TITLES = {
    "copy": "Copy",
    "repeat-copy": "Repeat copy",
    "associative-recall": "Recall",
    "dynamic-ngrams": "Predict",
    "priority-sort": "Sort",
}
TELLS = {
    "copy": "It sees vectors one after another, then says them again from memory.",
    "repeat-copy": "It sees vectors and a number, says the vectors that often, and then has to stop.",
    "associative-recall": "It sees a list of items, then one of them again, and says the item that came after it.",
    "dynamic-ngrams": "It sees a stream of bits and says how likely the next is a 1, going by what came after the same "
    "five bits before.",
    "priority-sort": "It sees vectors, each with a priority, and says all but the lowest four, highest priority first.",
}
_HINTS = {
    "copy": "One vector of 8 bits a line, up to 250 lines.",
    "repeat-copy": "One vector of 8 bits a line.",
    "associative-recall": "An item is three lines of 6 bits; an empty line comes between items.",
    "dynamic-ngrams": "6 to 500 bits.",
    "priority-sort": "8 bits and a priority from -1 to 1 a line, 5 to 60 lines.",
}
_NUMBERS = {"repeats": "How often to say it (trained up to 10)", "query": "The item to ask about"}
_SIZES = {"length": "vectors", "items": "items"}
_FIRST_REPEATS = 4
_SLOTS = (128, 256, 512, 1024, 2048)
_LINES = 5


def size_label(task: str) -> str:
    """What the slider beside "Surprise me" chooses."""
    name, trained = next(iter(tasks.get(task).sizes.items()))
    noun = "bits" if task == "dynamic-ngrams" else _SIZES[name]
    return f"How many {noun} (trained {'on' if len(trained) == 1 else 'up to'} {trained[-1]})"


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


def field(task: str, kind: str, typed: str) -> gr.Textbox:
    """The input as text."""
    as_word = task == "copy" and kind == WORD
    return gr.Textbox(typed, info=WORD_HINT if as_word else _HINTS[task], lines=1 if as_word else _LINES)


def show(machines: Machines, shown: Link, kind: str = BITS) -> dict[str, Any]:
    """Updates by name: of the task, how it is written, the text, the number, the size, the slots and the snapshot for a
    question."""
    question = shown.question
    task, meaning = question.task, questions.number_of(question.task)
    slots, learned = slots_choice(machines, task), learned_choice(task)
    if shown.slots is not None:
        slots |= {"value": shown.slots}
    if shown.update is not None:
        learned |= {"value": updates_kept(task).index(shown.update)}
    offered = next(iter(questions.limits(task).values()))
    return {
        "task": gr.Radio(value=task, info=TELLS[task]),
        "kind": gr.Radio(value=kind, visible=task == "copy"),
        "typed": field(task, kind, question.text),
        "number": gr.Number(question.number, label=_NUMBERS.get(meaning or ""), visible=meaning is not None),
        "size": gr.Slider(
            offered[0], offered[-1], next(iter(tasks.get(task).sizes.values()))[-1], label=size_label(task)
        ),
        "slots": gr.Dropdown(**slots),
        "learned": gr.Slider(**learned),
    }


def show_example(machines: Machines, task: str) -> dict[str, Any]:
    """The same for an example to begin a task with."""
    if task == "copy":
        return show(machines, Link(Question(task, FIRST_WORD)), WORD)
    sizes = {name: choices[-1] for name, choices in tasks.get(task).sizes.items()}
    sizes |= {"repeats": _FIRST_REPEATS} if "repeats" in sizes else {}
    return show(machines, Link(questions.draw(task, **sizes)))


def surprise(task: str, size: int, number: float | None) -> dict[str, Any]:
    """How the input is written, the text and the number of a random question."""
    sizes: dict[str, int] = {next(iter(questions.limits(task))): size}
    if questions.number_of(task) == "repeats":
        allowed = number in questions.limits(task)["repeats"]
        sizes["repeats"] = int(number) if number is not None and allowed else _FIRST_REPEATS
    try:
        question = questions.draw(task, **sizes)
    except text.InputError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return {"kind": BITS, "typed": field(task, BITS, question.text), "number": question.number}


def change_kind(kind: str, typed: str) -> gr.Textbox:
    """Show the same vectors the other way, where they can be shown so."""
    write, read = (text.format_bits, text.parse_word) if kind == BITS else (text.format_word, _read_bits)
    try:
        vectors = read(typed)
        written = write(vectors)
        if (text.parse_word if kind == WORD else _read_bits)(written).equal(vectors):
            typed = written
    except text.InputError:
        pass
    return field("copy", kind, typed)


def _read_bits(typed: str) -> Tensor:
    asked = questions.read(Question("copy", typed))
    return asked.batch.targets[:, 0][asked.batch.mask[:, 0]]
