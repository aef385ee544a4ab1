"""Neural Turing Machines: the model, its tasks, its training, and what is needed to look inside."""

import os

# PyTorch's threads wait for work by spinning, unless told otherwise before it is imported. Where the engine's threads
# or other processes want the cores, that makes all of them several times slower.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

from ntm import engine, tasks
from ntm.machine.lstm import LSTMBaseline, LSTMState
from ntm.machine.ntm import NTM, NTMState
from ntm.machine.trace import Trace
from ntm.storage import pretrained
from ntm.storage.load import load
from ntm.storage.untrusted import CheckpointError

pretrained.attach()

__all__ = ["NTM", "CheckpointError", "LSTMBaseline", "LSTMState", "NTMState", "Trace", "engine", "load", "tasks"]
