"""The training command: what it writes, that Ctrl-C loses nothing, and what it says of bad arguments."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from safetensors.torch import load_file

import ntm
from ntm import tasks
from ntm.machine.controllers import CONTROLLER_KINDS, ControllerKind
from ntm.storage import untrusted
from ntm.storage.checkpoint import published, read_folder
from ntm.tasks import Architecture, Batch, Case
from ntm.training.run import STATE
from tests.conftest import ROOT
from tests.tiny import small

COPY, REPEAT_COPY = tasks.get("copy"), tasks.get("repeat-copy")
ARCHITECTURES: list[Architecture] = ["ntm", "lstm"]
SHORT = small()


def train(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "train.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=250)


@pytest.mark.slow
def test_ctrl_c_saves_and_resume_finishes(tmp_path: Path) -> None:
    output = tmp_path / "ntm-copy"
    short = ["--updates", "400", "--batch-size", "2", "--seeds", "1"]
    arguments = [sys.executable, "train.py", "copy", *short, "--output", str(output)]
    process = subprocess.Popen(
        arguments, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ}
    )
    assert process.stderr is not None
    seen = ""
    while "40/400" not in seen:
        seen += process.stderr.read(1)
    process.send_signal(signal.SIGINT)
    said, _ = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume" in said
    assert not output.exists()

    again = train(*arguments[2:])
    assert again.returncode == 1
    assert "unfinished run" in again.stderr

    other = train(*arguments[2:], "--seed", "5", "--resume")
    assert other.returncode == 1
    assert "another seed" in other.stderr
    assert (tmp_path / ".ntm-copy.run" / STATE).exists()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_finished_run_is_a_whole_checkpoint(command: ModuleType, tmp_path: Path, architecture: Architecture) -> None:
    output = tmp_path / f"{architecture}-copy"
    arguments = ["copy", "--model", architecture, "--output", str(output)]
    assert command.main([*arguments, "--updates", "60", "--batch-size", "2"]) == 0
    assert [path.name for path in tmp_path.iterdir()] == [output.name]
    model = ntm.load(output)
    assert isinstance(model, {"ntm": ntm.NTM, "lstm": ntm.LSTMBaseline}[architecture])
    facts = json.loads((output / "training.json").read_text())
    assert (facts["task"], facts["updates"], facts["sequences"]) == ("copy", 60, 120)
    assert facts["arguments"] == dict(COPY.recipes[architecture].arguments)
    assert [row["update"] for row in facts["curve"]] == [20, 40, 60]
    (score,) = json.loads((output / "evaluation.json").read_text())["scores"]
    assert score["sequences"] == 100
    weights = load_file(output / "model.safetensors")

    snapshots = sorted(output.glob("snapshots/*"))
    assert [int(path.stem) for path in snapshots] == ([20, 40, 60] if architecture == "ntm" else [])
    for path in snapshots:
        untrusted.load_weights(model, path)
        assert path.stat().st_mode & 0o044 == 0o044
    assert facts["best_update"] == 60
    assert all(tensor.equal(weights[name]) for name, tensor in model.state_dict().items())

    assert command.main([*arguments, "--updates", "20"]) == 1
    assert all(tensor.equal(weights[name]) for name, tensor in load_file(output / "model.safetensors").items())


@pytest.mark.parametrize("controller", CONTROLLER_KINDS)
def test_a_controller_makes_it_the_machine_of_the_paper(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, controller: ControllerKind
) -> None:
    """Repeat copy has a register else. What was trained so says how, and stands beside the machine that has it."""
    monkeypatch.setattr(type(REPEAT_COPY), "evaluation", (Case({"length": 1, "repeats": 1}),))
    arguments = ["repeat-copy", "--controller", controller]
    assert command.main([*arguments, "--updates", "2", "--batch-size", "2", "--seeds", "1"]) == 0
    folder = command.CHECKPOINTS / f"ntm-{controller}-repeat-copy"
    assert published(command.CHECKPOINTS, "repeat-copy") == [folder]
    found = read_folder(folder)
    assert isinstance(found.model, ntm.NTM)
    assert (found.model.config["controller"], found.model.config["extension"]) == (controller, None)
    assert f"`python train.py {' '.join(arguments)}` trains another" in (folder / "README.md").read_text()


@pytest.mark.slow
def test_all_trains_both_models_on_every_task(command: ModuleType) -> None:
    assert command.main(["all", "--updates", "2", "--batch-size", "2"]) == 0
    folders = {path.name: path for path in command.CHECKPOINTS.iterdir()}
    assert set(folders) == {f"{architecture}-{name}" for architecture in ARCHITECTURES for name in tasks.names()}
    for name, folder in folders.items():
        architecture, _, task = name.partition("-")
        found = read_folder(folder, task)
        assert isinstance(found.model, {"ntm": ntm.NTM, "lstm": ntm.LSTMBaseline}[architecture])
        assert found.task == found.training["task"] == found.evaluation["task"] == task
        assert found.training["sequences"] == 4


@pytest.mark.slow
def test_all_can_be_stopped_and_gone_on_with(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl-C at the third of four. What is finished is not trained again, and what was begun is gone on with."""
    monkeypatch.setattr(tasks, "names", lambda: ["associative-recall", "copy"])
    arguments = ["all", "--updates", "40", "--batch-size", "2"]
    draw = type(COPY).draw_training

    def interrupt(*arguments: Any, **sizes: int) -> Batch:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(type(COPY), "draw_training", draw)
        return draw(*arguments, **sizes)

    monkeypatch.setattr(type(COPY), "draw_training", interrupt)
    assert command.main(arguments) == 130
    done = {"ntm-associative-recall", "lstm-associative-recall"}
    assert {path.name for path in command.CHECKPOINTS.glob("[!.]*")} == done
    before = {path: path.stat().st_mtime_ns for path in command.CHECKPOINTS.glob("[!.]*/*")}

    capsys.readouterr()
    assert command.main(arguments) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert command.main([*arguments, "--resume"]) == 0
    assert "20/40" in capsys.readouterr().err
    assert {path.name for path in command.CHECKPOINTS.iterdir()} == done | {"ntm-copy", "lstm-copy"}
    assert all(path.stat().st_mtime_ns == time for path, time in before.items())


