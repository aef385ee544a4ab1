"""Checkpoint folders: what is written is what is read, and what is not sound is refused in one sentence."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import ntm
from ntm.storage import checkpoint, load, record, untrusted
from ntm.storage.untrusted import CheckpointError
from tests.tiny import EVALUATION, TRAINING, machine, write_checkpoint

REGISTER = {"channel": 1, "mean": 5.5, "deviation": 2.9}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "checkpoints" / "ntm-copy")


def refusal(folder: Path, **options: Any) -> str:
    with pytest.raises(CheckpointError) as caught:
        checkpoint.read_folder(folder, **options)
    sentence = str(caught.value)
    assert sentence.startswith(f"{folder}: ")
    sentence = sentence.removeprefix(f"{folder}: ")
    assert "\n" not in sentence
    assert str(folder.parent) not in sentence
    assert len(sentence) < 250
    return sentence


# What is sound


def test_what_is_published_for_a_task_is_known_by_its_name_and_in_order(tmp_path: Path) -> None:
    for name in ("lstm-copy", "ntm-repeat-copy", "ntm-lstm-copy", "my-copy", "ntm-copy"):
        write_checkpoint(tmp_path / name, extras=False)
    (tmp_path / "ntm-feedforward-copy").mkdir()
    found = [folder.name for folder in checkpoint.published(tmp_path, "copy")]
    assert found == ["ntm-copy", "ntm-lstm-copy", "lstm-copy"]
    assert checkpoint.published(tmp_path, "priority-sort") == []


def test_what_is_written_is_read(folder: Path) -> None:
    found = load.read(folder)
    assert (found.task, found.training, found.evaluation) == ("copy", TRAINING, EVALUATION)
    assert not found.model.training
    expected = machine()
    assert found.model.config == expected.config
    assert all(map(torch.equal, found.model.state_dict().values(), expected.state_dict().values()))


@pytest.mark.parametrize(
    "model",
    [
        machine(),
        ntm.NTM(2, 3, controller="lstm", controller_size=4, controller_layers=2, memory_slots=5, memory_init="learned"),
        ntm.NTM(2, 3, controller_size=4, memory_slots=5, shift_range=0, memory_init="random"),
        ntm.NTM(2, 3, controller_size=4, memory_slots=5, extension="analog"),
        ntm.NTM(2, 3, controller_size=4, memory_slots=5, extension={"register": REGISTER}),
        ntm.LSTMBaseline(2, 3, hidden_size=4),
    ],
    ids=["feedforward", "learned", "random", "analog", "register", "baseline"],
)
def test_save_pretrained_and_from_pretrained(model: ntm.NTM | ntm.LSTMBaseline, tmp_path: Path) -> None:
    model.save_pretrained(tmp_path)
    again = type(model).from_pretrained(tmp_path)
    assert again.config == model.config
    assert all(map(torch.equal, again.state_dict().values(), model.state_dict().values()))
    other = ntm.LSTMBaseline if isinstance(model, ntm.NTM) else ntm.NTM
    with pytest.raises(CheckpointError, match=f"holds a {type(model).__name__}, not a {other.__name__}"):
        other.from_pretrained(tmp_path)


def test_the_recipes_of_all_tasks_may_be_read() -> None:
    models = {"ntm": ntm.NTM, "lstm": ntm.LSTMBaseline}
    for task in map(ntm.tasks.get, ntm.tasks.names()):
        for architecture, recipe in task.recipes.items():
            with torch.device("meta"):
                model = models[architecture](task.input_size, task.output_size, **recipe.arguments)
            untrusted.check_config(checkpoint.describe(model, task.name))


def test_every_argument_of_every_architecture_has_bounds(folder: Path) -> None:
    for model in (machine(), ntm.LSTMBaseline(10, 8)):
        for name in model.config:
            with pytest.raises(CheckpointError, match=f"gives {name} as"):
                untrusted.check_config(checkpoint.describe(model, "copy") | {name: 10**9})


@pytest.mark.parametrize(
    ("old", "extension"),
    [
        ({}, None),
        ({"analog": False}, None),
        ({"register": None}, None),
        ({"analog": False, "register": None}, None),
        ({"analog": True}, "analog"),
        ({"analog": True, "register": None}, "analog"),
        ({"register": REGISTER}, {"register": REGISTER}),
        ({"analog": False, "register": REGISTER}, {"register": REGISTER}),
    ],
)
def test_a_configuration_from_before_there_were_extensions_is_understood(
    tmp_path: Path, old: dict[str, Any], extension: Any
) -> None:
    expected = ntm.NTM(10, 8, controller_size=8, memory_slots=8, memory_width=4, extension=extension)
    checkpoint.save_weights(expected, tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["extension"]
    (tmp_path / "config.json").write_text(json.dumps(config | old))
    assert ntm.load(tmp_path).config == expected.config


@pytest.mark.parametrize(
    ("old", "sentence"),
    [
        ({"analog": 1}, "gives analog as 1 and register as None; a machine is analog (true) or has a register"),
        ({"analog": None}, "analog as None"),
        ({"analog": "true"}, "analog as 'true'"),
        ({"register": REGISTER, "analog": True}, "a machine is analog (true) or has a register, not both"),
        ({"register": True}, "extension as {'register': True}, which must be null, "),
        ({"extension": None, "analog": True}, "the field 'analog', which NTM does not know"),
    ],
)
def test_old_fields_that_no_machine_can_have(folder: Path, old: dict[str, Any], sentence: str) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["extension"]
    (folder / "config.json").write_text(json.dumps(config | old))
    assert sentence in refusal(folder)


def test_writing_replaces_a_folder_or_leaves_it(folder: Path) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    def fail(fresh: Path) -> None:
        raise OSError("no space")

    with pytest.raises(OSError, match="no space"):
        record.write(folder, machine(1), "copy", TRAINING, EVALUATION, add_files=fail)
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    record.write(folder, machine(1), "copy", TRAINING, EVALUATION)
    assert not (folder / "run.png").exists()
    assert [path.name for path in folder.parent.iterdir()] == ["ntm-copy"]


def test_files_can_be_read_by_others(folder: Path) -> None:
    for path in folder.iterdir():
        assert path.stat().st_mode & 0o044 == 0o044


# What is not


def edit(folder: Path, **changes: Any) -> None:
    path = folder / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"architecture": "GPT"}, "the architecture 'GPT'; known are NTM and LSTMBaseline"),
        ({"architecture": ["NTM"]}, "the architecture ['NTM']"),
        ({"architecture": None}, "the architecture None"),
        ({"memory_slots": 10**12}, "memory_slots as 1000000000000, which must be a whole number from 1 to 1,048,576"),
        ({"memory_slots": 0}, "memory_slots as 0"),
        ({"memory_slots": -5}, "memory_slots as -5"),
        ({"memory_slots": 8.0}, "memory_slots as 8.0"),
        ({"memory_slots": "8"}, "memory_slots as '8'"),
        ({"memory_slots": None}, "memory_slots as None"),
        ({"read_heads": True}, "read_heads as True"),
        ({"controller": "gru"}, "controller as 'gru', which must be feedforward or lstm"),
        ({"controller": ["lstm"]}, "controller as ['lstm']"),
        ({"memory_init": "x" * 10_000}, "memory_init as 'xxx"),
        ({"shift_range": 4}, "config.json describes no model: "),
        ({"trust_remote_code": True}, "the field 'trust_remote_code', which NTM does not know"),
        ({"self": 1}, "the field 'self'"),
        ({"hidden_size": 8}, "the field 'hidden_size'"),
        ({"memory_slots": 2**20, "memory_width": 64, "memory_init": "learned"}, "would take 1,600 MB of memory"),
        ({"memory_slots": 2**20, "memory_width": 32}, "MB of memory; at most 256 MB"),
        ({"memory_slots": 2**17, "shift_range": 512}, "MB of memory; at most 256 MB"),
        ({"controller_size": 4096, "controller_layers": 16}, "MB of memory; at most 256 MB"),
        ({"task": "x" * 41}, "which is no name of a task"),
        ({"task": "Chess\n"}, "which is no name of a task"),
        ({"task": ""}, "the task ''"),
        ({"task": "../chess"}, "the task '../chess', which is no name of a task"),
        ({"task": ["copy"]}, "the task ['copy']"),
        ({"input_size": 9}, "9 inputs and 8 outputs, but copy needs 10 and 8"),
        ({"extension": 1}, 'extension as 1, which must be null, "analog", {"register": '),
        ({"extension": "digital"}, "extension as 'digital'"),
        ({"extension": {}}, "extension as {}"),
        ({"extension": "analog"}, "model.safetensors does not fit config.json"),
        ({"extension": {"register": True}}, "extension as {'register': True}"),
        ({"extension": {"register": {**REGISTER, "channel": "1"}}}, "extension as {'register': {'channel': '1'"),
        ({"extension": {"register": {**REGISTER, "unit": 1}}}, "extension as {'register': {'channel': 1"),
        ({"extension": {"register": REGISTER, "analog": True}}, "extension as {'register': {'channel': 1"),
        ({"extension": {"register": {**REGISTER, "channel": 10}}}, "channel must be below the 10 of the input, not 10"),
        ({"extension": {"register": {**REGISTER, "deviation": -1}}}, "deviation must be above 0, not -1"),
        ({"extension": {"register": REGISTER}, "memory_width": 1}, "memory_width must be at least 2, not 1"),
        ({"controller_size": 9}, "model.safetensors does not fit config.json"),
        ({"controller": "lstm"}, "which the model that config.json describes needs"),
        ({"memory_init": "learned"}, "has no initial_memory.contents"),
    ],
)
def test_a_configuration_out_of_bounds(folder: Path, changes: dict[str, Any], sentence: str) -> None:
    edit(folder, **changes)
    assert sentence in refusal(folder)


def test_a_configuration_without_what_is_needed(folder: Path) -> None:
    edit(folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({name: value for name, value in config.items() if name != "input_size"})
    )
    assert refusal(folder) == "config.json has no input_size"


def test_a_checkpoint_for_another_task(folder: Path) -> None:
    assert checkpoint.read_folder(folder, "copy").task == "copy"
    edit(folder, task=None)
    assert checkpoint.read_folder(folder, "copy").task is None
    edit(folder, task="copy")
    assert refusal(folder, task="associative-recall") == "the model was trained on copy, not on associative-recall"


def test_a_checkpoint_for_a_task_that_is_not_known_here(folder: Path) -> None:
    """Somebody's own, whose file is elsewhere: it runs, but it is not taken for a task of this repository."""
    edit(folder, task="chess")
    assert checkpoint.read_folder(folder).task == "chess"
    assert ntm.load(folder).config["input_size"] == 10
    assert refusal(folder, task="copy") == "the model was trained on chess, not on copy"
    edit(folder, task=None)
    assert refusal(folder, task="associative-recall").endswith("but associative-recall needs 8 and 6")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        '"NTM"',
        "[" * 100_000,
        '{"input_size": ' + "9" * 5000 + "}",
        '{"a": NaN}',
        " " * 5 * 2**20,
    ],
    ids=["empty", "cut", "list", "null", "string", "deep", "huge-number", "nan", "large"],
)
def test_a_configuration_that_is_no_json_object(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    assert refusal(folder).startswith("config.json ")


def test_a_configuration_that_is_no_text(folder: Path) -> None:
    (folder / "config.json").write_bytes(b"\xff\xfe\x00")
    assert refusal(folder) == "config.json is not sound JSON"


@pytest.mark.parametrize(
    ("facts", "sentence"),
    [
        ({"training.json": {"sequences": "many"}}, "training.json holds no sound sequences"),
        ({"training.json": {"seconds": 1e999}}, "training.json is not sound JSON"),
        ({"training.json": {"curve": [{"update": 1}]}}, "training.json holds no sound curve"),
        ({"training.json": {"device": ["<script>"]}}, "training.json holds no sound device"),
        ({"evaluation.json": {"scores": {}}}, "evaluation.json holds no sound scores"),
        (
            {"evaluation.json": {"scores": [EVALUATION["scores"][0] | {"sizes": {"length": "20"}}]}},
            "evaluation.json holds no sound scores",
        ),
    ],
)
def test_facts_of_the_wrong_type(folder: Path, facts: dict[str, Any], sentence: str) -> None:
    for name, value in facts.items():
        (folder / name).write_text(json.dumps(value))
    assert refusal(folder) == sentence


def test_a_number_that_overflows_is_no_fact(folder: Path) -> None:
    (folder / "training.json").write_text('{"seconds": 1e999}')
    assert refusal(folder) == "training.json holds no sound seconds"


def change_weights(folder: Path, change: Callable[[dict[str, torch.Tensor]], object]) -> None:
    weights = load_file(folder / "model.safetensors")
    change(weights)
    save_file(weights, folder / "model.safetensors")


BIAS = "cell.output.bias"


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda weights: weights.pop(BIAS), f"model.safetensors has no {BIAS}"),
        (lambda weights: weights.update(more=torch.ones(1)), "model.safetensors has 'more'"),
        (lambda weights: weights.update({"x" * 5000: torch.ones(1)}), "model.safetensors has 'xxx"),
        (lambda weights: weights[BIAS].fill_(torch.nan), f"NaN or infinity in {BIAS}"),
        (lambda weights: weights[BIAS][0].fill_(-torch.inf), f"NaN or infinity in {BIAS}"),
        (lambda weights: weights.update({BIAS: weights[BIAS].half()}), f"holds {BIAS} as F16; only float32 is read"),
        (lambda weights: weights.update({BIAS: weights[BIAS].double()}), f"holds {BIAS} as F64"),
        (lambda weights: weights.update({BIAS: torch.zeros(9)}), f"{BIAS} is 9 and should be 8"),
        (lambda weights: weights.update({BIAS: torch.zeros(8, 1)}), f"{BIAS} is 8 x 1 and should be 8"),
    ],
)
def test_weights_that_do_not_fit(folder: Path, change: Callable[[Any], object], sentence: str) -> None:
    change_weights(folder, change)
    assert sentence in refusal(folder)


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: data[:4],
        lambda data: data[:100],
        lambda data: data[:-1],
        lambda data: data + b"\0",
        lambda data: b"\xff" * 8 + data[8:],
        lambda data: (2**40).to_bytes(8, "little") + data[8:],
        lambda data: b"\x80\x04" + data,
    ],
)
def test_damaged_weights(folder: Path, damage: Callable[[bytes], bytes]) -> None:
    path = folder / "model.safetensors"
    path.write_bytes(damage(path.read_bytes()))
    assert refusal(folder).startswith("model.safetensors is damaged")


def test_a_pickle_is_never_opened(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    for module, name in ((torch, "load"), (pickle, "load"), (pickle, "loads")):
        monkeypatch.setattr(module, name, lambda *_, **__: pytest.fail("a pickle was opened"))
    assert refusal(folder) == "there is no model.safetensors"


@pytest.mark.parametrize("source", ["nowhere", "x" * 500, "../nowhere", "a\0b", ""])
def test_what_is_neither_a_folder_nor_an_id(source: str) -> None:
    with pytest.raises(CheckpointError, match=r"there is no folder .* here, and as a Hub id: "):
        ntm.load(source)


def test_a_path_is_never_an_id(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no folder"):
        ntm.load(tmp_path / "NAMESPACE" / "ntm-copy")


def test_a_folder_without_files(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "there is no config.json"
