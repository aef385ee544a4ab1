"""The panel that shows how far a machine gets beyond the sizes it was trained on, with a dot where the visitor is."""

import math
from typing import get_args

import gradio as gr

from ntm import tasks
from ntm.machine.models import MODELS
from ntm.reports import tables
from ntm.tasks import Architecture
from ntm.ui.events import QUIET
from ntm.ui.machines import read_record
from ntm.ui.panels.charts import Mark, Series, draw_chart
from ntm.ui.watching import Seen, make_watch, read

_EXPLANATION = """
<p>Wrong bits against the size of the input, for this machine and for a plain LSTM. Both were trained on the shaded
sizes. The ring is what you asked.</p>
"""


def add_generalisation() -> None:
    """The panel."""
    gr.HTML(_EXPLANATION)
    charts, watch = gr.HTML(elem_id="generalisation"), make_watch()
    watch.settled(lambda told: draw_generalisation(read(told)), watch, charts, **QUIET)


def draw_generalisation(seen: Seen) -> str:
    """The published machine and the LSTM on ever larger inputs, a chart for each kind of size; HTML.

    Raises:
        InputError: if it cannot be asked.
    """
    question = seen.link.question
    task, here_sizes = tasks.get(question.task), tasks.ask(question).sizes
    charts = []
    for name, trained in task.sizes.items():
        others = {other: sizes[-1] for other, sizes in task.sizes.items() if other != name}
        lines = [_scores(task.name, architecture, name, others) for architecture in get_args(Architecture)]
        here = ", ".join(["this run", *(f"{other} {here_sizes[other]}" for other in others)])
        charts.append(
            draw_chart(
                [line for line in lines if line.points],
                x_label=", ".join([name, *(f"{other} {size}" for other, size in others.items())]),
                y_label=f"{task.excess_name} a sequence",
                shaded=(trained[0], trained[-1]),
                powers_of_x=True,
                mark=Mark(here_sizes[name], seen.error, here),
            )
        )
    return f'<div class="charts">{"".join(charts)}</div>'


def _scores(task: str, architecture: Architecture, name: str, others: dict[str, int]) -> Series:
    """A model's errors where the other sizes are these; of several numbers of slots the fewest errors."""
    found: dict[int, float] = {}
    for score in read_record(f"{architecture}-{task}", "evaluation.json").get("scores", []):
        if others.items() <= score["sizes"].items():
            size = score["sizes"][name]
            found[size] = min(tables.excess(score), found.get(size, math.inf))
    return Series(MODELS[architecture].label, sorted(found.items()), architecture)
