"""The interface that every model has, whatever is inside."""

import inspect
from collections.abc import Callable

import pytest
import torch

import ntm
from ntm.machine.model import SequenceModel
from ntm.machine.models import labels_of
from tests.numerics import assert_all_close, flatten, gradients, leaves, normal, randomise, seeded

STEPS, BATCH, INPUTS, OUTPUTS = 5, 3, 4, 2


def feedforward() -> SequenceModel:
    return ntm.NTM(INPUTS, OUTPUTS, controller_size=6, memory_slots=5, memory_width=3, read_heads=2)


def lstm() -> SequenceModel:
    return ntm.NTM(
        INPUTS,
        OUTPUTS,
        controller="lstm",
        controller_size=6,
        controller_layers=2,
        memory_slots=5,
        memory_width=3,
        write_heads=2,
        memory_init="learned",
    )


def baseline() -> SequenceModel:
    return ntm.LSTMBaseline(INPUTS, OUTPUTS, hidden_size=6, num_layers=2)


@pytest.fixture(params=[feedforward, lstm, baseline], ids=lambda make: make.__name__)
def model(request: pytest.FixtureRequest) -> SequenceModel:
    make: Callable[[], SequenceModel] = request.param
    built = make()
    randomise(built)
    return built


INPUT = normal(STEPS, BATCH, INPUTS, dtype=torch.float32)


def test_a_forward_changes_nothing(model: SequenceModel) -> None:
    """Neither the state handed in, nor the inputs, nor the model: a second call gives the same bits."""
    state = model.initial_state(BATCH)
    kept = [tensor.clone() for tensor in [INPUT, *flatten(state), *model.state_dict().values()]]
    logits, last = model(INPUT, state)
    model(INPUT, last)
    model.trace(INPUT, state)
    gradients([logits], list(model.parameters()))
    assert all(map(torch.equal, [INPUT, *flatten(state), *model.state_dict().values()], kept))
    assert torch.equal(model(INPUT, state)[0], logits)


def test_a_state_handed_out_is_left_alone_afterwards(model: SequenceModel) -> None:
    """A state can be kept and returned to, as the demo does."""
    _, state = model(INPUT[:2])
    kept = [tensor.clone() for tensor in flatten(state)]
    model(INPUT[2:], state)
    model(-INPUT)
    assert all(map(torch.equal, flatten(state), kept))


@pytest.mark.parametrize("cut", [1, 3, STEPS - 1])
def test_splitting_a_sequence_changes_nothing(model: SequenceModel, cut: int) -> None:
    whole, last = model(INPUT)
    first, state = model(INPUT[:cut])
    second, last_of_two = model(INPUT[cut:], state)
    assert_all_close([torch.cat([first, second])], [whole], tolerance=1e-6)
    assert_all_close(flatten(last_of_two), flatten(last), tolerance=1e-6)


def test_gradients_reach_back_through_a_state(model: SequenceModel) -> None:
    (inputs,) = leaves([INPUT])
    _, state = model(inputs[:1])
    logits, _ = model(inputs[1:], state)
    (gradient,) = gradients([logits], [inputs])
    assert gradient[0].abs().max() > 0


def test_no_state_is_the_initial_state(model: SequenceModel) -> None:
    assert torch.equal(model(INPUT)[0], model(INPUT, model.initial_state(BATCH))[0])


def test_sequences_of_a_batch_do_not_see_each_other(model: SequenceModel) -> None:
    together, _ = model(INPUT)
    alone = [model(INPUT[:, [b]])[0] for b in range(BATCH)]
    assert_all_close([together], [torch.cat(alone, dim=1)], tolerance=1e-5)


def test_later_inputs_do_not_change_earlier_outputs(model: SequenceModel) -> None:
    changed = INPUT.clone()
    changed[3:] += 1
    assert torch.equal(model(INPUT)[0][:3], model(changed)[0][:3])
    assert not torch.equal(model(INPUT)[0][3:], model(changed)[0][3:])


def test_shapes(model: SequenceModel) -> None:
    logits, state = model(INPUT)
    assert logits.shape == (STEPS, BATCH, OUTPUTS)
    initial = model.initial_state(BATCH)
    assert type(state) is type(initial)
    assert [part.shape for part in flatten(state)] == [part.shape for part in flatten(initial)]


@pytest.mark.parametrize("cut", [0, 2])
def test_trace_is_what_forward_does(model: SequenceModel, cut: int) -> None:
    state = model(INPUT[:cut])[1] if cut else None
    logits, _ = model(INPUT[cut:], state)
    trace = model.trace(INPUT[cut:], state)
    assert_all_close([trace.logits], [logits.detach()], tolerance=1e-6)
    assert not any(field.requires_grad for field in trace)
    assert all(field.shape[:2] == logits.shape[:2] for field in trace)


def test_double_precision_throughout(model: SequenceModel) -> None:
    model.double()
    state = model.initial_state(BATCH)
    logits, last = model(INPUT.double(), state)
    trace = model.trace(INPUT.double())
    assert {tensor.dtype for tensor in (logits, *flatten(state), *flatten(last), *trace)} == {torch.float64}


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((STEPS, BATCH, INPUTS + 1), id="too-wide"),
        pytest.param((STEPS, BATCH, INPUTS - 1), id="too-narrow"),
        pytest.param((STEPS, INPUTS), id="no-batch"),
        pytest.param((1, STEPS, BATCH, INPUTS), id="too-many-dimensions"),
        pytest.param((0, BATCH, INPUTS), id="no-steps"),
        pytest.param((STEPS, 0, INPUTS), id="no-sequences"),
    ],
)
def test_inputs_of_another_shape_are_refused(model: SequenceModel, shape: tuple[int, ...]) -> None:
    for run in (model, model.trace):
        with pytest.raises(ValueError, match=rf"\(T, B, {INPUTS}\)"):
            run(torch.zeros(shape))


def test_the_config_builds_a_twin(model: SequenceModel) -> None:
    twin = type(model)(**model.config)
    twin.load_state_dict(model.state_dict())
    assert twin.config == model.config
    assert torch.equal(twin(INPUT)[0], model(INPUT)[0])


def test_the_config_names_every_argument(model: SequenceModel) -> None:
    """One that is missing would be lost with every checkpoint."""
    assert list(model.config) == list(inspect.signature(type(model)).parameters)


def test_a_generator_may_be_given_to_any_model(model: SequenceModel) -> None:
    assert_all_close(flatten(model.initial_state(2, generator=seeded(1))), flatten(model.initial_state(2)))


def test_models_side_by_side_are_told_apart_by_what_they_are() -> None:
    analog = ntm.NTM(INPUTS, OUTPUTS, controller_size=6, memory_slots=5, memory_width=3, extension="analog")
    models = [feedforward(), analog, lstm(), feedforward(), baseline(), feedforward()]
    assert labels_of(models) == [
        "NTM with feedforward controller",
        "NTM with feedforward controller and analog memory",
        "NTM with LSTM controller",
        "NTM with feedforward controller (2)",
        "LSTM",
        "NTM with feedforward controller (3)",
    ]
