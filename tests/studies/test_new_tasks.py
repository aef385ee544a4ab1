"""Tasks without a recipe of their own: what they ask, in plain lists and whole numbers, and that they can be raced."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ntm.studies import new_tasks, results, success
from ntm.tasks import Case, load, registry
from tests.conftest import forgetting_tasks
from tests.tiny import SMALLEST

FILES = sorted(Path(new_tasks.__path__[0]).glob("[a-z]*.py"))

ANSWERS: dict[str, Callable[[list[int]], list[int]]] = {
    "reverse-copy": lambda numbers: numbers[::-1],
    "there-and-back": lambda numbers: numbers + numbers[::-1],
    "each-twice": lambda numbers: [each for number in numbers for each in (number, number)],
    "every-second": lambda numbers: numbers[::2],
    "odd-places-first": lambda numbers: numbers[::2] + numbers[1::2],
    "halves-swapped": lambda numbers: numbers[len(numbers) // 2 :] + numbers[: len(numbers) // 2],
    "differences": lambda numbers: [one ^ other for one, other in zip(numbers, [0, *numbers], strict=False)],
}


@pytest.fixture(autouse=True, scope="module")
def _forgotten() -> Iterator[None]:
    """What is loaded here is no task of other tests."""
    with forgetting_tasks():
        yield


def to_bits(numbers: list[int], width: int) -> torch.Tensor:
    return torch.tensor([[float(number >> bit & 1) for bit in range(width)] for number in numbers])


def to_numbers(bits: torch.Tensor) -> list[int]:
    return [sum(int(bit) << place for place, bit in enumerate(row)) for row in bits.tolist()]


def test_each_has_an_answer_here() -> None:
    assert {load(path).name for path in FILES} == {*ANSWERS, "binary-addition"}


@pytest.mark.parametrize("path", [path for path in FILES if path.stem != "binary_addition"], ids=lambda path: path.stem)
@given(numbers=st.lists(st.integers(0, 255), min_size=1, max_size=12))
def test_what_is_due_is_what_plain_lists_say(path: Path, numbers: list[int]) -> None:
    task = load(path)
    batch = task.encode(to_bits(numbers, 8).unsqueeze(1))
    asked = len(numbers) + 1
    assert to_numbers(batch.inputs[: asked - 1, 0, :8]) == numbers
    assert batch.inputs[asked - 1, 0].tolist() == [0.0] * 8 + [1.0]
    assert not batch.inputs[asked:].any()
    assert to_numbers(batch.targets[batch.mask]) == ANSWERS[task.name](numbers)
    assert batch.mask[:, 0].tolist() == [False] * asked + [True] * (len(batch.mask) - asked)


@given(st.integers(1, 12).flatmap(lambda length: st.tuples(*[st.integers(0, 2**length - 1)] * 2, st.just(length))))
def test_two_numbers_are_added(numbers: tuple[int, int, int]) -> None:
    one, other, length = numbers
    task = load(next(path for path in FILES if path.stem == "binary_addition"))
    pairs = torch.stack([to_bits([one], length)[0], to_bits([other], length)[0]], dim=-1)
    batch = task.encode(pairs.unsqueeze(1))
    assert to_numbers(batch.targets[batch.mask].T) == [one + other]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_can_be_asked_and_drawn_like_any_task(path: Path) -> None:
    task = load(path)
    question = task.draw_question(torch.Generator().manual_seed(0), length=3)
    asked = task.ask(question.text)
    assert len(asked.captions) == len(asked.batch.inputs)
    assert (asked.trained, task.ask("\n".join([question.text] * 5)).trained) == (True, False)
    assert task.sample(4, length=20).inputs.shape[1:] == (4, task.input_size)
    assert {case.sizes["length"] for case in task.evaluation if case.bar is not None} == {*task.sizes["length"]}


@pytest.mark.slow
@pytest.mark.usefixtures("quick")
def test_files_are_raced_and_stand_in_a_table_of_their_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    base = new_tasks.Answered
    recipe = replace(base.recipes["ntm"], updates=20, batch_size=2, seeds=2, arguments=SMALLEST["ntm"])
    monkeypatch.setattr(base, "recipes", {"ntm": recipe})
    monkeypatch.setattr(base, "evaluation", (Case({"length": 2}, bar=0.0),))
    monkeypatch.setattr(success, "CHECKPOINTS", tmp_path)
    assert success.main([str(path) for path in FILES[:2]] + ["--races", "1"]) == 0
    races = json.loads((tmp_path / success.RECORD).read_text())["races"]
    names = [load(path).name for path in FILES[:2]]
    assert [race["task"] for race in races] == [name for name in names for _ in success.engines()]
    for name in names:
        del registry._registry()[name]
    results.write(tmp_path)
    section = (tmp_path / "README.md").read_text().partition("### Tasks without a recipe of their own")[2]
    rows = [line for line in section.splitlines() if line.startswith("| ") and "0 of 1" in line]
    assert [row.split()[1] for row in rows] == [race["task"] for race in races]
    assert all("bit errors at length 2, where 0 is the bar" in row for row in rows)
