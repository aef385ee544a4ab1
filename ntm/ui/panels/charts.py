"""Small charts for the page, as SVG.

They are drawn anew with every run, take their colours from the page's theme as it changes, and need no lock. A chart
takes half a millisecond and 4 kB here; Matplotlib, which draws what is drawn once (`ntm.reports.figures`), takes 200 ms
and 30 kB for the same one.
"""

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_WIDTH, _HEIGHT = 480, 230
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 22, 12, 44
_MOST_TICKS = 6


class Series(NamedTuple):
    """A line of a chart."""

    name: str
    points: Sequence[tuple[float, float]]
    kind: str
    """its class in the page's stylesheet, for its colour"""
    dots: bool = True


class Mark(NamedTuple):
    """Where the visitor is."""

    x: float
    y: float
    name: str


class _Scale(NamedTuple):
    """From a number to a place: linear up to the threshold, by powers of ten beyond it."""

    low: float
    high: float
    start: float
    end: float
    threshold: float

    def bend(self, value: float) -> float:
        if value <= self.threshold:
            return value / self.threshold
        return 1 + math.log10(value / self.threshold)

    def __call__(self, value: float) -> float:
        low, high = self.bend(self.low), self.bend(self.high)
        share = (self.bend(min(max(value, self.low), self.high)) - low) / (high - low)
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.high <= self.threshold:
            step = _round_step((self.high - self.low) / _MOST_TICKS)
            return [tick * step for tick in range(math.ceil(self.low / step), math.floor(self.high / step) + 1)]
        powers = [10.0**power for power in range(math.floor(math.log10(self.high)) + 1)]
        fine = [factor * power for power in powers for factor in (1, 2, 5)]
        found = [tick for tick in (fine if len(powers) < 3 else powers) if self.low <= tick <= self.high]
        return [0.0, *found] if self.low <= 0 else found


def draw_chart(
    series: Sequence[Series],
    *,
    x_label: str,
    y_label: str,
    shaded: tuple[float, float] | None = None,
    powers_of_x: bool = False,
    mark: Mark | None = None,
) -> str:
    """A chart with a legend; the vertical axis is linear up to 1 and goes by powers of ten from there.

    Args:
        series: the lines, at least one, with at least one point in all.
        x_label: what runs to the right.
        y_label: what runs up.
        shaded: a stretch of x that is set off, named "trained on" in the legend.
        powers_of_x: whether x goes by powers of ten too.
        mark: the point that stands out; it is moved to the chart's edge where it lies outside.
    """
    across, up = _scales(series, shaded, powers_of_x, mark)
    parts = [
        "" if shaded is None else _stretch(shaded, across, up),
        _axes(across, up, x_label, y_label),
        *(_line(each, across, up) for each in series),
        "" if mark is None else f'<circle class="mark" cx="{across(mark.x):.1f}" cy="{up(mark.y):.1f}" r="6"/>',
    ]
    label = escape(f"{y_label} against {x_label}: {', '.join(each.name for each in series)}", quote=True)
    picture = f'<svg viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" aria-label="{label}">{"".join(parts)}</svg>'
    return f'<div class="chart">{picture}{_legend(series, shaded, mark)}</div>'


def _scales(
    series: Sequence[Series], shaded: tuple[float, float] | None, powers_of_x: bool, mark: Mark | None
) -> tuple[_Scale, _Scale]:
    """The horizontal and the vertical one, which hold all that is drawn."""
    points = [point for each in series for point in each.points]
    points += [(mark.x, mark.y)] if mark else []
    points += [(each, 0) for each in shaded or ()]
    low, high = min(x for x, _ in points), max(x for x, _ in points)
    high = max(high, low + 1)
    across = _Scale(low, high, _LEFT, _WIDTH - _RIGHT, 1e-9 if powers_of_x else max(high, 1))
    return across, _Scale(0, max(1.2, 1.3 * max(y for _, y in points)), _HEIGHT - _BOTTOM, _TOP, 1)


def _stretch(shaded: tuple[float, float], across: _Scale, up: _Scale) -> str:
    left, right = across(shaded[0]) - 2, across(shaded[1]) + 2
    return f'<rect class="shaded" x="{left:.1f}" y="{_TOP}" width="{right - left:.1f}" height="{up(0) - _TOP}"/>'


def _legend(series: Sequence[Series], shaded: tuple[float, float] | None, mark: Mark | None) -> str:
    names = [(each.kind, each.name) for each in series]
    names += [("shaded", "trained on")] if shaded else []
    names += [("mark", mark.name)] if mark else []
    spans = (f'<span><i class="{kind}"></i>{escape(name)}</span>' for kind, name in names)
    return f'<p class="names">{"".join(spans)}</p>'


def _axes(across: _Scale, up: _Scale, x_label: str, y_label: str) -> str:
    lines = "".join(
        f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{up(tick):.1f}" y2="{up(tick):.1f}"/>'
        f'<text x="{_LEFT - 6}" y="{up(tick) + 4:.1f}" text-anchor="end">{_number(tick)}</text>'
        for tick in up.ticks()
    )
    below = _HEIGHT - _BOTTOM + 16
    numbers = "".join(
        f'<text x="{across(tick):.1f}" y="{below}" text-anchor="middle">{_number(tick)}</text>'
        for tick in across.ticks()
    )
    titles = (
        f'<text x="{(_LEFT + _WIDTH - _RIGHT) / 2}" y="{_HEIGHT - 8}" text-anchor="middle">{escape(x_label)}</text>'
        f'<text transform="translate(12 {(_TOP + _HEIGHT - _BOTTOM) / 2}) rotate(-90)" text-anchor="middle">'
        f"{escape(y_label)}</text>"
    )
    return f'<g class="axes">{lines}{numbers}{titles}</g>'


def _line(series: Series, across: _Scale, up: _Scale) -> str:
    places = [(across(x), up(y)) for x, y in series.points]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in places) if series.dots else ""
    return f'<g class="{series.kind}"><polyline points="{path}"/>{dots}</g>'


def _number(value: float) -> str:
    return f"{value / 1000:g}k" if value >= 10_000 else f"{value:,g}"


def _round_step(step: float) -> float:
    power = 10.0 ** math.floor(math.log10(step))
    return next(power * factor for factor in (1, 2, 5, 10) if power * factor >= step)
