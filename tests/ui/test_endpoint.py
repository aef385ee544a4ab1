"""The demo's HTTP interface, through a real gradio_client."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any
from urllib.request import urlopen

import pytest
import torch
from gradio_client import Client
from gradio_client.exceptions import AppError

import ntm
from ntm import tasks
from ntm.tasks.dynamic_ngrams import DynamicNgrams
from ntm.ui.endpoints import make_endpoints
from tests.conftest import ROOT

ARGUMENTS = {
    "copy": ["bits"],
    "repeat_copy": ["bits", "repeats"],
    "associative_recall": ["items", "query"],
    "dynamic_ngrams": ["bits"],
    "priority_sort": ["bits"],
}
ITEMS = "101100\n000000\n111111\n\n110011\n010101\n000111\n\n100001\n011110\n110110"


@pytest.fixture(scope="module")
def client(app_url: str) -> Iterator[Client]:
    client = Client(app_url, verbose=False)
    yield client
    client.close()


def rounded(answer: dict[str, Any]) -> str:
    return "\n".join("".join(str(round(each)) for each in row) for row in answer["probabilities"])


def test_copy_returns_what_the_contract_says(client: Client) -> None:
    bits = "10110010\n00000000\n11111111"
    answer = client.predict(bits, api_name="/copy")
    assert answer["output"] == answer["target"] == rounded(answer) == bits
    assert answer["bit_errors"] == 0


def test_repeat_copy_says_it_so_often_and_stops(client: Client) -> None:
    bits = "10110010\n00000000\n11111111"
    answer = client.predict(bits, 3, api_name="/repeat_copy")
    assert answer["output"] == answer["target"] == rounded(answer) == "\n".join([bits] * 3)
    assert (answer["bit_errors"], answer["end_markers"]) == (0, [10])


def test_recall_says_the_item_that_follows(client: Client) -> None:
    answer = client.predict(ITEMS, 2, api_name="/associative_recall")
    assert answer["output"] == answer["target"] == rounded(answer) == "100001\n011110\n110110"
    assert answer["bit_errors"] == 0


@pytest.mark.parametrize("between", ["", "\n"])
def test_ngrams_are_guessed_beside_the_best_guesser(client: Client, between: str) -> None:
    stream = "0110100110" * 12
    answer = client.predict(between.join(stream), api_name="/dynamic_ngrams")
    assert answer["target"] == between.join(stream[5:])
    assert rounded(answer).replace("\n", between) == answer["output"]
    wrong = sum(one != other for one, other in zip(answer["output"], answer["target"], strict=True))
    assert answer["bit_errors"] == wrong < 30
    batch = tasks.get("dynamic-ngrams").ask(stream).batch
    best = DynamicNgrams().optimal_probabilities(batch.inputs)[batch.mask]
    torch.testing.assert_close(torch.tensor(answer["optimal_probabilities"], dtype=best.dtype), best)
    bits = batch.targets[batch.mask]
    for prefix in ("", "optimal_"):
        probabilities = torch.tensor(answer[f"{prefix}probabilities"])
        surprise = -torch.where(bits > 0.5, probabilities, 1 - probabilities).log2().sum().item()
        assert answer[f"{prefix}log_loss"] == pytest.approx(surprise, rel=1e-4)
    # Best on average, which on one stream either may be.
    assert answer["log_loss"] == pytest.approx(answer["optimal_log_loss"], rel=0.1)


def test_sort_says_the_highest_priorities_first(client: Client) -> None:
    torch.manual_seed(0)
    rows = [(f"{number:08b}", 1 - number / 10) for number in torch.randperm(20).tolist()]
    answer = client.predict("\n".join(f"{bits} {priority}" for bits, priority in rows), api_name="/priority_sort")
    due = [bits for bits, _ in sorted(rows, key=lambda row: -row[1])[:16]]
    assert answer["target"] == "\n".join(due)
    assert rounded(answer) == answer["output"]
    assert answer["bit_errors"] <= 4


@pytest.mark.parametrize(
    ("name", "arguments", "complaint"),
    [
        ("copy", [""], "nothing to run"),
        ("copy", ["1011001"], "Row 1 has 7 bits"),
        ("copy", ["<script>alert(1)</script>"], "not a bit"),
        ("copy", ["10110010\n" * 5000], "5,000 rows"),
        ("copy", ["1" * 1_000_000], "1,000,000 characters"),
        ("repeat_copy", ["10110010", 2.5], "whole number, not 2.5"),
        ("repeat_copy", ["10110010", 0], "1 to 500, not 0"),
        ("associative_recall", [ITEMS, 3], "Item 3 is the last"),
        ("dynamic_ngrams", ["1"], "The stream has 1 bit"),
        ("priority_sort", ["10110010 nan\n" * 8], "priority “nan”"),
    ],
)
def test_bad_input_is_explained(client: Client, name: str, arguments: list[Any], complaint: str) -> None:
    with pytest.raises(AppError, match=complaint):
        client.predict(*arguments, api_name=f"/{name}")


def test_nothing_but_the_contracts_endpoints_is_public(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    found = {
        name.strip("/"): [parameter["parameter_name"] for parameter in endpoint["parameters"]]
        for name, endpoint in endpoints.items()
    }
    assert found == ARGUMENTS


def test_clients_are_told_what_to_give_and_what_comes_back(client: Client) -> None:
    """Which is all that a language model behind an MCP client knows."""
    with urlopen(f"{client.src}gradio_api/info") as reply:
        endpoints = json.load(reply)["named_endpoints"]
    for name, arguments in ARGUMENTS.items():
        task = tasks.get(name.replace("_", "-"))
        told = endpoints[f"/{name}"]["description"]
        assert told == f"Ask a trained Neural Turing Machine. {task.tells}"
        document = make_endpoints({task.name: ntm.NTM(task.input_size, task.output_size)})[name].__doc__ or ""
        assert re.findall(r"^    (\w+): .+\.$", document, re.MULTILINE)[: len(arguments)] == arguments
        assert task.form.hint in document
        assert "probabilities" in document.split("Returns:\n")[1]


def section_of_the_readme(url: str) -> str:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme.split("## Call it over HTTP")[1].split("\n## ")[0]
    return section.replace("http://127.0.0.1:7860", url)


def test_the_readmes_python_works_when_pasted(app_url: str) -> None:
    snippet = re.search(r"```python\n(.*?)```", section_of_the_readme(app_url), re.DOTALL)
    assert snippet is not None
    done = subprocess.run([sys.executable, "-c", snippet[1]], capture_output=True, text=True, timeout=60)
    assert done.stdout.endswith("10110010\n01011101 0\n"), done.stderr


def test_the_readmes_requests_work_when_pasted(app_url: str) -> None:
    ask, fetch = re.findall(r"^curl .*$", section_of_the_readme(app_url), re.MULTILINE)
    event = json.loads(subprocess.check_output(["bash", "-c", ask], timeout=60))["event_id"]
    reply = subprocess.check_output(["bash", "-c", fetch.replace("EVENT_ID", event)], text=True, timeout=60)
    assert '"output": "10110010"' in reply


def test_the_readme_names_every_endpoint_with_its_arguments(app_url: str) -> None:
    rows = re.findall(r"^\| `/(\w+)` \| (.*) \|$", section_of_the_readme(app_url), re.MULTILINE)
    assert {name: re.findall(r"`(\w+)`:", told) for name, told in rows} == ARGUMENTS
