"""The training command line: `python train.py copy`, and `python train.py push` to publish what it made."""

import sys

from ntm.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
