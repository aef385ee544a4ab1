"""Odd places first: the first vector, the third and so on, then the second, the fourth and so on."""

import torch
from torch import Tensor

from ntm.studies.new_tasks import Answered


class OddPlacesFirst(Answered):
    """The rows are those of `Answered`."""

    name = "odd-places-first"
    tells = "It sees vectors one after another, then says those in odd places, and then the others."

    def answer(self, vectors: Tensor) -> Tensor:
        """The same in another order."""
        return torch.cat([vectors[::2], vectors[1::2]])
