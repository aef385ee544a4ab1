"""The model card: what the Hub reads from it, what a person reads, and whether its snippet works."""

import re
import subprocess
import sys
from pathlib import Path

from huggingface_hub import ModelCard

import ntm
from ntm.reports import model_card
from tests.conftest import ROOT
from tests.tiny import EVALUATION, TRAINING, machine, write_checkpoint


def render(**options: object) -> str:
    return model_card.render(machine(), "copy", TRAINING, EVALUATION, source="NAMESPACE/ntm-copy", **options)


def test_the_hub_reads_the_metadata() -> None:
    data = ModelCard(render()).data
    assert (data.library_name, data.license, data.pipeline_tag, data.model_name) == ("ntm", "mit", "other", "ntm-copy")
    assert {"neural-turing-machine", "copy"} <= set(data.tags)
    assert data.datasets is None


def test_the_hub_reads_every_result(tmp_path: Path) -> None:
    (tmp_path / "README.md").write_text(render(), encoding="utf-8")
    results = ModelCard.load(tmp_path / "README.md").data.eval_results
    assert [result.metric_value for result in results] == [6.375, 11.0, 31.5]
    assert {result.metric_type for result in results} == {"bit_errors"}
    assert [result.dataset_name for result in results] == [
        "copy, length 1 to 20, 2 of 20 sizes, 8 memory slots",
        "copy, length 1 to 20, 1 of 20 sizes, 64 memory slots",
        "copy, length 30, 64 memory slots",
    ]


def test_a_person_reads_what_is_true() -> None:
    text = re.sub(" +", " ", render())  # tables are padded
    for part in (
        "write down a sequence of bit vectors, then say it again",
        "| length 1 to 20, 2 of 20 sizes (trained on) | 8 | 200 | 6.38 ± 0.50 | 120 (53 to 67 %) | 30 |",
        "| length 30 | 64 | 100 | 31.5 ± 2.5 | 100 (96 to 100 %) | 60 |",
        "(seed 5)",
        "validation sizes: length 20; length 120.",
        "`python train.py copy --controller feedforward` trains another one like it",
        "| `memory_width` | 4 |",
        "| sequences seen | 80 |",
        "| versions | python 3.11, torch 2.13.0 |",
        f"{sum(parameter.numel() for parameter in machine().parameters()):,} weights",
        "not on PyPI",
    ):
        assert part in text


def test_an_evaluation_of_before_can_still_be_shown() -> None:
    scores = [
        {name: score[name] for name in score if name not in ("margin", "wrong")} for score in EVALUATION["scores"]
    ]
    evaluation = {name: EVALUATION[name] for name in EVALUATION if name != "seeds"} | {"scores": scores, "seed": 7}
    text = re.sub(" +", " ", model_card.render(machine(), "copy", TRAINING, evaluation, source="NAMESPACE/ntm-copy"))
    assert "(seed 7)" in text
    assert "| length 30 | 64 | 100 | 31.5 | – | 60 |" in text


def test_pictures_are_shown_where_they_are() -> None:
    assert "![" not in render()
    for picture in model_card.PICTURES:
        assert f"]({picture})" in render(pictures=[picture])


def test_a_checkpoint_shows_the_pictures_that_lie_in_it(tmp_path: Path) -> None:
    text = (write_checkpoint(tmp_path / "ntm-copy") / "README.md").read_text(encoding="utf-8")
    assert "](run.png)" in text
    assert "](generalisation.png)" not in text


def test_a_baseline_has_a_card_too() -> None:
    scores = [score | {"memory_slots": None} for score in EVALUATION["scores"][:2]]
    text = model_card.render(
        ntm.LSTMBaseline(10, 8, hidden_size=4),
        "copy",
        TRAINING,
        EVALUATION | {"scores": scores},
        source="checkpoints/lstm-copy",
    )
    assert "plain LSTM" in text
    assert "`python train.py copy --model lstm`" in text
    (result,) = ModelCard(text).data.eval_results
    assert result.dataset_name == "copy, length 1 to 20, 2 of 20 sizes, no memory slots"


def test_what_the_best_estimator_does_is_said_beside_it() -> None:
    score = {"sizes": {"length": 200}, "memory_slots": 8, "sequences": 100, "error": 132.6, "worst": 170.0}
    evaluation = EVALUATION | {"task": "dynamic-ngrams", "error": "bits", "scores": [score | {"optimal": 130.0}]}
    text = model_card.render(machine(), "dynamic-ngrams", TRAINING, evaluation, source="NAMESPACE/ntm-dynamic-ngrams")
    assert "132.6 (+2.00 %)" in text, "an evaluation of before has no interval"
    assert "than the optimal estimator's" in text
    assert "optimal estimator" not in render()
    evaluation["scores"] = [score | {"optimal": 130.0, "margin": 0.13}]
    text = model_card.render(machine(), "dynamic-ngrams", TRAINING, evaluation, source="NAMESPACE/ntm-dynamic-ngrams")
    assert "132.6 (+2.00 ± 0.10 %)" in text


def test_an_extension_is_named_and_explained() -> None:
    arguments = {"controller_size": 8, "memory_slots": 8, "memory_width": 4, "extension": "analog"}
    text = model_card.render(ntm.NTM(10, 8, **arguments), "copy", TRAINING, EVALUATION, source="NAMESPACE/ntm-copy")
    assert "A Neural Turing Machine (with an extension: analog memory) trained" in text
    assert "## What it has beyond the paper's machine\n\nHeads see the input" in text
    assert "beyond the paper's machine" not in render()
    assert "extension:" not in render()


def test_the_snippet_works_when_pasted(tmp_path: Path) -> None:
    folder = write_checkpoint(tmp_path / "checkpoints" / "ntm-copy")
    found = re.search(r"```python\n(.*?)```", (folder / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    result = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{found[1]}"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert result.returncode == 0, result.stderr
    assert "tensor(" in result.stdout
