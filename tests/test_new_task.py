"""A task that the repository does not have, from a file of its own: trained, judged, asked over HTTP and shown.

The file is the one that contributors are shown, so what they are told works.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from gradio_client import Client
from playwright.sync_api import Browser, Page, expect

import ntm
from ntm.commands import demo, train
from ntm.storage import checkpoint
from ntm.studies import evaluation, results
from ntm.tasks import Question, Task
from ntm.ui.panels.takeaway import write_snippet
from tests.browsing import open_page, visiting
from tests.conftest import ROOT, forgetting_tasks, serve_app
from tests.ui.test_page import replace_text, run_id, type_and_run, wait_for_new_run

_CONTRIBUTING = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
REVERSE_COPY = _CONTRIBUTING.partition("## Add a task")[2].partition("```python\n")[2].partition("```")[0]
"""the file that the page for contributors shows"""

pytestmark = pytest.mark.slow


def files(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mtime_ns for path in folder.rglob("*") if "__pycache__" not in path.parts}


@pytest.fixture(scope="module")
def task_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("own") / "reverse_copy.py"
    path.write_text(REVERSE_COPY)
    return path


@pytest.fixture(scope="module")
def environment(task_file: Path) -> Mapping[str, str]:
    """One in which checkpoints are those beside the task."""
    return {**os.environ, "NTM_CHECKPOINTS": str(task_file.parent / "checkpoints"), "OMP_NUM_THREADS": "1"}


def run(environment: Mapping[str, str], *arguments: str | Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def checkpoints(task_file: Path, environment: Mapping[str, str]) -> Path:
    """What train.py makes of the task in next to no time, without touching anything here."""
    before = files(ROOT / "checkpoints"), files(ROOT / "ntm" / "tasks"), files(ROOT / "ntm" / "ui")
    for model in ("ntm", "lstm"):
        run(environment, "train.py", task_file, "--model", model, "--updates", "2", "--batch-size", "2")
    assert before == (files(ROOT / "checkpoints"), files(ROOT / "ntm" / "tasks"), files(ROOT / "ntm" / "ui"))
    return task_file.parent / "checkpoints"


@pytest.fixture(scope="module")
def url(task_file: Path, environment: Mapping[str, str], checkpoints: Path) -> Iterator[str]:
    with serve_app(task_file.parent / "log", "--task", str(task_file), environment=environment) as url:
        yield url


@pytest.fixture
def known() -> Iterator[None]:
    """What a test loads is forgotten after it."""
    with forgetting_tasks():
        yield


@pytest.mark.slow
def test_it_is_trained_into_checkpoints_of_its_own(checkpoints: Path) -> None:
    assert {path.name for path in checkpoints.iterdir()} == {"ntm-reverse-copy", "lstm-reverse-copy"}
    found = checkpoint.read_folder(checkpoints / "ntm-reverse-copy")
    assert found.task == found.training["task"] == found.evaluation["task"] == "reverse-copy"
    assert [score["sizes"]["length"] for score in found.evaluation["scores"]] == [1, 5, 10, 20]


@pytest.mark.slow
def test_its_checkpoint_loads_where_the_task_is_not_known(checkpoints: Path) -> None:
    assert "reverse-copy" not in ntm.tasks.names()
    assert ntm.load(checkpoints / "ntm-reverse-copy").config["input_size"] == 9


@pytest.mark.slow
def test_its_card_says_how_to_have_the_task(checkpoints: Path, task_file: Path) -> None:
    card = (checkpoints / "ntm-reverse-copy" / "README.md").read_text()
    assert "> Reverse copy: see bit vectors, then say them from the last to the first." in card
    assert "`python train.py reverse_copy.py`" in card
    assert str(task_file.parent) not in card
    snippet = re.search(r"```python\n(.*?)```", card, re.DOTALL)
    assert snippet is not None
    here = {**os.environ, "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-c", snippet[1]], cwd=task_file.parent, env=here, capture_output=True, text=True, timeout=120
    )
    assert ran.stdout.startswith("tensor([[["), ran.stderr


@pytest.mark.slow
def test_a_run_is_repeated_by_python_that_loads_the_task(known: None, checkpoints: Path, task_file: Path) -> None:
    ntm.tasks.load(task_file)
    snippet = write_snippet(Question("reverse-copy", "10110010\n00000000"), str(checkpoints / "ntm-reverse-copy"))
    ran = subprocess.run([sys.executable, "-c", snippet], cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert re.search(r"^wrong bits: \d+\.0\n$", ran.stdout, re.MULTILINE), ran.stderr


@pytest.mark.slow
def test_it_is_judged(checkpoints: Path, task_file: Path, environment: Mapping[str, str]) -> None:
    command = ["-m", "ntm.studies.evaluation", "--task", str(task_file)]
    said = run(environment, *command, checkpoints / "ntm-reverse-copy", "--size", "length=3")
    assert "reverse-copy: bit errors over 100 fresh sequences a size" in said
    assert "| length 20" in run(environment, *command, "--all")


@pytest.mark.slow
def test_the_results_page_holds_it(checkpoints: Path, task_file: Path, environment: Mapping[str, str]) -> None:
    run(environment, "-m", "ntm.studies.results", "--task", task_file)
    page = (checkpoints / "README.md").read_text()
    assert "## reverse-copy" in page
    assert "[lstm-reverse-copy](lstm-reverse-copy/)" in page
    assert (checkpoints / "reverse-copy.svg").is_file()


@pytest.mark.slow
def test_it_has_an_endpoint(url: str) -> None:
    client = Client(url, verbose=False)
    answer = client.predict("10110010\n00000000\n11111111", api_name="/reverse_copy")
    (endpoint,) = client.view_api(return_format="dict")["named_endpoints"].items()
    client.close()
    assert answer["target"] == "11111111\n00000000\n10110010"
    assert len(answer["output"].splitlines()) == len(answer["probabilities"]) == 3
    assert 0 <= answer["bit_errors"] <= 24
    assert endpoint[0] == "/reverse_copy"
    assert [parameter["parameter_name"] for parameter in endpoint[1]["parameters"]] == ["bits"]


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with visiting(browser, url) as page:
        yield page


def test_the_page_shows_it_in_its_own_words(page: Page) -> None:
    expect(page.get_by_label("Reverse copy", exact=True)).to_be_checked()
    expect(page.locator("#task")).to_contain_text("It sees vectors one after another, then says them from the last")
    expect(page.locator("#typed textarea, #typed input")).to_have_value("stressed")
    expect(page.locator("#size")).to_contain_text("How many vectors (trained up to 10)")
    expect(page.locator("#summary")).to_contain_text("This machine says")
    expect(page.locator("#summary")).to_contain_text("A plain LSTM says")
    page.locator("#tape [data-part=root]").focus()
    page.keyboard.press("End")
    expect(page.locator("[data-part=status]")).to_contain_text("Step 17 of 17: vector 1 of 8 is due")


def test_it_is_asked_on_the_page(page: Page) -> None:
    before = run_id(page)
    type_and_run(page, "Bits", "10110010\n00000000")
    wait_for_new_run(page, before)
    page.get_by_text("Every row with its probabilities").click()
    expect(page.locator("#table tbody tr").nth(1).locator("td").nth(0)).to_have_text("10110010")
    before = run_id(page)
    page.locator('#grid [data-row="1"][data-bit="7"]').click()
    wait_for_new_run(page, before)
    expect(page.locator("#typed textarea")).to_have_value("10110010\n00000001")
    before = run_id(page)
    page.get_by_role("button", name="Surprise me").click()
    wait_for_new_run(page, before)
    expect(page.locator("[data-part=status]")).to_contain_text("of 5")
    replace_text(page, "#typed", "102")
    expect(page.get_by_role("alert")).to_contain_text("“2”, which is not a bit")


def test_a_link_opens_it(browser: Browser, url: str) -> None:
    page = browser.new_page()
    open_page(page, f"{url}?task=reverse-copy&input=10110010~00000000~11111111")
    expect(page.locator("[data-part=status]")).to_contain_text("of 7")
    page.close()


# What is not a task, and what is not there yet.


def test_it_is_known_by_its_name_once_it_is_loaded_and_anew_when_it_was_changed(known: None, tmp_path: Path) -> None:
    path = tmp_path / "reverse_copy.py"
    path.write_text(REVERSE_COPY)
    task = ntm.tasks.load(path)
    assert ntm.tasks.get("reverse-copy") is task
    assert ntm.tasks.names()[-1] == "reverse-copy"
    assert (ntm.tasks.path_of("reverse-copy"), ntm.tasks.path_of("copy")) == (path, None)
    assert task.ask("10110010\n00000000").batch.targets[3:, 0].tolist() == [[0] * 8, [1, 0, 1, 1, 0, 0, 1, 0]]
    path.write_text(REVERSE_COPY.replace("range(1, 11)", "range(1, 5)"))
    changed = ntm.tasks.load(str(path))
    assert ntm.tasks.get("reverse-copy") is changed
    assert isinstance(changed, Task)
    assert changed.largest == 4
    assert not list(tmp_path.glob("__pycache__")), "or else what was changed within the second would be passed over"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "defines no task; it should define one subclass of ntm.tasks.Task"),
        ("from ntm.tasks.copy import Copy", "defines no task"),
        (REVERSE_COPY + "\n\nclass Again(ReverseCopy):\n    name = 'again'", "defines 2 tasks, ReverseCopy and Again"),
        (REVERSE_COPY.replace("def captions", "def say"), "ReverseCopy has no captions"),
        (REVERSE_COPY.replace("    form =", "    shape ="), "ReverseCopy has no form"),
        (REVERSE_COPY.replace('"reverse-copy"', '"Reverse copy"'), "'Reverse copy' is no name for a task"),
        (REVERSE_COPY.replace('"reverse-copy"', '"../copy"'), "'../copy' is no name for a task"),
        (REVERSE_COPY.replace('"reverse-copy"', "7"), "7 is no name for a task"),
        (REVERSE_COPY.replace('"reverse-copy"', '"copy"'), "there is a task 'copy' already, one of the paper"),
        (
            REVERSE_COPY.replace("range(1, 11)", "range(one, 11)"),
            "own.py, line 16: NameError: name 'one' is",
        ),
        (REVERSE_COPY.replace("class ReverseCopy(Task)", "class ReverseCopy(Task"), "own.py, line 10: SyntaxError: "),
        ("import a_module_that_is_not_there", "line 1: ModuleNotFoundError: No module named 'a_module_that_is_not"),
        ("from pathlib import Path\n\nPath('nowhere').read_text()", "line 3: FileNotFoundError: "),
        ("a = 1\0", "own.py, line 1: "),
    ],
)
def test_a_file_that_defines_no_whole_task_is_explained(known: None, tmp_path: Path, text: str, complaint: str) -> None:
    path = tmp_path / "own.py"
    path.write_text(text)
    before = ntm.tasks.names()
    with pytest.raises(ValueError, match=re.escape(complaint)):
        ntm.tasks.load(path)
    assert ntm.tasks.names() == before


def test_a_name_is_taken_by_the_first_file_that_has_it(known: None, tmp_path: Path) -> None:
    for name in ("one.py", "other.py"):
        (tmp_path / name).write_text(REVERSE_COPY)
    ntm.tasks.load(tmp_path / "one.py")
    with pytest.raises(ValueError, match=r"other\.py: there is a task 'reverse-copy' already, .*one\.py"):
        ntm.tasks.load(tmp_path / "other.py")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere.py", tmp_path):
        with pytest.raises(ValueError, match=f"there is no task in {re.escape(str(path))}: "):
            ntm.tasks.load(path)


@pytest.mark.parametrize(
    ("main", "arguments", "code"),
    [
        (demo.main, ["--task", "nowhere.py"], 2),
        (evaluation.main, ["--all", "--task", "nowhere.py"], 2),
        (results.main, ["--task", "nowhere.py"], 2),
        (train.main, ["nowhere.py"], 1),
        (train.main, ["push", "--task", "nowhere.py", "checkpoints/ntm-copy", "NAMESPACE/ntm-copy"], 2),
    ],
)
def test_every_command_says_what_is_wrong_with_the_path(
    main: Callable[[list[str]], int | None], arguments: list[str], code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        raise SystemExit(main(arguments))
    assert caught.value.code == code
    assert "there is no task in nowhere.py: No such file or directory" in capsys.readouterr().err


def test_a_command_of_train_py_is_no_name_for_a_task(
    known: None, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "everything.py"
    path.write_text(REVERSE_COPY.replace('"reverse-copy"', '"all"'))
    assert train.main([str(path)]) == 1
    assert "'all' is a command here; give the task another name" in capsys.readouterr().err


def test_the_app_says_that_a_task_has_no_machine_yet(known: None, task_file: Path) -> None:
    with pytest.raises(SystemExit, match=f"ntm-reverse-copy yet: python train.py {re.escape(str(task_file))} makes it"):
        demo.main(["--task", str(task_file)])
