"""A demo among visitors who mean it ill: a sentence each, a line in the log, and room for the others."""

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import torch
from gradio_client import Client
from starlette.requests import Request
from starlette.types import Message

import ntm
from ntm.storage import record
from ntm.ui import guard
from ntm.ui.door import ARRIVED
from ntm.ui.turns import Lane
from tests.conftest import running_app
from tests.fuzz import fuzz
from tests.hub_server import Fault, HubServer, serving
from tests.load import TOLD, Memory, Page, Visitor, call, read_page, request, tell
from tests.tiny import EVALUATION, TRAINING, machine

pytestmark = pytest.mark.slow

_A_HANG = 30.0
"""seconds; on an idle machine it is less than one, which `tests.load` and `tests.fuzz` look at"""


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("guarded") / "log"


@pytest.fixture(scope="module")
def app(hub: HubServer, log: Path) -> Iterator[tuple[subprocess.Popen, Page]]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    there = {"HF_ENDPOINT": hub.endpoint, "HF_HOME": str(log.parent / "hf"), "HF_HUB_DISABLE_XET": "1"}
    with running_app(log, environment={**plain, **there}) as (process, url):
        yield process, read_page(url)


@pytest.fixture(scope="module")
def page(app: tuple[subprocess.Popen, Page]) -> Page:
    return app[1]


def publish(hub: HubServer, name: str, model: ntm.NTM, folder: Path) -> None:
    record.write(folder, model, "copy", TRAINING, EVALUATION)
    hub.add(name, {path.name: path.read_bytes() for path in folder.iterdir()})


def sentence(status: int, answer: Any) -> str:
    assert status != 200, answer
    assert isinstance(answer["error"], str)
    return answer["error"]


def test_every_function_answers_every_strange_value_with_a_sentence_and_a_line(page: Page, log: Path) -> None:
    before = log.read_text().count("\n")
    answers = list(fuzz(page))
    assert len({answer.name for answer in answers}) > 15
    assert not [answer for answer in answers if not answer.is_sound]
    assert "nothing that this page" in answers[-1].answer["error"]
    lines = log.read_text().splitlines()[before:]
    assert not [line for line in lines if "Traceback" in line]
    assert len(lines) <= len(answers)
    assert max(map(len, lines)) < 500


def test_an_endpoint_says_what_is_of_the_wrong_type(page: Page) -> None:
    told: list[tuple[str, list[Any], str]] = [
        ("copy", [5], "“bits” is text, not a number."),
        ("repeat_copy", ["10110010", "2"], "“repeats” is a number, not text."),
        ("associative_recall", [None, 1], "“items” is text, not nothing."),
        ("priority_sort", [["10110010 1"]], "“bits” is text, not a list."),
    ]
    for name, data, words in told:
        status, answer = request(page.address, "POST", f"/gradio_api/run/{name}", {"data": data})
        assert sentence(status, json.loads(answer)) == words


def test_what_no_component_needs_has_no_door(page: Page) -> None:
    for path in ("upload", "component_server", "deep_link", "vibe-edit/", "proxy=https://x.hf.space/", "stream/1"):
        for method in ("GET", "POST"):
            status, answer = request(page.address, method, f"/gradio_api/{path}", {})
            assert (status, json.loads(answer)) == (404, {"error": "This page has no such door."}), path
    status, answer = request(page.address, "GET", "/gradio_api/file=http://127.0.0.1:1/x")
    assert status == 404


def test_what_is_too_large_is_refused(page: Page) -> None:
    predict, ask = "/gradio_api/run/predict", page.event("answer")
    body = {"data": page.inputs(ask), "fn_index": ask["id"]}
    status, answer = request(page.address, "POST", predict, {**body, "session_hash": "s" * 20_000})
    assert (status, json.loads(answer)["error"]) == (400, "A session's name is never that long.")
    status, answer = request(page.address, "POST", predict, {**body, "event_data": "x" * 2**21})
    assert (status, json.loads(answer)["error"]) == (413, "At most 2 MB are taken.")


