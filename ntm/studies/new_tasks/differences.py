"""Differences: in which bits each vector differs from the one before it."""

import torch
from torch import Tensor

from ntm.studies.new_tasks import Answered


class Differences(Answered):
    """The rows are those of `Answered`."""

    name = "differences"
    tells = "It sees vectors one after another, then says in which bits each differs from the one before."

    def answer(self, vectors: Tensor) -> Tensor:
        """As many; the first differs from zeros."""
        return (vectors - torch.cat([torch.zeros_like(vectors[:1]), vectors[:-1]])).abs()
