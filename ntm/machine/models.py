"""The models there are, each under the short name that command lines, recipes and folders use."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from ntm.machine.lstm import LSTMBaseline
from ntm.machine.model import SequenceModel
from ntm.machine.ntm import NTM

Architecture = Literal["ntm", "lstm"]


@dataclass(frozen=True)
class ModelKind:
    """One kind of model."""

    model: type[SequenceModel]
    label: str
    """what tables and figures call it"""
    description: str
    """the beginning of a sentence about one"""

    @property
    def class_name(self) -> str:
        """What `config.json` calls it."""
        return self.model.__name__


MODELS: Mapping[Architecture, ModelKind] = {
    "ntm": ModelKind(NTM, "NTM", "A Neural Turing Machine"),
    "lstm": ModelKind(LSTMBaseline, "LSTM", "A plain LSTM, the baseline beside the Neural Turing Machine,"),
}


def architecture_of(model: SequenceModel) -> Architecture:
    """The short name of a model's kind."""
    return next(name for name, kind in MODELS.items() if type(model) is kind.model)
