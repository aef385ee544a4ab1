"""The LSTM baseline; what it shares with the machine is in test_model.py."""

from typing import Any

import pytest
import torch

from ntm import LSTMBaseline
from tests import reference
from tests.numerics import assert_all_close, flatten, gradients, normal, randomise

STEPS, BATCH, INPUTS, OUTPUTS = 4, 2, 3, 2


def make_baseline(hidden_size: int = 5, num_layers: int = 2) -> LSTMBaseline:
    model = LSTMBaseline(INPUTS, OUTPUTS, hidden_size=hidden_size, num_layers=num_layers).double()
    randomise(model)
    return model


@pytest.mark.parametrize("num_layers", [1, 2, 3])
def test_matches_the_reference(num_layers: int) -> None:
    model = make_baseline(num_layers=num_layers)
    weights = {name: tensor.clone().requires_grad_() for name, tensor in model.state_dict().items()}
    inputs = normal(STEPS, BATCH, INPUTS)
    logits, state = model(inputs)
    expected = reference.run_lstm_baseline(model.config, weights, inputs)
    assert_all_close([logits, state.hidden, state.cell], expected)
    names, parameters = zip(*model.named_parameters(), strict=True)
    ours = gradients([logits, *state], parameters)
    assert_all_close(ours, gradients(expected, [weights[name] for name in names]))


def test_defaults_are_the_three_layers_of_256_of_the_paper() -> None:
    config = LSTMBaseline(INPUTS, OUTPUTS).config
    assert (config["num_layers"], config["hidden_size"]) == (3, 256)


@pytest.mark.parametrize("memory_slots", [None, 1, 1024])
def test_memory_slots_change_nothing(memory_slots: int | None) -> None:
    state = make_baseline().initial_state(BATCH, memory_slots)
    zeros = torch.zeros(2, BATCH, 5, dtype=torch.float64)
    assert_all_close(flatten(state), [zeros, zeros], tolerance=0)


def test_the_state_is_used() -> None:
    model = make_baseline()
    inputs = normal(STEPS, BATCH, INPUTS)
    _, state = model(inputs)
    from_zero, _ = model(inputs)
    from_state, _ = model(inputs, state)
    other_cell, _ = model(inputs, state._replace(cell=torch.zeros_like(state.cell)))
    assert not torch.allclose(from_zero, from_state)
    assert not torch.allclose(other_cell, from_state)


def test_the_trace_is_empty_but_for_the_logits() -> None:
    trace = make_baseline().trace(normal(STEPS, BATCH, INPUTS))
    assert [name for name, field in trace._asdict().items() if field.numel()] == ["logits"]
    heads, slots = 0, 0
    assert trace.memory.shape[:3] == (STEPS, BATCH, slots)
    assert trace.read_weights.shape == trace.write_weights.shape == (STEPS, BATCH, heads, slots)
    assert trace.strength.shape == (STEPS, BATCH, heads)


@pytest.mark.parametrize("name", ["input_size", "output_size", "hidden_size", "num_layers"])
@pytest.mark.parametrize(
    ("value", "error"), [(0, ValueError), (-1, ValueError), (2.0, TypeError), (True, TypeError), ("3", TypeError)]
)
def test_bad_arguments_are_refused(name: str, value: Any, error: type[Exception]) -> None:
    arguments = {"input_size": INPUTS, "output_size": OUTPUTS} | {name: value}
    with pytest.raises(error, match=name):
        LSTMBaseline(**arguments)
