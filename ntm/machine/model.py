"""What the Neural Turing Machine and the LSTM baseline have in common: an interface and a checkpoint format."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from ntm.machine.trace import Trace


class SequenceModel(nn.Module, ABC):
    """A recurrent network from (T, B, in) to logits (T, B, out), its state handed in and handed out.

    Attributes:
        input_size: channels in.
        output_size: channels out.
        config: the constructor's arguments, all of them; `type(model)(**model.config)` builds an untrained twin.
    """

    input_size: int
    output_size: int
    config: dict[str, Any]

    # These come from `ntm.storage.pretrained`, for nothing here knows of files or of the Hub.
    from_pretrained: ClassVar[Callable[..., Any]]
    save_pretrained: ClassVar[Callable[..., None]]
    push_to_hub: ClassVar[Callable[..., str]]

    @abstractmethod
    def initial_state(
        self, batch_size: int, memory_slots: int | None = None, *, generator: torch.Generator | None = None
    ) -> NamedTuple:
        """The state before the first step; `memory_slots` may differ from the number trained with."""

    @abstractmethod
    def forward(self, inputs: Tensor, state: Any = None) -> tuple[Tensor, Any]:
        """Run a whole sequence from `state`, or from the initial state: (T, B, in) to (T, B, out) and the last state.

        The outputs are logits: `torch.sigmoid(logits)` are the probabilities of the bits.
        """

    @abstractmethod
    def trace(self, inputs: Tensor, state: Any = None) -> Trace:
        """Run as `forward` does, without gradients, and keep everything that happened."""

    def share_gradients(self) -> None:
        """Between the backward pass and the step of an optimiser: make the gradients equal that have to stay so."""

    def _check_inputs(self, inputs: Tensor) -> None:
        if inputs.dim() != 3 or inputs.shape[-1] != self.input_size or 0 in inputs.shape:
            raise ValueError(
                f"inputs must be (T, B, {self.input_size}) with at least one step and one sequence, "
                f"not {tuple(inputs.shape)}"
            )
