"""Figures drawn with matplotlib: a run of the machine as the paper's figure 6, still or moving.

They are made without pyplot, which keeps every figure alive and is not made for servers.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from matplotlib.animation import AbstractMovieWriter, FFMpegWriter
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.patches import StepPatch
from matplotlib.ticker import LogLocator, NullFormatter
from PIL import GifImagePlugin, Image
from torch import Tensor

from ntm.machine.model import SequenceModel
from ntm.machine.models import labels_of
from ntm.machine.trace import Trace
from ntm.reports import tables
from ntm.tasks import Batch, Task
from ntm.tasks.streams import make_generator

_WRITE_COLOUR = "#c2500a"
_READ_COLOUR = "#0072b2"
_MODEL_COLOURS = (_READ_COLOUR, _WRITE_COLOUR, "#009e73", "#999999")
_MODEL_MARKERS = "osD^"
_SCHEME_COLOURS = _MODEL_COLOURS[:3]
_FOCUSED = 0.02
_FEWEST_SLOTS = 16
_FRAMES_A_SECOND = 8
_POINTS_OF_A_CURVE = 150


class Words(NamedTuple):
    """What stands over a moving picture, and under it."""

    heading: str
    caption: str
    address: str
    """that opens the run"""


class _Strip(NamedTuple):
    """Rows of numbers over time."""

    name: str
    values: np.ndarray
    """(rows, T)"""
    colours: str = "gray_r"
    limit: float | None = None
    """values run from minus this to this; from 0 to 1 when None"""


class _Recording(NamedTuple):
    """One sequence of a trace as arrays, time first, and the slots worth showing."""

    inputs: np.ndarray
    outputs: np.ndarray
    memory: np.ndarray
    adds: np.ndarray
    reads: np.ndarray
    write_weights: np.ndarray
    read_weights: np.ndarray
    slots: np.ndarray
    """indices of a stretch of the circular memory that holds all slots in use"""


def write_pictures(folder: Path, model: SequenceModel, task: Task, evaluation: Mapping[str, Any]) -> None:
    """Write the pictures of a model card: a run of the largest training size, and error by size.

    Args:
        folder: the folder of the checkpoint.
        model: the trained weights.
        task: what it was trained on.
        evaluation: the contents of `evaluation.json`.
    """
    largest = {name: choices[-1] for name, choices in task.sizes.items()}
    batch = task.sample(1, generator=make_generator("demo", 0), device=next(model.parameters()).device, **largest)
    (label,) = labels_of([model])
    pictures = {
        "run.png": draw_run(batch, model.trace(batch.inputs)),
        "generalisation.png": draw_generalisation(task, {label: evaluation}),
    }
    for name, figure in pictures.items():
        figure.savefig(folder / name, dpi=110)


def draw_run(batch: Batch, trace: Trace, index: int = 0) -> Figure:
    """Figure 6 of the paper for one sequence: inputs, outputs, adds, reads and weightings over one time axis.

    Of a model without memory only the inputs and the outputs.

    Args:
        batch: the sequences that were run.
        trace: the run of them.
        index: which of the sequences.
    """
    recording = _record(batch, trace, index)
    strips = _strips(recording)
    heights = [max(0.55, min(2.2, len(strip.values) / 16)) for strip in strips]
    figure = _figure(9, sum(heights) + 0.25 * len(strips) + 0.6)
    axes = figure.subplots(len(strips), sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axis, strip in zip(axes, strips, strict=True):
        _draw_strip(axis, strip)
    slots = recording.slots
    for axis in axes[-2:] if len(slots) else ():
        axis.set_yticks(*_slot_ticks(slots, 5), fontsize=7)
    axes[-1].set_xlabel("time step")
    return figure


def _slot_ticks(slots: np.ndarray, most: int) -> tuple[np.ndarray, list[str]]:
    """Places along a stretch of slots, and the slots that are there."""
    places = np.linspace(0, len(slots) - 1, min(most, len(slots)), dtype=int)
    return places, [str(slots[place]) for place in places]


def moving_formats() -> list[str]:
    """The formats that `animate_run` can write here, as a file's name ends; MP4 takes ffmpeg."""
    return [".gif", ".mp4"] if FFMpegWriter.isAvailable() else [".gif"]


