"""The command that launches the demo: where there is nothing to show, and how it ends."""

import os
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.conftest import ROOT, running_app


def test_without_machines_it_says_what_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "app.py"],
        cwd=ROOT,
        env={**os.environ, "NTM_CHECKPOINTS": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 1
    assert done.stderr == (
        f"error: there are no machines to show in {tmp_path}: train one here with `ntm-train copy`, "
        "or set NTM_CHECKPOINTS to the checkpoints folder of a clone\n"
    )


@pytest.mark.slow
@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_leaves_nothing_behind_and_clears_what_a_killed_one_left(
    tmp_path: Path, how: signal.Signals
) -> None:
    log, folder = tmp_path / "log", tmp_path / "temporary"
    folder.mkdir()
    environment = {**os.environ, "TMPDIR": str(folder)}
    with running_app(log, environment=environment) as (process, _):
        process.kill()
    (left,) = weights_in(folder)
    with running_app(log, environment=environment) as (process, url):
        assert urllib.request.urlopen(url).status == 200
        assert len(weights_in(folder)) == 1
        assert not left.exists()
        process.send_signal(how)
        assert process.wait(timeout=20) == 0
    assert weights_in(folder) == []
    assert "Traceback" not in log.read_text()


def weights_in(folder: Path) -> list[Path]:
    return list(folder.glob(".ntm-weights.*"))
