"""Controllers, one step at a time."""

import pytest
import torch

from ntm.machine.controllers import FeedforwardController, LSTMController, make_controller
from tests import reference
from tests.numerics import assert_all_close, flatten, gradients, leaves, normal, randomise

BATCH, INPUTS, SIZE = 3, 4, 5


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_feedforward_matches_the_reference(layers: int) -> None:
    controller = FeedforwardController(INPUTS, SIZE, layers).double()
    randomise(controller)
    weights = {name: tensor.clone().requires_grad_() for name, tensor in controller.state_dict().items()}
    output, state = controller(normal(BATCH, INPUTS), ())
    rows = [reference.feedforward_controller(weights, "", layers, x) for x in normal(BATCH, INPUTS)]
    assert state == ()
    assert_all_close([output], [torch.stack(rows)])
    ours = gradients([output], list(controller.parameters()))
    assert_all_close(ours, gradients([torch.stack(rows)], list(weights.values())))


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_lstm_matches_the_reference_over_steps(layers: int) -> None:
    controller = LSTMController(INPUTS, SIZE, layers).double()
    randomise(controller)
    weights = {name: tensor.clone().requires_grad_() for name, tensor in controller.state_dict().items()}

    state = controller.initial_state(BATCH, torch.zeros((), dtype=torch.float64))
    assert all(torch.equal(part, torch.zeros(BATCH, SIZE, dtype=torch.float64)) for part in state)
    zeros = torch.zeros(SIZE, dtype=torch.float64)
    expected_states = [[(zeros, zeros)] * layers for _ in range(BATCH)]
    for step in range(3):
        inputs = normal(BATCH, INPUTS, seed=step)
        output, state = controller(inputs, state)
        rows = []
        for b, x in enumerate(inputs):
            row, expected_states[b] = reference.lstm_controller(weights, "", layers, x, expected_states[b])
            rows.append(row)
    expected = [torch.stack(rows)]
    for layer in range(layers):
        expected += [torch.stack([expected_states[b][layer][part] for b in range(BATCH)]) for part in (0, 1)]

    assert_all_close([output, *state], expected)
    ours = gradients([output, *state], list(controller.parameters()))
    assert_all_close(ours, gradients(expected, list(weights.values())))


@pytest.mark.parametrize("kind", ["feedforward", "lstm"])
def test_the_state_handed_in_is_left_alone(kind: str) -> None:
    controller = make_controller(kind, INPUTS, SIZE, 2).double()  # type: ignore[arg-type]
    state = tuple(leaves(normal(BATCH, SIZE, seed=i) for i in range(4))) if kind == "lstm" else ()
    before = [part.detach().clone() for part in state]
    first, _ = controller(normal(BATCH, INPUTS), state)
    second, _ = controller(normal(BATCH, INPUTS), state)
    assert all(map(torch.equal, flatten(state), before))
    assert torch.equal(first, second)