def test_stalled_pulls_are_few_and_hold_up_nobody(page: Page, hub: HubServer, tmp_path: Path) -> None:
    publish(hub, "OTHER/stalls", machine(), tmp_path / "ntm-copy")
    hub.faults["OTHER/stalls", "info"] = Fault("hang")
    pull = page.event("pull")
    with ThreadPoolExecutor(12) as pool:
        began = time.monotonic()
        pulls = [
            pool.submit(call, page, pull, [None, "copy", "OTHER/stalls"], f"session {number % 6}")
            for number in range(12)
        ]
        time.sleep(1)
        assert Visitor(page, 0).edit() == "right"
        assert time.monotonic() - began < _A_HANG
        told = [each for each in pulls if each.exception() is None and each.result()[0] != 200]
        assert len(hub.calls_for("OTHER/stalls")) == 3
        assert len(told) == 9
        assert all("try again in a moment" in sentence(*each.result()) for each in told)
        assert any(each.result()[0] == 200 for each in pulls), "those that were begun end at the Hub's deadline"


def test_runs_that_nobody_waits_for_any_more_are_not_run(page: Page) -> None:
    visitor = Visitor(page, 1)
    for _ in range(40):
        visitor.session = f"{visitor.session}+"
        visitor.hang_up()
    began = time.monotonic()
    assert Visitor(page, 2).edit() == "right"
    assert time.monotonic() - began < _A_HANG


def test_a_crowd_is_answered_or_told_and_nobody_is_left_waiting(page: Page) -> None:
    with ThreadPoolExecutor(150) as pool:
        came = list(pool.map(lambda seed: Visitor(page, seed).large(), range(150)))
    assert set(came) <= {"right", "busy"}
    assert came.count("busy") > 50
    assert "right" in came
    assert Visitor(page, 0).edit() == "right"


def test_pictures_that_nobody_listens_for_are_given_up(page: Page) -> None:
    animate = page.event("animate")
    for number in range(12):
        body = {"data": [TOLD, None], "fn_index": animate["id"], "session_hash": f"deaf {number}"}
        assert request(page.address, "POST", "/gradio_api/queue/join", body)[0] == 200
    came, until = "busy", time.monotonic() + 120
    while came == "busy" and time.monotonic() < until:
        came = Visitor(page, 3).wait_for("animate", [TOLD, None], until)
    assert came == "right"


def test_machines_that_want_too_much_or_have_no_answer_are_told_of(page: Page, hub: HubServer, tmp_path: Path) -> None:
    wide = ntm.NTM(10, 8, controller_size=1, memory_slots=3, memory_width=4096)
    endless = machine()
    with torch.no_grad():
        for parameter in endless.parameters():
            parameter.fill_(1e30)
    far = ntm.NTM(10, 8, controller_size=1, memory_slots=1025, memory_width=1, shift_range=512)
    told = {
        "wide": (wide, "MB of memory"),
        "endless": (endless, "beyond all bounds"),
        "far": (far, "1,025 memory slots"),
    }
    pull, draw = page.event("pull"), page.event("draw_figure")
    long = tell("task=copy&slots=128&input=" + "~".join(["10110010"] * 200))
    for name, (model, words) in told.items():
        publish(hub, f"OTHER/{name}", model, tmp_path / name)
        status, answer = call(page, pull, [None, "copy", f"OTHER/{name}"], name)
        assert status == 200
        assert f"<b>OTHER/{name}</b>" in str(answer), answer
        assert words in sentence(*call(page, draw, [long, None], name))


def least_in_three_seconds(memory: Memory) -> float:
    """What is done with goes a moment later."""
    readings = [memory.read()]
    for _ in range(10):
        time.sleep(0.3)
        readings.append(memory.read())
    return min(readings)


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="memory is measured as Linux tells it")
def test_memory_comes_back(app: tuple[subprocess.Popen, Page]) -> None:
    process, page = app
    memory = Memory(process.pid, threading.Event())
    before = least_in_three_seconds(memory)
    for _ in range(2):
        came = [Visitor(page, number).large() for number in range(8)]
        assert least_in_three_seconds(memory) < before + 60, "also where nobody does anything afterwards"
        came += [Visitor(page, number).edit(3) for number in range(60)]
        came += [Visitor(page, 0).wait_for("animate", [TOLD, None], time.monotonic() + _A_HANG)]
        assert set(came) == {"right"}
        memory.readings.append(least_in_three_seconds(memory))
    assert memory.readings[-1] - memory.readings[-2] < 20
    assert memory.readings[-1] < 700


