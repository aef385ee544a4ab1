"""Charts: everything lies where its numbers say."""

import re
from xml.etree import ElementTree

import pytest

from ntm.ui.panels.charts import Mark, Series, draw_chart


def picture(**options: object) -> ElementTree.Element:
    drawn = draw_chart(x_label="size", y_label="wrong bits", **options)  # type: ignore[arg-type]
    return ElementTree.fromstring(re.search("<svg.*</svg>", drawn).group())  # type: ignore[union-attr]


def places(svg: ElementTree.Element, kind: str) -> list[tuple[float, float]]:
    line = svg.find(f"g[@class='{kind}']/polyline")
    assert line is not None
    return [tuple(map(float, point.split(","))) for point in line.attrib["points"].split()]  # type: ignore[misc]


def test_larger_is_higher_and_further_right_and_powers_of_ten_are_as_far_apart() -> None:
    svg = picture(series=[Series("a", [(1, 0), (10, 1), (100, 10), (1000, 100)], "ntm")], powers_of_x=True)
    (x0, y0), (x1, y1), (x2, y2), (x3, y3) = places(svg, "ntm")
    assert x1 - x0 == pytest.approx(x2 - x1, abs=0.2) == pytest.approx(x3 - x2, abs=0.2)
    assert y0 > y1 > y2 > y3
    assert y1 - y2 == pytest.approx(y2 - y3, abs=0.2)


def test_below_one_it_is_linear_so_that_nothing_wrong_has_a_place() -> None:
    svg = picture(series=[Series("a", [(0, 0), (1, 0.5), (2, 1)], "ntm")])
    (_, low), (_, middle), (_, high) = places(svg, "ntm")
    assert low - middle == pytest.approx(middle - high, abs=0.2)


@pytest.mark.parametrize("at", [(5, 3), (500, 4000)])
def test_the_mark_lies_on_the_chart_wherever_the_visitor_is(at: tuple[float, float]) -> None:
    svg = picture(
        series=[Series("a", [(1, 0), (20, 3)], "ntm")], mark=Mark(*at, "here"), shaded=(1, 20), powers_of_x=True
    )
    mark = svg.find("circle[@class='mark']")
    assert mark is not None
    _, _, width, height = map(float, svg.attrib["viewBox"].split())
    assert 0 < float(mark.attrib["cx"]) < width
    assert 0 < float(mark.attrib["cy"]) < height


def test_one_point_and_text_with_markup_are_drawn() -> None:
    drawn = draw_chart([Series("<b>", [(200, 127.6)], "ntm")], x_label="<i>", y_label='"', mark=Mark(200, 130, "&"))
    ElementTree.fromstring(drawn)
    assert "<b>" not in drawn
    assert "<i>" not in drawn
