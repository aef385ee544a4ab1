"""The command line that launches the demo: `python app.py`, then open http://127.0.0.1:7860."""

import argparse
import os
import sys

from ntm import tasks
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.tasks.option import add_task_option
from ntm.ui.machines import has_own
from ntm.ui.page import launch


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve the page."""
    parser = argparse.ArgumentParser(description="See a Neural Turing Machine think, in a browser.")
    parser.add_argument(
        "--hub",
        metavar="NAMESPACE",
        default=os.environ.get("NTM_HUB_NAMESPACE") or None,
        help="show NAMESPACE/ntm-TASK from the Hugging Face Hub (default: NTM_HUB_NAMESPACE, else what is embedded)",
    )
    add_task_option(parser)
    options = parser.parse_args(arguments)
    for task in options.task:
        if not has_own(task.name):
            path = tasks.path_of(task.name)
            sys.exit(f"error: there is no {CHECKPOINTS / f'ntm-{task.name}'} yet: python train.py {path} makes it")
    launch(options.hub)
