"""The whole loop: train a machine, publish it, and see it in use in somebody's browser."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from playwright.sync_api import Browser, Page, expect

import ntm
from ntm.machine.controllers import ControllerKind
from ntm.storage import record
from tests.browsing import FIRST_EVENT, visiting
from tests.conftest import ROOT, serve_app
from tests.hub_server import HubServer, serving
from tests.tiny import EVALUATION, TRAINING
from tests.ui.test_page import replace_text

TOKEN = "hf_of_namespace"


@pytest.fixture(scope="module")
def hub() -> Iterator[HubServer]:
    with serving() as server:
        yield server


@pytest.fixture(scope="module")
def environment(hub: HubServer, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    plain = {name: value for name, value in os.environ.items() if not name.startswith("HF_")}
    home = str(tmp_path_factory.mktemp("hf"))
    return {**plain, "HF_ENDPOINT": hub.endpoint, "HF_HOME": home, "HF_HUB_DISABLE_XET": "1", "OMP_NUM_THREADS": "1"}


@pytest.fixture(scope="module")
def published(hub: HubServer, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> HubServer:
    """Two machines that know nothing yet, one trained and pushed at once, one pushed afterwards under another name."""
    folder = tmp_path_factory.mktemp("trained") / "ntm-copy"
    with_token = {**environment, "HF_TOKEN": TOKEN}
    hub.users[TOKEN] = "NAMESPACE"
    for command in (
        ["copy", "--updates", "1", "--batch-size", "2", "--output", str(folder), "--push-to-hub", "NAMESPACE/ntm-copy"],
        ["push", str(folder), "NAMESPACE/another"],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "tests.quick_train", *command],
            cwd=ROOT,
            env=with_token,
            capture_output=True,
            text=True,
            timeout=240,
        )
        assert done.returncode == 0, done.stderr
        assert TOKEN not in done.stdout + done.stderr
    return hub


@pytest.fixture(scope="module")
def hub_app_url(
    published: HubServer, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with serve_app(tmp_path_factory.mktemp("hub app") / "log", "--hub", "NAMESPACE", environment=environment) as url:
        yield url


def open_page(browser: Browser, url: str) -> Page:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.goto(url)
    page.wait_for_selector("[data-part=root][data-run]")
    return page


def use_machine(page: Page, name: str) -> None:
    if not page.get_by_label("Hub id").is_visible():
        page.get_by_role("tab", name="Take it with you").click()
        page.get_by_text("Another machine, from the Hugging Face Hub").click()
    page.get_by_label("Hub id").fill(name)
    page.get_by_role("button", name="Use this machine").click()


def test_the_page_runs_on_what_was_published(browser: Browser, hub_app_url: str) -> None:
    page = open_page(browser, hub_app_url)
    expect(page.locator("#notice")).to_contain_text("The machine is NAMESPACE/ntm-copy from the Hub.")
    expect(page.locator("#notice")).to_contain_text("NAMESPACE/ntm-priority-sort could not be had")
    expect(page.locator("#summary")).to_contain_text("bits of 320 are wrong.")
    page.close()


def test_a_task_that_cannot_be_had_falls_back_and_says_why(
    browser: Browser, environment: dict[str, str], tmp_path: Path
) -> None:
    with serve_app(tmp_path / "log", environment={**environment, "NTM_HUB_NAMESPACE": "NOBODY"}) as url:
        page = open_page(browser, url)
        expect(page.locator("#notice")).to_contain_text("NOBODY/ntm-copy could not be had, so this is the embedded")
        expect(page.locator("#notice")).to_contain_text("is not on the Hub, or is private")
        expect(page.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")
        page.close()


def test_another_machine_is_used_by_the_visitor_who_named_it_alone(browser: Browser, app_url_with_hub: str) -> None:
    one, two = (open_page(browser, app_url_with_hub) for _ in range(2))
    use_machine(one, "NAMESPACE/another")
    expect(one.locator("#machine")).to_contain_text("NAMESPACE/another")
    expect(one.locator("#machine")).to_contain_text("trained on 2 sequences")
    expect(one.locator("#summary")).to_contain_text("bits of 320 are wrong.")
    assert not one.evaluate("window.ntm.run.byServer"), "its weights go to the browser"
    two.locator("#typed textarea, #typed input").press("Enter")
    expect(two.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")

    for name, complaint in {
        "NAMESPACE/nothing-there": "is not on the Hub, or is private",
        "NAMESPACE/another@v9": "has no revision v9",
        "../../etc/passwd": "is no Hub id",
        "a/b/c": "is no Hub id",
        "https://example.org/x": "is an address",
        "x" * 500: "never as long as 500 characters",
    }.items():
        use_machine(one, name)
        expect(one.get_by_role("alert")).to_contain_text(complaint)
    expect(one.locator("#summary")).to_contain_text("bits of 320 are wrong.")

    one.get_by_role("button", name="Back to the page's own").click()
    expect(one.locator("#summary")).to_contain_text("Not one of 320 bits is wrong.")
    one.close()
    two.close()


def test_a_machine_without_memory_can_be_tried_as_well(
    browser: Browser, app_url_with_hub: str, published: HubServer, tmp_path: Path
) -> None:
    folder = tmp_path / "lstm-copy"
    record.write(folder, ntm.LSTMBaseline(10, 8, hidden_size=4, num_layers=1), "copy", TRAINING, EVALUATION)
    published.add("OTHER/lstm-copy", {path.name: path.read_bytes() for path in folder.iterdir()})
    messages: list[str] = []
    page = open_page(browser, app_url_with_hub)
    page.on("console", lambda message: messages.append(message.text))
    page.on("pageerror", lambda error: messages.append(str(error)))
    use_machine(page, "OTHER/lstm-copy")
    expect(page.locator("[data-part=heads]")).to_have_text("this machine has no memory to look into")
    expect(page.locator("[data-part=memory]")).to_be_hidden()
    page.get_by_role("tab", name="Take it with you").click()
    page.get_by_role("button", name="Draw the figure").click()
    expect(page.locator("#figure img")).to_be_visible(timeout=30_000)
    assert messages == []
    page.close()


NO_ANSWER = "This machine's numbers grow beyond all bounds"


def endless(controller: ControllerKind, size: float) -> ntm.NTM:
    """A machine of finite weights whose logits are not."""
    model = ntm.NTM(10, 8, controller=controller, controller_size=8, memory_slots=8, memory_width=4)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(size)
    return model


def test_a_machine_whose_numbers_overflow_is_told_of_in_place_of_the_run_before(
    browser: Browser, app_url_with_hub: str, published: HubServer, tmp_path: Path
) -> None:
    with visiting(browser, app_url_with_hub) as page:
        sizes: dict[ControllerKind, float] = {"feedforward": 1e30, "lstm": 1e38}
        for controller, size in sizes.items():
            folder = tmp_path / controller
            record.write(folder, endless(controller, size), "copy", TRAINING, EVALUATION)
            published.add(f"OTHER/{controller}", {path.name: path.read_bytes() for path in folder.iterdir()})
            use_machine(page, f"OTHER/{controller}")
            expect(page.locator("#machine")).to_contain_text(f"OTHER/{controller}")
            expect(page.locator("#problem [role=alert]")).to_contain_text(NO_ANSWER)
            expect(page.locator("#summary .verdict")).to_be_empty()
            replace_text(page, "#typed", "abc")
            expect(page.locator("#problem [role=alert]")).to_contain_text(NO_ANSWER)
            assert "abc" not in page.locator("#summary").inner_text()
            page.get_by_role("button", name="Back to the page's own").click()
            expect(page.locator("#summary")).to_contain_text("This machine says abc")
            expect(page.locator("#problem [role=alert]")).to_have_count(0)


def test_a_page_whose_own_machine_has_no_answer_says_so_and_shows_the_others(
    browser: Browser, environment: dict[str, str], tmp_path: Path
) -> None:
    record.write(tmp_path / "ntm-copy", endless("feedforward", 1e30), "copy", TRAINING, EVALUATION)
    shutil.copytree(ROOT / "checkpoints" / "ntm-priority-sort", tmp_path / "ntm-priority-sort")
    there = {**environment, "NTM_CHECKPOINTS": str(tmp_path)}
    with serve_app(tmp_path / "log", environment=there) as url:
        page = browser.new_page()
        messages: list[str] = []
        page.on("console", lambda message: messages.append(message.text))
        page.on("pageerror", lambda error: messages.append(str(error)))
        with page.expect_request(FIRST_EVENT):
            page.goto(url)
        expect(page.locator("#problem [role=alert]")).to_contain_text(NO_ANSWER)
        page.get_by_label("Sort", exact=True).check()
        expect(page.locator("#summary")).to_contain_text("bits")
        expect(page.locator("#problem [role=alert]")).to_have_count(0)
        page.close()
    assert messages == []
    assert "Traceback" not in (tmp_path / "log").read_text()


@pytest.fixture(scope="module")
def app_url_with_hub(
    published: HubServer, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The page on its embedded machine, where the Hub can be reached."""
    with serve_app(tmp_path_factory.mktemp("app") / "log", environment=environment) as url:
        yield url
