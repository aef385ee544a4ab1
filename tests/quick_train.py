"""train.py that judges every task at its smallest sizes only and saves after every report, for tests of processes.

It trains slowly, for what two processes round otherwise grows with the rate.
"""

import sys

import pytest

from ntm.commands.train import main
from ntm.training import loop
from tests.conftest import judge_quickly

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch, learning_rate=1e-3)
        patch.setattr(loop, "_SECONDS_A_SAVE", 0.0)
        sys.exit(main())
