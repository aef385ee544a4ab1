"""Neural Turing Machines: the model, its tasks, its training, and what is needed to look inside."""

from ntm import tasks
from ntm.baseline import LSTMBaseline, LSTMState
from ntm.checkpoint import CheckpointError, load
from ntm.machine import NTM, NTMState
from ntm.trace import Trace

__all__ = ["NTM", "CheckpointError", "LSTMBaseline", "LSTMState", "NTMState", "Trace", "load", "tasks"]
