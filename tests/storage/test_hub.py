"""Pulling and publishing with the real client, against a Hub on this machine that can fail in every way."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file, save

import ntm
from ntm.commands import train
from ntm.storage import checkpoint, hub
from ntm.storage.checkpoint import Checkpoint
from ntm.storage.untrusted import CheckpointError
from tests.conftest import ROOT
from tests.hub_server import Fault, HubServer, serving
from tests.tiny import EVALUATION, TRAINING, machine, write_checkpoint

TOKEN = "hf_of_namespace"
PATIENCE = 15.0
SHORT = 4.0

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_checkpoint(tmp_path_factory.mktemp("here") / "checkpoints" / "ntm-copy")


@pytest.fixture(scope="module")
def files(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubServer]:
    with serving() as server, pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("HF_")]:
            patch.delenv(name)
        patch.setenv("HF_ENDPOINT", server.endpoint)
        patch.setenv("HF_HOME", str(tmp_path_factory.mktemp("hf")))
        patch.setenv("HF_HUB_DISABLE_XET", "1")
        yield server


@pytest.fixture
def token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", TOKEN)


class Outcome(NamedTuple):
    """What a visitor saw."""

    sentence: str
    seconds: float


def outcome(action: Callable[[], object]) -> Outcome:
    start = time.monotonic()
    try:
        action()
    except CheckpointError as error:
        return Outcome(str(error), time.monotonic() - start)
    return Outcome("", time.monotonic() - start)


def outcomes(actions: dict[str, Callable[[], object]]) -> dict[str, Outcome]:
    """Most of the time goes by in waiting, so several at once."""
    with ThreadPoolExecutor(8) as pool:
        return dict(zip(actions, pool.map(outcome, actions.values()), strict=True))


def assert_fit_for_a_visitor(sentence: str) -> None:
    assert sentence
    assert "\n" not in sentence
    assert len(sentence) < 300
    assert not re.search(r"Traceback|Error\b|https?:|127\.0\.0\.1|/tmp|/root|hf_", sentence)


# Ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("OTHER/my-ntm", hub.HubId("OTHER/my-ntm")),
        (" OTHER/my-ntm@v2\n", hub.HubId("OTHER/my-ntm", "v2")),
        ("a/b@refs/pr/1", hub.HubId("a/b", "refs/pr/1")),
        (f"a/b@{'0' * 40}", hub.HubId("a/b", "0" * 40)),
    ],
)
def test_ids(text: str, expected: hub.HubId) -> None:
    assert hub.parse(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "@",
        "@v2",
        "ntm-copy",
        "../../etc/passwd",
        "../etc",
        "/etc/passwd",
        "./a",
        "a/..",
        "a/b/c",
        "a//b",
        "a\\b/c",
        "~/models",
        "https://huggingface.co/OTHER/my-ntm",
        "x" * 500,
        "a/" + "b" * 150,
        "a/b c",
        "a/b\nc",
        "a/b\0",
        "a/ü",
        "a/b?x=1",
        "a/b#c",
        "a/%2e%2e",
        "a/b@",
        "a/b@../../x",
        "a/b@/etc",
        "a/b@v1@v2",
        "a/b@x y",
        "a/b@" + "v" * 101,
        "<img src=x>/a",
    ],
)
def test_what_is_no_id_is_refused_before_anything_is_asked(text: str, server: HubServer) -> None:
    before = len(server.calls)
    sentence = outcome(lambda: hub.pull(text)).sentence
    assert_fit_for_a_visitor(sentence.replace(repr(text[:40]), "").replace("https://huggingface.co", ""))
    assert len(server.calls) == before


def test_a_visitor_never_reads_a_folder(
    folder: Path, server: HubServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder.parents[1])
    assert ntm.load("checkpoints/ntm-copy").config
    assert outcome(lambda: hub.pull("checkpoints/ntm-copy")).sentence.endswith("is not on the Hub, or is private")


# Pulling what is sound


def test_pull(server: HubServer, files: dict[str, bytes], folder: Path) -> None:
    server.add("OTHER/sound", files)
    progress: list[tuple[int, int]] = []
    found = hub.pull("OTHER/sound", task="copy", on_progress=lambda *numbers: progress.append(numbers))
    assert isinstance(found, Checkpoint)
    assert (found.task, found.training, found.evaluation) == ("copy", TRAINING, EVALUATION)
    assert_same_weights(found.model, folder)
    assert [done for done, _ in progress] == sorted(done for done, _ in progress)
    assert progress[0][0] == 0
    assert progress[-1][0] == progress[-1][1] > 0
    first = server.calls_for("OTHER/sound")
    names = ["config.json", "model.safetensors", "training.json", "evaluation.json"]
    assert first == ["info", *(f"{method} {name}" for name in names for method in ("head", "get"))]

    hub.pull("OTHER/sound", task="copy")
    assert server.calls_for("OTHER/sound")[len(first) :] == ["info"], "the second pull comes from the cache"


def test_what_visitors_pull_stays_within_bounds_and_what_was_used_last_stays(
    server: HubServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    pulled = ("config.json", "model.safetensors", "training.json", "evaluation.json")
    size = sum(len(files[name]) for name in pulled) + 200  # for the note of what main stands for
    monkeypatch.setattr(hub, "_MOST_CACHED", 3 * size)
    for name in "abc":
        server.add(f"OTHER/{name}", files)
    for name in "abacc":
        hub.pull(f"OTHER/{name}")
    assert server.calls_for("OTHER/a").count("get model.safetensors") == 1
    names = {folder.name for folder in (tmp_path / "ntm-visitors").glob("models--*")}
    assert names == {"models--OTHER--a", "models--OTHER--b", "models--OTHER--c"}, "room is made before a pull"
    monkeypatch.setattr(hub, "_MOST_CACHED", 2 * size)
    hub.pull("OTHER/a")
    assert server.calls_for("OTHER/a").count("get model.safetensors") == 1, "it was used after b, which had to go"
    assert not (tmp_path / "ntm-visitors" / "models--OTHER--b").exists()
    assert not (tmp_path / "hub").exists(), "the owner's own cache is left alone"


def assert_same_weights(model: ntm.NTM, folder: Path) -> None:
    for name, values in load_file(folder / "model.safetensors").items():
        assert torch.equal(model.state_dict()[name], values)


def test_pull_at_a_revision(server: HubServer, files: dict[str, bytes], tmp_path: Path) -> None:
    repo = server.add("OTHER/revisions", files)
    repo.revisions["v1"] = repo.revisions["main"]
    other = write_checkpoint(tmp_path / "checkpoints" / "ntm-copy", seed=1)
    new = repo.commit({"model.safetensors": (other / "model.safetensors").read_bytes()})
    (tmp_path / "old.safetensors").write_bytes(files["model.safetensors"])
    for name in ("OTHER/revisions", f"OTHER/revisions@{new}"):
        assert_same_weights(hub.pull(name).model, other)
    old, latest = hub.pull("OTHER/revisions@v1").model, hub.pull("OTHER/revisions").model
    assert not torch.equal(old.cell.output.weight, latest.cell.output.weight)
    assert torch.equal(hub.download("OTHER/revisions", revision="v1").model.cell.output.weight, old.cell.output.weight)


def test_a_checkpoint_without_a_task_or_facts(server: HubServer, tmp_path: Path) -> None:
    """What `save_pretrained` writes is all that is needed."""
    machine().save_pretrained(tmp_path)
    server.add("OTHER/bare", {path.name: path.read_bytes() for path in tmp_path.iterdir()})
    found = hub.pull("OTHER/bare", task="copy")
    assert (found.task, found.training, found.evaluation) == (None, {}, {})


def test_a_visitor_does_not_get_the_owners_private_models(
    server: HubServer, files: dict[str, bytes], token: None
) -> None:
    server.add("NAMESPACE/secret", files, private=True)
    assert hub.download("NAMESPACE/secret").task == "copy"
    assert outcome(lambda: hub.pull("NAMESPACE/secret")).sentence == "NAMESPACE/secret is not on the Hub, or is private"


# Pulling what is not sound


def edited(files: dict[str, bytes], **changes: object) -> dict[str, bytes]:
    config = {**json.loads(files["config.json"]), **changes}
    return files | {"config.json": json.dumps(config).encode()}


def with_weights(files: dict[str, bytes], change: Callable[[torch.Tensor], torch.Tensor]) -> dict[str, bytes]:
    weights = {name: tensor.clone() for name, tensor in machine().state_dict().items()}
    weights["cell.output.bias"] = change(weights["cell.output.bias"])
    return files | {"model.safetensors": save(weights)}


def without(files: dict[str, bytes], *names: str) -> dict[str, bytes]:
    return {name: data for name, data in files.items() if name not in names}


UNSOUND: dict[str, tuple[Callable[[dict[str, bytes]], dict[str, bytes]], str]] = {
    "no-files": (lambda files: {".gitattributes": b""}, "has no config.json, so it is no checkpoint of this project"),
    "no-weights": (lambda files: without(files, "model.safetensors"), "has no model.safetensors"),
    "pickle-only": (
        lambda files: without(files, "model.safetensors") | {"pytorch_model.bin": b"\x80\x04."},
        "'pytorch_model.bin', a pickle, which can run any program and is never opened here",
    ),
    "large-weights": (lambda files: files | {"model.safetensors": bytes(51 * 2**20)}, "is 51 MB; at most 50 MB"),
    "truncated": (
        lambda files: files | {"model.safetensors": files["model.safetensors"][:-100]},
        "model.safetensors is damaged or cut short",
    ),
    "shapes": (lambda files: edited(files, controller_size=9), "does not fit config.json"),
    "nan": (lambda files: with_weights(files, lambda bias: bias * torch.nan), "NaN or infinity in cell.output.bias"),
    "architecture": (lambda files: edited(files, architecture="GPT"), "the architecture 'GPT'; known are NTM"),
    "slots": (lambda files: edited(files, memory_slots=10**12), "memory_slots as 1000000000000, which must be"),
    "memory": (lambda files: edited(files, memory_slots=2**20, memory_width=4096), "MB of memory; at most 256 MB"),
    "task": (lambda files: edited(files, task="chess"), "the model was trained on chess, not on copy"),
    "widths": (lambda files: edited(files, task=None, input_size=9), "9 inputs and 8 outputs, but copy needs 10 and 8"),
    "facts": (lambda files: files | {"evaluation.json": b'{"scores": [1]}'}, "evaluation.json holds no sound scores"),
}


@pytest.fixture(scope="module")
def unsound(server: HubServer, files: dict[str, bytes]) -> dict[str, Outcome]:
    for name, (change, _) in UNSOUND.items():
        server.add(f"OTHER/{name}", change(files))
    return outcomes({name: lambda name=name: hub.pull(f"OTHER/{name}", task="copy") for name in UNSOUND})


@pytest.mark.parametrize("name", UNSOUND)
def test_what_is_not_sound_is_refused(name: str, unsound: dict[str, Outcome], server: HubServer) -> None:
    assert UNSOUND[name][1] in unsound[name].sentence
    assert f"OTHER/{name}" in unsound[name].sentence
    assert_fit_for_a_visitor(unsound[name].sentence)


@pytest.mark.parametrize("name", ["pickle-only", "large-weights", "architecture", "slots", "memory", "task", "widths"])
def test_what_is_refused_for_its_configuration_or_size_is_not_downloaded(
    name: str, unsound: dict[str, Outcome], server: HubServer
) -> None:
    asked = server.calls_for(f"OTHER/{name}")
    assert not [call for call in asked if "model" in call]
    assert server.sent[f"OTHER/{name}"] < 10_000


# Pulling from a Hub that fails

BUSY = Fault("status", 429, {"Retry-After": "3600"})
BROKEN = Fault("status", 500, {"Retry-After": "3600"})
SILENT = "the Hub did not finish answering within 4 seconds"
FAULTS: dict[str, tuple[Fault, str]] = {
    "busy": (BUSY, "the Hub is too busy to answer (429); try again in a few minutes"),
    "broken": (BROKEN, "the Hub is in trouble (it answers 500); try again in a few minutes"),
    "forbidding": (Fault("status", 403), "the Hub refuses the request for {repo} (it answers 403)"),
    "hanging": (Fault("hang"), SILENT),
    "stalling": (Fault("stall"), SILENT),
    "cutting": (Fault("cut"), "the connection to the Hub broke off; try again"),
    "truncating": (Fault("truncate"), "the connection to the Hub broke off; try again"),
    "senseless": (Fault("nonsense"), "the Hub's answer about {repo} makes no sense"),
}
STEPS = {
    "info": ["busy", "broken", "hanging", "cutting", "senseless"],
    "head config.json": ["busy", "broken", "hanging"],
    "get config.json": ["busy", "broken", "hanging"],
    "head model.safetensors": ["busy", "broken", "hanging"],
    "get model.safetensors": ["busy", "broken", "forbidding", "hanging", "stalling", "truncating", "cutting"],
}
FAILING = {f"{fault}-{step.replace(' ', '-')}": (fault, step) for step, faults in STEPS.items() for fault in faults}


@pytest.fixture(scope="module")
def failing(server: HubServer, files: dict[str, bytes]) -> dict[str, Outcome]:
    for name, (fault, step) in FAILING.items():
        server.add(f"OTHER/{name}", files)
        server.faults[f"OTHER/{name}", step] = FAULTS[fault][0]

    def pull(name: str) -> object:
        deadline = SHORT if FAULTS[FAILING[name][0]][1] is SILENT else PATIENCE
        return hub.pull(f"OTHER/{name}", deadline=deadline)

    return outcomes({name: lambda name=name: pull(name) for name in FAILING})


@pytest.mark.parametrize("name", FAILING)
def test_a_failing_hub(name: str, failing: dict[str, Outcome]) -> None:
    sentence, seconds = failing[name]
    expected = FAULTS[FAILING[name][0]][1]
    assert sentence == expected.format(repo=f"OTHER/{name}")
    assert seconds < (SHORT + 1 if expected is SILENT else PATIENCE)
    assert_fit_for_a_visitor(sentence)


def test_nothing_is_left_of_pulls_that_failed(failing: dict[str, Outcome]) -> None:
    assert not list(Path(os.environ["HF_HOME"]).rglob("*.incomplete"))
    assert not [child for child in children() if "hub_client.py" in child]


def children() -> list[str]:
    """The command lines of this process's children, where the system tells."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended since
            if int(status.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                found.append((status.parent / "cmdline").read_text())
    return found


def test_what_is_not_there(server: HubServer, files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    server.add("OTHER/gated", files, gated=True)
    server.add("OTHER/private", files, private=True)
    server.add("OTHER/there", files)
    expected = {
        "OTHER/missing": "OTHER/missing is not on the Hub, or is private",
        "OTHER/private": "OTHER/private is not on the Hub, or is private",
        "OTHER/gated": "OTHER/gated is gated: its owner says who may download it",
        "OTHER/there@v9": "OTHER/there has no revision v9",
    }
    assert {name: outcome(lambda name=name: hub.pull(name)).sentence for name in expected} == expected
    with monkeypatch.context() as patch:
        patch.setenv("HF_HOME", "/dev/null/cache")
        sentence = outcome(lambda: hub.pull("OTHER/there")).sentence
    assert sentence == "there is no room, or no right, to store OTHER/there on this machine"
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    sentence = outcome(lambda: hub.pull("OTHER/there")).sentence
    assert sentence == "the Hub cannot be reached; there may be no network connection"


# Publishing


def test_publish(server: HubServer, folder: Path, files: dict[str, bytes], token: None) -> None:
    address = hub.push(folder, "NAMESPACE/new")
    assert address == f"{server.endpoint}/NAMESPACE/new"
    repo = server.repos["NAMESPACE/new"]
    assert not repo.private
    assert len(repo.commits) == 2, "one of its own, after the one that every repository starts with"
    published = repo.files()
    assert {name: data for name, data in published.items() if name not in ("README.md", ".gitattributes")} == {
        name: data for name, data in files.items() if name != "README.md"
    }
    card = published["README.md"].decode()
    assert 'ntm.load("NAMESPACE/new")' in card
    assert ModelCard(card).data.model_name == "new"
    assert 'ntm.load("checkpoints/ntm-copy")' in (folder / "README.md").read_text(), "the folder is only read"
    calls = server.calls_for("NAMESPACE/new")
    lfs = ["lfs-batch", *(["lfs-put", "lfs-verify"] * (calls.count("lfs-put")))]
    assert sorted(calls) == sorted(["create", "info", "preupload", *lfs, "commit"])
    assert hub.pull("NAMESPACE/new").training == TRAINING


def test_publish_again(server: HubServer, folder: Path, tmp_path: Path, token: None) -> None:
    """Into what exists, where snapshots and pictures of an earlier checkpoint go and what others put there stays."""
    repo = server.add(
        "NAMESPACE/again", {"LICENSE": b"MIT", "snapshots/old.safetensors": b"", "generalisation.png": b""}
    )
    other = write_checkpoint(tmp_path / "ntm-copy", seed=1, extras=False)
    (other / "notes.txt").write_text("not for publishing")
    hub.push(folder, "NAMESPACE/again")
    assert {"run.png", "LICENSE", "snapshots/500.safetensors"} <= repo.files().keys()
    assert not {"snapshots/old.safetensors", "generalisation.png"} & repo.files().keys()
    hub.push(other, "NAMESPACE/again")
    assert repo.files().keys() == {
        "LICENSE", "README.md", "config.json", "model.safetensors", "training.json", "evaluation.json"
    }  # fmt: skip
    assert len(repo.commits) == 3
    assert "run.png" not in repo.files()["README.md"].decode()


def test_publish_in_private(server: HubServer, folder: Path, files: dict[str, bytes], token: None) -> None:
    hub.push(folder, "NAMESPACE/hidden", private=True)
    assert server.repos["NAMESPACE/hidden"].private
    server.add("NAMESPACE/open", files)
    sentence = outcome(lambda: hub.push(folder, "NAMESPACE/open", private=True)).sentence
    assert sentence.startswith("NAMESPACE/open exists already and is public; make it private in its settings")
    assert len(server.repos["NAMESPACE/open"].commits) == 1


PUSH_STEPS = ["create", "info", "preupload", "lfs-batch", "lfs-put", "lfs-verify", "commit"]
PUSH_FAULTS = {f"{kind}-{step}": (kind, step) for kind in ("forbidding", "hanging") for step in PUSH_STEPS}
PUSH_FAULTS |= {"broken-lfs-put": ("broken", "lfs-put"), "cutting-commit": ("cutting", "commit")}


@pytest.fixture(scope="module")
def failed_pushes(server: HubServer, folder: Path, files: dict[str, bytes]) -> dict[str, Outcome]:
    for name, (kind, step) in PUSH_FAULTS.items():
        # Where there is a repository already, being forbidden to create it stops nobody.
        if step != "create":
            server.add(f"NAMESPACE/{name}", {"README.md": b"as it was"})
        server.faults[f"NAMESPACE/{name}", step] = FAULTS[kind][0]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_TOKEN", TOKEN)
        return outcomes(
            {name: lambda name=name: hub.push(folder, f"NAMESPACE/{name}", deadline=SHORT) for name in PUSH_FAULTS}
        )


@pytest.mark.parametrize("name", PUSH_FAULTS)
def test_a_push_that_fails_changes_nothing(
    name: str, failed_pushes: dict[str, Outcome], server: HubServer, folder: Path, files: dict[str, bytes]
) -> None:
    sentence, seconds = failed_pushes[name]
    again = f"to try again: python train.py push {folder} NAMESPACE/{name}"
    assert sentence.endswith(f"; a push is one commit, so NAMESPACE/{name} has all of it or none; {again}")
    assert seconds < SHORT + 1
    assert TOKEN not in sentence
    if name.endswith("-create"):
        assert f"NAMESPACE/{name}" not in server.repos
    else:
        assert server.repos[f"NAMESPACE/{name}"].files() == {"README.md": b"as it was"}
    assert {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()} == files.keys()


def test_a_push_needs_a_token_that_may_write(server: HubServer, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sentence = outcome(lambda: hub.check_push("NAMESPACE/ntm-copy")).sentence
    assert "hf auth login" in sentence
    assert "HF_TOKEN" in sentence
    assert outcome(lambda: hub.push(folder, "NAMESPACE/none")).sentence.startswith(sentence)
    monkeypatch.setenv("HF_TOKEN", "hf_wrong")
    sentence = outcome(lambda: hub.check_push("NAMESPACE/ntm-copy")).sentence
    assert sentence.startswith("the Hub does not accept the token")
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.check_push("NAMESPACE/ntm-copy")
    assert outcome(lambda: hub.check_push("OTHER/ntm-copy")).sentence.startswith("your token is not one for OTHER")
    assert "names a revision" in outcome(lambda: hub.check_push("NAMESPACE/ntm-copy@v1")).sentence


def test_only_whole_checkpoints_are_published(server: HubServer, tmp_path: Path, token: None) -> None:
    machine().save_pretrained(tmp_path)
    assert "has no training.json" in outcome(lambda: hub.push(tmp_path, "NAMESPACE/bare")).sentence
    checkpoint.save_weights(machine(), tmp_path, "copy")
    for name in ("training.json", "evaluation.json"):
        (tmp_path / name).write_text('{"seed": 0}')
    assert "to put on its card" in outcome(lambda: hub.push(tmp_path, "NAMESPACE/bare")).sentence
    assert "NAMESPACE/bare" not in server.repos


# The command line and the loop as a whole


def test_the_command_line(
    server: HubServer, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is trained when what comes of it could not be published, and the token is never shown."""
    assert train.main(["copy", "--push-to-hub", "NAMESPACE/ntm-copy"]) == 1
    assert "hf auth login" in capsys.readouterr().err
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    assert train.main(["copy", "--push-to-hub", "a/b/c"]) == 1
    assert train.main(["push", str(folder), "OTHER/ntm-copy"]) == 1
    monkeypatch.setattr(train, "CHECKPOINTS", folder.parent)
    assert train.main(["push", "--all", "NAMESPACE"]) == 0
    output = capsys.readouterr()
    assert output.out == f"published {server.endpoint}/NAMESPACE/ntm-copy\n"
    assert TOKEN not in output.out + output.err
    for arguments in (["push"], ["push", "a"], ["push", "a", "--all", "b"]):
        with pytest.raises(SystemExit):
            train.main(arguments)


def test_what_is_trained_is_published(
    server: HubServer, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, token: None
) -> None:
    for cases in ("validation", "evaluation"):
        monkeypatch.setattr(ntm.tasks.copy.Copy, cases, (ntm.tasks.Case({"length": 1}),))
    command = ["copy", "--updates", "2", "--batch-size", "2", "--device", "cpu"]
    assert train.main([*command, "--output", str(tmp_path / "a"), "--push-to-hub", "NAMESPACE/trained"]) == 0
    assert f"published {server.endpoint}/NAMESPACE/trained\n" in capsys.readouterr().out
    assert hub.pull("NAMESPACE/trained", task="copy").training["updates"] == 2

    server.faults["NAMESPACE/untrained", "commit"] = Fault("status", 500)
    assert train.main([*command, "--output", str(tmp_path / "b"), "--push-to-hub", "NAMESPACE/untrained"]) == 1
    assert f"to try again: python train.py push {tmp_path / 'b'} NAMESPACE/untrained" in capsys.readouterr().err
    del server.faults["NAMESPACE/untrained", "commit"]
    assert train.main(["push", str(tmp_path / "b"), "NAMESPACE/untrained"]) == 0


LOOP = """
import os, re, huggingface_hub, ntm
listed = [file.path for file in huggingface_hub.HfApi().list_repo_tree("NAMESPACE/loop", recursive=True)]
assert {"config.json", "model.safetensors", "snapshots/500.safetensors"} <= set(listed), listed
card = open(os.environ["CARD"]).read()
snippet = re.search("```python\\n(.*?)```", card, re.DOTALL)[1]
exec(snippet)
assert "NAMESPACE/loop" in snippet
model.push_to_hub("NAMESPACE/mixin")
assert ntm.NTM.from_pretrained("NAMESPACE/mixin").config == model.config
for setting in {"HF_ENDPOINT": "http://127.0.0.1:9"}, {"HF_HUB_OFFLINE": "1"}:
    os.environ |= setting
    again = ntm.NTM.from_pretrained("NAMESPACE/loop")
    assert all((a == b).all() for a, b in zip(model.state_dict().values(), again.state_dict().values()))
try:
    ntm.load("NAMESPACE/never-seen")
except ntm.CheckpointError as error:
    assert "cannot be reached" in str(error), error
"""


def test_a_card_works_when_pasted_and_the_cache_when_the_network_is_gone(
    server: HubServer, folder: Path, token: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub.push(folder, "NAMESPACE/loop")
    (tmp_path / "README.md").write_bytes(server.repos["NAMESPACE/loop"].files()["README.md"])
    environment = {**os.environ, "CARD": str(tmp_path / "README.md"), "HF_HOME": str(tmp_path / "hf")}
    result = subprocess.run(
        [sys.executable, "-c", LOOP], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=60
    )
    assert result.returncode == 0, result.stderr
    assert TOKEN not in result.stdout + result.stderr
