"""What the browser fetches for its own runs: there as long as it is in use, sent once, and of no weight in memory."""

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from safetensors.torch import load, load_file
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from ntm.storage.checkpoint import CHECKPOINTS
from ntm.ui import first_load
from ntm.ui.browser.serve import Weights, scripts_address, serve
from tests.tiny import machine

FILE = CHECKPOINTS / "ntm-copy" / "model.safetensors"


@pytest.fixture
def weights() -> Weights:
    return Weights()


@pytest.fixture
def client(weights: Weights) -> Iterator[TestClient]:
    middleware: list[Middleware] = first_load.middleware([], [])
    with TestClient(Starlette(routes=serve(weights, "").routes, middleware=middleware)) as client:
        yield client


def test_weights_of_machines_and_of_files_come_as_they_are(weights: Weights, client: TestClient) -> None:
    model = machine()
    for source, expected in ((model, model.state_dict()), (FILE, load_file(FILE))):
        answer = client.get(weights.offer(source))
        assert answer.status_code == 200
        assert "content-encoding" not in answer.headers, "nothing makes them smaller"
        found = load(answer.content)
        assert found.keys() == expected.keys()
        assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    assert client.get("ntm/weights/0123456789.safetensors").status_code == 404
    assert client.get("ntm/weights/..%2Fx.safetensors").status_code == 404


def test_who_has_it_already_is_told_so(weights: Weights, client: TestClient) -> None:
    model = machine()
    for address in (weights.offer(model), weights.offer(FILE), f"{scripts_address()}engine.wasm"):
        first = client.get(address)
        assert "immutable" in first.headers["cache-control"]
        again = client.get(address, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get(address, headers={"If-None-Match": '"another"'}).status_code == 200


def test_weights_are_gone_with_the_last_machine_that_has_them(weights: Weights, client: TestClient) -> None:
    one, two, other = machine(), machine(), machine(seed=1)
    address = weights.offer(one)
    assert weights.offer(two) == weights.offer(one) == address
    assert weights.offer(other) != address
    del one
    gc.collect()
    assert client.get(address).status_code == 200
    del two
    gc.collect()
    assert client.get(address).status_code == 404
    assert client.get(weights.offer(other)).status_code == 200


def test_a_file_stays_when_a_machine_that_has_the_same_goes(
    weights: Weights, client: TestClient, tmp_path: Path
) -> None:
    model = machine()
    path = tmp_path / "500.safetensors"
    path.write_bytes(client.get(weights.offer(model)).content)
    address = weights.offer(path)
    del model
    gc.collect()
    assert path.exists()
    assert client.get(address).status_code == 200
