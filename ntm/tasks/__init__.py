"""The tasks, one file each. `get("copy")` finds a task by its name; `load("my_task.py")` brings in one of your own."""

from ntm.machine.models import Architecture
from ntm.tasks.base import Answer, Asked, Case, Question, Task
from ntm.tasks.bits import half_skewed_bits, random_bits
from ntm.tasks.forms import Items, Number, Rows, Stream, Typed
from ntm.tasks.layout import Batch, Count, Given, Layout, Part
from ntm.tasks.recipe import Recipe
from ntm.tasks.registry import ask, get, is_name, load, names, path_of
from ntm.tasks.text import InputError

__all__ = [
    "Answer",
    "Architecture",
    "Asked",
    "Batch",
    "Case",
    "Count",
    "Given",
    "InputError",
    "Items",
    "Layout",
    "Number",
    "Part",
    "Question",
    "Recipe",
    "Rows",
    "Stream",
    "Task",
    "Typed",
    "ask",
    "get",
    "half_skewed_bits",
    "is_name",
    "load",
    "names",
    "path_of",
    "random_bits",
]
