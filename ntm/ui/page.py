"""The page: what is on it, and what happens when something is pressed."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import escape
from importlib.resources import files
from threading import BoundedSemaphore
from typing import Any

import gradio as gr
import torch

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.storage import hub
from ntm.storage.untrusted import CheckpointError
from ntm.tasks import InputError, Question
from ntm.ui import controls, grid, links, tour, verdict
from ntm.ui.controls import BITS, WORD
from ntm.ui.endpoints import make_endpoints
from ntm.ui.links import Link
from ntm.ui.machines import Machines, as_it_was, baseline_of, facts, has_own, open_own, updates_kept
from ntm.ui.panels.breaking import add_breaking
from ntm.ui.panels.curves import add_generalisation, add_learning
from ntm.ui.panels.downloads import add_downloads
from ntm.ui.panels.panel import QUIET, Panel
from ntm.ui.run import Run, run_question
from ntm.ui.tape import encode, make_tape

_HERE = files("ntm.ui")
_INTRODUCTION = """
# Neural Turing Machine

A small network with a memory beside it. From examples alone it learned what to **write** there, and where to **read**.
"""
_PULL = """
Type the Hub id of anyone's machine for this task. It is used on this page for you alone. Its weights are read as
safetensors and checked first; nothing that is downloaded is ever executed.
"""
# Runs need Python's global lock nearly all the time. When thirty visitors' runs fought for it, most of the time went
# into passing it on; two take turns well, and a long one does not hold up the others.
_AT_ONCE = BoundedSemaphore(2)
_FORMULAS = [{"left": "$$", "right": "$$", "display": True}, {"left": "$", "right": "$", "display": False}]
_SEEK = """
() => {
  const step = new URLSearchParams(location.search).get("step");
  const root = document.querySelector("#tape [data-part=root]"), scrubber = root.querySelector("[data-part=scrubber]");
  if (step === null || document.querySelector(".problem")) return;
  const observer = new MutationObserver(() => {
    observer.disconnect();
    setTimeout(() => {
      scrubber.value = step;
      scrubber.dispatchEvent(new Event("input"));
    });
  });
  observer.observe(root, {attributes: true, attributeFilter: ["data-run"]});
}
"""


def make_page(machines: Machines, notice: str | None = None) -> gr.Blocks:
    """Build the page around trained machines.

    Args:
        machines: the page's own, and where visitors' own go.
        notice: what every visitor should know of the page's own.
    """
    first_task = machines.tasks[0]
    example = controls.example(first_task)
    first = Link(example.question)
    first_run = _run_again(machines, None, first)
    first_baseline = _run_baseline(first.question)
    run_again, find_machine = partial(_run_again, machines), partial(_find_machine, machines)

    def open_link(request: gr.Request) -> list[Any]:  # Gradio hands the request to plain functions alone
        return _open_link(machines, request.query_params)

    with gr.Blocks(title="Neural Turing Machine", delete_cache=(3600, 3600)) as page:
        with gr.Row(equal_height=False):
            with gr.Column(scale=4, min_width=300):
                gr.Markdown(_INTRODUCTION)
            tour_button = gr.Button("Show me around", size="md", scale=0, min_width=170, elem_id="show-around")
        tour.make_tour()
        if notice is not None:
            gr.HTML(f'<p class="notice">{escape(notice)}</p>', elem_id="notice")
        # A visitor's own, and gone with the visitor: what is on the page, and the key of the machine in use.
        shown = gr.State(first)
        key = gr.State(None)
        choices = [(tasks.get(name).title, name) for name in machines.tasks]
        task = gr.Radio(choices, label="What it learned to do", elem_id="task", **controls.task_choice(first_task))
        with gr.Row():
            with gr.Column(scale=1, min_width=340):
                kind = gr.Radio([WORD, BITS], label="Write it as", **controls.kind_choice(first_task, example.kind))
                field = controls.typed_field(first_task, example.kind, example.typed)
                typed = gr.Textbox(**field, label="Input", max_lines=8, elem_id="typed")
                problem = gr.HTML(visible=False)
                bits = grid.make_grid(value=grid.encode(find_machine(None, first), first_run), elem_id="grid")
                number = gr.Number(**controls.number_field(first_task, first.question.number), elem_id="number")
                size = gr.Slider(**controls.size_slider(first_task), step=1, elem_id="size")
                surprise = gr.Button("Surprise me", variant="primary")
                slots = gr.Dropdown(**controls.slots_choice(machines, first_task), elem_id="slots")
            with gr.Column(scale=3, min_width=320, elem_id="stage"):
                summary = gr.HTML(_summary(first_run, first_baseline, as_word=example.kind == WORD), elem_id="summary")
                tape = make_tape(encode(first_run, baseline=first_baseline), elem_id="tape")
                learning = add_learning(controls.learned_choice(first_task), first_run)
                breaking = add_breaking(tape, key, shown, find_machine, run_again, first_run)
        generalisation = add_generalisation(first_run)
        with gr.Accordion("Every row with its probabilities", open=False):
            table = gr.HTML(verdict.table(first_run), elem_id="table")
        downloads_place = gr.Column()
        with gr.Accordion("Another machine, from the Hugging Face Hub", open=False):
            gr.Markdown(_PULL)
            name = gr.Textbox(label="Hub id", placeholder="NAMESPACE/ntm-copy or NAMESPACE/ntm-copy@v2")
            with gr.Row():
                pull_button = gr.Button("Use this machine", size="md")
                own_button = gr.Button("Back to the page's own", size="md")
            machine_facts = gr.HTML(facts("The page's own", machines.get(first_task, None)), elem_id="machine")
        with downloads_place:
            downloads = add_downloads(key, shown, machines.source, run_again)

        panels = [learning.panel, breaking, generalisation, Panel([table], _tabulate), downloads]
        learned = learning.slider
        chosen = [task, kind, typed, number, size, slots, learned]
        run: dict[str, Any] = {
            "fn": partial(_run_in_turn, machines, panels),
            "inputs": [key, task, kind, typed, number, slots, learned],
            "outputs": [problem, shown, summary, tape, bits, *(output for panel in panels for output in panel.outputs)],
            "concurrency_limit": None,
            **QUIET,
        }
        # Runs follow edits: the last edit always arrives, and none waits for another visitor's. They are one event, so
        # that no answer overtakes another. Of a text `change`, for `input` is not told of a paste, or of the grid.
        edits = [typed.change, number.input, slots.input, learned.input]
        gr.on(edits, **run, queue=False, trigger_mode="always_last")
        typed.submit(**run)
        bits.input(None, bits, [kind, typed, number], js=grid.WRITE_BACK, **QUIET)
        bits.ask(None, bits, number, js=grid.WRITE_NUMBER, **QUIET).then(**run)
        surprise.click(controls.surprise, [task, size, number], [kind, typed, number], **QUIET)
        kind.input(controls.change_kind, [task, kind, typed], typed, **QUIET)
        task.input(partial(controls.show_example, machines), task, chosen, **QUIET)
        begun = tour_button.click(partial(_begin_tour, machines), None, chosen, js=tour.START, **QUIET)
        begun.then(**run)
        # The input that a link brings changes the text, and that runs it.
        page.load(open_link, None, [*chosen, problem], **QUIET).then(None, js=_SEEK)
        learning.play(run)
        for trigger in (pull_button.click, name.submit):
            trigger(
                partial(_pull, machines),
                [key, task, name],
                [key, machine_facts],
                api_visibility="private",
                concurrency_limit=3,
                concurrency_id="pulling",
            )
        own_button.click(lambda: None, None, key, **QUIET)
        gr.on([task.change, key.change], partial(_tell_facts, machines), [key, task], machine_facts, **QUIET)
        key.change(**run)
        models = {each: machines.get(each, None).model for each in machines.tasks}
        for endpoint_name, endpoint in make_endpoints(models).items():
            gr.api(endpoint, api_name=endpoint_name)
    with page.route("How it works"):
        gr.Markdown(_HERE.joinpath("how_it_works.md").read_text("utf-8"), latex_delimiters=_FORMULAS)
    return page


def launch(namespace: str | None = None) -> None:
    """Load the machines and serve the page.

    Args:
        namespace: on the Hub, whose machines to show in place of the embedded ones.

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
    style = _HERE.joinpath("page.css").read_text("utf-8")
    # `run_history` would keep every run in the visitor's browser and slow each one after it.
    make_page(machines, " ".join(notices) or None).launch(run_history=False, theme=_theme(), css=style)


