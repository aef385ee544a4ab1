import pytest
import torch

import ntm
from ntm import evaluation
from ntm.tasks import Case
from tests.conftest import ROOT

COPY = ntm.tasks.get("copy")


def model() -> ntm.NTM:
    torch.manual_seed(0)
    return ntm.NTM(10, 8, controller_size=10, memory_slots=16)


def test_the_mean_error_is_that_of_every_sequence_by_itself() -> None:
    machine, errors = model(), []
    score = evaluation.measure(machine, COPY, Case({"length": 3}), sequences=70, seed=4)
    generator = ntm.seeding.make_generator("evaluation", 4)
    for batch_size in (50, 20):
        batch = COPY.sample(batch_size, length=3, generator=generator)
        for index in range(batch_size):
            logits, _ = machine(batch.inputs[:, index : index + 1])
            wrong = (logits[-3:, 0].sigmoid().round() != batch.targets[-3:, index]).sum().item()
            errors.append(wrong)
    assert score.error == pytest.approx(sum(errors) / 70)
    assert score.worst == max(errors)


def test_other_seeds_and_purposes_are_other_sequences() -> None:
    streams = {
        tuple(COPY.sample(1, length=5, generator=ntm.seeding.make_generator(purpose, seed)).inputs.flatten().tolist())
        for purpose in ("training", "validation", "evaluation", "demo")
        for seed in range(3)
    }
    assert len(streams) == 12


def test_memory_slots_of_a_case_are_used() -> None:
    score = evaluation.measure(model(), COPY, Case({"length": 2}, memory_slots=40), sequences=2)
    assert score.memory_slots == 40
    assert evaluation.measure(model(), COPY, Case({"length": 2}), sequences=2).memory_slots == 16


def test_the_command_judges_at_one_size(capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(ROOT / "checkpoints" / "ntm-copy")
    assert evaluation.main([folder, "--size", "length=12", "--memory-slots", "64"]) == 0
    assert "length 12                    64             0         0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["checkpoints/nothing-here"], "checkpoints/nothing-here"),
        (["checkpoints/ntm-copy", "--size", "width=3"], "copy has no size 'width'"),
        (["checkpoints/ntm-copy", "--size", "length=long"], "--size must be like length=70"),
        (["checkpoints/ntm-copy", "--size", "length=0"], "length must be at least 1"),
    ],
)
def test_bad_arguments_are_one_line(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    assert evaluation.main(arguments) == 1
    error = capsys.readouterr().err
    assert complaint in error
    assert error.count("\n") == 1
