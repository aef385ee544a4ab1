"""The page: what is on it, and what happens when something is pressed."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import escape
from threading import BoundedSemaphore
from typing import Any

import gradio as gr
import torch
from gradio.blocks import Block
from gradio.events import api

from ntm import tasks
from ntm.storage.untrusted import CheckpointError
from ntm.tasks import InputError
from ntm.ui import controls, first_load, grid, tape, theme, tour, verdict
from ntm.ui.asking import Controls, add_fields, add_tasks, ask_as_typed, follow_edits, show_questions
from ntm.ui.controls import WORD
from ntm.ui.endpoints import make_endpoints
from ntm.ui.events import QUIET, Updates, alert
from ntm.ui.links import Link
from ntm.ui.machines import Machines, has_own, open_own
from ntm.ui.outcome import Outcome, ask
from ntm.ui.panels.breaking import add_breaking
from ntm.ui.panels.downloads import add_downloads
from ntm.ui.panels.generalisation import add_generalisation
from ntm.ui.panels.how_it_works import add_how_it_works
from ntm.ui.panels.hub import add_hub
from ntm.ui.panels.learning import add_learning
from ntm.ui.panels.rows import add_rows

_INTRODUCTION = """
# Neural Turing Machine

A small network with a memory beside it.

From examples alone it learned what to **write** there, and where to **read**.
"""
# Runs need Python's global lock nearly all the time. When thirty visitors' runs fought for it, most of the time went
# into passing it on; two take turns well, and a long one does not hold up the others.
_AT_ONCE = BoundedSemaphore(2)


def make_page(machines: Machines, notice: str | None = None) -> gr.Blocks:
    """Build the page around trained machines.

    Args:
        machines: those that the page has of its own, which keep those of visitors as well.
        notice: what every visitor should know of the page's own machines.
    """
    example = controls.example(machines.tasks[0])
    first = ask(machines, Link(example.question), None, as_word=example.kind == WORD)
    page = gr.Blocks(title="Neural Turing Machine", fill_width=True, delete_cache=(3600, 3600))
    with page:
        tour_button = _introduce(notice)
        # A visitor's own, and gone with the visitor: what is on the page, and the key of the machine in use.
        shown, key = gr.State(first.link), gr.State(None)
        task = add_tasks(machines)
        with gr.Row(elem_id="ask"):
            fields = add_fields(machines, example, first)
        tape_place = tape.make_tape(_encode(first), elem_id="tape")
        summary = gr.HTML(_summarise(first), elem_id="summary")
        with gr.Tabs(elem_id="more", overflow_behavior="wrap"):
            with gr.Tab("Look inside"):
                tape.make_history_place()
                rows = add_rows(first.run)
            with gr.Tab("Break it", elem_id="break"):
                breaking = add_breaking(machines, key, shown, tape_place, first.run)
            with gr.Tab("How far does it carry?"):
                generalisation = add_generalisation(first.run)
            with gr.Tab("As it learned"):
                learning = add_learning(controls.learned_choice(example.question.task), first.link)
            with gr.Tab("Take it with you") as takeaway:
                downloads = add_downloads(machines, key, shown, takeaway)
                add_hub(machines, key, task)
        asking = Controls(task=task, learned=learning.slider, **fields)
        updates: Updates = {
            asking.problem: lambda _: gr.HTML(visible=False),
            asking.bits: lambda outcome: grid.encode(outcome.model, outcome.run),
            asking.size: lambda outcome: controls.size_of(outcome.link.question),
            shown: lambda outcome: outcome.link,
            summary: _summarise,
            tape_place: _encode,
            **learning.updates,
            **breaking,
            **generalisation,
            **rows,
            **downloads,
        }
        run = _make_run(machines, key, asking, updates)
        follow_edits(asking, run)
        show_questions(machines, asking, run, tour_button, page)
        learning.play(run)
        key.change(**run)
        _add_endpoints(machines)
    with page.route("How it works"):
        add_how_it_works()
    return page


def launch(namespace: str | None = None) -> None:
    """Load the machines and serve the page.

    Args:
        namespace: the namespace on the Hub whose machines are shown in place of the embedded ones.

    Raises:
        ntm.CheckpointError: if an embedded checkpoint is not sound.
    """
    # A run is many small operations, for which one thread is fastest; the other cores are for other visitors.
    torch.set_num_threads(1)
    names = [name for name in tasks.names() if has_own(name)]
    with ThreadPoolExecutor() as pool:
        opened = dict(zip(names, pool.map(partial(open_own, namespace=namespace), names), strict=True))
    notices = [own.notice for own in opened.values() if own.notice is not None]
    machines = Machines(
        {name: own.machine for name, own in opened.items()}, {name: own.source for name, own in opened.items()}
    )
    # `run_history` would keep every run in the visitor's browser and slow each one after it.
    make_page(machines, " ".join(notices) or None).launch(
        run_history=False, theme=theme.make_theme(), css=theme.STYLE, app_kwargs={"middleware": first_load.middleware()}
    )


# What is on it.


def _introduce(notice: str | None) -> gr.Button:
    """The page's head, with the tour that the button starts."""
    with gr.Row(elem_id="head"):
        gr.Markdown(_INTRODUCTION)
        button = gr.Button("Show me around", size="sm", scale=0, elem_id="show-around")
    tour.make_tour()
    if notice is not None:
        gr.HTML(f'<p class="notice">{escape(notice)}</p>', elem_id="notice")
    return button


def _summarise(outcome: Outcome) -> str:
    words = verdict.summary(outcome.run, as_word=outcome.as_word)
    if outcome.baseline is not None:
        words += verdict.comparison(outcome.baseline, as_word=outcome.as_word)
    return f'<div class="answers">{words}</div>'


def _encode(outcome: Outcome) -> str:
    return tape.encode(outcome.run, baseline=outcome.baseline)


# What happens.


def _make_run(machines: Machines, key: gr.State, asking: Controls, updates: Updates) -> dict[str, Any]:
    """The event in which the page answers what is asked. There is but one, so that no answer overtakes another."""

    def run(key: str | None, *asked: Any) -> dict[Block, Any]:
        with _AT_ONCE:
            try:
                outcome = ask_as_typed(machines, key, *asked)
            except (InputError, CheckpointError) as error:
                return {asking.problem: gr.HTML(alert(error), visible=True)}
            return {component: update(outcome) for component, update in updates.items()}

    asked = [asking.task, asking.kind, asking.typed, asking.number, asking.slots, asking.learned]
    return {"fn": run, "inputs": [key, *asked], "outputs": list(updates), "concurrency_limit": None, **QUIET}


def _add_endpoints(machines: Machines) -> None:
    models = {task: machines.get(task, None).model for task in machines.tasks}
    for name, endpoint in make_endpoints(models).items():
        api(endpoint, api_name=name)
