"""The values of one scrape, gathered by name, and counters that go on from scrape to scrape."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from itertools import accumulate

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric

from k2pipeline.exporter.catalogue import METRICS, QUERY_BOUNDS_S

Key = tuple[str, ...]


class Tally:
    """Values by metric and labels: `set` is of this scrape, `add` is kept."""

    def __init__(self) -> None:
        self._now: dict[str, dict[Key, float]] = defaultdict(dict)
        self._kept: dict[str, Counter[Key]] = defaultdict(Counter)
        self._buckets: dict[Key, list[int]] = {}
        self._seconds: Counter[Key] = Counter()

    def begin(self) -> None:
        """Forget what was set: what the next scrape cannot learn must be absent, not stale."""
        self._now.clear()

    def set(self, metric: str, *labels: str, value: float) -> None:
        self._now[metric][labels] = value

    def add(self, metric: str, *labels: str, value: int) -> None:
        self._kept[metric][labels] += value

    def took(self, query: str, seconds: float) -> None:
        """Count a query's duration in its histogram."""
        buckets = self._buckets.setdefault((query,), [0] * (len(QUERY_BOUNDS_S) + 1))
        buckets[bisect_left(QUERY_BOUNDS_S, seconds)] += 1
        self._seconds[query,] += seconds  # type: ignore[assignment]  # a Counter adds floats as well

    def metrics(self) -> Iterator[Metric]:
        for name, definition in METRICS.items():
            if definition.kind == "histogram":
                yield self._histogram(name)
                continue
            values = {**self._kept.get(name, {}), **self._now.get(name, {})}
            make = CounterMetricFamily if definition.kind == "counter" else GaugeMetricFamily
            yield _filled(make(name, definition.text, labels=definition.labels), values)

    def _histogram(self, name: str) -> Metric:
        family = HistogramMetricFamily(name, METRICS[name].text, labels=METRICS[name].labels)
        bounds = [*map(str, QUERY_BOUNDS_S), "+Inf"]
        for key, counts in self._buckets.items():
            family.add_metric(
                key, list(zip(bounds, accumulate(counts), strict=True)), sum_value=float(self._seconds[key])
            )
        return family


def _filled(family: CounterMetricFamily | GaugeMetricFamily, values: Mapping[Key, float]) -> Metric:
    for key, value in values.items():
        family.add_metric(key, value)
    return family
