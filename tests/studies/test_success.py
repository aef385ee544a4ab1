"""How often a recipe succeeds: which races there are, what is on record of them, and that they can be stopped."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

import ntm
from ntm.studies import results, success
from ntm.tasks import Case
from tests.tiny import SMALLEST


def raced(task: str, engine: str, seconds: float, *misses: str) -> dict[str, object]:
    return {"task": task, "engine": engine, "seed": 0, "seeds": 4, "seconds": seconds, "misses": list(misses)}


MISSED = "2 bit errors at length 20, where 0.01 is the bar"
RACES = [
    raced("copy", "native:x86-64-v4", 10.0),
    raced("copy", "native:x86-64-v3", 30.0),
    raced("copy", "native:x86-64-v4", 20.0, MISSED),
    raced("copy", "native:x86-64-v4", 90.0),
]


def test_a_rate_is_of_one_task_and_engine() -> None:
    newer, older = success.rates(RACES)
    assert newer == (("copy", "native:x86-64-v4"), 3, 2, 20.0, [MISSED])
    assert older == (("copy", "native:x86-64-v3"), 1, 1, 30.0, [])


def test_kinds_are_told_apart_by_what_is_asked() -> None:
    (rate,) = success.rates(RACES, by=["task"])
    assert rate == (("copy",), 4, 3, 25.0, [MISSED])


def test_the_results_page_says_how_sure_it_is(tmp_path: Path) -> None:
    (tmp_path / success.RECORD).write_text(json.dumps({"device": "a test", "races": RACES}))
    results.write(tmp_path)
    page = (tmp_path / "README.md").read_text()
    row = next(line for line in page.splitlines() if "| copy" in line)
    assert [cell.strip() for cell in row.strip("|").split("|")] == [
        "copy",
        "native:x86-64-v4",
        "2 of 3",
        "21 to 94 %",
        "20",
        MISSED,
    ]


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize(("bar", "succeeded"), [(100.0, 2), (0.0, 0)])
def test_races_share_no_seed_and_none_is_run_twice(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, bar: float, succeeded: int
) -> None:
    task = type(ntm.tasks.get("copy"))
    recipe = replace(task.recipes["ntm"], updates=20, batch_size=2, seeds=2, arguments=SMALLEST["ntm"])
    monkeypatch.setattr(task, "recipes", {"ntm": recipe})
    monkeypatch.setattr(task, "evaluation", (Case({"length": 2}, bar=bar), Case({"length": 3})))
    monkeypatch.setattr(success, "CHECKPOINTS", tmp_path)
    assert success.main(["copy", "--races", "1"]) == 0
    assert success.main(["copy", "--races", "2"]) == 0
    races = json.loads((tmp_path / success.RECORD).read_text())["races"]
    engines = success.engines()
    assert [(race["engine"], race["seed"], race["seeds"]) for race in races] == [
        (engine, seed, 2) for seed in (0, 2) for engine in engines
    ]
    assert [(rate.races, rate.succeeded) for rate in success.rates(races)] == [(2, succeeded)] * len(engines)
    assert [path.name for path in tmp_path.iterdir()] == [success.RECORD]


def test_a_task_that_is_none_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        success.main(["chess"])
    assert "no task chess" in capsys.readouterr().err
