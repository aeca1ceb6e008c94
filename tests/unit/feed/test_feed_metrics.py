"""Numbers as Prometheus sees them, and the list of them in docs/metrics.md."""

from __future__ import annotations

import re
import urllib.request
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from k2pipeline.exchanges import FrameKind
from k2pipeline.feed.metrics import FeedCollector, serve_metrics
from k2pipeline.feed.stats import LAG_BOUNDS_S, Lag, Stats

PAGE = Path(__file__).parents[3] / "docs" / "metrics.md"
NOW_NS = 1_767_225_600_000_000_000


def busy() -> Stats:
    stats = Stats(frame_bytes=400, last_frame_ns=NOW_NS, pauses=2, paused_ns=1_500_000_000)
    stats.paused_since_ns = NOW_NS - 500_000_000
    stats.frames[FrameKind.TRADE, "trade"] = 3
    stats.gap("BTC/USD", 7)
    stats.gap("BTC/USD", 1)
    stats.connects["subscribed"] = 1
    stats.reconnects["lost"] = 1
    stats.send_failures["MSG_SIZE_TOO_LARGE"] = 1
    stats.connections, stats.subscriptions = 1, 2
    stats.symbols_refused = {"OLD/USD"}
    stats.lag.observe(30_000_000)
    stats.last_trade_ns = {"BTC/USD": NOW_NS, "NEW/USD": 0}
    return stats


def collected(stats: Stats) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(FeedCollector("kraken", stats, lambda: 12, lambda: NOW_NS))
    return registry


VALUES = [
    ("frames_total", {"kind": "trade", "channel": "trade"}, 3),
    ("received_bytes_total", {}, 400),
    ("gaps_total", {"symbol": "BTC/USD"}, 2),
    ("gap_trades_total", {"symbol": "BTC/USD"}, 8),
    ("connects_total", {"outcome": "subscribed"}, 1),
    ("reconnects_total", {"cause": "lost"}, 1),
    ("send_failures_total", {"reason": "MSG_SIZE_TOO_LARGE"}, 1),
    ("pauses_total", {}, 2),
    ("paused_seconds_total", {}, 2.0),
    ("paused", {}, 1),
    ("queue_messages", {}, 12),
    ("connections", {}, 1),
    ("subscriptions", {}, 2),
    ("symbols_refused", {}, 1),
    ("last_frame_timestamp_seconds", {}, 1_767_225_600),
    ("last_trade_timestamp_seconds", {"symbol": "BTC/USD"}, 1_767_225_600),
    ("last_trade_timestamp_seconds", {"symbol": "NEW/USD"}, 0),
    ("event_lag_newest_seconds", {}, 0.03),
    ("event_lag_seconds_bucket", {"le": "0.025"}, 0),
    ("event_lag_seconds_bucket", {"le": "0.05"}, 1),
    ("event_lag_seconds_bucket", {"le": "+Inf"}, 1),
    ("event_lag_seconds_count", {}, 1),
    ("event_lag_seconds_sum", {}, 0.03),
]


@pytest.mark.parametrize(("name", "labels", "value"), VALUES)
def test_a_number_is_a_metric_with_its_labels(name: str, labels: dict[str, str], value: float) -> None:
    found = collected(busy()).get_sample_value(f"k2_feed_{name}", {"exchange": "kraken", **labels})
    assert found == value


def test_a_lag_is_in_the_bucket_of_its_bound_and_a_negative_one_in_the_first() -> None:
    lag = Lag()
    for lag_ns in (-5_000_000_000, 0, 5_000_000, 5_000_001, 61_000_000_000):
        lag.observe(lag_ns)
    assert lag.counts == [2, 1, 1, *([0] * (len(LAG_BOUNDS_S) - 3)), 1]
    assert lag.total_ns == 61_010_000_001
    assert lag.newest_ns == 61_000_000_000


def test_metrics_are_served_in_prometheus_format_on_any_free_port() -> None:
    collector = FeedCollector("kraken", busy(), lambda: 0, lambda: NOW_NS)
    with (
        serve_metrics(collector, "127.0.0.1", 0) as port,
        urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer,
    ):
        families = list(text_string_to_metric_families(answer.read().decode()))
    assert {sample.labels["exchange"] for family in families for sample in family.samples} == {"kraken"}


def test_every_metric_is_explained_on_its_page_and_no_other() -> None:
    names = {metric.name for metric in collected(busy()).collect()}
    assert set(re.findall(r"^\| `(k2_feed_\w+?)(?:_total)?`", PAGE.read_text(), re.MULTILINE)) == names
