"""Training by several processes, each with its share of every batch, as `torchrun` starts them."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, distributed, nn
from torch.nn.parallel import DistributedDataParallel

from ntm.engine.choose import Forward
from ntm.machine.model import SequenceModel
from ntm.tasks import Batch


class Share(NamedTuple):
    """Which of the processes this one is."""

    rank: int
    size: int

    @property
    def leads(self) -> bool:
        """Whether this process speaks for all: it writes files and reports."""
        return self.rank == 0


ALONE = Share(0, 1)


def local_rank() -> int | None:
    """The number of this process on this machine, where torchrun started it."""
    return int(os.environ["LOCAL_RANK"]) if distributed.is_torchelastic_launched() else None


@contextmanager
def joined(device: torch.device) -> Iterator[Share]:
    """Join the other processes that torchrun started, or be alone."""
    if local_rank() is None:
        yield ALONE
        return
    if device.type == "cuda":
        torch.cuda.set_device(device)  # else all processes of a machine gather objects on its first GPU
    distributed.init_process_group("nccl" if device.type == "cuda" else "gloo")
    try:
        yield Share(distributed.get_rank(), distributed.get_world_size())
    finally:
        distributed.destroy_process_group()


class _Forward(nn.Module):
    def __init__(self, model: SequenceModel, forward: Forward) -> None:
        super().__init__()
        self.model = model
        self.run = forward

    def forward(self, inputs: Tensor, state: Any) -> tuple[Tensor, Tensor | None]:
        return self.run(inputs, state)


def synchronised(model: SequenceModel, forward: Forward, share: Share) -> Forward:
    """The same forward, after whose backward all processes have the mean of their gradients."""
    if share.size == 1:
        return forward
    return DistributedDataParallel(_Forward(model, forward))


def part(batch: Batch, share: Share) -> Batch:
    """This process's sequences: every `size`-th, so that each kind of sequence is in every part."""
    if share.size == 1:
        return batch
    return Batch(*(tensor[:, share.rank :: share.size] for tensor in batch))


def mean(values: Tensor, share: Share) -> Tensor:
    """The mean over the processes."""
    if share.size > 1:
        distributed.all_reduce(values)
    return values / share.size


def of_leader(order: list[int], share: Share) -> list[int]:
    """What the leading process has, in all of them."""
    if share.size == 1:
        return order
    orders = [order]
    distributed.broadcast_object_list(orders)
    return orders[0]


def any_of(flag: bool, share: Share) -> bool:
    """Whether it is true in one of the processes."""
    if share.size == 1:
        return flag
    flags: list[bool] = [False] * share.size
    distributed.all_gather_object(flags, flag)
    return any(flags)
