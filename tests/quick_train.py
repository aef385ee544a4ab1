"""train.py with every task judged at its smallest sizes only, for tests that need a process of its own."""

import sys

import pytest

from ntm.commands.train import main
from tests.conftest import judge_quickly

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        judge_quickly(patch)
        sys.exit(main())
