"""Halves swapped: the second half of the vectors, then the first."""

from torch import Tensor

from ntm.studies.new_tasks import Answered


class HalvesSwapped(Answered):
    """The rows are those of `Answered`."""

    name = "halves-swapped"
    tells = "It sees vectors one after another, then says them from the middle on, and then those before it."

    def answer(self, vectors: Tensor) -> Tensor:
        """The same in another order."""
        return vectors.roll(-(len(vectors) // 2), 0)
