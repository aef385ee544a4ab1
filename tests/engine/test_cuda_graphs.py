"""Updates that are captured and replayed: equal to those done one by one."""

from copy import deepcopy
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import Tensor

from ntm import tasks
from ntm.engine.choose import plain
from ntm.engine.cuda_graphs import CUDAGraphs, Recorder, Step, Work, replayed
from ntm.training import loop
from ntm.training.run import TrainingRun
from ntm.training.update import draw_batch, update_weights
from tests.tiny import small

CPU = torch.device("cpu")


class Twin:
    """What CUDA graphs do, without a GPU: work that is done again on the same tensors, into the same result."""

    def __init__(self) -> None:
        self.captured = 0

    def warm_up(self, work: Work) -> Tensor:
        return work()

    def capture(self, work: Work) -> Work:
        self.captured += 1
        result = torch.empty(2)

        def replay() -> Tensor:
            return result.copy_(work())

        return replay


def train_by(recorder: Recorder | None, device: torch.device) -> tuple[list[Tensor], list[Tensor]]:
    """Reports and weights of some updates, of few sizes, so that most are met again."""
    settings = small("repeat-copy", training_slots=(4, 8), learning_rate=0.01, gradient_norm=0.1)
    run = TrainingRun.start(settings, Path("nowhere"), device)
    run.limit = 2
    step: Step = partial(update_weights, run, plain(run.model))
    if recorder is not None:
        step = replayed(step, recorder)
    generator, reports = torch.Generator(device), []
    for update in range(60):
        run.update = update
        batch, slots = draw_batch(run, generator)
        loop._set_learning_rate(run.optimizer, 0.01 / (1 + update))
        reports.append(step(batch, slots, generator).clone().cpu())
    return reports, [tensor.cpu() for tensor in run.model.state_dict().values()]


@pytest.mark.slow
def test_replayed_updates_are_those_done_one_by_one() -> None:
    twin = Twin()
    for actual, expected in zip(train_by(twin, CPU), train_by(None, CPU), strict=True):
        assert all(map(torch.equal, actual, expected))
    assert 1 < twin.captured <= 8


def test_a_batch_is_not_changed_by_the_ones_after_it() -> None:
    seen = []

    def look(batch: tasks.Batch, slots: int | None, generator: torch.Generator) -> Tensor:
        seen.append(batch.inputs.sum())
        return seen[-1]

    step = replayed(look, Twin())
    batches = [tasks.get("copy").sample(2, length=3) for _ in range(4)]
    before = deepcopy(batches)
    for batch in batches:
        step(batch, None, torch.Generator())
    assert [float(total) for total in seen] == [float(batch.inputs.sum()) for batch in batches]
    assert all(map(torch.equal, batches[0], before[0]))


def test_a_capture_that_fails_costs_speed_and_not_the_run() -> None:
    class Broken(Twin):
        def capture(self, work: Work) -> Work:
            raise RuntimeError("operation not permitted when stream is capturing\nand more")

    step = replayed(lambda batch, slots, generator: batch.inputs.sum(), Broken())
    batches = [tasks.get("copy").sample(2, length=3) for _ in range(4)]
    with pytest.warns(
        UserWarning, match="going on without CUDA graphs, which is slower: operation not .* capturing$"
    ) as caught:
        found = [step(batch, None, torch.Generator()) for batch in batches]
    assert len(caught) == 1
    assert found == [batch.inputs.sum() for batch in batches]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cuda_graphs_are_those_done_one_by_one() -> None:
    device = torch.device("cuda")
    for actual, expected in zip(train_by(CUDAGraphs(), device), train_by(None, device), strict=True):
        for one, other in zip(actual, expected, strict=True):
            torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)
