"""Puts a page together: charts drawn, style and script inlined, nothing left to fetch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from harness.report.chart import Chart, said
from harness.report.drawing import INSET, PLOT, WIDTH, draw, limits
from harness.report.views import Tile

TEMPLATES: Final = Path(__file__).resolve().parent / "templates"
TABLE_ROWS: Final = 60
_ICON_COLOURS: Final = {"pass": "#17753a", "fail": "#b3261e", "warn": "#b57700"}


@dataclass(frozen=True, slots=True)
class Page:
    """What every report has: what it is of, the verdict with its figures, the sections, how to repeat it, files.

    mood: pass, warn or fail. sections: (anchor, name, whether something fails there).
    """

    title: str
    mood: str
    badge: str
    headline: str
    what: Sequence[tuple[str, str]]
    tiles: Sequence[Tile]
    sections: Sequence[tuple[str, str, bool]]
    command_says: str
    command: str
    links: Sequence[tuple[str, str]]
    footer: str

    @property
    def icon(self) -> str:
        """A dot in the colour of the verdict, so that one tab of many is found."""
        return quote(
            '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16">'
            f'<circle cx="8" cy="8" r="7" fill="{_ICON_COLOURS[self.mood]}"/></svg>'
        )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A chart, its SVG, the rows of its table, and what the script needs to read values off it."""

    chart: Chart
    svg: Markup
    rows: Sequence[Sequence[str]]
    data: dict[str, Any]
    at_first: str


def drawn(charts: Iterable[Chart]) -> list[Drawn]:
    """Draw charts for a page."""
    return [_drawn(chart) for chart in charts]


def render(template: str, page: Page, **sections: Any) -> str:
    """The page as HTML."""
    return (
        environment()
        .get_template(template)
        .render(page=page, style=_inlined("style.css"), script=_inlined("page.js"), **sections)
    )


def environment() -> Environment:
    """Jinja2 as used here: everything is escaped, and a name that is not there is an error."""
    return Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def _drawn(chart: Chart) -> Drawn:
    _, top, right, bottom = PLOT
    cursor = f'<line class="cursor" x1="{INSET}" x2="{INSET}" y1="{top}" y2="{bottom}"/></svg>'
    svg = Markup(draw(chart).removesuffix("</svg>") + cursor)  # noqa: S704  # drawn here; texts in it are escaped
    say = chart.y_axis.say
    data = {
        "x": [round(float(x), 6) for x in chart.x],
        "said": [chart.x_axis.say(x) for x in chart.x],
        "values": [[said(say, value) for value in line.values] for line in chart.lines],
        "labels": [line.label for line in chart.lines],
        "limits": list(limits(chart)),
        "group": chart.group,
        "left": INSET,
        "right": right,
        "width": WIDTH,
    }
    return Drawn(chart, svg, chart.rows(TABLE_ROWS), data, "highest")


def _inlined(name: str) -> Markup:
    return Markup((TEMPLATES / name).read_text(encoding="utf-8"))  # noqa: S704  # our own files
