import re
from pathlib import Path

import pytest
import torch

import ntm
from ntm import tasks
from ntm.reports import uncertainty
from ntm.storage import checkpoint, record
from ntm.studies import evaluation
from ntm.tasks import Case
from ntm.tasks.streams import make_generator
from tests.conftest import ROOT
from tests.tiny import EVALUATION, TRAINING, write_checkpoint

COPY = ntm.tasks.get("copy")


def model() -> ntm.NTM:
    torch.manual_seed(0)
    return ntm.NTM(10, 8, controller_size=10, memory_slots=16)


@pytest.mark.slow
def test_a_score_is_that_of_every_sequence_of_every_seed_by_itself() -> None:
    machine, errors = model(), []
    score = evaluation.measure(machine, COPY, Case({"length": 3}), sequences=70, seeds=[4, 9])
    for seed in (4, 9):
        generator = make_generator("evaluation", seed)
        for batch_size in (50, 20):
            batch = COPY.sample(batch_size, length=3, generator=generator)
            for index in range(batch_size):
                logits, _ = machine(batch.inputs[:, index : index + 1])
                wrong = (logits[-3:, 0].sigmoid().round() != batch.targets[-3:, index]).sum().item()
                errors.append(wrong)
    assert score.sequences == 140
    assert score.error == pytest.approx(sum(errors) / 140)
    assert score.margin == pytest.approx(uncertainty.margin(errors))
    assert score.wrong == sum(error > 0 for error in errors)
    assert score.worst == max(errors)


def test_sequences_without_an_error_are_not_wrong() -> None:
    machine = ntm.load(ROOT / "checkpoints" / "ntm-copy")
    score = evaluation.measure(machine, COPY, Case({"length": 4}), sequences=20)
    assert (score.error, score.wrong, score.margin) == (0, 0, 0)


