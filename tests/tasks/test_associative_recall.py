"""Associative recall, row for row against the contract's table; what all tasks share is in test_base.py."""

from collections import Counter
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm import tasks
from ntm.tasks import Batch
from ntm.tasks.associative_recall import AssociativeRecall
from tests.numerics import PROPERTY, seeded

TASK = AssociativeRecall()
Item = list[list[float]]
Rows = list[list[float]]


def encode_slowly(items: list[Item], query: int) -> tuple[Rows, Rows, list[bool]]:
    """One sequence: "per item: item-flag row, 3 vectors; query-flag row; the 3 vectors of the queried item; query-flag
    row; 3 zero rows", and on the last 3 rows "the item after the queried one"."""
    inputs = []
    for item in items:
        inputs += [[0.0] * 6 + [1.0, 0.0]]
        inputs += [[*vector, 0.0, 0.0] for vector in item]
    query_flag = [0.0] * 7 + [1.0]
    inputs += [query_flag]
    inputs += [[*vector, 0.0, 0.0] for vector in items[query]]
    inputs += [query_flag]
    shown = len(inputs)
    inputs += [[0.0] * 8] * 3
    return inputs, [[0.0] * 6] * shown + items[query + 1], [False] * shown + [True] * 3


def decode(batch: Batch, b: int) -> tuple[list[Item], int]:
    """The items of a sequence and which one is asked for: of equal ones the one that the answer follows."""
    rows = batch.inputs[:, b].tolist()
    first = next(row for row in range(len(rows)) if rows[row][7] == 1)
    items = [[vector[:6] for vector in rows[start + 1 : start + 4]] for start in range(0, first, 4)]
    asked = [vector[:6] for vector in rows[first + 1 : first + 4]]
    answer = batch.targets[-3:, b].tolist()
    (query, *_) = [k for k in range(len(items) - 1) if items[k] == asked and items[k + 1] == answer]
    return items, query


def assert_is_associative_recall(batch: Batch, count: int) -> list[int]:
    """Every sequence is the encoding of the items that it shows; the queries."""
    queries = []
    for b in range(batch.inputs.shape[1]):
        items, query = decode(batch, b)
        assert len(items) == count
        assert all(bit in (0.0, 1.0) for item in items for vector in item for bit in vector)
        for actual, expected in zip(batch, encode_slowly(items, query), strict=True):
            assert torch.equal(actual[:, b], torch.tensor(expected))
        queries.append(query)
    return queries


def test_the_registry_knows_it() -> None:
    task = tasks.get("associative-recall")
    assert isinstance(task, AssociativeRecall)
    assert (task.input_size, task.output_size, dict(task.sizes)) == (8, 6, {"items": range(2, 7)})


@pytest.mark.parametrize("items", [2, 3, 6, 60])
def test_a_given_number_of_items_is_honoured_row_for_row(items: int) -> None:
    batch = TASK.sample(5, items=items, generator=seeded(items))
    assert len(batch.inputs) == 4 * items + 8
    assert_is_associative_recall(batch, items)


def test_numbers_of_items_are_drawn_from_the_whole_training_range() -> None:
    generator = seeded()
    counts = []
    for _ in range(100):
        batch = TASK.sample(2, generator=generator)
        counts.append(len(batch.inputs) // 4 - 2)
        assert_is_associative_recall(batch, counts[-1])
    assert set(counts) == set(range(2, 7))


@pytest.mark.parametrize("items", [2, 3, 6])
def test_every_item_but_the_last_is_queried_equally_often(items: int) -> None:
    counts = Counter(assert_is_associative_recall(TASK.sample(1500, items=items, generator=seeded()), items))
    assert set(counts) == set(range(items - 1))
    share = 1 / (items - 1)
    assert all(abs(count / 1500 - share) <= 5 * (share * (1 - share) / 1500) ** 0.5 for count in counts.values())


def test_bits_are_fair_coins_in_every_place() -> None:
    rows = TASK.sample(1000, items=6, generator=seeded()).inputs[:24].unflatten(0, (6, 4))
    bits = rows[:, 1:, :, :6].flatten(0, 1)
    assert (bits.mean(1) - 0.5).abs().max() < 0.1
    assert abs((bits[1:] == bits[:-1]).float().mean().item() - 0.5) < 0.02
    assert abs((bits[:, 1:] == bits[:, :-1]).float().mean().item() - 0.5) < 0.02


BITS = st.sampled_from([0.0, 1.0])
ITEM = st.lists(st.lists(BITS, min_size=6, max_size=6), min_size=3, max_size=3)


@PROPERTY
@given(st.lists(ITEM, min_size=2, max_size=5), st.data())
def test_encode_takes_any_items_and_a_query_for_each_sequence(items: list[Item], data: st.DataObject) -> None:
    """Two sequences of a batch, the second with the items the other way round: neither is asked for the other's."""
    queries = [data.draw(st.integers(0, len(items) - 2)) for _ in range(2)]
    sequences = [items, items[::-1]]
    batch = TASK.encode(torch.tensor(sequences).permute(1, 2, 0, 3), torch.tensor(queries))
    for b in range(2):
        for actual, expected in zip(batch, encode_slowly(sequences[b], queries[b]), strict=True):
            assert torch.equal(actual[:, b], torch.tensor(expected))


@pytest.mark.parametrize(
    ("sizes", "error", "complaint"),
    [
        ({"items": 1}, ValueError, "items must be at least 2, not 1"),
        ({"items": 0}, ValueError, "items must be at least 2, not 0"),
        ({"items": 2.5}, TypeError, "items must be a whole number, not 2.5"),
        ({"length": 3}, ValueError, "associative-recall has no size 'length'; its sizes are items"),
    ],
)
def test_bad_sizes_are_refused(sizes: dict[str, Any], error: type[Exception], complaint: str) -> None:
    with pytest.raises(error, match=complaint):
        TASK.sample(1, **sizes)
