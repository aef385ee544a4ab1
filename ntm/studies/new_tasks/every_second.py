"""Every second: the first vector, the third, the fifth and so on."""

from torch import Tensor

from ntm.studies.new_tasks import Answered


class EverySecond(Answered):
    """The rows are those of `Answered`."""

    name = "every-second"
    tells = "It sees vectors one after another, then says every second of them."

    def answer(self, vectors: Tensor) -> Tensor:
        """Half as many, and the first."""
        return vectors[::2]
