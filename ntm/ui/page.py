"""The page: what is on it, and what happens when something is pressed."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from html import escape
from pathlib import Path
from typing import Any

import gradio as gr
import torch

from ntm import figures, hub
from ntm.checkpoint import CheckpointError
from ntm.model import SequenceModel
from ntm.tasks.base import random_bits
from ntm.ui import results, text
from ntm.ui.machines import Machines, facts, open_own
from ntm.ui.run import Run, run_copy
from ntm.ui.tape import encode, make_tape

_FIRST_WORD = "Turing machine"
_WORD, _BITS = "Word", "Bits"
_HINTS = {
    _WORD: "Each character becomes one vector of 8 bits. Enter runs it.",
    _BITS: f"One vector of 8 bits a line, up to {text.MAX_ROWS} lines. Shift and Enter run it.",
}
_PARSERS = {_WORD: text.parse_word, _BITS: text.parse_bits}

_INTRODUCTION = """
# Neural Turing Machine

A small neural network with a memory beside it. Nobody told it how to copy: it learned, from sequences of at most 20
vectors, to **write** what comes in to memory and to **read** it back. Type something and watch.
"""

_PULL = """
Type the Hub id of anyone's machine for this task. It is used on this page for you alone. Its weights are read as
safetensors and checked first; nothing that is downloaded is ever executed.
"""

_ABOUT = """
The machine is the one of [Graves, Wayne and Danihelka 2014](https://arxiv.org/abs/1410.5401). It sees a start flag,
the vectors, an end flag, and then nothing: what it says after that comes from its memory.
"""

_QUIET: dict[str, Any] = {"api_visibility": "private", "show_progress": "hidden"}

_CSS = """
.verdict { font-size: 1.15rem; margin: 0; font-weight: 600; }
.verdict.good::before { content: "✓ "; color: #00796b; }
.verdict.bad::before { content: "✗ "; color: #c8102e; }
.dark .verdict.good::before { color: #4dd0b8; }
.dark .verdict.bad::before { color: #ff6b7d; }
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
    """Build the page around machines that copy.

    Args:
        machines: the page's own, and where visitors' own go.
        notice: what every visitor should know of the page's own.
    """
    model = machines.get(None).model
    first_run = run_copy(model, text.parse_word(_FIRST_WORD))
    with gr.Blocks(title="Neural Turing Machine", delete_cache=(3600, 3600)) as page:
        gr.Markdown(_INTRODUCTION)
        if notice is not None:
            gr.HTML(f'<p class="notice">{escape(notice)}</p>', elem_id="notice")
        # A visitor's own, and gone with the visitor: the vectors on the page, and the key of the machine in use.
        shown = gr.State(text.format_bits(first_run.target))
        key = gr.State(None)
        with gr.Row():
            with gr.Column(scale=1, min_width=280):
                kind = gr.Radio([_WORD, _BITS], value=_WORD, label="Copy a")
                typed = gr.Textbox(_FIRST_WORD, label="What to copy", info=_HINTS[_WORD], max_lines=12, elem_id="typed")
                problem = gr.HTML(visible=False)
                run_button = gr.Button("Run", variant="primary")
                length = gr.Slider(1, text.MAX_ROWS, 20, step=1, label="How many random vectors (trained up to 20)")
                random_button = gr.Button("Run random vectors")
            with gr.Column(scale=3, min_width=320):
                summary = gr.HTML(results.summary(first_run, as_word=True), elem_id="summary")
                tape = make_tape(first_run, elem_id="tape")
        with gr.Accordion("Every row with its probabilities", open=False):
            table = gr.HTML(results.table(first_run), elem_id="table")
        with gr.Accordion("The paper's figure 6, for this run", open=False) as figure_panel:
            figure = _picture("Inputs, outputs, adds, reads and weightings over time", "png", "figure")
        with gr.Accordion("This run as an animated GIF", open=False) as animation_panel:
            animation_button = gr.Button("Make the GIF")
            animation = _picture("Memory and weightings, a frame a step", "gif", "animation")
        with gr.Accordion("Another machine, from the Hugging Face Hub", open=False):
            gr.Markdown(_PULL)
            name = gr.Textbox(label="Hub id", placeholder="NAMESPACE/ntm-copy or NAMESPACE/ntm-copy@v2")
            with gr.Row():
                pull_button = gr.Button("Use this machine", size="md")
                own_button = gr.Button("Back to the page's own", size="md")
            machine_facts = gr.HTML(facts("The page's own", machines.get(None)), elem_id="machine")
        gr.Markdown(_ABOUT)

        view = [problem, summary, tape, table, shown, figure, figure_panel, animation, animation_panel]
        run: dict[str, Any] = {
            "fn": partial(_run_typed, machines),
            "inputs": [key, kind, typed],
            "outputs": view,
            "concurrency_limit": None,
            **_QUIET,
        }
        drawing: dict[str, Any] = {"concurrency_limit": 1, "concurrency_id": "drawing", "api_visibility": "private"}
        run_button.click(**run)
        typed.submit(**run)
        random_button.click(_draw_random, length, [kind, typed], **_QUIET).then(**run)
        kind.input(_change_kind, [kind, typed], typed, **_QUIET)
        figure_panel.expand(partial(_draw_figure, machines), [key, shown], figure, **drawing)
        animation_button.click(partial(_draw_animation, machines), [key, shown], animation, **drawing)
        for trigger in (pull_button.click, name.submit):
            trigger(
                partial(_pull, machines),
                [key, name],
                [key, machine_facts],
                api_visibility="private",
                concurrency_limit=3,
                concurrency_id="pulling",
            )
        own_button.click(partial(_use_own, machines), None, [key, machine_facts], **_QUIET)
        key.change(**run)
        gr.api(_copy_endpoint(model), api_name="copy")
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
    own, notice = open_own("copy", namespace)
    # `run_history` would keep every run in the visitor's browser and slow each one after it.
    make_page(Machines(own), notice).launch(run_history=False, theme=_theme(), css=_CSS)


def _picture(label: str, format: str, elem_id: str) -> gr.Image:
    return gr.Image(label=label, type="filepath", format=format, interactive=False, elem_id=elem_id)


def _theme() -> gr.themes.Base:
    fonts = ["system-ui", "sans-serif"]
    theme = gr.themes.Soft(primary_hue="blue", neutral_hue="slate", font=fonts, font_mono=["ui-monospace", "monospace"])
    plain = {"block_title_background_fill": "none", "block_title_padding": "0", "block_title_text_weight": "600"}
    colours = {"block_title_text_color": "*body_text_color", "block_info_text_color": "*body_text_color"}
    dark = {f"{name}_dark": value for name, value in (plain | colours).items() if "fill" in name or "color" in name}
    return theme.set(**plain, **colours, **dark)


def _run_typed(machines: Machines, key: str | None, kind: str, typed: str) -> list[Any]:
    try:
        run = run_copy(machines.get(key).model, _PARSERS[kind](typed))
    except (text.InputError, CheckpointError) as error:
        return [gr.HTML(_alert(error), visible=True), *[gr.skip()] * 8]
    return [
        gr.HTML(visible=False),
        results.summary(run, as_word=kind == _WORD),
        encode(run),
        results.table(run),
        text.format_bits(run.target),
        None,
        gr.Accordion(open=False),
        None,
        gr.Accordion(open=False),
    ]


def _draw_random(length: int) -> tuple[str, gr.Textbox]:
    return _BITS, _field(_BITS, text.format_bits(random_bits((length, text.BITS), None, None)))


def _field(kind: str, typed: str) -> gr.Textbox:
    return gr.Textbox(typed, info=_HINTS[kind], lines=1 if kind == _WORD else 8)


def _change_kind(kind: str, typed: str) -> gr.Textbox:
    """Show the same vectors the other way, where they can be shown so."""
    before, show = (_BITS, text.format_word) if kind == _WORD else (_WORD, text.format_bits)
    try:
        vectors = _PARSERS[before](typed)
        shown = show(vectors)
        if _PARSERS[kind](shown).equal(vectors):
            typed = shown
    except text.InputError:
        pass
    return _field(kind, typed)


def _draw_figure(machines: Machines, key: str | None, shown: str) -> Iterator[str]:
    run = _run_shown(machines, key, shown)
    with _file_to_hand_over("ntm-copy.png") as path:
        figures.draw_run(run.batch, run.trace).savefig(path, dpi=150)
        yield str(path)


def _draw_animation(
    machines: Machines,
    key: str | None,
    shown: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
) -> Iterator[str]:
    run = _run_shown(machines, key, shown)
    steps = len(run.captions)

    def report(step: int) -> None:
        progress((step + 1, steps), desc="drawing", unit="frames")

    with _file_to_hand_over("ntm-copy.gif") as path:
        try:
            figures.animate_run(run.batch, run.trace, path, on_frame=report)
        except ValueError as error:
            raise gr.Error(str(error), print_exception=False) from error
        yield str(path)


def _run_shown(machines: Machines, key: str | None, shown: str) -> Run:
    try:
        return run_copy(machines.get(key).model, text.parse_bits(shown))
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
    name: str,
    progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
) -> tuple[str | None, str]:
    def report(done: int, total: int) -> None:
        progress((done, total), desc="pulling", unit="bytes")

    try:
        key = machines.keep(name, hub.pull(name, task="copy", on_progress=report))
    except CheckpointError as error:
        return key, _alert(f"{error}. The machine in use stays in use.")
    return key, facts(name, machines.get(key))


def _use_own(machines: Machines) -> tuple[None, str]:
    return None, facts("The page's own", machines.get(None))


def _alert(message: object) -> str:
    return f'<p class="problem" role="alert">{escape(str(message))}</p>'


def _copy_endpoint(model: SequenceModel) -> Any:
    def copy(bits: str) -> dict[str, Any]:
        """Let a trained Neural Turing Machine copy bit vectors.

        Args:
            bits: the vectors, one a line, 8 bits each, such as "10110010".

        Returns:
            output and target in the same form, bit_errors, and probabilities as rows of numbers.
        """
        try:
            run = run_copy(model, text.parse_bits(bits))
        except text.InputError as error:
            raise gr.Error(str(error), print_exception=False) from None
        return {
            "output": text.format_bits(run.output),
            "target": text.format_bits(run.target),
            "bit_errors": run.bit_errors,
            "probabilities": run.probabilities.tolist(),
        }

    return copy