def animate_run(batch: Batch, trace: Trace, path: Path, index: int = 0, *, words: Words | None = None) -> Iterator[int]:
    """Write a run as a moving picture: memory with the weightings beside its slots, a frame a step.

    It is written as the steps are asked for, so that whoever asks can stop.

    Args:
        batch: the sequences that were run.
        trace: the run of them.
        path: the file to write, ending in one of `moving_formats`.
        index: which of the sequences.
        words: what stands around the picture, anything at all.

    Yields:
        The number of each step when its frame is drawn; the file is whole when there are no more.

    Raises:
        ValueError: if the model has no memory.
    """
    recording = _record(batch, trace, index)
    slots = recording.slots
    if not len(slots):
        raise ValueError("this machine has no memory to show")
    figure = _figure(7.2, 4.8 if words is None else 5.4)
    if words is not None:
        _surround(figure, words)
    writes, memory, reads, inputs, outputs = figure.subplots(5, height_ratios=[0.8, 2.2, 0.8, 0.8, 0.8])
    bars = {
        _draw_bars(writes, recording.write_weights, len(slots), _WRITE_COLOUR, "write"): recording.write_weights,
        _draw_bars(reads, recording.read_weights, len(slots), _READ_COLOUR, "read"): recording.read_weights,
    }
    reads.invert_yaxis()
    limit = max(recording.memory.max(), -recording.memory.min())
    cells = memory.imshow(
        recording.memory[0, slots].T, aspect="auto", cmap="PRGn", vmin=-limit, vmax=limit, interpolation="nearest"
    )
    _name(memory, "memory")
    memory.set_xticks(*_slot_ticks(slots, 9), fontsize=7)
    _draw_strip(inputs, _Strip("input", recording.inputs.T))
    _draw_strip(outputs, _Strip("output", recording.outputs.T))
    playheads = [axis.axvline(1, color=_WRITE_COLOUR, linewidth=1.5) for axis in (inputs, outputs)]
    moving: list[Artist] = [cells, *memory.spines.values(), *bars, *playheads]
    for artist in moving:
        artist.set_animated(True)
    writer = FFMpegWriter(_FRAMES_A_SECOND) if path.suffix == ".mp4" else _GifWriter(moving)
    with writer.saving(figure, str(path), dpi=90):
        figure.canvas.draw()
        figure.set_layout_engine("none")  # nothing moves from here on, and laying out anew is most of a frame's cost
        for step in range(len(recording.memory)):
            cells.set_data(recording.memory[step, slots].T)
            for each, weights in bars.items():
                each.set_data(weights[step, :, slots].max(axis=1))
            for playhead in playheads:
                playhead.set_xdata([step + 1, step + 1])
            writer.grab_frame()
            yield step


def _surround(figure: Figure, words: Words) -> None:
    heading, caption, address = map(_shortened, words, (70, 110, 130))
    figure.suptitle(f"{heading}\n{caption}", fontsize=9, parse_math=False)
    figure.supxlabel(address, fontsize=7, parse_math=False)


def _shortened(text: str, most: int) -> str:
    """Text of one line that the font can write, of so many characters."""
    known = get_font(findfont(FontProperties())).get_charmap()
    written = "".join(character if ord(character) in known else "·" for character in text)
    return written if len(written) <= most else f"{written[: most - 1]}…"


