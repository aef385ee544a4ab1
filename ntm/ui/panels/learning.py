"""The panel that shows a machine as it was in its training, and where that is on the learning curve."""

from collections.abc import Callable, Mapping
from statistics import fmean
from typing import Any, NamedTuple

import gradio as gr
from gradio.blocks import Block

from ntm import tasks
from ntm.ui.events import QUIET
from ntm.ui.links import Link
from ntm.ui.machines import read_record, updates_kept
from ntm.ui.panels.charts import Mark, Series, draw_chart
from ntm.ui.watching import make_watch, read

_POINTS = 160
_SECONDS_A_SNAPSHOT = 1.2
_PLAY, _STOP = "Play its training", "Stop"


class Learning(NamedTuple):
    """What is on the page about a machine's training."""

    slider: gr.Slider
    play: Callable[[dict[str, Any]], None]
    """has its button play through the snapshots, given the event that asks what is on the page"""


def add_learning(choice: Mapping[str, Any], task: gr.Radio) -> Learning:
    """A slider over the snapshots, a button that plays through them, and the learning curve with a mark on it.

    Args:
        choice: the slider's arguments; its last place is the finished machine.
        task: the choice of the task.
    """
    with gr.Row(equal_height=True):
        slider = gr.Slider(**choice, scale=4, min_width=260, elem_id="learned")
        button = gr.Button(_PLAY, size="md", scale=1, min_width=150, elem_id="play-training")
    timer = gr.Timer(_SECONDS_A_SNAPSHOT, active=False)
    curve, watch = gr.HTML(elem_id="curve"), make_watch()
    watch.settled(lambda told: draw_learning(read(told).link), watch, curve, **QUIET)

    def start_or_stop(name: str, place: int, label: str) -> dict[Block, Any]:
        if label == _STOP:
            return {timer: gr.Timer(active=False), button: gr.Button(_PLAY)}
        finished = place >= len(updates_kept(name))
        return {timer: gr.Timer(active=True), button: gr.Button(_STOP), slider: 0 if finished else gr.skip()}

    def go_on(name: str, place: int) -> dict[Block, Any]:
        last = len(updates_kept(name))
        if place + 1 < last:
            return {slider: place + 1}
        return {slider: last, timer: gr.Timer(active=False), button: gr.Button(_PLAY)}

    def play(ask: dict[str, Any]) -> None:
        button.click(start_or_stop, [task, slider, button], [timer, button, slider], **QUIET).then(**ask)
        timer.tick(go_on, [task, slider], [slider, timer, button], **QUIET).then(**ask)

    return Learning(slider, play)


def draw_learning(link: Link) -> str:
    """The error along the training of the page's own machine for a task, marked where it is shown; HTML."""
    question, update = link.question, link.update
    curve = [(each["update"], each["error"]) for each in read_record(f"ntm-{question.task}", "training.json")["curve"]]
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
