"""The models there are, each under the short name that command lines, recipes and folders use."""

from collections.abc import Mapping, Sequence
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


def labels_of(models: Sequence[SequenceModel]) -> list[str]:
    """What tables and figures call models that stand side by side, such as "NTM with LSTM controller"; no two alike."""
    labels: list[str] = []
    for label in map(_label, models):
        alike = sum(other.partition(" (")[0] == label for other in labels)
        labels.append(f"{label} ({alike + 1})" if alike else label)
    return labels


def _label(model: SequenceModel) -> str:
    label = MODELS[architecture_of(model)].label
    if not isinstance(model, NTM):
        return label
    controller = {"lstm": "LSTM", "feedforward": "feedforward"}[model.config["controller"]]
    extension = f" and {model.extension.name}" if model.extension.name else ""
    return f"{label} with {controller} controller{extension}"
