"""The command line that launches the demo: `python app.py`, then open http://127.0.0.1:7860."""

import argparse
import os
import signal
import sys
from contextlib import suppress
from importlib.util import find_spec

from ntm import tasks
from ntm.storage.checkpoint import CHECKPOINTS
from ntm.tasks.option import add_task_option


def main(arguments: list[str] | None = None) -> None:
    """Parse the command line and serve the page.

    Raises:
        SystemExit: if gradio is not installed, or there are no checkpoints to show.
    """
    parser = argparse.ArgumentParser(description="See a Neural Turing Machine think, in a browser.")
    parser.add_argument(
        "--hub",
        metavar="NAMESPACE",
        default=os.environ.get("NTM_HUB_NAMESPACE") or None,
        help="show NAMESPACE/ntm-TASK from the Hugging Face Hub (default: NTM_HUB_NAMESPACE, else what is embedded)",
    )
    add_task_option(parser)
    options = parser.parse_args(arguments)
    if find_spec("gradio") is None:
        sys.exit("error: the demo needs gradio, which the extra ntm[demo] brings")
    for task in options.task:
        folder, path = CHECKPOINTS / f"ntm-{task.name}", tasks.path_of(task.name)
        if not folder.is_dir():
            sys.exit(f"error: there is no {folder} yet: python train.py {path} makes it")
    if not any(CHECKPOINTS.glob("ntm-*")):
        sys.exit(
            f"error: there are no machines to show in {CHECKPOINTS.absolute()}: train one here with `ntm-train copy`, "
            "or set NTM_CHECKPOINTS to the checkpoints folder of a clone"
        )
    from ntm.ui.page import launch  # needs gradio, and takes seconds

    # What stops a container is no KeyboardInterrupt: by itself it leaves the files behind that are served.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    with suppress(KeyboardInterrupt):  # Gradio takes Ctrl-C once all is up, but somewhat after it answers
        launch(options.hub)
