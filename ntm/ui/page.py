"""The page: what is on it, and what happens when something is pressed."""

import tempfile
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import torch
from torch import Tensor

from ntm import figures, hub, snapshots, tasks
from ntm.checkpoint import SNAPSHOTS, CheckpointError
from ntm.ui import links, questions, results, takeaway, text
from ntm.ui.endpoints import make_endpoints
from ntm.ui.links import Link
from ntm.ui.machines import Machines, as_it_was, baseline_of, facts, has_own, open_own, updates_kept
from ntm.ui.questions import Question
from ntm.ui.run import Run, run_question
from ntm.ui.tape import encode, make_tape

_WORD, _BITS = "Word", "Bits"
_FIRST = "Turing machine"
_FIRST_REPEATS = 4
_SLOTS = (128, 256, 512, 1024, 2048)

_TITLES = {
    "copy": "Copy",
    "repeat-copy": "Repeat copy",
    "associative-recall": "Recall",
    "dynamic-ngrams": "Predict",
    "priority-sort": "Sort",
}
_TELLS = {
    "copy": "It sees vectors one after another, then says them again from memory.",
    "repeat-copy": "It sees vectors and a number, says the vectors that often, and then has to stop.",
    "associative-recall": "It sees a list of items, then one of them again, and says the item that came after it.",
    "dynamic-ngrams": "It sees a stream of bits and says how likely the next is a 1, going by what came after the same "
    "five bits before.",
    "priority-sort": "It sees vectors, each with a priority, and says all but the lowest four, highest priority first.",
}
_HINTS = {
    "copy": "One vector of 8 bits a line, up to 120 lines.",
    "repeat-copy": "One vector of 8 bits a line.",
    "associative-recall": "An item is three lines of 6 bits; an empty line comes between items.",
    "dynamic-ngrams": "6 to 500 bits.",
    "priority-sort": "8 bits and a priority from -1 to 1 a line, 5 to 60 lines.",
}
_WORD_HINT = "Each character becomes one vector of 8 bits."
_NUMBERS = {"repeats": "How often to say it (trained up to 10)", "query": "The item to ask about"}
_SIZES = {"length": "vectors", "items": "items"}

_INTRODUCTION = """
# Neural Turing Machine

A small neural network with a memory beside it. Nobody told it how to do any of this: from examples alone it learned
what to **write** to memory, and where to **read**. Change the input and watch.
"""

_PULL = """
Type the Hub id of anyone's machine for this task. It is used on this page for you alone. Its weights are read as
safetensors and checked first; nothing that is downloaded is ever executed.
"""

_ABOUT = """
The machine is the one of [Graves, Wayne and Danihelka 2014](https://arxiv.org/abs/1410.5401). While the answer is due
it sees nothing but empty rows: what it says then comes from its memory.
"""

