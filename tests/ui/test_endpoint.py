"""The demo's HTTP interface, through a real gradio_client."""

from collections.abc import Iterator

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError


@pytest.fixture(scope="module")
def client(app_url: str) -> Iterator[Client]:
    client = Client(app_url, verbose=False)
    yield client
    client.close()


def test_copy_returns_what_the_contract_says(client: Client) -> None:
    bits = "10110010\n00000000\n11111111"
    answer = client.predict(bits, api_name="/copy")
    assert answer["output"] == answer["target"] == bits
    assert answer["bit_errors"] == 0
    assert [len(row) for row in answer["probabilities"]] == [8, 8, 8]
    rounded = "\n".join("".join(str(round(each)) for each in row) for row in answer["probabilities"])
    assert rounded == bits


@pytest.mark.parametrize(
    ("bits", "complaint"),
    [
        ("", "nothing to copy"),
        ("1011001", "Row 1 has 7 bits"),
        ("<script>alert(1)</script>", "not a bit"),
        ("10110010\n" * 5000, "5,000 rows"),
        ("1" * 1_000_000, "1,000,000 characters"),
    ],
    ids=["nothing", "7 bits", "markup", "5,000 rows", "a megabyte"],
)
def test_copy_explains_bad_input(client: Client, bits: str, complaint: str) -> None:
    with pytest.raises(AppError, match=complaint):
        client.predict(bits, api_name="/copy")


def test_nothing_but_the_contracts_endpoints_is_public(client: Client) -> None:
    endpoints = client.view_api(return_format="dict")["named_endpoints"]
    assert set(endpoints) == {"/copy"}
    assert [parameter["parameter_name"] for parameter in endpoints["/copy"]["parameters"]] == ["bits"]
