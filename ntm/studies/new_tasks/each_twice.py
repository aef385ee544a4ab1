"""Each twice: every vector is said twice before the next one."""

from torch import Tensor

from ntm.studies.new_tasks import Answered


class EachTwice(Answered):
    """The rows are those of `Answered`."""

    name = "each-twice"
    tells = "It sees vectors one after another, then says each of them twice."

    def answer(self, vectors: Tensor) -> Tensor:
        """Twice as many."""
        return vectors.repeat_interleave(2, 0)