def test_all_stops_at_ctrl_c_however_few_updates_are_left(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    draw = type(COPY).draw_training

    def interrupt(*arguments: Any, **sizes: int) -> Batch:
        signal.raise_signal(signal.SIGINT)
        monkeypatch.setattr(type(COPY), "draw_training", draw)
        return draw(*arguments, **sizes)

    monkeypatch.setattr(tasks, "names", lambda: ["copy", "priority-sort"])
    monkeypatch.setattr(type(COPY), "draw_training", interrupt)
    assert command.main(["all", "--updates", "2", "--batch-size", "2"]) == 130
    assert not (command.CHECKPOINTS / "ntm-priority-sort").exists()


@pytest.mark.parametrize("arguments", [["--updates", "0"], ["--device", "toaster"]])
def test_bad_arguments_of_all_write_nothing(
    command: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str]
) -> None:
    """Else the next `all`, with good ones, would be told to go on with what was never begun."""
    assert command.main(["all", *arguments]) == 1
    assert capsys.readouterr().err.count("\n") == 1
    assert not list(command.CHECKPOINTS.glob("*"))


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["copy", "--updates", "0"], "updates must be at least 1"),
        (["copy", "--batch-size", "0"], "batch size must be at least 1"),
        (["copy", "--seed", "-1"], "seed must be at least 0"),
        (["copy", "--seeds", "0"], "seeds must be at least 1"),
        (["copy", "--device", "cuda:7"], "no device 'cuda:7' here"),
        (["copy", "--device", "toaster"], "no device 'toaster' here"),
        (["copy", "--resume"], "no unfinished run"),
        (["repeat-copy", "--model", "lstm", "--resume"], "no unfinished run"),
        (["copy", "--model", "lstm", "--controller", "lstm"], "lstm has no controller"),
    ],
)
def test_bad_arguments_are_one_line_and_write_nothing(
    command: ModuleType,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    arguments: list[str],
    complaint: str,
) -> None:
    assert command.main([*arguments, "--output", str(tmp_path / "ntm-copy")]) == 1
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_bad_argument_is_all_that_the_process_speaks_of(tmp_path: Path) -> None:
    done = train("copy", "--updates", "0", "--output", tmp_path / "ntm-copy")
    assert done.returncode == 1
    assert done.stderr == "error: updates must be at least 1, not 0\n"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["flight"], "'flight' (choose from"),
        (["copy", "--model", "gru"], "'gru' (choose from"),
        (["all", "--model", "lstm"], "unrecognized arguments: --model lstm"),
        (["all", "--output", "x"], "unrecognized arguments: --output x"),
        (["all", "--push-to-hub", "NAMESPACE/x"], "unrecognized arguments: --push-to-hub NAMESPACE/x"),
    ],
)
def test_what_the_command_does_not_know_is_named(
    command: ModuleType, capsys: pytest.CaptureFixture[str], arguments: list[str], complaint: str
) -> None:
    with pytest.raises(SystemExit) as caught:
        command.main(arguments)
    assert caught.value.code == 2
    said = capsys.readouterr().err
    assert complaint in said
    assert said.count("\n") == 1
    if arguments == ["flight"]:
        assert all(name in said for name in tasks.names())