def test_other_seeds_and_purposes_are_other_sequences() -> None:
    streams = {
        tuple(COPY.sample(1, length=5, generator=make_generator(purpose, seed)).inputs.flatten().tolist())
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
    said = capsys.readouterr().out
    assert "copy: bit errors over 100 fresh sequences a size, seed 0" in said
    assert "NTM with LSTM controller |" in said
    assert re.search(r"\| length 1 to 20, 1 of 20 sizes \(trained on\) +\| +64 \| +0 \(< 3 %\) \|", said)


def test_a_claim_of_no_error_rests_on_ten_seeds_of_a_thousand(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(type(COPY), "evaluation", (Case({"length": 1}),))
    assert evaluation.main([str(ROOT / "checkpoints" / "ntm-copy"), "--full"]) == 0
    said = capsys.readouterr().out
    assert "10,000 fresh sequences a size, seeds 0 to 9" in said
    assert "0 (< 0.03 %)" in said


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


def test_slots_make_no_difference_to_a_model_without_memory() -> None:
    lstm = ntm.LSTMBaseline(10, 8, hidden_size=4, num_layers=1)
    cases = [Case({"length": 2}), Case({"length": 3}), Case({"length": 3}, memory_slots=64)]
    scores = evaluation.evaluate(lstm, COPY, cases, sequences=2)["scores"]
    assert [(score["sizes"], score["memory_slots"]) for score in scores] == [
        ({"length": 2}, None),
        ({"length": 3}, None),
    ]
    assert len(evaluation.evaluate(model(), COPY, cases, sequences=2)["scores"]) == 3


def test_the_best_that_can_be_done_is_measured_on_the_same_sequences() -> None:
    task = ntm.tasks.get("dynamic-ngrams")
    machine = ntm.NTM(task.input_size, task.output_size, controller_size=4, memory_slots=8)
    (score,) = evaluation.evaluate(machine, task, [Case({"length": 30})], sequences=60, seeds=[3])["scores"]
    generator = make_generator("evaluation", 3)
    best, more = [], []
    for size in (50, 10):
        batch = task.sample(size, length=30, generator=generator)
        best += task.optimal_errors(batch).tolist()
        more += (task.errors(machine(batch.inputs)[0].detach(), batch) - task.optimal_errors(batch)).tolist()
    assert score["optimal"] == pytest.approx(sum(best) / 60)
    assert score["error"] - score["optimal"] == pytest.approx(sum(more) / 60)
    assert score["margin"] == pytest.approx(uncertainty.margin(more), rel=1e-4)
    assert "wrong" not in score, "log loss is never 0"
    assert "optimal" not in evaluation.evaluate(model(), COPY, [Case({"length": 2})], sequences=2)["scores"][0]


def test_all_judges_every_folder_and_records_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(evaluation, "CHECKPOINTS", tmp_path)
    monkeypatch.setattr(type(COPY), "evaluation", (Case({"length": 2}), Case({"length": 30})))
    write_checkpoint(tmp_path / "ntm-copy")
    lstm = ntm.LSTMBaseline(10, 8, hidden_size=4, num_layers=1)
    record.write(tmp_path / "lstm-copy", lstm, "copy", TRAINING, EVALUATION)
    assert evaluation.main(["--all", "--save", "--seed", "7"]) == 0
    said = capsys.readouterr().out
    assert "| NTM with feedforward controller |" in said
    assert " LSTM |" in said
    assert "length 30" in said
    for name in ("ntm-copy", "lstm-copy"):
        found = checkpoint.read_folder(tmp_path / name)
        assert (found.evaluation["seeds"], len(found.evaluation["scores"])) == ([7], 2)
        assert found.training == TRAINING
    assert (tmp_path / "ntm-copy" / "snapshots" / "500.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        ([], "give a checkpoint, or --all"),
        (["checkpoints/ntm-copy", "--all"], "give a checkpoint, or --all"),
        (["--all", "--size", "length=3"], "--all judges all sizes"),
    ],
)
def test_what_does_not_go_together_is_said(
    arguments: list[str], complaint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        evaluation.main(arguments)
    assert complaint in capsys.readouterr().err


BARRED = {"copy": (Case({"length": 3}, bar=0.5), Case({"length": 9}, memory_slots=64, bar=2.0), Case({"length": 30}))}


@pytest.mark.parametrize(
    ("errors", "expected"),
    [
        ([0.5, 2.0, 99.0], []),
        ([0.51, 2.0, 0.0], ["0.51 bit errors at length 3, where 0.5 is the bar"]),
        ([1.0, 40.0, 0.0], ["1 bit errors at length 3, where 0.5 is the bar", "40 bit errors at length 9, where 2 is"]),
    ],
)
def test_what_a_task_promises_is_held_against_the_scores(
    monkeypatch: pytest.MonkeyPatch, errors: list[float], expected: list[str]
) -> None:
    monkeypatch.setattr(type(COPY), "evaluation", BARRED["copy"])
    places = [({"length": 3}, 8), ({"length": 9}, 64), ({"length": 30}, 8)]
    scores = [
        {"sizes": sizes, "memory_slots": slots, "sequences": 10, "error": error, "worst": error}
        for (sizes, slots), error in zip(places, errors, strict=True)
    ]
    found = evaluation.misses(COPY, {"scores": scores})
    assert len(found) == len(expected)
    assert all(phrase.startswith(start) for phrase, start in zip(found, expected, strict=True))


def test_what_is_above_the_least_possible_error_is_held_against_the_bar() -> None:
    task = tasks.get("dynamic-ngrams")
    score = {"sizes": {"length": 200}, "memory_slots": 32, "sequences": 10, "worst": 150.0, "optimal": 127.0}
    assert evaluation.misses(task, {"scores": [score | {"error": 129.0}]}) == []
    (missed,) = evaluation.misses(task, {"scores": [score | {"error": 130.0}]})
    assert missed == "3 bits above optimal at length 200, where 2.5 is the bar"


def test_which_of_two_machines_falls_shorter_is_told_by_the_bars_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(COPY), "evaluation", BARRED["copy"])

    def of(*errors: float) -> float:
        places = [({"length": 3}, None), ({"length": 9}, None), ({"length": 30}, None)]
        scores = [
            {"sizes": sizes, "memory_slots": slots, "error": error}
            for (sizes, slots), error in zip(places, errors, strict=False)
        ]
        return evaluation.shortfall(COPY, {"scores": scores})

    assert of(0.0, 0.0, 9.0) == of(0.5, 2.0, 0.0) == 0.0
    assert of(1.0, 2.0, 0.0) == 1.0
    assert of(1.0, 8.0, 0.0) == 4.0
    assert of(0.0) == evaluation.shortfall(COPY, {}) == float("inf")
