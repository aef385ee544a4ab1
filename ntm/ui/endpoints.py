"""The demo's HTTP interface: an endpoint a task, which MCP clients find as tools.

Each is built from what the task declares: its name, its form and what it tells of itself.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ntm import tasks
from ntm.machine.model import SequenceModel
from ntm.tasks import InputError, Question, Task
from ntm.tasks.forms import Number
from ntm.ui.run import run_question

Endpoint = Callable[..., dict[str, Any]]
_KINDS = {str: "text", int: "a number", float: "a number", list: "a list", dict: "an object", type(None): "nothing"}


def make_endpoints(models: Mapping[str, SequenceModel]) -> dict[str, Endpoint]:
    """The functions behind the endpoints, by the endpoint's name, for the tasks of which there is a machine.

    Args:
        models: machines by the task they were trained on.
    """
    made = [_make_endpoint(tasks.get(name), model) for name, model in models.items()]
    return {endpoint.__name__: endpoint for endpoint in made}


def _make_endpoint(task: Task, model: SequenceModel) -> Endpoint:
    def endpoint(*given: Any) -> dict[str, Any]:
        question = _read_question(task, given)
        return task.report(question, run_question(model, question).answer)

    # Gradio and MCP clients read name, arguments and documentation off the function.
    types = _argument_types(task)
    parameters = [inspect.Parameter(name, inspect.Parameter.POSITIONAL_OR_KEYWORD) for name in types]
    endpoint.__name__ = endpoint.__qualname__ = task.name.replace("-", "_")
    endpoint.__signature__ = inspect.Signature(parameters, return_annotation=dict[str, Any])  # type: ignore[attr-defined]
    endpoint.__annotations__ = {**types, "return": dict[str, Any]}
    endpoint.__doc__ = _document(task)
    return endpoint


def _read_question(task: Task, given: Sequence[Any]) -> Question:
    """The question that was sent, by anyone.

    Raises:
        InputError: if its parts are of other types than the endpoint tells.
    """
    names = list(_argument_types(task))
    text, number = (*given, None)[:2]
    if not isinstance(text, str):
        raise InputError(f"“{names[0]}” is text, not {_KINDS.get(type(text), 'that')}.")
    if task.form.number is not None and type(number) not in (int, float):
        raise InputError(f"“{names[1]}” is a number, not {_KINDS.get(type(number), 'that')}.")
    return Question(task.name, text, number)


def _argument_types(task: Task) -> dict[str, type]:
    number = task.form.number
    return {task.form.argument: str} | ({} if number is None else {number.name: float})


def _document(task: Task) -> str:
    """As a docstring, an argument a line."""
    form = task.form
    arguments = [f'{form.argument}: {form.hint} A line: "{form.example}".']
    if form.number is not None:
        arguments.append(f"{form.number.name}: {form.number.label}: {_describe_choices(form.number)}.")
    answer = (inspect.getdoc(task.report) or "").partition("\n\n")[0]
    parts = {
        f"Ask a trained Neural Turing Machine. {task.tells}": [],
        "Args:": arguments,
        "Returns:": [" ".join(answer.split())],
    }
    return "\n\n".join("\n    ".join([head.strip(), *lines]) for head, lines in parts.items())


def _describe_choices(number: Number) -> str:
    if number.choices is None:
        return "its number, from 1; never the last"
    return f"{number.choices[0]} to {number.choices[-1]}"
