"""The panel that hands a run over: the paper's figure, a moving picture, and everything to take away."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import gradio as gr

from ntm.reports import figures
from ntm.storage import snapshots
from ntm.storage.checkpoint import SNAPSHOTS, folder_to_type
from ntm.ui import card
from ntm.ui.budget import Cost, admit
from ntm.ui.events import QUIET
from ntm.ui.machines import Machines
from ntm.ui.outcome import run_again
from ntm.ui.panels import takeaway
from ntm.ui.run import Run
from ntm.ui.watching import TELL, Seen, make_watch, read

_FILES = ["figure.svg", "trace.npz", *(["run.mp4"] if ".mp4" in figures.moving_formats() else [])]
# A picture takes half a second and some tens of megabytes.
_DRAWING = Cost(32 * 2**20, 500_000_000)
_NARROW = 240  # pixels; four such columns fit side by side
_UNTOUCHED = "The link and the card keep what you changed. All else here is of the run as it was before."
# A picture can be pressed to see it large, which Gradio does not tell a screen reader.
_NAME_PICTURES = """
() => {
  let tries = 0;
  const nameAll = () => {
    const frames = [...document.querySelectorAll(".image-frame img")].filter((image) => !image.alt);
    for (const image of frames) {
      image.alt = image.closest(".block").querySelector("label").textContent.trim();
      image.closest("button").setAttribute("aria-label", image.alt);
    }
    if (!frames.length && tries++ < 50) setTimeout(nameAll, 100);
  };
  nameAll();
}
"""


def add_downloads(machines: Machines, key: gr.State) -> None:
    """The panel.

    Args:
        machines: those of the page.
        key: the key of the visitor's own machine.
    """

    def repeat(told: str, key: str | None) -> tuple[Run, Seen]:
        admit(_DRAWING)
        seen = read(told)
        return run_again(machines, seen.link, key), seen

    def draw_figure(told: str, key: str | None) -> Iterator[Any]:
        run, _ = repeat(told, key)
        with _file_to_hand_over(f"ntm-{run.question.task}.png") as path:
            figures.draw_run(run.batch, run.trace).savefig(path, dpi=150)
            yield gr.Image(str(path), visible=True)

    def animate(
        told: str,
        key: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
    ) -> Iterator[Any]:
        run, seen = repeat(told, key)
        with _file_to_hand_over(f"ntm-{run.question.task}.gif") as path:
            yield from _draw_frames(run, seen, path, progress)
            yield gr.Image(str(path), visible=True)

    def make_files(
        told: str,
        key: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
    ) -> Iterator[Any]:
        run, seen = repeat(told, key)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / file for file in _FILES]
            figures.draw_run(run.batch, run.trace).savefig(paths[0])
            takeaway.write_trace(run, paths[1])
            for path in paths[2:]:
                yield from _draw_frames(run, seen, path, progress)
            yield gr.File([str(path) for path in paths], visible=True)

    def take_away(told: str, key: str | None) -> tuple[str, str]:
        seen = read(told)
        shown = seen.link
        embedded = folder_to_type(f"ntm-{shown.question.task}")  # snapshots are of these alone
        snapshot = None if shown.update is None else snapshots.path(Path(embedded) / SNAPSHOTS, shown.update)
        origin = embedded if snapshot is not None else machines.source(shown.question.task, key)
        return seen.address, takeaway.write_snippet(shown.question, origin, slots=shown.slots, snapshot=snapshot)

    told, watch = gr.Textbox(visible=False), make_watch()
    gr.HTML(f'<p class="notice">{_UNTOUCHED}</p>', elem_id="untouched")
    link = gr.Textbox(
        label="A link that opens it here", interactive=False, max_lines=2, buttons=["copy"], elem_id="link"
    )
    snippet = gr.Textbox(
        label="Python that repeats it", interactive=False, max_lines=30, buttons=["copy"], elem_id="snippet"
    )
    # Progress shows on the words, for the pictures are hidden while there is none.
    with gr.Row(elem_id="handed-over"):
        with gr.Column(min_width=_NARROW):
            gr.HTML("A card to hand on: what was asked, what came of it, and the link.")
            card_button = gr.Button("Make the card")
            card.make_card()
        with gr.Column(min_width=_NARROW):
            figure_words = gr.HTML("The paper's figure 6: inputs, outputs, adds, reads and weightings over time.")
            figure_button = gr.Button("Draw the figure")
            figure = _picture("The paper's figure 6", "png", "figure")
        with gr.Column(min_width=_NARROW):
            animation_words = gr.HTML("A moving picture: memory and weightings, a frame a step.")
            with gr.Row():
                animation_button = gr.Button("Make the GIF", min_width=120)
                animation_stop = gr.Button("Stop", elem_id="stop-gif", scale=0, min_width=80)
            animation = _picture("The run as a GIF", "gif", "animation")
        with gr.Column(min_width=_NARROW):
            files_words = gr.HTML(f"As files: {', '.join(_FILES)}.")
            with gr.Row():
                files_button = gr.Button("Make the files", min_width=120)
                files_stop = gr.Button("Stop", scale=0, min_width=80)
            files = gr.File(label="Files", file_count="multiple", interactive=False, visible=False, elem_id="files")
    card_button.click(None, js=card.MAKE, **QUIET)
    figure_button.click(
        draw_figure, [told, key], figure, js=TELL, show_progress_on=figure_words, api_visibility="private"
    ).then(None, js=_NAME_PICTURES)
    watch.settled(take_away, [watch, key], [link, snippet], **QUIET)
    drawn = animation_button.click(
        animate, [told, key], animation, js=TELL, show_progress_on=animation_words, api_visibility="private"
    )
    made = files_button.click(
        make_files, [told, key], files, js=TELL, show_progress_on=files_words, api_visibility="private"
    )
    drawn.then(None, js=_NAME_PICTURES)
    animation_stop.click(None, cancels=drawn, **QUIET)
    files_stop.click(None, cancels=made, **QUIET)


def _draw_frames(run: Run, seen: Seen, path: Path, progress: gr.Progress) -> Iterator[Any]:
    """Draw a moving picture, and give way after every frame to others and to the visitor's Stop."""
    steps = len(run.captions)
    words = figures.Words(seen.heading, seen.caption, seen.address)
    try:
        for step in figures.animate_run(run.batch, run.trace, path, words=words):
            progress((step + 1, steps), desc="drawing", unit="frames")
            yield gr.skip()
    except ValueError as error:
        raise gr.Error(str(error), print_exception=False) from error


def _picture(label: str, format: str, elem_id: str) -> gr.Image:
    return gr.Image(label=label, type="filepath", format=format, interactive=False, visible=False, elem_id=elem_id)


@contextmanager
def _file_to_hand_over(name: str) -> Iterator[Path]:
    """A place for a file that Gradio copies when it is yielded, and that is gone when the handler goes on."""
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder) / name
