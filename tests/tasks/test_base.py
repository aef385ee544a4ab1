"""What every task does alike."""

from typing import Any

import pytest
import torch

from ntm import tasks
from ntm.tasks.bits import half_skewed_bits
from tests.numerics import seeded


@pytest.fixture(params=tasks.names())
def task(request: pytest.FixtureRequest) -> tasks.Task:
    return tasks.get(request.param)


def test_the_tasks_are_those_of_the_contract() -> None:
    assert tasks.names() == ["copy", "repeat-copy", "associative-recall", "dynamic-ngrams", "priority-sort"]


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


def test_sizes_that_are_too_small_are_refused(task: tasks.Task) -> None:
    for name in task.sizes:
        smallest = task.smallest.get(name, 1)
        for size in {smallest - 1, 0, -1}:
            with pytest.raises(ValueError, match=f"{name} must be at least {smallest}, not {size}"):
                task.sample(1, generator=None, device=None, **{name: size})


@pytest.mark.parametrize("size", [2.5, 20.0, "20", True, None])
def test_sizes_that_are_no_whole_numbers_are_refused(task: tasks.Task, size: Any) -> None:
    for name in task.sizes:
        with pytest.raises(TypeError, match=f"{name} must be a whole number, not {size!r}"):
            task.sample(1, generator=None, device=None, **{name: size})


def test_the_smallest_sizes_can_be_drawn_and_are_scored(task: tasks.Task) -> None:
    smallest: dict[str, Any] = {name: task.smallest.get(name, 1) for name in task.sizes}
    assert task.sample(2, generator=seeded(), **smallest).mask.any(0).all()


@pytest.mark.parametrize("limit", [1, 2, 5, 20, 1000])
def test_a_limit_holds_for_every_size_where_it_can(task: tasks.Task, limit: int) -> None:
    """What is left of the training range is drawn in full, and something of it always is."""
    generator = seeded()
    drawn = [task.draw_sizes(generator, limit) for _ in range(300)]
    for name, choices in task.sizes.items():
        allowed = {size for size in choices if size <= limit} or {choices[0]}
        assert {sizes[name] for sizes in drawn} == allowed


def test_a_limit_as_large_as_the_largest_size_changes_nothing(task: tasks.Task) -> None:
    assert task.largest == max(size for choices in task.sizes.values() for size in choices)
    for seed in range(20):
        assert task.draw_sizes(seeded(seed), task.largest) == task.draw_sizes(seeded(seed))


def test_both_models_have_a_recipe(task: tasks.Task) -> None:
    assert set(task.recipes) == {"ntm", "lstm"}


def test_a_case_can_be_drawn_as_it_stands(task: tasks.Task) -> None:
    for case in (*task.validation, *task.evaluation):
        task.check_sizes(case.sizes)


def test_half_skewed_bits_are_half_fair_coins_and_half_of_any_share_of_ones() -> None:
    bits = half_skewed_bits((20, 4001, 8), seeded(), None)
    assert bits.shape == (20, 4001, 8)
    assert set(bits.unique().tolist()) == {0.0, 1.0}
    fair, skewed = bits[:, :2001], bits[:, 2001:]
    assert (fair.mean(1) - 0.5).abs().max() < 0.06
    assert (fair.mean((0, 2)) - 0.5).abs().max() < 0.2
    # Shares between 0 and 1 are equally likely, so of 160 bits any number of ones is.
    shares = skewed.mean((0, 2))
    for below in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert abs((shares < below).float().mean().item() - below) < 0.05
    # Within a sequence every bit has the same chance: none of its vectors or channels is special.
    assert (skewed.mean((0, 1)) - 0.5).abs().max() < 0.05
    assert (skewed.mean((1, 2)) - 0.5).abs().max() < 0.05


def test_one_half_skewed_sequence_is_fair() -> None:
    assert half_skewed_bits((3, 1, 8), seeded(), None).shape == (3, 1, 8)


def test_training_batches_are_of_the_sizes_asked_for(task: tasks.Task) -> None:
    smallest: dict[str, Any] = {name: task.smallest.get(name, 1) + 1 for name in task.sizes}
    drawn = task.draw_training(5, seeded(), None, **smallest)
    sampled = task.sample(5, generator=seeded(), **smallest)
    assert [tensor.shape for tensor in drawn] == [tensor.shape for tensor in sampled]
    assert torch.equal(drawn.mask, sampled.mask)
    assert all(map(torch.equal, drawn, task.draw_training(5, seeded(), None, **smallest)))