def promise(monkeypatch: pytest.MonkeyPatch, bar: float) -> None:
    monkeypatch.setattr(type(COPY), "evaluation", (Case({"length": 1}, bar=bar), Case({"length": 2})))


TINY = ["copy", "--updates", "2", "--batch-size", "2"]


def test_it_says_whether_the_task_was_learned(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promise(monkeypatch, 9.0)
    assert command.main(TINY) == 0
    assert "not learned" not in capsys.readouterr().out
    promise(monkeypatch, 0.01)
    assert command.main(TINY) == 3
    assert re.search(r"not learned: [\d.]+ bit errors at length 1, where 0.01 is the bar; ", capsys.readouterr().out)
    assert command.main([*TINY, "--model", "lstm"]) == 0, "nothing is promised of a baseline"


def test_better_weights_are_not_overwritten(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promise(monkeypatch, 0.01)
    assert command.main(TINY) == 3
    there = command.CHECKPOINTS / "ntm-copy"
    kept = json.loads((there / "evaluation.json").read_text())
    kept["scores"][0]["error"] = 0.0
    (there / "evaluation.json").write_text(json.dumps(kept))
    before = (there / "model.safetensors").read_bytes()

    capsys.readouterr()
    assert command.main([*TINY, "--seed", "7"]) == 3
    said, beside = capsys.readouterr().out, command.CHECKPOINTS / "ntm-copy-seed-7"
    assert f"{there} holds better weights and stays; to replace them: rm -r {there} && mv {beside} {there}" in said
    assert f"wrote {beside}, the weights of seed 7 " in said
    assert (there / "model.safetensors").read_bytes() == before
    assert ntm.load(beside).config == ntm.load(there).config

    (there / "evaluation.json").unlink()
    assert command.main(TINY) == 3
    assert f"wrote {there}, " in capsys.readouterr().out


def test_all_goes_on_after_a_machine_that_has_not_learned(command: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "names", lambda: ["copy", "associative-recall"])
    promise(monkeypatch, 0.01)
    assert command.main(["all", "--updates", "2", "--batch-size", "2"]) == 3
    assert len(list(command.CHECKPOINTS.glob("*/model.safetensors"))) == 4


def test_what_was_not_learned_is_not_published(
    command: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    promise(monkeypatch, 0.01)
    monkeypatch.setattr(command.hub, "check_push", lambda name: None)
    assert command.main([*TINY, "--push-to-hub", "NAMESPACE/ntm-copy"]) == 3
    assert "not published; to do it all the same: python train.py push" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--device", "meta"], "no device 'meta' here"),
        (["--batch-size", str(2**31)], "a batch of 2,147,483,648 sequences does not fit in memory"),
        (["--batch-size", str(10**20)], "batch size must be at most 2147483648"),
    ],
)
def test_what_this_machine_cannot_do_is_a_sentence(
    command: ModuleType, capsys: pytest.CaptureFixture[str], tmp_path: Path, arguments: list[str], complaint: str
) -> None:
    assert command.main(["copy", *arguments, "--output", str(tmp_path / "ntm-copy")]) == 1
    assert f"error: {complaint}" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["3", "[3]", "{}", "[[1, 2, 3]]", "", "[" * 100_000])
def test_a_damaged_list_of_what_all_has_trained_is_a_sentence(
    command: ModuleType, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    command.CHECKPOINTS.mkdir()
    command._FINISHED.write_text(text)
    assert command.main(["all", "--resume"]) == 1
    assert capsys.readouterr().err == f"error: {command._FINISHED} is damaged: delete it to begin anew\n"
