"""Which charts the series of a run make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final

from harness.report import words
from harness.report.chart import Axis, Chart, Line, Number, said
from harness.report.resources import resource_charts

TIME: Final = "time"
_SILVER: Final = "silver"
_CANDLES: Final = "ohlcv_1m"
_LAYERS: Final = {"bronze": ("bronze", "bronze"), _SILVER: ("silver", "silver"), _CANDLES: ("1m candles", "gold")}
_STAGES: Final = {
    "send": ("sent", "sent"),
    "broker": ("acknowledged", "third"),
    **_LAYERS,
    "bronze_to_silver": ("bronze to silver", "fourth"),
}
_WINDOWS: Final = {
    "ohlcv_1s": ("1s candles", "first"),
    _CANDLES: ("1m candles", "gold"),
    "ohlcv_5m": ("5m candles", "second"),
    "ohlcv_15m": ("15m candles", "third"),
    "ohlcv_30m": ("30m candles", "fourth"),
    "ohlcv_1h": ("1h candles", "silver"),
    "ohlcv_1d": ("1d candles", "bronze"),
}
_TABLES: Final = {"bronze_": ("bronze", "bronze"), "silver_": ("silver", "silver"), "ohlcv_": ("gold", "gold")}
_CATEGORIES: Final = ("first", "second", "third", "fourth")
_SHORT_RUN_S: Final = 20
_POINTS_OF_SHORT_RUN: Final = 25
_POINTS: Final = 60
_TIME: Final = Axis("since start", words.seconds, words.seconds)
_LATENCY: Final = Axis("latency", words.milliseconds, words.short_milliseconds)
_PERCENTS: Final = (50.0, 90.0, 99.0, 99.9, 99.99, 99.999)
_WIDE_RANGE: Final = 30


def charts_of(series: Mapping[str, Any]) -> dict[str, list[Chart]]:
    """The charts by the section they belong to; one without a value is left out."""
    sections = {
        "latency": [*_stages(series), *_windows(series), *_latency_over_time(series), *_freshness(series)],
        "flow": [*_throughput(series), *_waiting(series), *_lag(series), *_parts(series), *_resources(series)],
    }
    return {name: [chart for chart in charts if not chart.is_empty] for name, charts in sections.items()}


def _stages(series: Mapping[str, Any]) -> list[Chart]:
    silver = series["layers"].get(_SILVER, {}).get("latency_us", {"n": 0, "curve": []})
    known = _curve(silver)
    says = "Too few trades for a percentile."
    if known:
        last = max((percent for percent in _PERCENTS if percent in known), default=max(known))
        says = (
            f"Of {silver['n']:,} trades half were in silver within {_said_us(known.get(50.0))}, "
            f"{words.percent(last)} within {_said_us(known[last])}, all within {_said_us(silver['max'])}."
        )
    return _by_percentile(series, "latency-curve", "Latency by percentile, to each stage", says, _STAGES)


def _windows(series: Mapping[str, Any]) -> list[Chart]:
    found = {name: series["layers"][name]["latency_us"] for name in _WINDOWS if name in series["layers"]}
    slowest = max(found, key=lambda name: found[name]["max"], default="")
    if not slowest:
        return []
    says = (
        f"From when a trade was due to the first state of its candle that has it. The slowest waited "
        f"{_said_us(found[slowest]['max'])}, for {_WINDOWS[slowest][0]}."
    )
    return _by_percentile(series, "latency-candles", "Latency by percentile, to each candle", says, _WINDOWS)


def _by_percentile(
    series: Mapping[str, Any], name: str, title: str, says: str, stages: Mapping[str, tuple[str, str]]
) -> list[Chart]:
    """One line for each of the stages that was measured, with its n."""
    found = {stage: series["layers"][stage]["latency_us"] for stage in stages if stage in series["layers"]}
    curves = {stage: _curve(latency) for stage, latency in found.items()}
    percents = sorted({percent for curve in curves.values() for percent in curve})
    if not percents:
        return []
    lines = [
        Line(
            f"{stages[stage][0]}, n = {found[stage]['n']:,}",
            stages[stage][1],
            [_ms(curve.get(percent)) for percent in percents],
        )
        for stage, curve in curves.items()
    ]
    lows = [value for line in lines for value in line.values if value]
    ticks = [_nines(percent) for percent in _PERCENTS if percent <= percents[-1]]
    axis = Axis(
        "percentile", lambda nines: words.percent(_percent(nines)), lambda nines: words.percent(_percent(nines)), ticks
    )
    wide = bool(lows) and max(lows) > _WIDE_RANGE * min(lows)
    x = [_nines(percent) for percent in percents]
    return [Chart(name, title, says, x, axis, _LATENCY, lines, logarithmic=wide)]


def _curve(latency: Mapping[str, Any]) -> dict[float, int]:
    return {percent: us for percent, us in latency["curve"] if percent < 100}


def _latency_over_time(series: Mapping[str, Any]) -> list[Chart]:
    if _SILVER not in series["layers"]:
        return []
    found = series["layers"][_SILVER]["latency_over_time_us"]
    if not found["bucket"]:
        return []
    step_s = series["bucket_us"] / 1e6
    x = [bucket * step_s for bucket in found["bucket"]]
    lines = [
        Line("p50", "silver", [_ms(us) for us in found["p50"]]),
        Line("p99", "silver", [_ms(us) for us in found["p99"]], dashed=True),
        Line("max", "bad", [_ms(us) for us in found["max"]]),
    ]
    worst = max(range(len(x)), key=lambda place: found["max"][place])
    says = (
        f"The slowest trade took {_said_us(found['max'][worst])} and was due {words.seconds(x[worst])} after the start."
    )
    title = "Latency to silver, by when a trade was due"
    return [Chart("latency-time", title, says, x, _TIME, _LATENCY, lines, group=TIME)]


def _freshness(series: Mapping[str, Any]) -> list[Chart]:
    known = {name: layer for name, layer in series["layers"].items() if name in _LAYERS}
    x = _bucket_ends_s(series)
    if not known or not x:
        return []
    lines = [Line(*_LAYERS[name], values=[_ms(us) for us in layer["age_us"]]) for name, layer in known.items()]
    behind = {line.label: max((value for value in line.values if value is not None), default=0) for line in lines}
    most = ", ".join(f"{label} {words.milliseconds(value)}" for label, value in behind.items())
    says = f"How long the oldest row that was still missing had been due. At most: {most}."
    return [Chart("freshness", "Freshness: how far behind", says, x, _TIME, _LATENCY, lines, group=TIME)]


def _throughput(series: Mapping[str, Any]) -> list[Chart]:
    sent: Sequence[int] = series["sent"]["trades"]
    together = _coarser(series["bucket_us"], len(sent))
    width_s = series["bucket_us"] * together / 1e6
    lines = [Line("sent", "sent", _rates(sent, together, width_s), stepped=True)]
    for name in ("bronze", _SILVER):
        if name in series["layers"]:
            rates = _rates(series["layers"][name]["arrived"], together, width_s)
            lines.append(Line(*_LAYERS[name], values=rates, stepped=True))
    x = [number * width_s for number in range(len(lines[0].values))]
    axis = Axis("trades per second", words.per_second, words.short_count)
    chart = Chart(
        "throughput",
        f"Throughput, trades per second over {words.seconds(width_s)}",
        "",
        x,
        _TIME,
        axis,
        lines,
        group=TIME,
    )
    says = f"At most {chart.peak(lines[0])} were sent" + "".join(
        f"{' and' if line is lines[-1] else ','} {chart.peak(line)} reached {line.label}" for line in lines[1:]
    )
    return [_saying(chart, f"{says}.")]


def _waiting(series: Mapping[str, Any]) -> list[Chart]:
    known = {name: series["layers"][name] for name in ("bronze", _SILVER) if name in series["layers"]}
    if not known:
        return []
    lines = [Line(*_LAYERS[name], values=layer["waiting"]) for name, layer in known.items()]
    axis = Axis("trades waiting", words.count, words.short_count, whole=True)
    chart = Chart(
        "waiting", "Trades due and not yet written", "", _bucket_ends_s(series), _TIME, axis, lines, group=TIME
    )
    most = ", ".join(f"{chart.peak(line)} for {line.label}" for line in lines)
    return [_saying(chart, f"At most {most}: what a reader of the warehouse did not see yet.")]


def _lag(series: Mapping[str, Any]) -> list[Chart]:
    sampled = series["sampled"]
    x = [t_ms / 1000 for t_ms in sampled["t_ms"]]
    if not x:
        return []
    lines = [
        Line(topic.rsplit(".", 1)[1], _CATEGORIES[number % len(_CATEGORIES)], messages)
        for number, (topic, messages) in enumerate(sampled["lag_messages"].items())
    ]
    total = [sum(row) for row in zip(*(line.values for line in lines), strict=True)]
    left = total[-1]
    says = (
        f"At most {max(total):,} messages behind; {f'{left:,} at the last look' if left else 'none at the last look'}."
    )
    axis = Axis("messages behind", words.count, words.short_count, whole=True)
    return [Chart("lag", "Consumer lag, by topic", says, x, _TIME, axis, lines, group=TIME)]


def _parts(series: Mapping[str, Any]) -> list[Chart]:
    sampled = series["sampled"]
    x = [t_ms / 1000 for t_ms in sampled["t_ms"]]
    tables: Mapping[str, Sequence[int]] = sampled["parts"]
    if not x or not tables:
        return []
    lines = []
    for prefix, (label, role) in _TABLES.items():
        members = [counts for table, counts in tables.items() if table.startswith(prefix)]
        if members:
            lines.append(Line(label, role, [sum(row) for row in zip(*members, strict=True)]))
    most = max(tables, key=lambda table: max(tables[table]))
    says = f"{most} had the most, {max(tables[most]):,} active parts; inserts slow down from hundreds in one table on."
    axis = Axis("active parts", words.count, words.short_count, whole=True)
    return [Chart("parts", "Parts in the warehouse", says, x, _TIME, axis, lines, group=TIME)]


def _resources(series: Mapping[str, Any]) -> list[Chart]:
    return resource_charts(series["sampled"], _TIME, TIME)


def _saying(chart: Chart, says: str) -> Chart:
    return Chart(chart.name, chart.title, says, chart.x, chart.x_axis, chart.y_axis, chart.lines, group=chart.group)


def _coarser(bucket_us: int, buckets: int) -> int:
    """How many buckets to take together: inserts come in bursts, and a rate over 20 ms says nothing."""
    span_s = bucket_us * buckets / 1e6
    wanted_s = span_s / _POINTS_OF_SHORT_RUN if span_s < _SHORT_RUN_S else max(span_s / _POINTS, 1)
    return max(1, math.ceil(wanted_s * 1e6 / bucket_us))


def _rates(counts: Sequence[int], together: int, width_s: float) -> list[Number | None]:
    # Only whole widths: what is left at the end would look like a fall.
    whole = max(len(counts) // together, 1) * together
    return [sum(counts[start : start + together]) / width_s for start in range(0, whole, together)]


def _bucket_ends_s(series: Mapping[str, Any]) -> list[Number]:
    return [(number + 1) * series["bucket_us"] / 1e6 for number in range(len(series["sent"]["trades"]))]


def _nines(percent: float) -> float:
    return -math.log10(1 - percent / 100)


def _percent(nines: Number) -> float:
    return round(100 * (1 - 10 ** -float(nines)), 4)


def _ms(us: int | None) -> float | None:
    return None if us is None else us / 1000


def _said_us(us: int | None) -> str:
    return said(words.milliseconds, _ms(us))
