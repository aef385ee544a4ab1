"""There and back: the vectors forwards, then backwards."""

import torch
from torch import Tensor

from ntm.studies.new_tasks import Answered


class ThereAndBack(Answered):
    """The rows are those of `Answered`."""

    name = "there-and-back"
    tells = "It sees vectors one after another, then says them forwards and backwards."

    def answer(self, vectors: Tensor) -> Tensor:
        """Twice as many."""
        return torch.cat([vectors, vectors.flip(0)])
