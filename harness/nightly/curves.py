"""How a night went, hour by hour: trades, and how long after their receipt they could be queried."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from harness.nightly.profile import HOURS
from harness.report import words
from harness.report.chart import Axis, Chart, Line, Number, Say

_ROLES: Final = ("first", "second", "third", "fourth")
_TICKS: Final = 6
Slices = Sequence[Mapping[str, Any]]


def slice_charts(slices: Slices, window_s: int) -> list[Chart]:
    """Throughput of each exchange, and the slowest percent and the slowest trade of each."""
    if not slices:
        return []
    width_s = max(window_s // HOURS, 1)
    starts = range(min(each["since_s"] for each in slices), max(each["since_s"] for each in slices) + 1, width_s)
    exchanges = sorted({each["exchange"] for each in slices})
    found = {(each["since_s"], each["exchange"]): each for each in slices}

    def line(label: str, exchange: str, value: Callable[[Mapping[str, Any]], Number], none: Number | None) -> Line:
        values = [value(found[at, exchange]) if (at, exchange) in found else none for at in starts]
        return Line(label, _ROLES[exchanges.index(exchange) % len(_ROLES)], values, stepped=none == 0)

    rate = [line(name, name, lambda each: each["trades"] / width_s, 0) for name in exchanges]
    p99 = [line(f"{name}, p99", name, lambda each: each["p99_us"] / 1000, None) for name in exchanges]
    slowest = [line(f"{name}, slowest", name, lambda each: each["max_us"] / 1000, None) for name in exchanges]
    return [
        _chart(
            "night-throughput",
            "Trades per second",
            starts,
            rate,
            ("trades per second", words.per_second, words.short_count),
        ),
        _chart("night-lag", "Lag: from received to queryable, p99", starts, p99, _LATENCY),
        _chart("night-slowest", "Lag of the slowest trade", starts, slowest, _LATENCY),
    ]


_LATENCY: Final = ("latency", words.milliseconds, words.short_milliseconds)


def _chart(name: str, title: str, starts: range, lines: list[Line], axis: tuple[str, Say, Say]) -> Chart:
    step = max(1, (len(starts) - 1) // _TICKS)
    x_axis = Axis(
        "from",
        lambda place: f"{datetime.fromtimestamp(starts[round(place)], UTC):%Y-%m-%d %H:%M} UTC",
        lambda place: f"{datetime.fromtimestamp(starts[round(place)], UTC):%H:%M}",
        list(range(0, len(starts), step)),
    )
    chart = Chart(name, title, "", list(range(len(starts))), x_axis, Axis(*axis), lines, group="hours")
    most = ", ".join(f"{each.label} {chart.peak(each)}" for each in lines)
    return Chart(name, title, f"At most: {most}.", chart.x, x_axis, chart.y_axis, lines, group="hours")
