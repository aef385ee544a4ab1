"""The tasks by their names: those of this package, found by themselves, and those loaded from elsewhere."""

import pkgutil
import re
import sys
import traceback
from functools import cache
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

from ntm.tasks.base import Asked, Question, Task
from ntm.tasks.text import InputError

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_LONGEST_NAME = 40


class _Known(NamedTuple):
    task: Task
    path: Path | None = None
    """the file that it was loaded from; None for this package's own"""


@cache
def _registry() -> dict[str, _Known]:
    here = Path(__file__).parent
    modules = [import_module(f"{__package__}.{module.name}") for module in pkgutil.iter_modules([str(here)])]
    return {found.name: _Known(found()) for module in modules for found in _tasks_in(module)}


def names() -> list[str]:
    """The names of all tasks: the paper's in its order, then the others."""
    known = (known.task for known in _registry().values())
    return [task.name for task in sorted(known, key=lambda task: (not task.section, task.section, task.name))]


def get(name: str) -> Task:
    """The task of this name.

    Raises:
        ValueError: if there is none.
    """
    try:
        return _registry()[name].task
    except KeyError:
        raise ValueError(f"no task {name!r}; the tasks are {', '.join(names())}") from None


def ask(question: Question) -> Asked:
    """The sequence that asks a question.

    Raises:
        InputError: if there is no such task or it cannot be asked; the message is one sentence for who asked.
    """
    if question.task not in _registry():
        raise InputError(f"There is no task “{question.task[:40]}”; there are {', '.join(names())}.")
    return get(question.task).ask(question.text, question.number)


def is_name(name: object) -> bool:
    """Whether a task could have this name: short, of small letters and digits, with single dashes between words."""
    return isinstance(name, str) and len(name) <= _LONGEST_NAME and _NAME.fullmatch(name) is not None


def path_of(name: str) -> Path | None:
    """The file that a task was loaded from, as it was named; None for the tasks of this package.

    Raises:
        ValueError: if there is no such task.
    """
    return _registry()[get(name).name].path


def load(path: str | Path) -> Task:
    """Run a file of one's own that defines a task, and make the task known by its name.

    A file that was changed can be loaded again. It is run like any Python file: load none that you would not run.

    Args:
        path: a Python file with one subclass of `Task` in it.

    Raises:
        ValueError: if there is no such file, it cannot be run, it does not define one task that is whole, or the task's
            name is not a plain one or is another's.
    """
    path = Path(path)
    module = _run(path)
    found = _tasks_in(module)
    if len(found) != 1:
        listed = f"{len(found)} tasks, {' and '.join(each.__name__ for each in found)}" if found else "no task"
        raise ValueError(f"{path} defines {listed}; it should define one subclass of ntm.tasks.Task")
    (kind,) = found
    missing = sorted(kind.__abstractmethods__) + [name for name in Task.__annotations__ if not hasattr(kind, name)]
    if missing:
        raise ValueError(f"{path}: {kind.__name__} has no {', '.join(missing)}")
    if not is_name(kind.name):
        raise ValueError(
            f"{path}: {kind.name!r} is no name for a task: use up to {_LONGEST_NAME} small letters and digits, with "
            "single dashes between words"
        )
    other = _registry().get(kind.name)
    if other is not None and (other.path is None or other.path.resolve() != path.resolve()):
        raise ValueError(f"{path}: there is a task {kind.name!r} already, {other.path or 'one of the paper'}")
    task = kind()
    _registry()[kind.name] = _Known(task, path)
    return task


def _tasks_in(module: ModuleType) -> list[type[Task]]:
    """The tasks that a module defines itself."""
    classes = dict.fromkeys(value for value in vars(module).values() if isinstance(value, type))
    return [
        each for each in classes if issubclass(each, Task) and each is not Task and each.__module__ == module.__name__
    ]


def _run(path: Path) -> ModuleType:
    try:
        source = path.read_bytes()
    except OSError as error:
        raise ValueError(f"there is no task in {path}: {error.strerror}") from error
    # Under its path, which no other module has for a name. There it is found by whoever looks up where a class is from.
    module = ModuleType(str(path.resolve()))
    module.__file__ = str(path)
    sys.modules[module.__name__] = module
    try:
        exec(compile(source, str(path), "exec"), vars(module))
    except Exception as error:
        del sys.modules[module.__name__]
        line = _line_of(error, path)
        said = error.msg if isinstance(error, SyntaxError) else str(error)
        raise ValueError(f"{path}, line {line}: {type(error).__name__}: {said}") from error
    return module


def _line_of(error: Exception, path: Path) -> int:
    """The line of the file at which it failed."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return error.lineno or 1
    frames = traceback.extract_tb(error.__traceback__)
    return next((frame.lineno or 1 for frame in reversed(frames) if frame.filename == str(path)), 1)
