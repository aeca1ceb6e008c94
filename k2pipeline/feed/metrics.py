"""Prometheus metrics of a feed handler; docs/metrics.md says what each of them means."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from k2pipeline.feed.stats import LAG_BOUNDS_S, Stats

_PREFIX = "k2_feed_"
_NS = 1_000_000_000


class FeedCollector(Collector):
    """Makes metrics of the numbers when asked. `queue_messages` is what the broker has yet to acknowledge."""

    def __init__(
        self, exchange: str, stats: Stats, queue_messages: Callable[[], int], clock: Callable[[], int]
    ) -> None:
        self._exchange = exchange
        self._stats = stats
        self._queue_messages = queue_messages
        self._clock = clock

    def collect(self) -> Iterator[Metric]:
        stats = self._stats
        # The event loop may add a key at any time; a copy is one step for it.
        frames = {(kind.value, channel): count for (kind, channel), count in dict(stats.frames).items()}
        yield self._counter("frames", "frames received", frames, "kind", "channel")
        yield self._counter("received_bytes", "bytes of these frames", {(): stats.frame_bytes})
        yield self._counter("connects", "attempts to connect and subscribe", _single(stats.connects), "outcome")
        yield self._counter("reconnects", "subscribed connections replaced", _single(stats.reconnects), "cause")
        yield self._counter("gaps", "breaks in trade ids, seen live", _single(stats.gaps), "symbol")
        yield self._counter("gap_trades", "trade ids missing in them", _single(stats.gap_trades), "symbol")
        yield self._counter("send_failures", "messages the broker refused", _single(stats.send_failures), "reason")
        yield self._counter("pauses", "times reading stopped for the broker", {(): stats.pauses})
        yield self._counter("paused_seconds", "time for which reading stopped", {(): self._paused_ns() / _NS})
        yield self._gauge("paused", "1 while reading is stopped", 1 if stats.paused_since_ns else 0)
        yield self._gauge("queue_messages", "messages the broker has yet to acknowledge", self._queue_messages())
        yield self._gauge("connections", "subscribed connections", stats.connections)
        yield self._gauge("subscriptions", "symbols subscribed, over all connections", stats.subscriptions)
        yield self._gauge("symbols_refused", "symbols that the exchange refuses", len(stats.symbols_refused))
        yield self._gauge("last_frame_timestamp_seconds", "when the last frame came", stats.last_frame_ns / _NS)
        yield self._last_trades()
        yield self._gauge("event_lag_newest_seconds", "of the newest read", stats.lag.newest_ns / _NS)
        yield self._lag()

    def _paused_ns(self) -> int:
        since_ns = self._stats.paused_since_ns
        return self._stats.paused_ns + (self._clock() - since_ns if since_ns else 0)

    def _lag(self) -> Metric:
        lag = self._stats.lag
        bounds = [*map(str, LAG_BOUNDS_S), "+Inf"]
        family = HistogramMetricFamily(
            f"{_PREFIX}event_lag_seconds", "receive time minus the exchange's event time", labels=["exchange"]
        )
        buckets = list(zip(bounds, accumulate(lag.counts), strict=True))
        family.add_metric([self._exchange], buckets, sum_value=lag.total_ns / _NS)
        return family

    def _last_trades(self) -> Metric:
        name = f"{_PREFIX}last_trade_timestamp_seconds"
        family = GaugeMetricFamily(name, "when a symbol's last trade came", labels=["exchange", "symbol"])
        for symbol, recv_ns in dict(self._stats.last_trade_ns).items():
            family.add_metric([self._exchange, symbol], recv_ns / _NS)
        return family

    def _counter(self, name: str, text: str, values: Mapping[Any, float], *labels: str) -> Metric:
        family = CounterMetricFamily(f"{_PREFIX}{name}", text, labels=["exchange", *labels])
        for key, value in values.items():
            family.add_metric([self._exchange, *key], value)
        return family

    def _gauge(self, name: str, text: str, value: float) -> Metric:
        family = GaugeMetricFamily(f"{_PREFIX}{name}", text, labels=["exchange"])
        family.add_metric([self._exchange], value)
        return family


@contextmanager
def serve_metrics(collector: Collector, host: str, port: int) -> Iterator[int]:
    """Answer `GET /metrics` from a thread of its own; gives the port, which port 0 leaves open."""
    registry = CollectorRegistry()
    registry.register(collector)
    server, thread = start_http_server(port, host, registry)
    try:
        yield int(server.server_port)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _single(counts: dict[str, int]) -> dict[tuple[str, ...], float]:
    return {(key,): value for key, value in dict(counts).items()}
