"""Pictures of runs, read back as pixels, for every task's own machine."""

import tracemalloc
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import ntm
from ntm import tasks
from ntm.machine.trace import Trace
from ntm.reports import figures
from ntm.tasks import Batch
from tests.numerics import seeded

SVG_AXIS = '<g id="axes_'


def run(name: str, **sizes: int) -> tuple[Batch, Trace]:
    task = tasks.get(name.partition("-")[2])
    smallest = {each: task.smallest.get(each, 1) for each in task.sizes}
    batch = task.sample(1, generator=seeded(), **smallest | sizes)
    return batch, ntm.load(f"checkpoints/{name}").trace(batch.inputs)


@pytest.mark.parametrize("task", tasks.names())
def test_a_run_is_drawn_as_the_papers_figure_6_in_both_formats(task: str, tmp_path: Path) -> None:
    figure = figures.draw_run(*run(f"ntm-{task}"))
    for suffix in ("png", "svg"):
        figure.savefig(tmp_path / f"run.{suffix}")
    assert np.asarray(Image.open(tmp_path / "run.png").convert("L")).std() > 5
    assert (tmp_path / "run.svg").read_text().count(SVG_AXIS) == 6, "inputs, outputs, adds, reads, both weightings"


def test_a_run_without_memory_is_drawn_by_what_goes_in_and_out(tmp_path: Path) -> None:
    batch, trace = run("lstm-copy")
    figures.draw_run(batch, trace).savefig(tmp_path / "run.svg")
    assert (tmp_path / "run.svg").read_text().count(SVG_AXIS) == 2
    with pytest.raises(ValueError, match="no memory to show"):
        list(figures.animate_run(batch, trace, tmp_path / "run.gif"))


@pytest.mark.parametrize("suffix", figures.moving_formats())
def test_a_run_moves_a_frame_a_step(suffix: str, tmp_path: Path) -> None:
    batch, trace = run("ntm-copy", length=3)
    assert list(figures.animate_run(batch, trace, tmp_path / f"run{suffix}")) == list(range(8))
    if suffix == ".gif":
        with Image.open(tmp_path / "run.gif") as picture:
            assert picture.n_frames == 8
            first = np.asarray(picture.convert("L"), dtype=float)
            picture.seek(7)
            assert np.abs(np.asarray(picture.convert("L"), dtype=float) - first).mean() > 1
    else:
        assert (tmp_path / "run.mp4").read_bytes()[4:8] == b"ftyp"


@pytest.mark.parametrize("heading", ["hello", "a $x_{ of 日本🙂", "x" * 300], ids=["short", "strange", "long"])
def test_words_of_any_kind_stand_around_a_moving_picture(heading: str, tmp_path: Path) -> None:
    """What a font cannot write is left out, and nothing is taken for a formula: either would end in the log."""
    batch, trace = run("ntm-copy", length=1)
    words = figures.Words(heading, "Not one of 8 bits is wrong.", "https://there/?task=copy&input=10110010")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        list(figures.animate_run(batch, trace, tmp_path / "run.gif", words=words))
    with Image.open(tmp_path / "run.gif") as picture:
        dark = np.asarray(picture.convert("L")) < 100
    height, width = dark.shape
    for line in (dark[: height // 25], dark[-height // 30 :]):
        assert line.any()
        assert not line[:, : width // 50].any(), "none of it is cut off"
        assert not line[:, -width // 50 :].any()


def test_a_long_gif_is_written_as_it_comes_and_takes_no_more_memory_than_a_short_one(tmp_path: Path) -> None:
    path = tmp_path / "run.gif"
    frames = figures.animate_run(*run("ntm-copy", length=40), path)
    next(frames)
    tracemalloc.start()
    sizes, held = [], []
    for _ in range(3):
        for _ in range(20):
            next(frames)
        sizes.append(path.stat().st_size)
        held.append(tracemalloc.get_traced_memory()[1])
    tracemalloc.stop()
    frames.close()
    assert sizes[0] < sizes[1] < sizes[2]
    forty_frames = 40 * 648 * 432
    assert held[2] - held[0] < forty_frames / 10
    with Image.open(path) as picture:
        assert picture.n_frames == 61, "what was stopped is a picture too"


def test_heads_stand_where_they_are_in_each_frame(tmp_path: Path) -> None:
    batch, trace = run("ntm-copy", length=12)
    list(figures.animate_run(batch, trace, tmp_path / "run.gif"))
    seen = []
    with Image.open(tmp_path / "run.gif") as picture:
        for step in range(14):
            picture.seek(step)
            above_memory = np.asarray(picture.convert("RGB"), dtype=float)[:60]
            orange = np.abs(above_memory - (0xC2, 0x50, 0x0A)).max(axis=-1) < 30
            seen.append(np.flatnonzero(orange.any(axis=0)).mean())
    was = trace.write_weights[:14, 0, 0].argmax(-1).numpy()
    around = (was - was[0]) % 128  # memory is a circle
    assert len(set(around)) > 10
    assert abs(np.corrcoef(seen, np.where(around > 64, around - 128, around))[0, 1]) > 0.999


def test_curves_show_what_is_above_the_least_possible_error() -> None:
    scores = [
        {"sizes": {"length": 200}, "memory_slots": 32, "error": 129.0, "optimal": 127.5},
        {"sizes": {"length": 50}, "memory_slots": 32, "error": 36.5, "optimal": 36.25},
    ]
    figure = figures.draw_generalisation(tasks.get("dynamic-ngrams"), {"NTM": {"scores": scores}})
    (panel,) = figure.axes
    (curve,) = panel.get_lines()
    assert np.array_equal(curve.get_xydata(), [(50, 0.25), (200, 1.5)])
    assert panel.get_ylabel() == "bits above optimal per sequence"


def test_places_on_the_circle_of_slots_are_named_after_their_slots() -> None:
    places, names = figures._slot_ticks(np.array([126, 127, 0, 1, 2]), 3)
    assert places.tolist() == [0, 2, 4]
    assert names == ["126", "0", "2"]
