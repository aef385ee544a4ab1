"""The command lines behind `train.py` and `app.py`, which an installed `ntm` has as `ntm-train` and `ntm-demo`."""
