"""A chart as a value: what is drawn, what a screen reader says, and the table of its numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

Number = int | float
Say = Callable[[Number], str]
"""Writes a number with its unit."""


@dataclass(frozen=True, slots=True)
class Line:
    """One line or row of dots; role: names its colour (see templates/style.css). A value that is not known is None."""

    label: str
    role: str
    values: Sequence[Number | None]
    dashed: bool = False
    stepped: bool = False
    dotted: bool = False


@dataclass(frozen=True, slots=True)
class Band:
    """What is usual: between two lines."""

    label: str
    low: Sequence[Number | None]
    high: Sequence[Number | None]


@dataclass(frozen=True, slots=True)
class Axis:
    """What a chart's x or y means: say writes a value in full, tick as short as an axis wants it.

    ticks: where the axis has its marks; empty lets the drawing choose. whole: whether only whole numbers occur.
    """

    title: str
    say: Say
    tick: Say
    ticks: Sequence[Number] = ()
    whole: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """name: its id in the page. says: the one sentence that a reader should take away.

    group: charts of one group share their x, and so a place marked in one is marked in all. logarithmic: the y axis.
    """

    name: str
    title: str
    says: str
    x: Sequence[Number]
    x_axis: Axis
    y_axis: Axis
    lines: Sequence[Line]
    band: Band | None = None
    group: str = ""
    logarithmic: bool = False

    @property
    def header(self) -> list[str]:
        """The columns of its table."""
        return [self.x_axis.title, *(line.label for line in self.lines), *([self.band.label] if self.band else [])]

    def rows(self, most: int) -> list[list[str]]:
        """At most so many rows of its table, evenly chosen, the last one among them."""
        return [self._row(place) for place in thinned(len(self.x), most)]

    def _row(self, place: int) -> list[str]:
        cells = [self.x_axis.say(self.x[place])]
        cells += [said(self.y_axis.say, line.values[place]) for line in self.lines]
        if self.band:
            low, high = (said(self.y_axis.say, edge[place]) for edge in (self.band.low, self.band.high))
            cells.append(f"{low} to {high}" if low != high else low)
        return cells

    def peak(self, line: Line) -> str:
        """The highest value of a line."""
        return said(self.y_axis.say, max((value for value in line.values if value is not None), default=None))

    @property
    def is_empty(self) -> bool:
        """Whether no line has a value."""
        return all(value is None for line in self.lines for value in line.values)


def said(say: Say, value: Number | None) -> str:
    """A value, or a dash where there is none."""
    return MISSING if value is None else say(value)


def thinned(length: int, most: int) -> list[int]:
    """At most so many places of a sequence, evenly spread, from its first to its last."""
    if length <= most:
        return list(range(length))
    return [round(number * (length - 1) / (most - 1)) for number in range(most)]


MISSING: Final = "–"  # noqa: RUF001  # a dash as wide as a digit
