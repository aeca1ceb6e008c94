"""Charts as SVG that belongs into a page: marks, names, colours of the page's own."""

import re
from collections.abc import Sequence
from itertools import pairwise
from xml.etree import ElementTree

from harness.report import words
from harness.report.chart import Axis, Band, Chart, Line, Number
from harness.report.drawing import INSET, PLOT, ROLES, draw, limits

X_AXIS = Axis("since start", words.seconds, words.seconds)
Y_AXIS = Axis("rows", words.count, words.short_count, whole=True)


def chart(
    *lines: Line, x: Sequence[Number] = (0, 1, 2, 3), band: Band | None = None, logarithmic: bool = False
) -> Chart:
    return Chart("made", "Made <up>", "Says & tells.", x, X_AXIS, Y_AXIS, lines, band=band, logarithmic=logarithmic)


def path_of(svg: str, name: str) -> list[tuple[float, float]]:
    """The points of the mark with this id."""
    found = re.search(rf'id="{name}">\s*(?:<defs>.*?</defs>\s*)?<path d="([^"]*)"', svg, re.DOTALL)
    assert found, svg
    return [(float(x), float(y)) for x, y in re.findall(r"([\d.]+) ([\d.]+)", found[1])]


def test_a_line_runs_through_its_values_within_the_plot() -> None:
    points = path_of(draw(chart(Line("a", "sent", [0, 5, 10, 5]))), "made-line-0")
    assert [round(x) for x, _ in points] == [INSET, 204, 358, PLOT[2]]
    heights = [PLOT[3] - y for _, y in points]
    assert heights[0] == 0
    assert round(heights[1] / heights[2], 3) == 0.5
    assert points[1][1] == points[3][1]


def test_an_unknown_value_leaves_a_hole() -> None:
    svg = draw(chart(Line("a", "sent", [1, None, 3, 4])))
    assert len(path_of(svg, "made-line-0")) == 3
    assert svg.count("M ") >= 2


def test_it_is_well_formed_and_what_it_refers_to_is_in_it() -> None:
    dots = Line("b", "bad", [None, None, None, 4], dotted=True)
    svg = draw(chart(Line("a", "sent", [1, 2, 3, 4]), dots, band=Band("usual", [0, 0, 1, 1], [2, 3, 4, 5])))
    root = ElementTree.fromstring(svg)  # noqa: S314  # our own
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert "clip-path" not in svg
    assert len(ids) == len(set(ids))
    assert all(str(name).startswith("made-") for name in ids)
    referred = set(re.findall(r'(?:href="|url\()#([^")]*)', svg))
    assert referred
    assert referred <= set(ids)
    assert root.findtext("title") == "Made <up>"
    assert root.findtext("desc") == "Says & tells."


def test_its_only_colours_are_the_pages_own() -> None:
    svg = draw(chart(*(Line(role, role, [1, 2, 3, 4]) for role in ROLES)))
    assert set(re.findall(r"var\(--([a-z]+)\)", svg)) == set(ROLES)
    assert re.search(r"#[0-9a-f]{6}", svg) is None
    assert "font-family" not in svg


def test_one_place_and_no_difference_are_no_error() -> None:
    assert limits(chart(Line("a", "sent", [7]), x=[5])) == (4.5, 5.5)
    assert "made-line-0" in draw(chart(Line("a", "sent", [7]), x=[5]))
    assert "made-line-0" in draw(chart(Line("a", "sent", [0, 0, 0, 0])))


def test_a_wide_range_is_drawn_by_magnitude() -> None:
    points = path_of(draw(chart(Line("a", "sent", [1, 10, 100, 1000]), logarithmic=True)), "made-line-0")
    steps = [a[1] - b[1] for a, b in pairwise(points)]
    assert max(steps) - min(steps) < 0.01


def test_a_chart_without_a_value_is_known_as_empty() -> None:
    assert chart(Line("a", "sent", [None] * 4)).is_empty
    assert not chart(Line("a", "sent", [None, 0, None, None])).is_empty
