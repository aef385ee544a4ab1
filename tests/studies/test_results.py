"""The results page: it says what is on record, in tables and figures."""

import json
import shutil
from pathlib import Path

import pytest

import ntm
from ntm.reports import tables
from ntm.storage import record
from ntm.storage.untrusted import CheckpointError
from ntm.studies import initialisation, results
from tests.conftest import ROOT
from tests.tiny import EVALUATION, TRAINING, write_checkpoint

STUDY = {
    "memory_slots": 32,
    "sequences": {"copy": [640, 1280, 1920]},
    "errors": {"copy": {"constant": [[9.0, 0.5, 0.0], [9.0, 3.0, 0.9]], "random": [[9.0, 8.0, 7.0], [9.0, 0.9, 5.0]]}},
}


def test_a_row_for_what_was_trained_on_and_one_for_each_size_beyond() -> None:
    rows = tables.rows(ntm.tasks.get("copy"), EVALUATION)
    assert [(row.sizes, row.trained, row.memory_slots, row.error, row.worst) for row in rows] == [
        ("length 1 to 20, 2 of 20 sizes", True, 8, 6.375, 30.0),
        ("length 1 to 20, 1 of 20 sizes", True, 64, 11.0, 29.0),
        ("length 30", False, 64, 31.5, 60.0),
    ]


def test_models_are_compared_size_by_size() -> None:
    lstm = {**EVALUATION, "scores": [{**EVALUATION["scores"][3], "memory_slots": None, "error": 1234.5}]}
    text = tables.compare(ntm.tasks.get("copy"), {"NTM": EVALUATION, "LSTM": lstm})
    lines = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()]
    assert lines[0] == ["size", "memory slots", "NTM", "LSTM"]
    assert lines[-1] == ["length 30", "64", "31.5 ± 2.5", "1,234.5 ± 2.5"]
    assert lines[2][-2:] == ["6.38 ± 0.50", "–"]


def score(sizes: dict[str, int], **facts: float) -> dict:
    return {"sizes": sizes, "memory_slots": 8, "sequences": 10_000, "error": 0.0, "worst": 0.0, "margin": 0.0} | facts


def test_where_nothing_was_wrong_a_table_says_how_seldom_it_must_be() -> None:
    task = ntm.tasks.get("associative-recall")
    scores = [score({"items": items}, wrong=0) for items in (2, 3)]
    scores += [score({"items": 12}, wrong=12, error=0.0021, margin=0.0013)]
    scores += [score({"items": 15}, wrong=20, error=0.0034, margin=0.0015)]
    first, second, third = tables.rows(task, {"scores": scores})
    assert tables.mean_error(first) == tables.wrong_sequences(first) == "0 (< 0.015 %)", "of 20,000"
    assert tables.mean_error(second) == "0.0021 (< 0.21 %)", "too few for an interval of the mean"
    assert tables.mean_error(third) == "0.0034 ± 0.0015"
    assert tables.wrong_sequences(second) == "12 (0.069 to 0.21 %)"


def test_sizes_by_which_the_weights_were_chosen_are_marked() -> None:
    task = ntm.tasks.get("associative-recall")
    scores = [score({"items": items}) for items in (6, 8, 12, 20)]
    found = tables.rows(task, {"scores": scores, "chosen_at": [{"items": items} for items in (2, 6, 12, 20)]})
    assert [row.label.partition(" (")[2] for row in found] == [
        "trained on)",
        "",
        "size used in choosing)",
        "size used in choosing)",
    ]


@pytest.mark.parametrize(
    ("share", "text"), [(0.0003, "0.03 %"), (0.0994, "9.9 %"), (0.0996, "10 %"), (1.0, "100 %"), (3e-6, "0.0003 %")]
)
def test_shares_have_two_digits(share: float, text: str) -> None:
    assert tables.percent(share) == text


def test_the_study_says_who_learned_and_when() -> None:
    constant, random = initialisation.outcomes(STUDY)
    assert (constant.task, constant.scheme, constant.learned, random.learned) == ("copy", "constant", 2, 1)
    assert constant.sequences == (1440, 1600, 1760)
    assert random.sequences == (1440, 1600, 1760)
    assert constant.error == pytest.approx((0.225, 0.45, 0.675))


def test_the_page_holds_every_task_and_the_study(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "ntm-copy")
    lstm = ntm.LSTMBaseline(10, 8, hidden_size=4, num_layers=1)
    record.write(tmp_path / "lstm-copy", lstm, "copy", TRAINING, EVALUATION)
    for name in initialisation.RECORDS.values():
        (tmp_path / name).write_text(json.dumps(STUDY))
    results.write(tmp_path)
    page = (tmp_path / "README.md").read_text()
    assert "## copy" in page
    assert "## priority-sort" not in page
    theirs, ours = page.partition("### As they ran it")[2].split("### With this project's recipes")
    for part in (theirs, ours):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in part.splitlines() if "| copy" in line]
        assert [row[:3] for row in rows] == [["copy", "constant", "2 of 2"], ["copy", "random", "1 of 2"]]
        assert [row[4] for row in rows] == ["", "1"]
    for line in page.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.partition("](")[2].rstrip(")")).read_text().startswith("<?xml")


def test_figures_are_the_same_bytes_for_the_same_records(tmp_path: Path) -> None:
    write_checkpoint(tmp_path / "ntm-copy")
    (tmp_path / "initialisation.json").write_text(json.dumps(STUDY))
    drawn = []
    for _ in range(2):
        results.write(tmp_path)
        drawn.append([(tmp_path / f"{name}.svg").read_bytes() for name in ("copy", "initialisation")])
    assert drawn[0] == drawn[1]


def test_a_record_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "ntm-copy")
    (folder / "evaluation.json").write_text("{")
    with pytest.raises(CheckpointError, match=r"evaluation\.json"):
        results.write(tmp_path)


def test_the_committed_page_is_that_of_the_committed_records(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "checkpoints", tmp_path / "checkpoints", ignore=shutil.ignore_patterns(".*", "snapshots"))
    results.write(tmp_path / "checkpoints")
    assert (tmp_path / "checkpoints" / "README.md").read_text() == (ROOT / "checkpoints" / "README.md").read_text()