def _theme() -> gr.themes.Base:
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Soft(primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=["ui-monospace", "monospace"])
    plain = {
        "layout_gap": "10px",
        "block_title_background_fill": "none",
        "block_title_padding": "0",
        "block_title_text_weight": "600",
    }
    colours = {"block_title_text_color": "*body_text_color", "block_info_text_color": "*body_text_color"}
    dark = {f"{name}_dark": value for name, value in (plain | colours).items() if "fill" in name or "color" in name}
    # A shade darker than the theme has them: white on its accent, and its faint text on white, are hard to read.
    accents = ["slider_color", "button_primary_background_fill", "checkbox_label_background_fill_selected"]
    readable = {name + mode: "*primary_600" for name in accents for mode in ("", "_dark")}
    readable |= {"color_accent": "*primary_600", "button_secondary_background_fill_hover_dark": "*neutral_600"}
    readable |= {"block_label_text_color": "*primary_700"}
    readable |= {f"button_primary_background_fill_hover{mode}": "*primary_700" for mode in ("", "_dark")}
    readable |= {"body_text_color_subdued": "*neutral_600", "body_text_color_subdued_dark": "*neutral_300"}
    readable |= {"link_text_color": "*primary_700", "link_text_color_dark": "*primary_300"}
    return theme.set(**plain, **colours, **dark, **readable)


