"""What the page is told of its machines."""

import pytest

from ntm.storage.checkpoint import CHECKPOINTS
from ntm.storage.load import read
from ntm.ui.browser import catalogue
from ntm.ui.browser.serve import Weights
from ntm.ui.machines import Machines


def test_a_machine_too_large_to_fetch_is_run_by_the_server_and_an_lstm_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    machines = Machines({task: read(CHECKPOINTS / f"ntm-{task}") for task in ("copy", "dynamic-ngrams")})
    monkeypatch.setattr(catalogue, "_LARGEST", 245_000)
    monkeypatch.setattr(catalogue, "_LARGEST_BASELINE", 2_000_000)
    copy, ngrams = catalogue.make_catalogue(machines, Weights())["tasks"].values()
    assert copy["machine"]["weights"] is None
    assert copy["baseline"] is None
    assert ngrams["machine"]["weights"] is not None
    assert ngrams["baseline"]["weights"] is not None
