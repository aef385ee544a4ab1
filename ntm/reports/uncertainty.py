"""How sure a measured number is: intervals, a bound where nothing went wrong, and a test of significance.

All intervals and bounds are at the level of 95 %.
"""

import math
from collections.abc import Sequence
from itertools import zip_longest
from statistics import NormalDist, stdev

_Z = NormalDist().inv_cdf(0.975)


def margin(values: Sequence[float]) -> float:
    """Half the interval of a mean, from the standard error of the values it is of; 0 for a single value."""
    return _Z * stdev(values) / math.sqrt(len(values)) if len(values) > 1 else 0.0


def pooled_margin(margins: Sequence[float], counts: Sequence[int]) -> float:
    """Half the interval of the mean of several groups, each drawn by itself.

    Args:
        margins: half the interval of each group's mean.
        counts: how many values are in each group.
    """
    return math.hypot(*(margin * count for margin, count in zip(margins, counts, strict=True))) / sum(counts)


def wilson(found: int, tried: int) -> tuple[float, float]:
    """The interval of a rate (Wilson 1927, Journal of the American Statistical Association 22:209).

    Args:
        found: how often it happened.
        tried: how often it could have, at least once.
    """
    rate, doubt = found / tried, _Z**2 / tried
    centre = (rate + doubt / 2) / (1 + doubt)
    half = math.sqrt(rate * (1 - rate) * doubt + doubt**2 / 4) / (1 + doubt)
    return max(0.0, centre - half), min(1.0, centre + half)


def bound_of_none(tried: int) -> float:
    """The rate that lies above that of what never happened in so many tries, the rule of three.

    It is a little above 1 - 0.05^(1 / tried), the exact bound.
    """
    return min(1.0, 3 / tried)


def mann_whitney(first: Sequence[float], second: Sequence[float]) -> float:
    """How often groups that do not differ would differ as much (Mann and Whitney 1947), from two sides.

    It is exact: of all ways to share the values out, the share in which the first group's sum of ranks is as far from
    its mean. Equal values have the mean of their ranks, so runs that never got there can all count as the last.

    Args:
        first: values of one group, few enough to count through.
        second: values of the other.
    """
    pooled = sorted([*first, *second])
    # Twice the rank, from 0, so that the mean of two ranks is a whole number.
    ranks = {value: 2 * pooled.index(value) + pooled.count(value) - 1 for value in pooled}
    ways = [[1], *([] for _ in first)]
    for value in pooled:
        for chosen in range(len(first), 0, -1):
            ways[chosen] = _add(ways[chosen], ways[chosen - 1], ranks[value])
    middle, seen = len(first) * (len(pooled) - 1), sum(ranks[value] for value in first)
    as_far = sum(count for total, count in enumerate(ways[-1]) if abs(total - middle) >= abs(seen - middle))
    return as_far / math.comb(len(pooled), len(first))


def _add(ways: list[int], fewer: list[int], rank: int) -> list[int]:
    """Ways to reach each sum, without a value and with it."""
    moved = [0] * rank + fewer if fewer else []
    return [sum(pair) for pair in zip_longest(ways, moved, fillvalue=0)]
