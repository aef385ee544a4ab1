"""Two panels that place the run on show: among the sizes that machines were judged on, and in a training."""

import json
import math
from collections.abc import Callable, Mapping
from functools import cache
from statistics import fmean
from typing import Any, NamedTuple, get_args

import gradio as gr

from ntm import tasks
from ntm.machine.models import MODELS
from ntm.reports import tables
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.tasks import Architecture, Question
from ntm.ui.links import Link
from ntm.ui.machines import updates_kept
from ntm.ui.panels.charts import Mark, Series, draw_chart
from ntm.ui.panels.panel import QUIET, Panel
from ntm.ui.run import Run

_POINTS = 160
_SECONDS_A_SNAPSHOT = 1.2
_PLAY, _STOP = "Play its training", "Stop"


def add_generalisation(first: Run) -> Panel:
    """How far machines get beyond the sizes that they were trained on, with a dot where the visitor is."""
    with gr.Accordion("How far it gets: error against size", open=False):
        charts = gr.HTML(draw_generalisation(first), elem_id="generalisation")
    return Panel([charts], lambda _, run: [draw_generalisation(run)])


def draw_generalisation(run: Run) -> str:
    """The published machine and the LSTM on ever larger inputs, a chart for each kind of size; HTML."""
    task = tasks.get(run.question.task)
    charts = []
    for name, trained in task.sizes.items():
        others = {other: sizes[-1] for other, sizes in task.sizes.items() if other != name}
        lines = [_scores(task.name, architecture, name, others) for architecture in get_args(Architecture)]
        here = ", ".join(["this run", *(f"{other} {run.sizes[other]}" for other in others)])
        charts.append(
            draw_chart(
                [line for line in lines if line.points],
                x_label=", ".join([name, *(f"{other} {size}" for other, size in others.items())]),
                y_label=f"{task.excess_name} a sequence",
                shaded=(trained[0], trained[-1]),
                powers_of_x=True,
                mark=Mark(run.sizes[name], run.error - (run.optimal_error or 0), here),
            )
        )
    return f'<div class="charts">{"".join(charts)}</div>'


def _scores(task: str, architecture: Architecture, name: str, others: dict[str, int]) -> Series:
    """A model's errors where the other sizes are these; of several numbers of slots the fewest errors."""
    found: dict[int, float] = {}
    for score in _read(f"{architecture}-{task}", "evaluation.json").get("scores", []):
        if others.items() <= score["sizes"].items():
            size = score["sizes"][name]
            found[size] = min(tables.excess(score), found.get(size, math.inf))
    return Series(MODELS[architecture].label, sorted(found.items()), architecture)


class Learning(NamedTuple):
    """What is on the page about a machine's training."""

    slider: gr.Slider
    panel: Panel
    play: Callable[[dict[str, Any]], None]
    """has its button play through the snapshots, given the event that runs what is on the page"""


def add_learning(choice: Mapping[str, Any], first: Run) -> Learning:
    """A slider over the snapshots, a button that plays through them, and the learning curve with a mark on it.

    Args:
        choice: the slider's arguments; its last place is the finished machine.
        first: the run on show at first.
    """
    with gr.Row(equal_height=True):
        slider = gr.Slider(**choice, scale=4, min_width=260, elem_id="learned")
        button = gr.Button(_PLAY, size="md", scale=1, min_width=150, elem_id="play-training")
    timer = gr.Timer(_SECONDS_A_SNAPSHOT, active=False)
    with gr.Accordion("Its learning curve", open=False):
        curve = gr.HTML(draw_learning(first.question, None), elem_id="curve")
    task = gr.State(first.question.task)

    def turn(name: str, place: int, says: str) -> tuple[Any, ...]:
        if says == _STOP:
            return gr.Timer(active=False), gr.Button(_PLAY), gr.skip()
        return gr.Timer(active=True), gr.Button(_STOP), 0 if place >= len(updates_kept(name)) else gr.skip()

    def go_on(name: str, place: int) -> tuple[Any, ...]:
        last = len(updates_kept(name))
        if place + 1 >= last:
            return last, gr.Timer(active=False), gr.Button(_PLAY)
        return place + 1, gr.skip(), gr.skip()

    def play(run: dict[str, Any]) -> None:
        button.click(turn, [task, slider, button], [timer, button, slider], **QUIET).then(**run)
        timer.tick(go_on, [task, slider], [slider, timer, button], **QUIET).then(**run)

    def refresh(shown: Link, run: Run) -> list[Any]:
        return [draw_learning(run.question, shown.update), run.question.task]

    return Learning(slider, Panel([curve, task], refresh), play)


def draw_learning(question: Question, update: int | None) -> str:
    """The error along the training of the page's own machine for a task, marked where it is shown; HTML."""
    curve = [(each["update"], each["error"]) for each in _read(f"ntm-{question.task}", "training.json")["curve"]]
    size = -(-len(curve) // _POINTS)
    groups = [curve[first : first + size] for first in range(0, len(curve), size)]
    points = [(group[-1][0], fmean(error for _, error in group)) for group in groups]
    at = points[-1][0] if update is None else update
    height = min(points, key=lambda point: abs(point[0] - at))[1]
    name = "the finished machine" if update is None else f"after update {update:,}"
    return draw_chart(
        [Series("error on the sequences that it was training on", points, "ntm", dots=False)],
        x_label="updates",
        y_label=f"{tasks.get(question.task).error_name} a sequence",
        mark=Mark(at, height, name),
    )


@cache
def _read(model: str, name: str) -> dict[str, Any]:
    path = CHECKPOINTS / model / name
    return json.loads(path.read_text("utf-8")) if path.exists() else {}
