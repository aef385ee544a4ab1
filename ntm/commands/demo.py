"""The command line that launches the demo: `python app.py`, then open http://127.0.0.1:7860."""

import argparse
import os

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
    launch(parser.parse_args(arguments).hub)