class _GifWriter(AbstractMovieWriter):
    """Writes every frame as it comes, and draws anew only what moves.

    `PillowWriter` keeps all frames until the last, a megabyte each, and draws all of every one.

    Args:
        moving: what is drawn anew; all of it is `animated`.
    """

    def __init__(self, moving: Sequence[Artist]) -> None:
        super().__init__(_FRAMES_A_SECOND)
        self._moving = moving
        self._still: Any = None

    def setup(self, fig: Figure, outfile: str | Path, dpi: float | None = None) -> None:
        """Open the file."""
        super().setup(fig, outfile, dpi)
        fig.set_dpi(self.dpi)
        self._file = Path(outfile).open("wb")  # noqa: SIM115 - `finish` closes it

    def grab_frame(self, **savefig_kwargs: Any) -> None:
        """Draw a frame and write it."""
        is_first = self._still is None
        frame = self._draw()
        # Part by part, for `Image.save` writes nothing before it has been given every frame.
        if is_first:
            self._file.writelines(GifImagePlugin.getheader(frame, info={"loop": 0})[0])
        self._file.writelines(GifImagePlugin.getdata(frame, duration=1000 / self.fps, include_color_table=True))

    def finish(self) -> None:
        """Close the file."""
        self._file.write(b";")
        self._file.close()

    def _draw(self) -> Image.Image:
        canvas: Any = self.fig.canvas
        if self._still is None:
            canvas.draw()
            self._still = canvas.copy_from_bbox(self.fig.bbox)
        canvas.restore_region(self._still)
        for artist in self._moving:
            self.fig.draw_artist(artist)
        return Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB").quantize()


def _record(batch: Batch, trace: Trace, index: int) -> _Recording:
    def array(tensor: Tensor) -> np.ndarray:
        return tensor[:, index].detach().cpu().numpy()

    write_weights, read_weights = array(trace.write_weights), array(trace.read_weights)
    return _Recording(
        inputs=array(batch.inputs),
        outputs=array(trace.logits.sigmoid() * batch.mask.unsqueeze(-1)),
        memory=array(trace.memory),
        adds=array(trace.adds),
        reads=array(trace.reads),
        write_weights=write_weights,
        read_weights=read_weights,
        slots=_slots_in_use(np.concatenate([write_weights, read_weights], axis=1)),
    )


def _slots_in_use(weights: np.ndarray) -> np.ndarray:
    """The shortest stretch of the circular memory that holds every slot on which a head was, a little widened."""
    count: int = weights.shape[-1]
    if not count:
        return np.arange(0)
    used = np.flatnonzero(weights.max(axis=(0, 1)) > _FOCUSED)
    gaps = np.diff(used, append=used[0] + count)
    widest = int(gaps.argmax())
    first = int(used[(widest + 1) % len(used)])
    length = min(count, max(_FEWEST_SLOTS, count - int(gaps[widest]) + 2))
    return (first + np.arange(length)) % count


def _strips(recording: _Recording) -> list[_Strip]:
    def flat(vectors: np.ndarray) -> np.ndarray:
        return vectors.reshape(len(vectors), -1).T

    strips = [_Strip("inputs", recording.inputs.T), _Strip("outputs", recording.outputs.T)]
    if not len(recording.slots):
        return strips
    for name, vectors in (("adds", recording.adds), ("reads", recording.reads)):
        strips.append(_Strip(name, flat(vectors), "PRGn", float(np.abs(vectors).max())))
    for name, weights in (("write\nweightings", recording.write_weights), ("read\nweightings", recording.read_weights)):
        strips.append(_Strip(name, weights.max(axis=1)[:, recording.slots].T, "viridis"))
    return strips


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _draw_strip(axis: Axes, strip: _Strip, first: int = 1) -> None:
    rows, steps = strip.values.shape
    axis.imshow(
        strip.values,
        aspect="auto",
        interpolation="nearest",
        cmap=strip.colours,
        vmin=0 if strip.limit is None else -strip.limit,
        vmax=1 if strip.limit is None else strip.limit,
        extent=(first - 0.5, first + steps - 0.5, rows - 0.5, -0.5),
    )
    _name(axis, strip.name)


def _draw_bars(axis: Axes, weights: np.ndarray, count: int, colour: str, name: str) -> StepPatch:
    bars = axis.stairs(np.zeros(count), np.arange(count + 1) - 0.5, fill=True, color=colour)
    axis.set_xlim(-0.5, count - 0.5)
    axis.set_ylim(0, 1)
    axis.set_xticks([])
    _name(axis, name + (" heads" if weights.shape[1] > 1 else " head"))
    return bars


