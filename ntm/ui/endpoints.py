"""The demo's HTTP interface: an endpoint a task, which MCP clients find as tools.

Each is built from what the task declares: its name, its form and what it tells of itself.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.tasks import InputError, Question, Task
from ntm.ui.run import run_question

Endpoint = Callable[..., dict[str, Any]]


def make_endpoints(models: Mapping[str, SequenceModel]) -> dict[str, Endpoint]:
    """The functions behind the endpoints, by the endpoint's name, for the tasks of which there is a machine.

    Args:
        models: machines by the task they were trained on.
    """
    made = [_make_endpoint(tasks.get(name), model) for name, model in models.items()]
    return {endpoint.__name__: endpoint for endpoint in made}


def _make_endpoint(task: Task, model: SequenceModel) -> Endpoint:
    def endpoint(text: str, number: float | None = None) -> dict[str, Any]:
        question = Question(task.name, text, number)
        try:
            return task.report(question, run_question(model, question).answer)
        except InputError as error:
            raise gr.Error(str(error), print_exception=False) from None

    # Gradio and MCP clients read name, arguments and documentation off the function.
    types = _argument_types(task)
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in types]
    endpoint.__name__ = endpoint.__qualname__ = task.name.replace("-", "_")
    endpoint.__signature__ = inspect.Signature(parameters, return_annotation=dict[str, Any])  # type: ignore[attr-defined]
    endpoint.__annotations__ = {**types, "return": dict[str, Any]}
    endpoint.__doc__ = _document(task)
    return endpoint


def _argument_types(task: Task) -> dict[str, type]:
    number = task.form.number
    return {task.form.argument: str} | ({} if number is None else {number.name: float})


def _document(task: Task) -> str:
    form = task.form
    told = [f'{form.argument}: {form.hint.rstrip(".")}, such as "{form.example}".']
    if form.number is not None:
        told.append(f"{form.number.name}: {form.number.label}, a whole number from 1.")
    answer = (inspect.getdoc(task.report) or "").partition("\n\n")[0]
    arguments, summary = "\n    ".join(told), f"Ask a trained Neural Turing Machine. {task.tells}".strip()
    return f"{summary}\n\nArgs:\n    {arguments}\n\nReturns:\n    {answer}"
