"""Draws charts by matplotlib, as SVG that takes its colours from the page.

The page has one style for light and for dark, so a chart is drawn in colours that stand for roles, and get their names
back in the text of the SVG. Marks carry ids, `<chart>-line-<number>`; text stays text.
"""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from html import escape
from typing import Any, Final

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, LogLocator, MaxNLocator, NullLocator

from harness.report.chart import Chart, Line, Number

# In units of the SVG, which are pixels on a desktop; a phone shows two thirds of that, with larger letters (style.css).
WIDTH: Final = 520
HEIGHT: Final = 230
PLOT: Final = (2, 16, 512, 196)  # left, top, right, bottom
INSET: Final = 50  # the lines begin here, right of the labels of the y axis
ROLES: Final = (
    *("sent", "bronze", "silver", "gold", "bad"),  # what a line is about
    *("first", "second", "third", "fourth"),  # lines that only differ
    *("grid", "text", "band"),
)
_POINTS: Final = 72.0
_STYLE: Final[dict[Any, Any]] = {"svg.fonttype": "none", "font.size": 12, "path.simplify": True, "svg.hashsalt": "k2"}
_COLOURS: Final = {role: f"#0101{number:02x}" for number, role in enumerate(ROLES)}
_LEFT_OUT: Final = re.compile(r"^.*?(?=<svg)|<metadata>.*?</metadata>|<defs>\s*<style.*?</defs>|<!--.*?-->", re.DOTALL)
_TEXT_STYLE: Final = re.compile(r'<text style="([^"]*)"')
_REFERENCE: Final = re.compile(r'xlink:href="#([^"]*)"')
_ID: Final = re.compile(r' id="([^"]*)"')
_ANCHOR: Final = re.compile(r"text-anchor: (\w+)")


def draw(chart: Chart) -> str:
    """The chart as an <svg> element, with a title and a description."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(WIDTH / _POINTS, HEIGHT / _POINTS))
        FigureCanvasSVG(figure)
        left, top, right, bottom = PLOT
        axes = figure.add_axes(
            (left / WIDTH, 1 - bottom / HEIGHT, (right - left) / WIDTH, (bottom - top) / HEIGHT),
            gid=f"{chart.name}-plot",
        )
        figure.patch.set_visible(False)
        _plot(axes, chart)
        _scale(axes, chart)
        out = io.StringIO()
        figure.savefig(out, format="svg")
    return _for_the_page(out.getvalue(), chart)


def limits(chart: Chart) -> tuple[float, float]:
    """The x at INSET and the x at the right edge of the plot."""
    first, last = float(min(chart.x)), float(max(chart.x))
    return (first, last) if first < last else (first - 0.5, last + 0.5)


def _plot(axes: Axes, chart: Chart) -> None:
    if chart.band:
        axes.fill_between(
            chart.x,
            _known(chart.band.low),
            _known(chart.band.high),
            color=_COLOURS["band"],
            linewidth=0,
            clip_on=False,
            gid=f"{chart.name}-band",
        )
    for number, line in enumerate(chart.lines):
        axes.plot(
            chart.x,
            _known(line.values),
            color=_COLOURS[line.role],
            linewidth=0 if line.dotted else 1.8,
            linestyle=(0, (4, 2.5)) if line.dashed else "-",
            drawstyle="steps-post" if line.stepped else "default",
            marker="o" if line.dotted or _is_sparse(line) else "",
            markersize=6 if line.dotted else 4,
            markeredgewidth=0,
            solid_joinstyle="round",
            clip_on=False,
            gid=f"{chart.name}-line-{number}",
        )


def _scale(axes: Axes, chart: Chart) -> None:
    first, last = limits(chart)
    axes.set_xlim(first - (last - first) * (INSET - PLOT[0]) / (PLOT[2] - INSET), last)
    highest = max((value for values in _all_values(chart) for value in values if value is not None), default=0)
    if chart.logarithmic:
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(numticks=6))
    else:
        axes.set_ylim(0, float(highest) * 1.04 or 1.0)
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=chart.y_axis.whole, steps=[1, 2, 2.5, 5, 10]))
    axes.yaxis.set_minor_locator(NullLocator())
    ticks = chart.x_axis.ticks or [tick for tick in MaxNLocator(5).tick_values(first, last) if first <= tick <= last]
    axes.xaxis.set_major_locator(FixedLocator(list(ticks)))
    axes.xaxis.set_minor_locator(NullLocator())
    # Zero is where the axis is, and needs no name.
    y_tick = chart.y_axis.tick if chart.logarithmic else lambda value: chart.y_axis.tick(value) if value else ""
    for axis, tick in ((axes.xaxis, chart.x_axis.tick), (axes.yaxis, y_tick)):
        axis.set_major_formatter(FuncFormatter(lambda value, _, tick=tick: tick(value)))
    axes.tick_params(length=0, colors=_COLOURS["text"])
    axes.tick_params(axis="x", pad=5)
    axes.grid(axis="y", color=_COLOURS["grid"], linewidth=1, clip_on=False)
    axes.set_axisbelow(True)
    axes.patch.set_visible(False)
    for side in ("left", "right", "top"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(_COLOURS["text"])
    _place_labels(axes, last, (last - first) * 0.05)


def _place_labels(axes: Axes, last: float, near: float) -> None:
    """On top of the grid lines and within the plot: then letters of any size have room."""
    for label in axes.get_yticklabels():
        label.set_horizontalalignment("left")
        label.set_verticalalignment("bottom")
    axes.tick_params(axis="y", pad=0)
    for tick, label in zip(axes.get_xticks(), axes.get_xticklabels(), strict=True):
        if last - tick < near:
            label.set_horizontalalignment("right")


def _for_the_page(svg: str, chart: Chart) -> str:
    text = _LEFT_OUT.sub("", svg)
    text = text[text.index(">", text.index("<svg")) + 1 :]
    for role, colour in _COLOURS.items():
        text = text.replace(colour, f"var(--{role})")
    text = _TEXT_STYLE.sub(_text_style, text)
    text = _own_names(text, chart.name)
    text = re.sub(r"\s*\n\s*", "\n", text)
    name = chart.name
    return (
        f'<svg id="{name}-svg" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-labelledby="{name}-title {name}-desc">'
        f'<title id="{name}-title">{escape(chart.title)}</title><desc id="{name}-desc">{escape(chart.says)}</desc>'
        f"{text.strip()}"
    )


def _own_names(text: str, name: str) -> str:
    """Ids that are referred to carry the chart's name; others that matplotlib gives would stand in the page often."""
    referred = set(_REFERENCE.findall(text))
    text = _REFERENCE.sub(rf'href="#{name}-\1"', text)

    def named(found: re.Match[str]) -> str:
        if found[1] in referred:
            return f' id="{name}-{found[1]}"'
        return found[0] if found[1].startswith(f"{name}-") else ""

    return _ID.sub(named, text)


def _text_style(found: re.Match[str]) -> str:
    anchor = _ANCHOR.search(found[1])
    return f'<text text-anchor="{anchor[1]}"' if anchor else "<text"


def _is_sparse(line: Line) -> bool:
    """A value between two unknown ones is a line without length."""
    known = [value is not None for value in line.values]
    return sum(known) <= 2


def _known(values: Sequence[Number | None]) -> list[float]:
    return [float("nan") if value is None else float(value) for value in values]


def _all_values(chart: Chart) -> list[Sequence[Number | None]]:
    return [*(line.values for line in chart.lines), *([chart.band.high] if chart.band else [])]