def _name(axis: Axes, name: str) -> None:
    axis.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
    axis.set_yticks([])
    axis.tick_params(labelsize=7)


def draw_generalisation(task: Task, evaluations: Mapping[str, Mapping[str, Any]]) -> Figure:
    """Error against size, far past the sizes trained on: a panel for each kind of size, the others at their largest.

    Of an error that cannot be zero, it is what is above the least possible.

    Args:
        task: what the models were judged on.
        evaluations: contents of `evaluation.json`, by the name that the legend gives the model.
    """
    figure = _figure(7 if len(task.sizes) == 1 else 10, 3.4)
    panels = figure.subplots(1, len(task.sizes), sharey=True, squeeze=False)[0]
    for axis, name in zip(panels, task.sizes, strict=True):
        _draw_curves(axis, task, name, evaluations)
    panels[0].set_ylabel(f"{task.excess_name} per sequence")
    panels[0].legend(fontsize=8)
    return figure


def _draw_curves(axis: Axes, task: Task, name: str, evaluations: Mapping[str, Mapping[str, Any]]) -> None:
    choices = task.sizes[name]
    others = {other: sizes[-1] for other, sizes in task.sizes.items() if other != name}
    axis.axvspan(choices[0] - 0.5, choices[-1] + 0.5, color="#8884", linewidth=0, label="trained on")
    for number, (model, evaluation) in enumerate(evaluations.items()):
        scores = [score for score in evaluation["scores"] if others.items() <= score["sizes"].items()]
        for slots in dict.fromkeys(score["memory_slots"] for score in scores):
            points = sorted(
                (score["sizes"][name], tables.excess(score)) for score in scores if score["memory_slots"] == slots
            )
            label = model if slots is None else f"{model}, {slots:,} slots"
            axis.plot(
                *zip(*points, strict=True),
                color=_MODEL_COLOURS[number],
                linestyle="-" if slots == scores[0]["memory_slots"] else ":",
                marker=_MODEL_MARKERS[number],
                markersize=4,
                label=label,
            )
    axis.set_xlabel(", ".join([name, *(f"{other} {size}" for other, size in others.items())]))
    axis.set_xscale("log")
    # Linear where errors are fewer than one a sequence, so that none at all has a place on the axis.
    axis.set_yscale("symlog", linthresh=1)
    axis.set_ylim(-0.1, max(1.1, 1.5 * axis.get_ylim()[1]))
    axis.xaxis.set_major_locator(LogLocator(10, (1, 2, 5)))
    for ruler in (axis.xaxis, axis.yaxis):
        ruler.set_major_formatter("{x:,.0f}")
    axis.xaxis.set_minor_formatter(NullFormatter())
    axis.grid(alpha=0.3)


def draw_learning(
    curves: Mapping[str, Sequence[tuple[int, float]]], error_name: str, optimal: float | None = None
) -> Figure:
    """Error against sequences seen, as the paper's learning curves.

    Args:
        curves: by the name that the legend gives a model, the sequences it has seen and its error then.
        error_name: what the error is.
        optimal: the least possible error, where that is known and not zero.
    """
    figure = _figure(7, 3.4)
    axis = figure.subplots()
    for colour, (model, curve) in zip(_MODEL_COLOURS, curves.items(), strict=False):
        seen, errors = zip(*_thinned(curve), strict=True)
        axis.plot(np.array(seen) / 1000, errors, color=colour, linewidth=1.3, label=model)
    if optimal is not None:
        axis.axhline(optimal, color="black", linewidth=1, linestyle=":", label="optimal estimator")
    else:
        axis.set_ylim(bottom=0)
    axis.set_xlabel("sequences seen (thousands)")
    axis.set_ylabel(f"{error_name} per sequence")
    axis.grid(alpha=0.3)
    axis.legend(fontsize=8)
    return figure


def _thinned(curve: Sequence[tuple[int, float]]) -> list[tuple[float, float]]:
    """At most so many points, each the mean of those in its place."""
    parts = np.array_split(np.array(curve, dtype=float), min(len(curve), _POINTS_OF_A_CURVE))
    return [(float(part[-1, 0]), float(part[:, 1].mean())) for part in parts]


