"""Addressing: section 3.3 of the paper, one function an equation.

Every function is pure and works on all heads of a whole batch at once. In the shapes below B is the batch, H the
number of heads, N the number of memory slots, M their width and S = 2k + 1 the number of allowed shifts. The leading
dimensions may be anything that broadcasts: (B, H) is what the machine passes.

Equation numbers are those of Graves, Wayne and Danihelka 2014 (arXiv 1410.5401).
"""

import torch
from torch import Tensor

# Squared and added under the root of a norm. The constant initial memory of 1e-6 has a norm of a few 1e-6, and its
# cosine must stay exact to float32, so the root of this lies far below; a zero vector gets similarity 0.
_NORM_EPSILON = 1e-20


def _norm(vectors: Tensor) -> Tensor:
    return (vectors.square().sum(-1) + _NORM_EPSILON).sqrt()


def cosine_similarity(memory: Tensor, key: Tensor) -> Tensor:
    """Similarity of each key with each memory slot, equation 6.

    Args:
        memory: (B, N, M).
        key: (B, H, M).

    Returns:
        (B, H, N), in [-1, 1]; 0 where the key or the slot is all zero.
    """
    return (key @ memory.mT) / (_norm(key).unsqueeze(-1) * _norm(memory).unsqueeze(-2))


def content_weighting(memory: Tensor, key: Tensor, strength: Tensor) -> Tensor:
    """Focusing by content, equation 5: a softmax over slots of similarity times strength.

    Args:
        memory: (B, N, M).
        key: (B, H, M).
        strength: (B, H), beta >= 0.

    Returns:
        (B, H, N), non-negative, summing to 1 over the slots.
    """
    return torch.softmax(strength.unsqueeze(-1) * cosine_similarity(memory, key), dim=-1)


def interpolate(content: Tensor, previous: Tensor, gate: Tensor) -> Tensor:
    """Interpolation gate, equation 7: content weighting at 1, the previous step's weighting at 0.

    Args:
        content: (B, H, N).
        previous: (B, H, N).
        gate: (B, H), in [0, 1].

    Returns:
        (B, H, N).
    """
    gate = gate.unsqueeze(-1)
    return gate * content + (1 - gate) * previous


def shift(weighting: Tensor, shift_weighting: Tensor) -> Tensor:
    """Convolutional shift, equation 8: circular over the slots.

    Args:
        weighting: (B, H, N).
        shift_weighting: (B, H, S) with S odd and at most N; entry j is the weight of moving j - k slots on, so that
            with S = 3 the entries mean one slot back, stay, one slot on.

    Returns:
        (B, H, N).

    Raises:
        ValueError: if S is even or larger than N.
    """
    slots, shifts = weighting.shape[-1], shift_weighting.shape[-1]
    if shifts % 2 == 0 or shifts > slots:
        raise ValueError(f"the number of shifts must be odd and at most the {slots} slots, not {shifts}")
    reach = shifts // 2
    if reach == 0:
        return weighting * shift_weighting
    wrapped = torch.cat([weighting[..., -reach:], weighting, weighting[..., :reach]], dim=-1)
    # Row i of the windows holds slots i - k to i + k: what a shift of k to -k would bring to slot i.
    windows = wrapped.unfold(-1, shifts, 1)
    return (windows * shift_weighting.flip(-1).unsqueeze(-2)).sum(-1)


def sharpen(weighting: Tensor, sharpening: Tensor) -> Tensor:
    """Sharpening, equation 9: each weight to the power gamma, normalised again.

    Args:
        weighting: (B, H, N), non-negative, not all zero.
        sharpening: (B, H), gamma >= 1.

    Returns:
        (B, H, N), summing to 1 over the slots.
    """
    # Dividing by the largest weight keeps its power at 1 for any gamma, so the sum never vanishes. The result does
    # not depend on that divisor, hence no gradient passes through it.
    largest = weighting.detach().amax(-1, keepdim=True)
    powers = (weighting / largest).pow(sharpening.unsqueeze(-1))
    return powers / powers.sum(-1, keepdim=True)
