"""Checks of arguments, with messages that say what was wrong."""

from typing import Any


def check_whole_number(name: str, value: Any, smallest: int = 1) -> None:
    """Require a whole number of at least `smallest`.

    Raises:
        TypeError: if it is no whole number.
        ValueError: if it is too small.
    """
    if type(value) is not int:
        raise TypeError(f"{name} must be a whole number, not {value!r}")
    if value < smallest:
        raise ValueError(f"{name} must be at least {smallest}, not {value}")