def test_nothing_is_kept_of_a_session_but_what_is_its_own_and_nothing_is_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in guard._NO_STATISTICS:
        monkeypatch.delenv(name, raising=False)  # and is again as it was
    with guard.GuardedBlocks() as blocks:
        typed, told, count = gr.Textbox("x" * 1000), gr.Textbox(), gr.State(0)
        typed.change(lambda typed, count: (typed.upper(), count + 1), [typed, count], [told, count], api_name="shout")
    threading.Thread(target=blocks.serve, kwargs={"quiet": True}, daemon=True).start()
    while not (blocks.is_running and blocks.local_url):
        time.sleep(0.1)
    clients = [Client(blocks.local_url, verbose=False) for _ in range(3)]
    for client in clients:
        assert client.predict("abc", api_name="/shout") == "ABC"
        assert client.predict("def", api_name="/shout") == "DEF"
    sessions = blocks.app.state_holder.session_data
    assert [list(session.state_data.values()) for session in sessions.values()] == [[2]] * 3
    assert [dict(session.config_values) for session in sessions.values()] == [{}] * 3
    assert blocks.app.state_holder["a new one"].config_values == {}
    assert len(blocks._queue.event_analytics) <= 1
    assert blocks._queue.cached_event_analytics_summary == {"functions": {}}
    for client in clients:
        client.close()
    blocks.close()


def test_patience_counts_from_the_door() -> None:
    with guard.GuardedBlocks() as blocks:
        typed, told = gr.Textbox(), gr.Textbox()
        typed.change(lambda typed: typed.upper(), typed, told)

    async def ask() -> None:
        now = asyncio.get_running_loop().time()
        async with _others_at_work(blocks):
            came = {"long ago": now - _A_HANG, "just now": now}
            asked = {
                when: asyncio.create_task(blocks.process_api(0, ["abc"], request=_request(when, arrived)))
                for when, arrived in came.items()
            }
            await asyncio.wait(asked.values(), return_when=asyncio.FIRST_COMPLETED)
            assert "Others keep this server busy" in str(asked["long ago"].exception())
            assert not asked["just now"].done()
        assert (await asked["just now"])["data"] == ["ABC"]

    _run_in_a_loop(ask())


def test_what_is_under_way_waits_longer_than_what_has_not_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.1)
    with guard.GuardedBlocks() as blocks:
        drawn, button = gr.Textbox(), gr.Button()
        button.click(lambda: (yield from ("a frame", "another")), None, drawn)

    async def draw(**going_on: Any) -> dict[str, Any]:
        return await blocks.process_api(0, [], request=_request("somebody", time.monotonic()), **going_on)

    async def ask() -> None:
        first = await draw()
        async with _others_at_work(blocks):
            second = asyncio.create_task(draw(iterator=first["iterator"]))
            with pytest.raises(gr.Error, match="Others keep this server busy"):
                await draw()
            assert not second.done()
        assert (first["data"], (await second)["data"]) == (["a frame"], ["another"])

    _run_in_a_loop(ask())


@asynccontextmanager
async def _others_at_work(blocks: guard.GuardedBlocks) -> AsyncIterator[None]:
    deadline = asyncio.get_running_loop().time() + _A_HANG
    async with AsyncExitStack() as at_work:
        for name in ("one", "another"):
            await at_work.enter_async_context(blocks._turns.take(Lane.SHORT, name, 0, deadline))
        yield


def _run_in_a_loop(asking: Coroutine[Any, Any, None]) -> None:
    with ThreadPoolExecutor(1) as pool:  # a thread of its own, for Playwright's loop may run in this one
        pool.submit(asyncio.run, asking).result(_A_HANG)


def _request(session: str, arrived: float) -> gr.Request:
    scope = {"type": "http", "headers": [], "query_string": b"", "path": "/", ARRIVED: arrived}
    return gr.Request(Request(scope, _stay), session_hash=session)


async def _stay() -> Message:
    await asyncio.Event().wait()
    raise AssertionError("nobody leaves")
