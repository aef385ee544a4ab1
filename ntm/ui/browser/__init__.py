"""The machine in the browser: it runs there, on the engine, and the run on show has one owner, `store.js`.

Everything else on the page is a view of that. The server is asked only for what cannot be done there: what is wrong
with an input, the sequence of a task that declares no layout, and runs for browsers that cannot run the engine.
"""

import json
from collections.abc import Callable
from importlib.resources import files
from typing import Any, NamedTuple

import gradio as gr

from ntm import tasks
from ntm.storage.untrusted import CheckpointError
from ntm.tasks import InputError, Question
from ntm.ui.browser.catalogue import describe_machine, make_catalogue
from ntm.ui.browser.pack import pack_run, pack_sequence
from ntm.ui.browser.serve import Weights, scripts_address
from ntm.ui.controls import Example, read_typed
from ntm.ui.events import QUIET
from ntm.ui.links import Link
from ntm.ui.machines import Machines
from ntm.ui.outcome import ask

__all__ = ["ASK", "ASK_ANEW", "ASK_LINK", "REWRITE", "Asked", "describe_pulled", "make_browser"]

_ASK = """
async (task, kind, typed, number, slots, learned, machine%s) => {
  const ntm = await window.ntmReady;
  await ntm.ask({ task, kind, typed, number, slots, learned, machine }, { anew: %s });
  %s
  return ntm.size();
}
"""
ASK = _ASK % ("", "false", "")
"""Has the browser run what the controls ask, its arguments; returns how many rows, items or bits that has."""
ASK_ANEW = _ASK % ("", "true", "")
"""The same, and the run plays from its start."""
ASK_LINK = _ASK % (", problem", "false", "ntm.finishOpening(problem);")
"""The same for the controls as a link has set them; its last argument says what is wrong with the link, if anything."""
REWRITE = "(task, kind, typed, number) => window.ntm.rewrite({ task, kind, typed, number })"
"""Has the browser write what is typed the other way; returns the text."""
_NO_QUESTION = "This is no question that the page asks."


class Asked(NamedTuple):
    """What the browser asks the server, as the controls say it."""

    task: str
    kind: str
    typed: str
    number: float | None
    slots: int | None
    update: int | None
    machine: str | None
    """the key of the visitor's own"""
    run: bool
    """whether the server is to run it"""


def make_browser(machines: Machines, weights: Weights, example: Example) -> gr.HTML:
    """The component, which shows nothing itself. Its value is what it starts with, and then letters to the server and
    back.

    Args:
        machines: those of the page.
        weights: what is served of them.
        example: the question that the page begins with.
    """

    def answer(letter: str) -> str:
        """The sequence of a question, or its run, packed; or what is wrong with it. Both letters are JSON."""
        number, asked = _open(letter)
        return json.dumps({"number": number} | _attempt(lambda: _answer(machines, _read(asked))))

    question = example.question
    controls = {"task": question.task, "kind": example.kind, "typed": example.typed, "number": question.number}
    start = {
        "catalogue": make_catalogue(machines, weights),
        "scripts": scripts_address(),
        "first": {
            "asked": controls | {"slots": None, "learned": None, "machine": None},
            **_attempt(lambda: _run(machines, Link(question), None)),
        },
    }
    # Its script stands in the page: others wait for what it starts.
    script = files(__package__).joinpath("browser.js").read_text("utf-8")
    browser = gr.HTML(html_template="<i hidden></i>", js_on_load=script, value=json.dumps(start), elem_id="browser")
    browser.letter(answer, browser, browser, trigger_mode="multiple", **QUIET)
    return browser


def describe_pulled(machines: Machines, weights: Weights, task: str, key: str | None) -> dict[str, Any] | None:
    """What the browser is told of a machine that a visitor pulled; None where it is to use the page's own.

    Raises:
        CheckpointError: if it has been put away.
    """
    if key is None:
        return None
    return {"task": task, "key": key, **describe_machine(machines.get(task, key).model, tasks.get(task), weights)}


def _open(letter: str) -> tuple[int, Any]:
    """The number of a letter from the browser, and what it asks.

    Raises:
        InputError: if it is none.
    """
    try:
        opened = json.loads(letter)
        return int(opened["number"]), opened["asked"]
    except (ValueError, TypeError, LookupError, RecursionError) as error:
        raise InputError(_NO_QUESTION) from error


def _read(asked: Any) -> Asked:
    """What was asked, where it is of the right types.

    Raises:
        InputError: if it is not.
    """
    kinds: dict[str, tuple[type, ...]] = {
        "task": (str,),
        "kind": (str,),
        "typed": (str,),
        "number": (int, float, type(None)),
        "slots": (int, type(None)),
        "update": (int, type(None)),
        "machine": (str, type(None)),
        "run": (bool,),
    }
    if not isinstance(asked, dict) or not all(isinstance(asked.get(name), kind) for name, kind in kinds.items()):
        raise InputError(_NO_QUESTION)
    return Asked(*(asked[name] for name in kinds))


def _answer(machines: Machines, asked: Asked) -> str:
    if asked.task not in machines.tasks:
        raise InputError(f"There is no machine for “{asked.task[:40]}” here.")
    form = tasks.get(asked.task).form
    text = read_typed(asked.task, asked.kind, asked.typed)
    question = Question(asked.task, text, None if form.number is None else asked.number)
    if not asked.run:
        return pack_sequence(question, tasks.ask(question))
    return _run(machines, Link(question, asked.slots, asked.update), asked.machine)


def _run(machines: Machines, link: Link, key: str | None) -> str:
    outcome = ask(machines, link, key)
    return pack_run(outcome.run, outcome.baseline)


def _attempt(pack: Callable[[], str]) -> dict[str, str]:
    """What was packed, or the problem that there is with it."""
    try:
        return {"packed": pack()}
    except (InputError, CheckpointError) as error:
        return {"problem": str(error)}
