"""Tracking: the runs of a race on a dashboard of Trackio's own, and a sentence where it is not installed."""

import json
import os
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.conftest import ROOT

TRAIN = [sys.executable, "-m", "tests.quick_train", "copy", "--batch-size", "4", "--track", "--seeds", "2"]
READ = """
import json
from trackio.sqlite_storage import SQLiteStorage as storage
for run in storage.get_run_records("ntm-tracked"):
    run = {"run": run["name"], "run_id": run["id"]}
    config = storage.get_run_config("ntm-tracked", run["run"], run_id=run["run_id"])
    print(json.dumps([run["run"], config, storage.get_logs("ntm-tracked", **run)]))
"""
needs_trackio = pytest.mark.skipif(find_spec("trackio") is None, reason="Trackio is not installed")


def environment(folder: Path) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": "1", "TRACKIO_DIR": str(folder / "trackio")}


def run(folder: Path, *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, cwd=ROOT, env=environment(folder), capture_output=True, text=True, timeout=200, check=False
    )


def tracked(folder: Path) -> dict[str, tuple[dict, list[dict]]]:
    """The configuration and the rows of every run, by its name."""
    read = run(folder, sys.executable, "-c", READ)
    assert read.returncode == 0, read.stderr
    found = list(map(json.loads, read.stdout.splitlines()))
    assert len({name for name, _, _ in found}) == len(found), "no run is there twice"
    return {name: (config, rows) for name, config, rows in found}


@needs_trackio
@pytest.mark.slow
def test_every_run_of_a_race_is_sent_with_its_recipe_curve_validation_and_verdict(tmp_path: Path) -> None:
    output = tmp_path / "ntm-tracked"
    done = run(tmp_path, *TRAIN, "--updates", "40", "--output", str(output))
    assert done.returncode == 0, done.stderr
    found = tracked(tmp_path)
    training = json.loads((output / "training.json").read_text())
    curves = {training["seed"]: training["curve"]}
    curves |= {other["seed"]: other["curve"] for other in training["other_seeds"]}
    assert set(found) == {f"seed {seed}" for seed in curves}
    for seed, curve in curves.items():
        config, rows = found[f"seed {seed}"]
        assert (config["task"], config["architecture"], config["updates"], config["seed"]) == ("copy", "ntm", 40, seed)
        *points, last = rows
        assert [point["step"] for point in points] == [row["update"] for row in curve]
        for point, row in zip(points, curve, strict=True):
            assert point.items() >= {name: value for name, value in row.items() if name != "update"}.items()
        assert "validation_error" in points[-1]
        kept = seed == training["seed"]
        assert last["verdict"].startswith("kept: it does what" if kept else "not kept")


def train_and_stop(folder: Path, *options: str) -> None:
    """Train until a run has been saved anew, and stop then."""

    def saved() -> list[int]:
        return [path.stat().st_mtime_ns for path in folder.glob(".ntm-tracked.run/seed-*/snapshots/*")]

    before, deadline = saved(), time.monotonic() + 150
    command = [*TRAIN, "--updates", "2000", "--output", str(folder / "ntm-tracked"), *options]
    training = subprocess.Popen(command, cwd=ROOT, env=environment(folder), stdout=subprocess.PIPE, text=True)
    while saved() == before and time.monotonic() < deadline:
        time.sleep(0.1)
    training.send_signal(signal.SIGINT)
    said, _ = training.communicate(timeout=120)
    assert training.returncode == 130, said


@needs_trackio
@pytest.mark.slow
def test_a_resumed_run_goes_on_where_it_was(tmp_path: Path) -> None:
    train_and_stop(tmp_path)
    before = tracked(tmp_path)
    train_and_stop(tmp_path, "--resume")
    after = tracked(tmp_path)
    assert before.keys() == after.keys()
    grown = 0
    for name, (_, rows) in after.items():
        steps = [row["step"] for row in rows]
        assert steps == list(range(20, 20 * len(steps) + 1, 20)), "every report once, in order"
        assert rows[: len(before[name][1])] == before[name][1]
        grown += len(rows) > len(before[name][1])
    assert grown


def test_without_trackio_a_sentence_names_it_and_nothing_is_trained(tmp_path: Path) -> None:
    hidden = tmp_path / "hidden" / "trackio.py"
    hidden.parent.mkdir()
    hidden.write_text("raise ImportError('not here')")
    paths = os.pathsep.join([str(hidden.parent), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [*TRAIN, "--updates", "40", "--output", str(tmp_path / "ntm-tracked")],
        cwd=ROOT,
        env={**environment(tmp_path), "PYTHONPATH": paths},
        capture_output=True,
        text=True,
        timeout=200,
        check=False,
    )
    assert done.returncode == 1
    assert "error: --track needs Trackio, which is an extra: pip install trackio" in done.stderr
    assert not (tmp_path / "ntm-tracked").exists()
