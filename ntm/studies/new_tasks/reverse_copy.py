"""Reverse copy: the last vector first."""

from torch import Tensor

from ntm.studies.new_tasks import Answered


class ReverseCopy(Answered):
    """The rows are those of `Answered`."""

    name = "reverse-copy"
    tells = "It sees vectors one after another, then says them from the last to the first."

    def answer(self, vectors: Tensor) -> Tensor:
        """The same, turned around."""
        return vectors.flip(0)
