"""Trace: everything that happened in a run, step by step, for plots, for the demo and for questions."""

from typing import NamedTuple

from torch import Tensor


class Trace(NamedTuple):
    """A whole run. Every field is (T, B, ...); heads are in the order read, then write, H = R + W."""

    logits: Tensor
    """(T, B, out)"""
    memory: Tensor
    """(T, B, N, M), after the step's writing"""
    read_weights: Tensor
    """(T, B, R, N)"""
    write_weights: Tensor
    """(T, B, W, N)"""
    reads: Tensor
    """(T, B, R, M)"""
    erases: Tensor
    """(T, B, W, M)"""
    adds: Tensor
    """(T, B, W, M)"""
    key: Tensor
    """(T, B, H, M)"""
    strength: Tensor
    """(T, B, H), beta"""
    gate: Tensor
    """(T, B, H), g"""
    shift: Tensor
    """(T, B, H, S), from -k to +k"""
    sharpening: Tensor
    """(T, B, H), gamma"""
    content_weights: Tensor
    """(T, B, H, N), what content addressing alone would have chosen"""
