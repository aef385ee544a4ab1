"""The tasks, one file each. `get("copy")` finds a task by its name; `load("my_task.py")` brings in one of your own."""

from ntm.tasks.base import Answer, Architecture, Asked, Batch, Case, Question, Recipe, Task
from ntm.tasks.registry import ask, get, is_name, load, names, path_of
from ntm.tasks.text import InputError

__all__ = [
    "Answer",
    "Architecture",
    "Asked",
    "Batch",
    "Case",
    "InputError",
    "Question",
    "Recipe",
    "Task",
    "ask",
    "get",
    "is_name",
    "load",
    "names",
    "path_of",
]