def _find_machine(machines: Machines, key: str | None, shown: Link) -> SequenceModel:
    task = shown.question.task
    return machines.get(task, key).model if shown.update is None else as_it_was(task, shown.update)


def _run_again(machines: Machines, key: str | None, shown: Link) -> Run:
    return run_question(_find_machine(machines, key, shown), shown.question, slots=shown.slots)


def _run_in_turn(*arguments: Any) -> list[Any]:
    with _AT_ONCE:
        return _run_typed(*arguments)


def _run_typed(
    machines: Machines,
    panels: Sequence[Panel],
    key: str | None,
    task: str,
    kind: str,
    typed: str,
    number: float | None,
    slots: int,
    learned: int,
) -> list[Any]:
    """What a run of what is typed puts on the page, or why it cannot be run."""
    try:
        bits = controls.read_typed(task, kind, typed)
        kept = updates_kept(task)
        update = kept[learned] if learned < len(kept) else None
        shown = Link(Question(task, bits, number if tasks.get(task).form.number else None), slots, update)
        run = _run_again(machines, key, shown)
    except (InputError, CheckpointError) as error:
        return [gr.HTML(_alert(error), visible=True), *[gr.skip()] * (4 + sum(len(panel.outputs) for panel in panels))]
    baseline = _run_baseline(shown.question)
    asked = grid.encode(_find_machine(machines, key, shown), run)
    summary = _summary(run, baseline, as_word=controls.as_word(task, kind))
    fresh = [gr.HTML(visible=False), shown, summary, encode(run, baseline=baseline), asked]
    return fresh + [update for panel in panels for update in panel.refresh(shown, run)]


def _tabulate(_: Link, run: Run) -> list[Any]:
    return [verdict.table(run)]


def _run_baseline(question: Question) -> Run | None:
    """What the embedded LSTM makes of it, where there is one."""
    baseline = baseline_of(question.task)
    return None if baseline is None else run_question(baseline, question)


def _summary(run: Run, baseline: Run | None, *, as_word: bool) -> str:
    """The verdict, and the LSTM's."""
    return verdict.summary(run, as_word=as_word) + ("" if baseline is None else verdict.comparison(baseline))


def _open_link(machines: Machines, parameters: Mapping[str, str]) -> list[Any]:
    """The controls as a link asks for them; as they are where there is none or it is nonsense."""
    try:
        shown = links.read(parameters)
        if shown is None:
            return [gr.skip()] * 8
        task = shown.question.task
        if task not in machines.tasks:
            raise InputError(f"There is no machine for “{tasks.get(task).title}” here.")
        offered = [slots for _, slots in controls.slots_choice(machines, task)["choices"]]
        if shown.slots not in (None, *offered):
            raise InputError(f"The link asks for {shown.slots:,} memory slots, which this page does not offer.")
        if shown.update not in (None, *updates_kept(task)):
            raise InputError(f"The link asks for update {shown.update:,}, of which there is no snapshot.")
    except InputError as error:
        return [*[gr.skip()] * 7, gr.HTML(_alert(error), visible=True)]
    return [*controls.show(machines, shown), gr.HTML(visible=False)]


def _begin_tour(machines: Machines) -> list[Any]:
    return controls.show_example(machines, machines.tasks[0])


def _pull(
    machines: Machines,
    key: str | None,
    task: str,
    name: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
) -> tuple[str | None, str]:
    def report(done: int, total: int) -> None:
        progress((done, total), desc="pulling", unit="bytes")

    try:
        key = machines.keep(name, hub.pull(name, task=task, on_progress=report))
    except CheckpointError as error:
        return key, _alert(f"{error}. The machine in use stays in use.")
    return key, _tell_facts(machines, key, task)


def _tell_facts(machines: Machines, key: str | None, task: str) -> str:
    try:
        machine = machines.get(task, key)
        name = "The page's own" if machine is machines.get(task, None) else machines.source(task, key)
    except CheckpointError as error:
        return _alert(error)
    return facts(name, machine)


def _alert(message: object) -> str:
    return f'<p class="problem" role="alert">{escape(str(message))}</p>'
