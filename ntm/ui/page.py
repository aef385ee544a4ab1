"""The page: what is on it, and what happens when something is pressed."""

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import escape
from typing import Any

import gradio as gr
import torch
from gradio.events import api

from ntm import tasks
from ntm.ui import allocator, controls, tape, theme, tour
from ntm.ui.addressing import make_addressing
from ntm.ui.asking import Controls, add_fields, add_tasks, follow_edits, show_questions
from ntm.ui.browser import ASK, describe_pulled, make_browser
from ntm.ui.browser.serve import Served, Weights, components_address, serve
from ntm.ui.endpoints import make_endpoints
from ntm.ui.events import QUIET
from ntm.ui.experiments import make_experiments, make_list
from ntm.ui.flow import make_flow
from ntm.ui.guard import GuardedBlocks
from ntm.ui.machines import Machines, has_own, open_own
from ntm.ui.panels.downloads import add_downloads
from ntm.ui.panels.generalisation import add_generalisation
from ntm.ui.panels.how_it_works import add_how_it_works
from ntm.ui.panels.hub import add_hub
from ntm.ui.panels.learning import add_learning
from ntm.ui.rows import make_rows
from ntm.ui.scripts import make_module, use_module
from ntm.ui.touching import make_touching
from ntm.ui.trainer import add_trainer
from ntm.ui.verdict import make_verdict

# HTML, for what draws Markdown is a tenth of all that the page would fetch before it shows a run.
_INTRODUCTION = """
<h1>Neural Turing Machine</h1>
<p>A small network with a memory beside it.</p>
<p>From examples alone it learned what to <strong>write</strong> there, and where to <strong>read</strong>.</p>
"""


def make_page(machines: Machines, notice: str | None = None) -> tuple[GuardedBlocks, Served]:
    """Build the page around trained machines.

    Args:
        machines: those that the page has of its own, which keep those of visitors as well.
        notice: what every visitor should know of the page's own machines.

    Returns:
        The page, and what is served with it.
    """
    example, weights = controls.example(machines.tasks[0]), Weights()
    page = GuardedBlocks(title="Neural Turing Machine", fill_width=True, delete_cache=(3600, 3600))
    with page:
        tour_button = _introduce(notice)
        make_browser(machines, weights, example)
        experiment = make_experiments()
        key = gr.State(None)  # of the visitor's own machine, and gone with the visitor
        task = add_tasks(machines)
        with gr.Row(elem_id="ask"):
            fields = add_fields(machines, example)
        tape.make_tape(elem_id="tape")
        make_verdict()
        with gr.Tabs(elem_id="more", overflow_behavior="wrap"):
            with gr.Tab("Look inside"):
                tape.make_history_place()
                _add_rows()
            with gr.Tab("Experiments"):
                make_list()
            with gr.Tab("How it addresses"):
                make_flow(elem_id="flow")
                make_addressing(elem_id="addressing")
            with gr.Tab("Train one"):
                add_trainer(machines.tasks)
            with gr.Tab("How far does it carry?"):
                add_generalisation()
            with gr.Tab("As it learned"):
                learning = add_learning(controls.learned_choice(example.question.task), task)
            with gr.Tab("Take it with you"):
                add_downloads(machines, key)
                add_hub(machines, key, task)
        make_touching(elem_id="touching")
        asking = Controls(task=task, learned=learning.slider, **fields)
        asked = [task, asking.kind, asking.typed, asking.number, asking.slots, asking.learned, asking.machine]
        asks: dict[str, Any] = {"fn": None, "inputs": asked, "outputs": asking.size, "js": ASK, **QUIET}
        follow_edits(asking, asks)
        show_questions(machines, asking, asks, tour_button=tour_button, experiment=experiment, page=page)
        learning.play(asks)
        _use_pulled(machines, weights, key, asking, asks)
        _add_endpoints(machines)
    with page.route("How it works"):
        add_how_it_works()
    components = list(page.blocks.values())
    module = make_module(components)
    use_module(components, components_address(module))
    return page, serve(weights, module)


def launch(namespace: str | None = None) -> None:
    """Load the machines and serve the page.

    Args:
        namespace: the namespace on the Hub whose machines are shown in place of the embedded ones.

    Raises:
        ntm.CheckpointError: if an embedded checkpoint is not sound.
    """
    allocator.give_back_at_once()
    # A run is many small operations, for which one thread is fastest; the other cores are for other visitors.
    torch.set_num_threads(1)
    names = [name for name in tasks.names() if has_own(name)]
    with ThreadPoolExecutor() as pool:
        opened = dict(zip(names, pool.map(partial(open_own, namespace=namespace), names), strict=True))
    notices = [own.notice for own in opened.values() if own.notice is not None]
    machines = Machines(
        {name: own.machine for name, own in opened.items()}, {name: own.source for name, own in opened.items()}
    )
    page, served = make_page(machines, " ".join(notices) or None)
    # `run_history` would keep every run in the visitor's browser and slow each one after it.
    look: dict[str, Any] = {"theme": theme.make_theme(), "css": theme.STYLE, "head": theme.HEAD}
    page.serve(served.routes, served.at_first, run_history=False, **look)


# What is on it.


def _introduce(notice: str | None) -> gr.Button:
    """The page's head, with the tour that the button starts."""
    with gr.Row(elem_id="head"):
        gr.HTML(_INTRODUCTION)
        button = gr.Button("Show me around", size="sm", scale=0, elem_id="show-around")
    tour.make_tour()
    if notice is not None:
        gr.HTML(f'<p class="notice">{escape(notice)}</p>', elem_id="notice")
    return button


def _add_rows() -> None:
    with gr.Accordion("Every row with its probabilities", open=False):
        make_rows()


# What happens.


def _use_pulled(machines: Machines, weights: Weights, key: gr.State, asking: Controls, asks: dict[str, Any]) -> None:
    """Have the browser use the machine that a visitor pulled."""

    def describe(key: str | None, task: str) -> dict[str, Any] | None:
        return describe_pulled(machines, weights, task, key)

    key.change(describe, [key, asking.task], asking.machine, **QUIET).then(**asks)


def _add_endpoints(machines: Machines) -> None:
    models = {task: machines.get(task, None).model for task in machines.tasks}
    for name, endpoint in make_endpoints(models).items():
        api(endpoint, api_name=name)