def draw_answers(answers: Mapping[str, tuple[Tensor, Tensor]]) -> Figure:
    """What should have come out above what did, one answer below the other, as in the paper's figures 4, 5 and 8.

    Args:
        answers: targets and probabilities (S, out) of the scored steps, by what the answer is called.
    """
    figure = _figure(9, 1.1 * len(answers) + 0.5)
    axes = figure.subplots(2 * len(answers), sharex=True, squeeze=False)[:, 0]
    for number, (name, (target, probabilities)) in enumerate(answers.items()):
        above, below = axes[2 * number : 2 * number + 2]
        _draw_strip(above, _Strip("targets", target.T.numpy()))
        _draw_strip(below, _Strip("outputs", probabilities.T.numpy()))
        above.set_title(name, fontsize=8, loc="left", pad=2)
    axes[-1].set_xlim(0.5, max(len(target) for target, _ in answers.values()) + 0.5)
    axes[-1].set_xlabel("step of the answer")
    return figure


def draw_predictions(bits: Tensor, predictions: Mapping[str, Tensor], first: int) -> Figure:
    """The probability that the next bit is 1 along a stream of bits, as in the paper's figure 14.

    Args:
        bits: (S), what was to be predicted.
        predictions: (S), by what the legend calls them, the best possible first.
        first: the number of the first of these bits in the stream.
    """
    figure = _figure(9, 3)
    lines, strip = figure.subplots(2, sharex=True, height_ratios=[6, 1])
    steps = np.arange(first, first + len(bits))
    for colour, width, (name, values) in zip(
        ("#bbbbbb", *_MODEL_COLOURS), (3, 1, 1), predictions.items(), strict=False
    ):
        lines.plot(steps, values.numpy(), color=colour, linewidth=width, label=name)
    lines.set_ylabel("probability of a 1")
    lines.set_ylim(-0.02, 1.02)
    lines.legend(fontsize=8, loc="upper right")
    _draw_strip(strip, _Strip("bit", bits[None].numpy()), first)
    strip.set_xlabel("number of the bit")
    return figure


def draw_example(batch: Batch, index: int = 0) -> Figure:
    """What goes in and what should come out of one sequence, as in the paper's figure 16.

    Args:
        batch: sequences.
        index: which of them.
    """
    figure = _figure(9, 2.2)
    inputs, targets = figure.subplots(2, sharex=True)
    # Priorities go from -1 to 1, so all is drawn from the one to the other.
    _draw_strip(inputs, _Strip("inputs", batch.inputs[:, index].T.numpy(), "RdBu_r", 1.0))
    _draw_strip(targets, _Strip("targets", batch.targets[:, index].T.numpy()))
    targets.set_xlabel("time step")
    return figure


def draw_study(study: Mapping[str, Any]) -> Figure:
    """Error against sequences seen for each initial memory: the median of the seeds, and the middle half of them.

    Args:
        study: the contents of `initialisation.json`.
    """
    figure = _figure(10, 3.6)
    panels = figure.subplots(1, len(study["errors"]), squeeze=False)[0]
    for axis, (task, schemes) in zip(panels, study["errors"].items(), strict=True):
        seen = study["sequences"][task]
        for colour, (scheme, curves) in zip(_SCHEME_COLOURS, schemes.items(), strict=False):
            low, middle, high = np.quantile(np.array(curves), (0.25, 0.5, 0.75), axis=0)
            axis.plot(seen, middle, color=colour, linewidth=1.5, label=scheme)
            axis.fill_between(seen, low, high, color=colour, alpha=0.2, linewidth=0)
        axis.set_title(task, fontsize=10)
        axis.set_xlabel("sequences seen")
        axis.xaxis.set_major_formatter("{x:,.0f}")
        axis.set_ylim(bottom=0)
        axis.grid(alpha=0.3)
    panels[0].set_ylabel("wrong bits per sequence")
    panels[0].legend(fontsize=8, title="memory at first", title_fontsize=8)
    return figure
