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
from ntm.ui import links
from ntm.ui.browser import QUERY
from ntm.ui.budget import Cost, admit
from ntm.ui.events import QUIET
from ntm.ui.machines import Machines
from ntm.ui.outcome import run_again
from ntm.ui.panels import takeaway
from ntm.ui.run import Run
from ntm.ui.watching import make_watch, read

_FILES = ["figure.svg", "trace.npz", *(["run.mp4"] if ".mp4" in figures.moving_formats() else [])]
# A picture takes half a second and some tens of megabytes.
_DRAWING = Cost(32 * 2**20, 500_000_000)
_UNTOUCHED = "The link keeps what you changed. All else here is of the run as it was before."
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

    def draw_figure(query: str, key: str | None) -> Iterator[Any]:
        admit(_DRAWING)
        run = run_again(machines, links.read_query(query), key)
        with _file_to_hand_over(f"ntm-{run.question.task}.png") as path:
            figures.draw_run(run.batch, run.trace).savefig(path, dpi=150)
            yield gr.Image(str(path), visible=True)

    def animate(
        query: str,
        key: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
    ) -> Iterator[Any]:
        admit(_DRAWING)
        run = run_again(machines, links.read_query(query), key)
        with _file_to_hand_over(f"ntm-{run.question.task}.gif") as path:
            yield from _draw_frames(run, path, progress)
            yield gr.Image(str(path), visible=True)

    def make_files(
        query: str,
        key: str | None,
        progress: gr.Progress = gr.Progress(),  # noqa: B008 - how Gradio hands it over
    ) -> Iterator[Any]:
        admit(_DRAWING)
        run = run_again(machines, links.read_query(query), key)
        with tempfile.TemporaryDirectory() as folder:
            paths = [Path(folder) / file for file in _FILES]
            figures.draw_run(run.batch, run.trace).savefig(paths[0])
            takeaway.write_trace(run, paths[1])
            for path in paths[2:]:
                yield from _draw_frames(run, path, progress)
            yield gr.File([str(path) for path in paths], visible=True)

    def take_away(told: str, key: str | None) -> tuple[str, str]:
        shown, address, _ = read(told)
        embedded = folder_to_type(f"ntm-{shown.question.task}")  # snapshots are of these alone
        snapshot = None if shown.update is None else snapshots.path(Path(embedded) / SNAPSHOTS, shown.update)
        origin = embedded if snapshot is not None else machines.source(shown.question.task, key)
        return address, takeaway.write_snippet(shown.question, origin, slots=shown.slots, snapshot=snapshot)

    query, watch = gr.Textbox(visible=False), make_watch()
    gr.HTML(f'<p class="notice">{_UNTOUCHED}</p>', elem_id="untouched")
    link = gr.Textbox(
        label="A link that opens it here", interactive=False, max_lines=2, buttons=["copy"], elem_id="link"
    )
    snippet = gr.Textbox(label="Python that repeats it", interactive=False, buttons=["copy"], elem_id="snippet")
    # Progress shows on the words, for the pictures are hidden while there is none.
    with gr.Row():
        with gr.Column():
            figure_words = gr.HTML("The paper's figure 6: inputs, outputs, adds, reads and weightings over time.")
            figure_button = gr.Button("Draw the figure")
            figure = _picture("The paper's figure 6", "png", "figure")
        with gr.Column():
            animation_words = gr.HTML("A moving picture: memory and weightings, a frame a step.")
            with gr.Row():
                animation_button = gr.Button("Make the GIF")
                animation_stop = gr.Button("Stop", elem_id="stop-gif")
            animation = _picture("The run as a GIF", "gif", "animation")
        with gr.Column():
            files_words = gr.HTML(f"As files: {', '.join(_FILES)}.")
            with gr.Row():
                files_button = gr.Button("Make the files")
                files_stop = gr.Button("Stop")
            files = gr.File(label="Files", file_count="multiple", interactive=False, visible=False, elem_id="files")
    figure_button.click(
        draw_figure, [query, key], figure, js=QUERY, show_progress_on=figure_words, api_visibility="private"
    ).then(None, js=_NAME_PICTURES)
    watch.settled(take_away, [watch, key], [link, snippet], **QUIET)
    drawn = animation_button.click(
        animate, [query, key], animation, js=QUERY, show_progress_on=animation_words, api_visibility="private"
    )
    made = files_button.click(
        make_files, [query, key], files, js=QUERY, show_progress_on=files_words, api_visibility="private"
    )
    drawn.then(None, js=_NAME_PICTURES)
    animation_stop.click(None, cancels=drawn, **QUIET)
    files_stop.click(None, cancels=made, **QUIET)


def _draw_frames(run: Run, path: Path, progress: gr.Progress) -> Iterator[Any]:
    """Draw a moving picture, and give way after every frame to others and to the visitor's Stop."""
    steps = len(run.captions)
    try:
        for step in figures.animate_run(run.batch, run.trace, path):
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
