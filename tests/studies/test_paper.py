"""The page of the paper's figures: all of them, from what is on record and from runs, and what is missing is said."""

import re
import shutil
from pathlib import Path

import pytest
import torch

import ntm
from ntm import tasks
from ntm.reports import figures
from ntm.storage import record
from ntm.storage.checkpoint import read_folder
from ntm.studies import paper
from tests.conftest import ROOT
from tests.tiny import EVALUATION, TRAINING, write_checkpoint

NUMBERS = list(range(3, 19))


def sections(page: str) -> dict[int, str]:
    """What the page says of each figure, by its number."""
    parts = re.split(r"^## Figure (\d+): ", page, flags=re.MULTILINE)
    return dict(zip(map(int, parts[1::2]), parts[2::2], strict=True))


@pytest.mark.slow
def test_the_committed_page_is_that_of_the_committed_machines(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", tmp_path / "checkpoints", ignore=shutil.ignore_patterns(".*", "snapshots"))
    shutil.rmtree(tmp_path / "checkpoints" / "paper")
    paper.write(tmp_path / "checkpoints")
    page, committed = tmp_path / "checkpoints" / "paper", ROOT / "checkpoints" / "paper"
    assert (page / "README.md").read_text() == (committed / "README.md").read_text()
    assert {path.name for path in page.iterdir()} == {path.name for path in committed.iterdir()}
    found = sections((page / "README.md").read_text())
    assert list(found) == NUMBERS
    for number, text in found.items():
        (name,) = re.findall(r"!\[.*\]\((.*)\)", text)
        assert name.startswith(f"figure-{number}.")
        assert (page / name).stat().st_size > 5_000
        assert "\nThe paper: " in text


def test_what_is_not_published_is_said_where_its_figure_would_be(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "ntm-copy")
    paper.write(tmp_path)
    found = sections((tmp_path / "paper" / "README.md").read_text())
    assert list(found) == NUMBERS
    assert "Drawn: NTM with feedforward controller. **Missing: NTM with LSTM controller and LSTM**" in found[3]
    assert "**Missing: NTM with LSTM controller, NTM with feedforward controller and LSTM**" in found[10]
    assert "**Missing: LSTM**" in found[5]
    assert {path.name for path in (tmp_path / "paper").iterdir()} == {
        "README.md",
        *(f"figure-{number}.svg" for number in (3, 4)),
        "figure-6.png",
    }


def test_a_machine_with_an_extension_does_not_pass_for_the_papers(tmp_path: Path) -> None:
    arguments = {"controller_size": 8, "memory_slots": 8, "memory_width": 4, "extension": "analog"}
    record.write(tmp_path / "ntm-copy", ntm.NTM(10, 8, **arguments), "copy", TRAINING, EVALUATION)
    paper.write(tmp_path)
    text = sections((tmp_path / "paper" / "README.md").read_text())[3]
    assert "Drawn: NTM with feedforward controller and analog memory." in text
    assert f"**Missing: {', '.join(paper.COMPARED[:2])} and LSTM**" in text


def test_learning_curves_are_those_on_record() -> None:
    curve = [(320 * (index + 1), float(index % 7)) for index in range(1_200)]
    (axis,) = figures.draw_learning({"NTM": curve, "LSTM": curve[:3]}, "bit errors", optimal=2.5).axes
    ntm_curve, lstm_curve, optimal = axis.get_lines()
    assert len(ntm_curve.get_xdata()) <= 150
    assert ntm_curve.get_xdata()[-1] == 1_200 * 0.32
    assert abs(ntm_curve.get_ydata().mean() - 3) < 0.05, "points are means of what they stand for"
    assert lstm_curve.get_xydata().tolist() == [[0.32, 0], [0.64, 1], [0.96, 2]]
    assert set(optimal.get_ydata()) == {2.5}


def test_answers_are_those_of_the_machine_and_its_wrong_bits_are_counted() -> None:
    machine = read_folder(ROOT / "checkpoints" / "ntm-copy")
    draw = paper._draw_answers(["ntm"], {"length": 3}, {"length": 5})
    drawn = draw("copy", {"NTM": machine})
    titles = [axis.get_title(loc="left") for axis in drawn.figure.axes]
    assert titles == ["NTM, length 3: 0 wrong bits", "", "NTM, length 5: 0 wrong bits", ""]
    targets, outputs, *_ = (axis.get_images()[0].get_array() for axis in drawn.figure.axes)
    assert targets.shape == (8, 3)
    assert torch.equal(torch.tensor(outputs.round()), torch.tensor(targets))


def test_predictions_stand_at_the_bits_that_they_are_of() -> None:
    task = tasks.get("dynamic-ngrams")
    machines = {"NTM": read_folder(ROOT / "checkpoints" / "ntm-dynamic-ngrams")}
    lines, strip = paper._draw_predictions("dynamic-ngrams", machines).figure.axes
    optimal, own = lines.get_lines()
    assert (optimal.get_xdata()[0], optimal.get_xdata()[-1]) == (6, 200), "the first bit after five, and the last"
    assert strip.get_images()[0].get_extent()[:2] == [5.5, 200.5]
    assert abs(own.get_ydata() - optimal.get_ydata()).mean() < 0.05
    assert len(optimal.get_xdata()) == 200 - task.context
