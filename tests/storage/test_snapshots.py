"""Snapshots: enough are kept while training, and those that show learning are published."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file

import ntm
from ntm.storage import snapshots, untrusted
from tests.numerics import PROPERTY
from tests.tiny import machine

Curve = list[dict[str, Any]]


def curve_of(losses: list[float]) -> Curve:
    """A row every 20 updates."""
    return [{"update": 20 * (row + 1), "loss": loss} for row, loss in enumerate(losses)]


def falling(start: int, end: int, rows: int = 500) -> list[float]:
    """A loss that stands still but for one stretch of rows, in which it falls a thousandfold."""
    return [0.69 * 1000 ** -min(1.0, max(0.0, (row - start) / (end - start))) for row in range(rows)]


def bare() -> ntm.LSTMBaseline:
    """A model that is written in no time."""
    return ntm.LSTMBaseline(1, 1, hidden_size=1, num_layers=1)


# Which are published.

LOSSES = st.lists(st.floats(1e-6, 2.0), min_size=1, max_size=80)


@PROPERTY
@given(LOSSES, st.data())
def test_at_most_14_are_chosen_with_the_first_and_the_last(losses: list[float], data: st.DataObject) -> None:
    curve = curve_of(losses)
    kept = data.draw(st.lists(st.sampled_from([row["update"] for row in curve]), unique=True).map(sorted))
    chosen = snapshots.choose(kept, curve)
    assert chosen == sorted(set(chosen))
    assert set(chosen) <= set(kept)
    assert len(chosen) == min(14, len(kept))
    if len(kept) <= 14:
        assert chosen == kept
    else:
        assert (chosen[0], chosen[-1]) == (kept[0], kept[-1])


def test_of_nothing_nothing_is_chosen() -> None:
    assert snapshots.choose([], curve_of([0.7])) == []


@pytest.mark.parametrize(("start", "end"), [(1, 30), (100, 150), (400, 450), (470, 499)])
def test_they_stand_closer_together_where_the_loss_falls(start: int, end: int) -> None:
    curve = curve_of(falling(start, end))
    chosen = snapshots.choose([row["update"] for row in curve], curve)
    during = [update for update in chosen if 20 * start <= update <= 20 * (end + 1)]
    assert len(during) >= 7
    # Nor is what comes before and after left out: no gap is much longer than a seventh of the training.
    assert max(later - earlier for earlier, later in itertools.pairwise(chosen)) < 20 * 500 / 5


def test_of_a_loss_that_never_falls_they_are_evenly_spread() -> None:
    curve = curve_of([0.69] * 300)
    chosen = snapshots.choose([row["update"] for row in curve], curve)
    gaps = [later - earlier for earlier, later in itertools.pairwise(chosen)]
    assert max(gaps) <= 2 * min(gaps)


@PROPERTY
@given(st.lists(st.floats(1e-6, 2.0), min_size=20, max_size=60), st.data())
def test_a_spike_of_the_loss_changes_nothing(losses: list[float], data: st.DataObject) -> None:
    """What has been learned counts by the lowest loss so far."""
    row = data.draw(st.integers(1, len(losses) - 1))
    spiked = list(losses)
    spiked[row] = max(min(losses[:row]), losses[row]) + 5.0
    without = list(losses)
    without[row] = min(losses[:row])
    kept = [20 * (row + 1) for row in range(len(losses))]
    assert snapshots.choose(kept, curve_of(spiked)) == snapshots.choose(kept, curve_of(without))


def test_a_loss_of_nothing_at_all_is_no_obstacle() -> None:
    """Single precision rounds the loss of a machine that is sure enough to zero."""
    losses = [0.7, 0.1, *[1e-3] * 20, *[0.0] * 20]
    kept = [20 * (row + 1) for row in range(len(losses))]
    chosen = snapshots.choose(kept, curve_of(losses))
    assert len(chosen) == 14
    assert (chosen[0], chosen[-1]) == (kept[0], kept[-1])


# Which are kept.


def test_what_is_kept_is_the_weights_of_then(tmp_path: Path) -> None:
    model = machine(0)
    folder = tmp_path / "snapshots"
    snapshots.keep(model, folder, 20)
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(1.0)
    snapshots.keep(model, folder, 40)
    assert snapshots.updates(folder) == [20, 40]
    assert all(tensor.equal(before[name]) for name, tensor in load_file(snapshots.path(folder, 20)).items())
    other = machine(1)
    untrusted.load_weights(other, snapshots.path(folder, 40))
    assert all(tensor.equal(before[name] + 1) for name, tensor in other.state_dict().items())


def test_over_a_long_training_they_are_few_and_never_far_apart(tmp_path: Path) -> None:
    """As many as there is learning to show at any pace, and no more than a disk has room for."""
    model = bare()
    for update in range(20, 20_001, 20):
        snapshots.keep(model, tmp_path, update)
    kept = snapshots.updates(tmp_path)
    assert kept[0] == 20
    assert 50 < len(kept) < 200
    assert all(later - earlier <= max(20, 0.05 * earlier + 20) for earlier, later in itertools.pairwise(kept))
    assert kept[-1] > 0.95 * 20_000
    assert {path.suffix for path in tmp_path.iterdir()} == {".safetensors"}


@PROPERTY
@given(st.integers(1, 60), st.integers(0, 60))
def test_a_run_that_goes_on_from_earlier_keeps_the_same(
    tmp_path_factory: pytest.TempPathFactory, stopped: int, resumed: int
) -> None:
    """A run that was killed goes on from where it was last saved, and comes by what it already kept."""
    model, straight, again = bare(), tmp_path_factory.mktemp("straight"), tmp_path_factory.mktemp("again")
    for row in range(1, 61):
        snapshots.keep(model, straight, 20 * row)
    for row in [*range(1, stopped + 1), *range(min(stopped, resumed) + 1, 61)]:
        snapshots.keep(model, again, 20 * row)
    assert snapshots.updates(again) == snapshots.updates(straight)


# What is published.


@pytest.mark.parametrize(("last", "expected"), [(10, []), (20, [20]), (99, [20, 40, 60, 80]), (10_000, None)])
def test_what_came_after_the_published_weights_is_not_shown(
    tmp_path: Path, last: int, expected: list[int] | None
) -> None:
    kept, target = tmp_path / "kept", tmp_path / "snapshots"
    curve = curve_of(falling(100, 150, rows=400))
    for row in curve:
        snapshots.keep(bare(), kept, row["update"])
    snapshots.publish(kept, target, curve, last)
    published = snapshots.updates(target)
    assert published == (snapshots.choose(snapshots.updates(kept), curve) if expected is None else expected)
    for update in published:
        path = snapshots.path(target, update)
        assert path.read_bytes() == snapshots.path(kept, update).read_bytes()
        assert path.stat().st_mode & 0o044 == 0o044
