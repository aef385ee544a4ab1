"""The option with which a command line takes in tasks of one's own."""

import argparse
from collections.abc import Sequence
from typing import Any

from ntm.tasks.registry import load


def add_task_option(parser: argparse.ArgumentParser) -> None:
    """Add `--task PATH`, which may be repeated; the parsed `task` is the list of the tasks that it loaded."""
    parser.add_argument(
        "--task",
        action=_Load,
        default=[],
        metavar="PATH",
        help="a Python file that defines a task of your own; repeatable",
    )


class _Load(argparse.Action):
    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        try:
            task = load(str(values))
        except ValueError as error:
            parser.error(str(error))
        setattr(namespace, self.dest, [*getattr(namespace, self.dest), task])
