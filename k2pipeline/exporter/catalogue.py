"""Every metric of the exporter; docs/metrics.md says what each of them means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

QUERY_BOUNDS_S: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class Definition:
    """labels: their names, in the order in which values are given. A counter's name gets `_total` when it is served."""

    kind: Literal["counter", "gauge", "histogram"]
    text: str
    labels: tuple[str, ...]


def _counter(text: str, *labels: str) -> Definition:
    return Definition("counter", text, labels)


def _gauge(text: str, *labels: str) -> Definition:
    return Definition("gauge", text, labels)


METRICS: Final = {
    "k2_up": _gauge("1 where the part answered this scrape", "part"),
    "k2_topic_messages": _counter("messages the topic has taken", "exchange"),
    "k2_consumed_messages": _counter("messages whose offsets the warehouse committed", "exchange"),
    "k2_consumer_lag_messages": _gauge("messages the warehouse has not committed yet", "exchange"),
    "k2_bronze_rows": _counter("rows written to bronze", "exchange"),
    "k2_silver_rows": _counter("rows written to silver", "exchange"),
    "k2_silver_invalid_rows": _counter("of these, implausible ones", "exchange"),
    "k2_dead_letters": _counter("dead letters written", "exchange", "layer", "reason"),
    "k2_silver_newest_timestamp_seconds": _gauge("when silver was last written", "exchange"),
    "k2_silver_latency_seconds": _gauge("from received to written in silver", "exchange", "quantile"),
    "k2_silver_missing_ids": _gauge("trade ids missing between those seen", "exchange"),
    "k2_bronze_repeated_trades": _gauge("trades that came again", "exchange"),
    "k2_gold_lag_seconds": _gauge("how long gold is behind silver", "exchange", "timeframe"),
    "k2_active_parts": _gauge("active parts", "table"),
    "k2_table_rows": _gauge("rows in active parts", "table"),
    "k2_table_bytes": _gauge("bytes of active parts on disk", "table"),
    "k2_query_seconds": Definition("histogram", "how long the warehouse took for a query", ("query",)),
    "k2_query_failures": _counter("queries that the warehouse refused or did not answer", "query"),
    "k2_nightly_success": _gauge("1 where the last night passed"),
    "k2_nightly_end_timestamp_seconds": _gauge("end of the last night's window"),
    "k2_nightly_checks": _gauge("checks of the last night, by outcome", "outcome"),
    "k2_nightly_check_success": _gauge("1 where the check held in the last night", "suite", "check", "severity"),
}
