"""What every task does alike."""

from typing import Any

import pytest
import torch

from ntm import tasks
from tests.numerics import seeded


@pytest.fixture(params=tasks.names())
def task(request: pytest.FixtureRequest) -> tasks.Task:
    return tasks.get(request.param)


def test_names_are_found_by_get(task: tasks.Task) -> None:
    assert tasks.get(task.name) is task


@pytest.mark.parametrize("name", ["coppy", "Copy", ""])
def test_an_unknown_name_is_refused_with_the_known_ones(name: str) -> None:
    with pytest.raises(ValueError, match=f"no task '{name}'; .*copy"):
        tasks.get(name)


def test_batches_have_the_shapes_and_types_of_the_contract(task: tasks.Task) -> None:
    batch = task.sample(3, generator=seeded())
    steps = len(batch.inputs)
    assert batch.inputs.shape == (steps, 3, task.input_size)
    assert batch.targets.shape == (steps, 3, task.output_size)
    assert batch.mask.shape == (steps, 3)
    assert (batch.inputs.dtype, batch.targets.dtype, batch.mask.dtype) == (torch.float32, torch.float32, torch.bool)
    assert set(batch.targets.unique().tolist()) <= {0.0, 1.0}
    assert batch.mask.any(0).all()


def test_a_generator_decides_everything(task: tasks.Task) -> None:
    before = torch.get_rng_state()
    generator = seeded(3)
    first, second = task.sample(4, generator=generator), task.sample(4, generator=generator)
    again = seeded(3)
    assert all(map(torch.equal, first, task.sample(4, generator=again)))
    assert all(map(torch.equal, second, task.sample(4, generator=again)))
    assert torch.equal(before, torch.get_rng_state())
    assert first.inputs.shape != second.inputs.shape or not torch.equal(first.inputs, second.inputs)


def test_without_a_generator_torchs_own_decides(task: tasks.Task) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(1)
        first, second = task.sample(4), task.sample(4)
        torch.manual_seed(1)
        assert all(map(torch.equal, first, task.sample(4)))
    assert first.inputs.shape != second.inputs.shape or not torch.equal(first.inputs, second.inputs)


def test_sequences_of_a_batch_differ(task: tasks.Task) -> None:
    largest: dict[str, Any] = {name: choices[-1] for name, choices in task.sizes.items()}
    batch = task.sample(8, generator=seeded(), **largest)
    assert batch.inputs.unique(dim=1).shape[1] == 8


@pytest.mark.parametrize("batch_size", [0, -1])
def test_an_empty_batch_is_refused(task: tasks.Task, batch_size: int) -> None:
    with pytest.raises(ValueError, match="batch_size must be at least 1"):
        task.sample(batch_size)


def test_sizes_that_a_task_does_not_have_are_refused(task: tasks.Task) -> None:
    with pytest.raises(ValueError, match="has no size 'lenght'"):
        task.sample(1, lenght=3)


@pytest.mark.parametrize("size", [0, -1])
def test_sizes_below_one_are_refused(task: tasks.Task, size: int) -> None:
    for name in task.sizes:
        with pytest.raises(ValueError, match=f"{name} must be at least 1, not {size}"):
            task.sample(1, generator=None, device=None, **{name: size})


def test_a_case_can_be_drawn_as_it_stands(task: tasks.Task) -> None:
    for case in (*task.validation, *task.evaluation):
        task.check_sizes(case.sizes)