_FILES = ", ".join(["figure.svg", "trace.npz", *(["run.mp4"] if ".mp4" in figures.moving_formats() else [])])
_COMPLETE_LINK = """
query => {
  const step = document.querySelector("[data-part=root]").dataset.step;
  return `${location.origin}${location.pathname}?${query}&step=${step}`;
}
"""
_SEEK = """
() => {
  const step = new URLSearchParams(location.search).get("step");
  const root = document.querySelector("[data-part=root]"), scrubber = root.querySelector("[data-part=scrubber]");
  if (step === null) return;
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

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

_CSS = """
.verdict { font-size: 1.15rem; margin: 0; font-weight: 600; }
.verdict.good::before { content: "✓ "; color: #00796b; }
.verdict.bad::before { content: "✗ "; color: #c8102e; }
.dark .verdict.good::before { color: #4dd0b8; }
.dark .verdict.bad::before { color: #ff6b7d; }
.verdict .beyond { font-size: 0.85rem; font-weight: 500; white-space: nowrap; padding: 1px 8px; border-radius: 8px;
  border: 1px solid var(--border-color-primary); }
.comparison { margin: 2px 0 0; }
.tells { margin: 0; }
.problem { margin: 0; padding: 8px 12px; border-radius: 8px; border: 1.5px solid #c8102e; overflow-wrap: anywhere; }
.notice { margin: 0; padding: 8px 12px; border-radius: 8px; border: 1px solid var(--border-color-primary); }
.rows { max-height: 420px; overflow: auto; }
.rows table { border-collapse: collapse; font-family: ui-monospace, monospace; font-size: 13px; white-space: nowrap; }
.rows th, .rows td { padding: 2px 18px 2px 4px; text-align: left; font-weight: 400; border: 0;
  border-bottom: 1px solid var(--border-color-primary); }
.rows thead th { font-family: system-ui, sans-serif; font-weight: 600; position: sticky; top: 0;
  background: var(--background-fill-primary); }
.rows mark { background: none; color: inherit; outline: 2px solid #c8102e; border-radius: 2px; }
"""


def make_page(machines: Machines, notice: str | None = None) -> gr.Blocks:
    """Build the page around trained machines.

    Args:
        machines: the page's own, and where visitors' own go.
        notice: what every visitor should know of the page's own.
    """
    first = Link(Question("copy", text.format_bits(text.parse_word(_FIRST))))
    first_run = _run_shown(machines, None, first)

    def open_link(request: gr.Request) -> list[Any]:  # Gradio hands the request to plain functions alone
        return _open_link(machines, request.query_params)

    with gr.Blocks(title="Neural Turing Machine", delete_cache=(3600, 3600)) as page:
        gr.Markdown(_INTRODUCTION)
        if notice is not None:
            gr.HTML(f'<p class="notice">{escape(notice)}</p>', elem_id="notice")
        # A visitor's own, and gone with the visitor: what is on the page, and the key of the machine in use.
        shown = gr.State(first)
        key = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                choices = [(_TITLES[name], name) for name in questions.names() if name in machines.tasks]
                task = gr.Radio(choices, value="copy", label="What it learned to do", elem_id="task")
                tells = gr.HTML(_tell("copy"))
                kind = gr.Radio([_WORD, _BITS], value=_WORD, label="Write it as")
                typed = gr.Textbox(_FIRST, label="Input", info=_WORD_HINT, max_lines=14, elem_id="typed")
                number = gr.Number(visible=False, elem_id="number")
                problem = gr.HTML(visible=False)
                size = gr.Slider(1, 120, 20, step=1, label=_size_label("copy"), elem_id="size")
                surprise = gr.Button("Surprise me", variant="primary")
                slots = gr.Dropdown(**_slots(machines, "copy"), elem_id="slots")
            with gr.Column(scale=3, min_width=320):
                summary = gr.HTML(_summary(machines, first_run, as_word=True), elem_id="summary")
                tape = make_tape(first_run, elem_id="tape")
                learned = gr.Slider(**_learned("copy"), elem_id="learned")
        with gr.Accordion("Every row with its probabilities", open=False):
            table = gr.HTML(results.table(first_run), elem_id="table")
        with gr.Accordion("The paper's figure 6, for this run", open=False) as figure_panel:
            figure = _picture("Inputs, outputs, adds, reads and weightings over time", "png", "figure")
        with gr.Accordion("This run as an animated GIF", open=False) as animation_panel:
            animation_button = gr.Button("Make the GIF")
            animation = _picture("Memory and weightings, a frame a step", "gif", "animation")
        with gr.Accordion("Take this run with you", open=False) as takeaway_panel:
            link = gr.Textbox(
                label="A link that opens it here", interactive=False, max_lines=2, buttons=["copy"], elem_id="link"
            )
            snippet = gr.Code(label="Python that repeats it", language="python", interactive=False, elem_id="snippet")
            files = gr.File(label="Files", file_count="multiple", interactive=False, visible=False, elem_id="files")
            files_button = gr.Button(f"Make the files: {_FILES}")
        with gr.Accordion("Another machine, from the Hugging Face Hub", open=False):
            gr.Markdown(_PULL)
            name = gr.Textbox(label="Hub id", placeholder="NAMESPACE/ntm-copy or NAMESPACE/ntm-copy@v2")
            with gr.Row():
                pull_button = gr.Button("Use this machine", size="md")
                own_button = gr.Button("Back to the page's own", size="md")
            machine_facts = gr.HTML(facts("The page's own", machines.get("copy", None)), elem_id="machine")
        gr.Markdown(_ABOUT)

        view = [problem, summary, tape, table, shown, figure, figure_panel, animation, animation_panel]
        view += [takeaway_panel, files]
        controls = [tells, kind, typed, number, size, slots, learned]
        run: dict[str, Any] = {
            "fn": partial(_run_typed, machines),
            "inputs": [key, task, kind, typed, number, slots, learned],
            "outputs": view,
            "concurrency_limit": None,
            **_QUIET,
        }
        # Runs follow edits: the last edit always arrives, and none waits for another visitor's.
        live: dict[str, Any] = {**run, "queue": False, "trigger_mode": "always_last"}
        drawing: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "drawing", "api_visibility": "private"}
        # Of a text, `change`: `input` is not told of a paste.
        for edited in (typed.change, number.input, slots.input, learned.input):
            edited(**live)
        typed.submit(**run)
        surprise.click(_surprise, [task, size, number], [kind, typed, number, problem], **_QUIET)
        kind.input(_change_kind, [kind, typed], typed, **_QUIET)
        task.input(partial(_change_task, machines), task, controls, **_QUIET)
        # The input that a link brings changes the text, and that runs it.
        page.load(open_link, None, [task, *controls, problem], **_QUIET).then(None, js=_SEEK)
        figure_panel.expand(partial(_draw_figure, machines), [key, shown], figure, **drawing)
        animation_button.click(partial(_draw_animation, machines), [key, shown], animation, **drawing)
        takeaway_panel.expand(_take_away, [key, name, shown], [link, snippet], **_QUIET).then(
            None, link, link, js=_COMPLETE_LINK
        )
        files_button.click(partial(_make_files, machines), [key, shown], files, **drawing)
        for trigger in (pull_button.click, name.submit):
            trigger(
                partial(_pull, machines),
                [key, task, name],
                [key, machine_facts],
                api_visibility="private",
                concurrency_limit=3,
                concurrency_id="pulling",
            )
        own_button.click(partial(_use_own, machines), task, [key, machine_facts], **_QUIET)
        key.change(**run)
        models = {each: machines.get(each, None).model for each in machines.tasks}
        for endpoint_name, endpoint in make_endpoints(models).items():
            gr.api(endpoint, api_name=endpoint_name)
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
    names = [name for name in questions.names() if has_own(name)]
    with ThreadPoolExecutor() as pool:
        opened = dict(zip(names, pool.map(partial(open_own, namespace=namespace), names), strict=True))
    notices = [notice for _, notice in opened.values() if notice is not None]
    machines = Machines({name: own for name, (own, _) in opened.items()})
    # `run_history` would keep every run in the visitor's browser and slow each one after it.
    make_page(machines, " ".join(notices) or None).launch(run_history=False, theme=_theme(), css=_CSS)


def _picture(label: str, format: str, elem_id: str) -> gr.Image:
    return gr.Image(label=label, type="filepath", format=format, interactive=False, elem_id=elem_id)


def _theme() -> gr.themes.Base:
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Soft(primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=["ui-monospace", "monospace"])
    plain = {"block_title_background_fill": "none", "block_title_padding": "0", "block_title_text_weight": "600"}
    colours = {"block_title_text_color": "*body_text_color", "block_info_text_color": "*body_text_color"}
    dark = {f"{name}_dark": value for name, value in (plain | colours).items() if "fill" in name or "color" in name}
    return theme.set(**plain, **colours, **dark)


def _run_shown(machines: Machines, key: str | None, shown: Link) -> Run:
    task = shown.question.task
    machine = machines.get(task, key).model if shown.update is None else as_it_was(task, shown.update)
    return run_question(machine, shown.question, slots=shown.slots)


def _run_typed(
    machines: Machines,
    key: str | None,
    task: str,
    kind: str,
    typed: str,
    number: float | None,
    slots: int,
    learned: int,
) -> list[Any]:
    as_word = task == "copy" and kind == _WORD
    try:
        bits = text.format_bits(text.parse_word(typed)) if as_word else typed
        kept = updates_kept(task)
        update = kept[learned] if learned < len(kept) else None
        shown = Link(Question(task, bits, number if questions.number_of(task) else None), slots, update)
        return _show(machines, key, shown, as_word=as_word)
    except (text.InputError, CheckpointError) as error:
        return _complain(error)


def _show(machines: Machines, key: str | None, shown: Link, *, as_word: bool) -> list[Any]:
    run = _run_shown(machines, key, shown)
    return [
        gr.HTML(visible=False),
        _summary(machines, run, as_word=as_word),
        encode(run),
        results.table(run),
        shown,
        None,
        gr.Accordion(open=False),
        None,
        gr.Accordion(open=False),
        gr.Accordion(open=False),
        gr.File(visible=False),
    ]


def _complain(error: Exception) -> list[Any]:
    return [gr.HTML(_alert(error), visible=True), *[gr.skip()] * 10]


def _open_link(machines: Machines, parameters: Mapping[str, str]) -> list[Any]:
    """The controls as a link asks for them; as they are where there is none or it is nonsense."""
    try:
        shown = links.read(parameters)
        if shown is None:
            return [gr.skip()] * 9
        task = shown.question.task
        if task not in machines.tasks:
            raise text.InputError(f"There is no machine for “{_TITLES[task]}” here.")
        offered = [slots for _, slots in _slots(machines, task)["choices"]]
        if shown.slots not in (None, *offered):
            raise text.InputError(f"The link asks for {shown.slots:,} memory slots, which this page does not offer.")
        if shown.update not in (None, *updates_kept(task)):
            raise text.InputError(f"The link asks for update {shown.update:,}, of which there is no snapshot.")
    except text.InputError as error:
        return [*[gr.skip()] * 8, gr.HTML(_alert(error), visible=True)]
    return [task, *_controls(machines, shown), gr.HTML(visible=False)]


def _take_away(key: str | None, name: str, shown: Link) -> tuple[str, str]:
    task = shown.question.task
    own = f"checkpoints/ntm-{task}"
    snapshot = None if shown.update is None else snapshots.path(Path(own) / SNAPSHOTS, shown.update)
    source = own if key is None or snapshot is not None else name.partition("@")[0]
    return links.write(shown), takeaway.write_snippet(shown.question, source, slots=shown.slots, snapshot=snapshot)


def _make_files(
    machines: Machines,
    key: str | None,
    shown: Link,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
) -> Iterator[gr.File]:
    run = _run_again(machines, key, shown)
    steps = len(run.captions)

    def report(step: int) -> None:
        progress((step + 1, steps), desc="drawing", unit="frames")

    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / name for name in _FILES.split(", ")]
        figures.draw_run(run.batch, run.trace).savefig(paths[0])
        takeaway.write_trace(run, paths[1])
        for path in paths[2:]:
            figures.animate_run(run.batch, run.trace, path, on_frame=report)
        yield gr.File([str(path) for path in paths], visible=True)


def _summary(machines: Machines, run: Run, *, as_word: bool) -> str:
    """The verdict, and what the LSTM makes of the same."""
    own = results.summary(run, as_word=as_word)
    baseline = baseline_of(run.question.task)
    if baseline is None:
        return own
    return own + results.comparison(run_question(baseline, run.question))


def _surprise(task: str, size: int, number: float | None) -> list[Any]:
    sizes: dict[str, int] = {next(iter(questions.limits(task))): size}
    if questions.number_of(task) == "repeats" and number in questions.limits(task)["repeats"]:
        sizes["repeats"] = int(number)
    elif questions.number_of(task) == "repeats":
        sizes["repeats"] = _FIRST_REPEATS
    try:
        question = questions.draw(task, **sizes)
    except text.InputError as error:
        raise gr.Error(str(error), print_exception=False) from error
    return [_BITS, _field(task, _BITS, question.text), question.number, gr.HTML(visible=False)]


def _change_task(machines: Machines, task: str) -> list[Any]:
    """Everything that a task has of its own, with an example to begin with."""
    sizes = {name: choices[-1] for name, choices in tasks.get(task).sizes.items()}
    sizes |= {"repeats": _FIRST_REPEATS} if "repeats" in sizes else {}
    if task == "copy":
        return _controls(machines, Link(Question(task, _FIRST)), _WORD)
    return _controls(machines, Link(questions.draw(task, **sizes)))


def _controls(machines: Machines, shown: Link, kind: str = _BITS) -> list[Any]:
    question = shown.question
    task, meaning = question.task, questions.number_of(question.task)
    slots, learned = _slots(machines, task), _learned(task)
    if shown.slots is not None:
        slots |= {"value": shown.slots}
    if shown.update is not None:
        learned |= {"value": updates_kept(task).index(shown.update)}
    offered = next(iter(questions.limits(task).values()))
    return [
        _tell(task),
        gr.Radio(value=kind, visible=task == "copy"),
        _field(task, kind, question.text),
        gr.Number(question.number, label=_NUMBERS.get(meaning or ""), visible=meaning is not None),
        gr.Slider(offered[0], offered[-1], next(iter(tasks.get(task).sizes.values()))[-1], label=_size_label(task)),
        gr.Dropdown(**slots),
        gr.Slider(**learned),
    ]


def _tell(task: str) -> str:
    return f'<p class="tells">{_TELLS[task]}</p>'


def _size_label(task: str) -> str:
    name, trained = next(iter(tasks.get(task).sizes.items()))
    noun = "bits" if task == "dynamic-ngrams" else _SIZES[name]
    return f"How many {noun} (trained {'on' if len(trained) == 1 else 'up to'} {trained[-1]})"


def _slots(machines: Machines, task: str) -> dict[str, Any]:
    """The choice of how much memory to run with; at first as much as the page's own machine has."""
    own = machines.get(task, None).model.config.get("memory_slots", _SLOTS[0])
    choices = [(f"{own:,}, its own", own), *((f"{each:,}", each) for each in _SLOTS if each != own)]
    return {"choices": choices, "value": own, "label": "Memory slots", "info": "The weights stay the same."}


def _learned(task: str) -> dict[str, Any]:
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


def _field(task: str, kind: str, typed: str) -> gr.Textbox:
    as_word = task == "copy" and kind == _WORD
    return gr.Textbox(typed, info=_WORD_HINT if as_word else _HINTS[task], lines=1 if as_word else 8)


def _change_kind(kind: str, typed: str) -> gr.Textbox:
    """Show the same vectors the other way, where they can be shown so."""
    show, read = (text.format_bits, text.parse_word) if kind == _BITS else (text.format_word, _read_bits)
    try:
        vectors = read(typed)
        written = show(vectors)
        if (text.parse_word if kind == _WORD else _read_bits)(written).equal(vectors):
            typed = written
    except text.InputError:
        pass
    return _field("copy", kind, typed)


def _read_bits(typed: str) -> Tensor:
    asked = questions.read(Question("copy", typed))
    return asked.batch.targets[:, 0][asked.batch.mask[:, 0]]


def _draw_figure(machines: Machines, key: str | None, shown: Link) -> Iterator[str]:
    run = _run_again(machines, key, shown)
    with _file_to_hand_over(f"ntm-{shown.question.task}.png") as path:
        figures.draw_run(run.batch, run.trace).savefig(path, dpi=150)
        yield str(path)


def _draw_animation(
    machines: Machines,
    key: str | None,
    shown: Link,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
) -> Iterator[str]:
    run = _run_again(machines, key, shown)
    steps = len(run.captions)

    def report(step: int) -> None:
        progress((step + 1, steps), desc="drawing", unit="frames")

    with _file_to_hand_over(f"ntm-{shown.question.task}.gif") as path:
        try:
            figures.animate_run(run.batch, run.trace, path, on_frame=report)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        yield str(path)


def _run_again(machines: Machines, key: str | None, shown: Link) -> Run:
    try:
        return _run_shown(machines, key, shown)
    except CheckpointError as error:
        raise gr.Error(str(error), print_exception=False) from error


@contextmanager
def _file_to_hand_over(name: str) -> Iterator[Path]:
    """A place for a file that Gradio copies when it is yielded, and that is gone when the handler goes on."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name


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
    return key, facts(name, machines.get(task, key))


def _use_own(machines: Machines, task: str) -> tuple[None, str]:
    return None, facts("The page's own", machines.get(task, None))


def _alert(message: object) -> str:
    return f'<p class="problem" role="alert">{escape(str(message))}</p>'
