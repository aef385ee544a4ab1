"""Intervals, bounds and the test of significance, against published values and against counting by hand."""

from itertools import combinations
from math import comb
from statistics import NormalDist

import pytest
import torch

from ntm.reports import uncertainty


@pytest.mark.parametrize(
    ("found", "tried", "expected"),
    [
        # Newcombe 1998, Statistics in Medicine 17:857, table I, method 3.
        (81, 263, (0.2553, 0.3662)),
        (15, 148, (0.0624, 0.1605)),
        (0, 20, (0.0, 0.1611)),
        (1, 29, (0.0061, 0.1718)),
        (10, 10, (0.7225, 1.0)),
    ],
)
def test_the_interval_of_a_rate_is_wilsons(found: int, tried: int, expected: tuple[float, float]) -> None:
    assert uncertainty.wilson(found, tried) == pytest.approx(expected, abs=5e-5)


@pytest.mark.parametrize("tried", [1, 2, 10, 100, 10_000])
def test_the_bound_of_none_holds_and_wastes_little(tried: int) -> None:
    exact = 1 - 0.05 ** (1 / tried)
    bound = uncertainty.bound_of_none(tried)
    assert exact <= bound <= 1
    assert tried < 10 or bound < 1.2 * exact


def test_the_interval_of_a_mean_holds_what_it_should_19_times_in_20() -> None:
    generator = torch.Generator().manual_seed(0)
    values = torch.rand(2_000, 60, generator=generator, dtype=torch.float64)
    held = sum(abs(sum(row) / 60 - 0.5) <= uncertainty.margin(row) for row in values.tolist())
    low, high = uncertainty.wilson(held, 2_000)
    assert low - 0.005 < 0.95 < high + 0.005
    assert uncertainty.margin([3.0]) == 0


def test_groups_are_pooled_as_if_each_were_drawn_by_itself() -> None:
    z = NormalDist().inv_cdf(0.975)
    first, second = [0.0, 1.0, 2.0, 5.0], [10.0, 10.0, 13.0]
    margins = [uncertainty.margin(first), uncertainty.margin(second)]
    # The mean of all is (4 a + 3 b) / 7 of the groups' means a and b.
    variance = (4 / 7) ** 2 * (margins[0] / z) ** 2 + (3 / 7) ** 2 * (margins[1] / z) ** 2
    assert uncertainty.pooled_margin(margins, [4, 3]) == pytest.approx(z * variance**0.5)
    assert uncertainty.pooled_margin([0.5], [9]) == 0.5


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        # The example of SciPy's mannwhitneyu, whose exact p it gives as well.
        ([19, 22, 16, 29, 24], [20, 11, 17, 12], 1 / 9),
        ([1, 2, 3], [4, 5, 6], 0.1),
        ([1, 2, 3, 4, 5], [1, 2, 3, 4, 5], 1.0),
        (list(range(10)), list(range(10, 20)), 2 / comb(20, 10)),
    ],
)
def test_significance_is_that_of_known_examples(first: list[float], second: list[float], expected: float) -> None:
    assert uncertainty.mann_whitney(first, second) == pytest.approx(expected)
    assert uncertainty.mann_whitney(second, first) == pytest.approx(expected)


def test_significance_with_equal_values_is_that_of_counting_through() -> None:
    first, second = [1.0, 3.0, 9.0, 9.0], [2.0, 3.0, 9.0, 9.0, 9.0]
    pooled = first + second

    def rank(value: float) -> float:
        return sum(other < value for other in pooled) + (1 + pooled.count(value)) / 2

    def distance(group: tuple[int, ...]) -> float:
        return abs(sum(rank(pooled[index]) for index in group) - 4 * 10 / 2)

    ways = [distance(group) for group in combinations(range(9), 4)]
    expected = sum(way >= distance((0, 1, 2, 3)) for way in ways) / len(ways)
    assert uncertainty.mann_whitney(first, second) == pytest.approx(expected)
