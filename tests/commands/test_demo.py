"""The command that launches the demo, where there is nothing to show."""

import os
import subprocess
import sys
from pathlib import Path

from tests.conftest import ROOT


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
