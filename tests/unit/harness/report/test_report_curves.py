"""From series.json to charts: what they say is what is in them."""

import json
from pathlib import Path
from typing import Any

import pytest

from harness.checks.stages import STAGES
from harness.report.chart import Chart
from harness.report.curves import charts_of
from tests.integration.report.made_run import GOOD, made_run


@pytest.fixture
def series(tmp_path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((made_run(tmp_path, GOOD) / "series.json").read_text())
    return content


def charts(series: dict[str, Any]) -> dict[str, Chart]:
    return {chart.name: chart for found in charts_of(series).values() for chart in found}


def test_a_full_series_makes_every_chart(series: dict[str, Any]) -> None:
    assert list(charts(series)) == [
        "latency-curve",
        "latency-candles",
        "latency-time",
        "freshness",
        "throughput",
        "waiting",
        "lag",
        "parts",
        "memory",
        "cpu",
    ]


def test_what_was_not_measured_has_no_chart(series: dict[str, Any]) -> None:
    series["sampled"] = {"t_ms": [], "lag_messages": {}, "parts": {}, "missed": 3, "missed_because": "gone"}
    series["layers"] = {}
    assert list(charts(series)) == ["throughput"]


def test_processor_time_is_a_share_of_a_core_and_a_restart_is_no_negative_one(series: dict[str, Any]) -> None:
    series["sampled"] |= {"t_ms": [0, 1000, 2000, 4000], "memory_bytes": {"broker": [2**20] * 4}}
    series["sampled"] |= {"lag_messages": {"x.a": [0] * 4}, "parts": {}, "cpu_ms": {"broker": [500, 1500, 0, 1000]}}
    assert charts(series)["cpu"].lines[0].values == [None, 100.0, 0.0, 50.0]


def test_the_percentiles_are_those_of_the_histogram(series: dict[str, Any]) -> None:
    chart = charts(series)["latency-curve"]
    assert chart.says.startswith("Of 20,000 trades half were in silver within 1,080 ms, 99.9 % within 2,")
    assert [chart.x_axis.tick(tick) for tick in chart.x_axis.ticks] == ["50 %", "90 %", "99 %", "99.9 %"]


def test_every_stage_is_a_line_of_its_own_with_its_n(series: dict[str, Any]) -> None:
    found = charts(series)
    drawn = {line.label for name in ("latency-curve", "latency-candles") for line in found[name].lines}
    assert {"sent, n = 20,000", "acknowledged, n = 20,000", "silver, n = 20,000", "1d candles, n = 20,000"} <= drawn
    assert len(drawn) == len(STAGES)


def test_lines_of_one_chart_differ_in_colour(series: dict[str, Any]) -> None:
    for chart in (charts(series)["latency-curve"], charts(series)["latency-candles"]):
        assert len({line.role for line in chart.lines}) == len(chart.lines)


def test_a_rate_is_per_second_whatever_the_bucket(series: dict[str, Any]) -> None:
    series["bucket_us"] = 250_000
    chart = charts(series)["throughput"]
    assert set(chart.lines[0].values) == {4400.0}
    assert chart.says == "At most 4,400/s were sent, 4,400/s reached bronze and 4,400/s reached silver."


def test_buckets_that_do_not_fill_a_step_are_not_drawn_as_a_fall(series: dict[str, Any]) -> None:
    series["bucket_us"] = 20_000
    series["sent"]["trades"] = [100] * 53
    values = charts(series)["throughput"].lines[0].values
    assert set(values) == {5000.0}


def test_a_slice_with_too_few_trades_for_its_percentile_has_none(series: dict[str, Any]) -> None:
    chart = charts(series)["latency-time"]
    p99 = chart.lines[1]
    assert p99.label == "p99"
    assert [place for place, value in enumerate(p99.values) if value is None] == list(range(0, 60, 10))


def test_lag_that_is_left_is_told(series: dict[str, Any]) -> None:
    series["sampled"]["lag_messages"]["trades.b"][-1] = 40
    assert charts(series)["lag"].says.endswith("at the last look.")
    assert "93 at the last look" in charts(series)["lag"].says
