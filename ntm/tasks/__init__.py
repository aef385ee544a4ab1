"""The tasks, one file each. `get("copy")` finds a task by its name; every `Task` in this package is found by itself."""

import pkgutil
from functools import cache
from importlib import import_module

from ntm.machine.models import Architecture
from ntm.tasks.base import Batch, Case, Task
from ntm.tasks.recipe import Recipe

__all__ = ["Architecture", "Batch", "Case", "Recipe", "Task", "get", "names"]


@cache
def _registry() -> dict[str, Task]:
    modules = [import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    classes = [each for module in modules for each in vars(module).values() if isinstance(each, type)]
    return {each.name: each() for each in classes if issubclass(each, Task) and each is not Task}


def names() -> list[str]:
    """The names of all tasks."""
    return list(_registry())


def get(name: str) -> Task:
    """The task of this name.

    Raises:
        ValueError: if there is none.
    """
    try:
        return _registry()[name]
    except KeyError:
        raise ValueError(f"no task {name!r}; the tasks are {', '.join(names())}") from None
