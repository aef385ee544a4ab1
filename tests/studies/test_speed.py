"""The benchmark: its counts, and that its rows agree with themselves. How fast it is here is nobody's business."""

import json
from pathlib import Path

import pytest
import torch

import ntm
from ntm.engine.choose import older_engines
from ntm.studies import browser, roofline, speed
from ntm.studies.speed import Setting


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"controller": "lstm", "controller_layers": 2, "read_heads": 2},
        {"extension": "analog", "write_heads": 3},
        {"extension": {"register": {"channel": 9, "mean": 5.5, "deviation": 2.9}}},
    ],
)
def test_the_products_with_weights_are_all_counted(arguments: dict) -> None:
    """A step multiplies and adds once for every weight that is no bias; slots cost the same on top, however many."""
    machine = ntm.NTM(10, 8, memory_slots=16, **arguments)
    weights = sum(parameter.numel() for parameter in machine.parameters() if parameter.dim() == 2)
    ten, twenty = ({**machine.config, "memory_slots": slots} for slots in (10, 20))
    assert roofline.operations(ten) - (roofline.operations(twenty) - roofline.operations(ten)) == 6 * weights
    assert roofline.traffic(twenty) == 2 * roofline.traffic(ten)


def test_the_limit_is_that_of_the_slower_ceiling() -> None:
    config, device = ntm.NTM(10, 8).config, torch.device("cpu")
    assert roofline.least_seconds(config, 4, 10, device) > 0
    assert roofline.product_rate(8, 8, 8, device) > 0
    assert roofline.copy_rate(1000, device) > 0


def test_the_limit_of_two_threads_is_half_of_what_one_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Measured on two, a small product is slower than on one."""
    measured_on: list[int] = []

    def rate(*given: object) -> float:
        measured_on.append(torch.get_num_threads())
        return 1e9

    monkeypatch.setattr(roofline, "product_rate", rate)
    monkeypatch.setattr(roofline, "copy_rate", rate)
    before, limits = torch.get_num_threads(), []
    try:
        for threads in (1, 2):
            torch.set_num_threads(threads)
            limits.append(roofline.least_seconds(ntm.NTM(10, 8).config, 4, 10, torch.device("cpu")))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    assert limits[1] == limits[0] / 2
    assert set(measured_on) == {1}


def test_a_row_agrees_with_itself() -> None:
    row = speed.measure(Setting("copy", "cpu", "eager", batch=2, sizes={"length": 2}), seconds=0.0)
    assert (row["task"], row["device"], row["path"], row["threads"]) == ("copy", "cpu", "eager", 1)
    assert (row["batch"], row["length"], row["steps"]) == (2, 2, 6)
    assert row["sequences_per_second"] * row["milliseconds_per_update"] / 1e3 == pytest.approx(2)
    assert row["microseconds_per_step"] * 6 / 1e3 == pytest.approx(row["milliseconds_per_update"])
    assert row["peak_memory_mb"] >= 0
    assert row["share_of_limit"] > 0


def test_every_task_is_measured_on_every_path() -> None:
    settings = speed.settings_of(ntm.tasks.names())
    here = {*speed.PATHS["cpu"], *older_engines()}
    for name in ntm.tasks.names():
        assert {each.path for each in settings if (each.task, each.device) == (name, "cpu")} == here
    varied = {each.varies for each in settings}
    assert {"length", "memory_slots", "memory_width", "heads", "batch"} <= varied
    assert not any(each.varies for each in speed.settings_of(["priority-sort"]))
    assert not any(each.path == speed.BROWSER for each in settings)
    inside = [each for each in speed.settings_of(["copy"], in_browser=True) if each.path == speed.BROWSER]
    assert [each.device for each in inside] == ["cpu"]


@pytest.mark.slow
def test_the_command_prints_tables_and_writes_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What cannot run is left out with a line, and the rest is there."""
    few = [
        Setting("copy", "cpu", "eager", batch=1, sizes={"length": 1}),
        Setting("copy", "cpu", "eager", batch=1, sizes={"length": -1}),
        Setting("copy", "cpu", "native", batch=2, sizes={"length": 1}, varies="batch"),
    ]
    monkeypatch.setattr(speed, "settings_of", lambda names, in_browser: few)
    assert speed.main(["--json", str(tmp_path / "rows.json")]) == 0
    rows = json.loads((tmp_path / "rows.json").read_text())
    assert [(row["path"], row["batch"]) for row in rows] == [("eager", 1), ("native", 2)]
    said = capsys.readouterr()
    assert "copy on cpu: length 1, batch 1" in said.out
    assert "as batch grows" in said.out
    assert "copy on cpu: eager is the fastest, at " in said.out
    assert said.err.count("left out") == 1


def test_a_file_that_cannot_be_written_is_said_before_measuring(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert speed.main(["--json", str(tmp_path / "nowhere" / "rows.json")]) == 1
    assert "nowhere" in capsys.readouterr().err


@pytest.mark.page
def test_a_browser_has_a_row_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    assert browser.missing() is None
    row = speed.measure(
        Setting("copy", "cpu", speed.BROWSER, batch=2, sizes={"length": 2}, arguments={"memory_init": "random"}),
        seconds=0.0,
    )
    assert row["sequences_per_second"] * row["milliseconds_per_update"] / 1e3 == pytest.approx(2)
    assert row["peak_memory_mb"] > 1
    monkeypatch.setenv("CHROMIUM", "/no/such/browser")
    assert "/no/such/browser" in (browser.missing() or "")
