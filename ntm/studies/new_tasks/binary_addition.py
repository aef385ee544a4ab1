"""Binary addition: two numbers come in side by side, the lowest bits first, and their sum is due."""

import torch
from torch import Tensor

from ntm.studies.new_tasks import Answered
from ntm.tasks import Rows


class BinaryAddition(Answered):
    """The rows are those of `Answered`: a vector holds a bit of either number."""

    name = "binary-addition"
    tells = "It sees two numbers bit by bit, the lowest first, then says their sum."
    input_size, output_size = 3, 1
    form = Rows(bits=2)

    def answer(self, vectors: Tensor) -> Tensor:
        """The bits of the sum, one more than came in."""
        carry, due = torch.zeros_like(vectors[0, :, 0]), []
        for pair in vectors:
            ones = pair.sum(-1) + carry
            due.append(ones % 2)
            carry = (ones > 1).to(carry)
        return torch.stack([*due, carry]).unsqueeze(-1)
