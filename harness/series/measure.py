"""Reads a run's curves off the warehouse, after the truth was loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Protocol

from clickhouse_connect.driver.exceptions import DatabaseError

from harness.series import queries
from harness.series.curves import Layer, Resent, Series, Slice
from harness.series.flow import bucket_us_for, waiting
from harness.series.inserts import TABLES
from harness.series.latency import enough_samples, latency_of
from harness.series.watch import Watch
from k2pipeline.exchanges import EXCHANGES

RESENT_MARKETS: Final = 200
_MOST_SAID: Final = 500
_NS_PER_US: Final = 1000


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...
    def command(self, cmd: str) -> Any: ...


def measure(client: Client, watch: Watch) -> Series:
    """The curves of the run whose truth is in k2_truth."""
    client.command("SYSTEM FLUSH LOGS")
    zero_ns, span_ns = _span(client)
    bucket_us = bucket_us_for(span_ns // _NS_PER_US)
    buckets = span_ns // (bucket_us * _NS_PER_US) + 1
    frames, trades, sizes = [0] * buckets, [0] * buckets, [0] * buckets
    for bucket, frame_count, trade_count, size in client.query(queries.sent(zero_ns, bucket_us)).result_rows:
        frames[min(bucket, buckets - 1)] += frame_count
        trades[min(bucket, buckets - 1)] += trade_count
        sizes[min(bucket, buckets - 1)] += size
    layers: dict[str, Layer] = {}
    unread: dict[str, str] = {}
    missing = _prepare(client)
    for name, arrivals in queries.layers(EXCHANGES).items():
        try:
            found = client.query(queries.arrivals(arrivals, zero_ns, bucket_us))
        except DatabaseError as error:  # the schema under test may lack a table; its checks fail, and say so
            reasons = [reason for table, reason in missing.items() if table in arrivals]
            unread[name] = (reasons or [str(error)])[0][:_MOST_SAID]
        else:
            layers[name] = _layer(found, buckets, bucket_us)
    resent = client.query(queries.resent(EXCHANGES, RESENT_MARKETS)).result_rows
    return Series(
        zero_ns=zero_ns,
        bucket_us=bucket_us,
        sent_frames=tuple(frames),
        sent_trades=tuple(trades),
        sent_bytes=tuple(sizes),
        layers=layers,
        resent=tuple(Resent(*row) for row in resent),
        watch=watch,
        unread=unread,
    )


def _prepare(client: Client) -> Mapping[str, str]:
    """Create the tables that layers are read off. What the warehouse said of those that it could not."""
    missing: dict[str, str] = {}
    for table, create in TABLES.items():
        client.command(f"DROP TABLE IF EXISTS {table} SYNC")
        try:
            client.command(create)
        except DatabaseError as error:
            missing[table] = str(error)
    return missing


def _span(client: Client) -> tuple[int, int]:
    """When the first frame was due, and how long after it the last thing happened."""
    try:
        zero_ns, span_ns = client.query(queries.SPAN).first_row
    except DatabaseError:  # the schema under test has no silver, and then all that is known is when frames were sent
        zero_ns, span_ns = client.query(queries.SPAN_OF_SENDING).first_row
    return zero_ns or 0, span_ns or 0


def _layer(found: Any, buckets: int, bucket_us: int) -> Layer:
    rows: list[Mapping[str, Any]] = list(found.named_results())
    values = [row for row in rows if row["way"] == "value"]
    cells = [(row["due"], row["done"], row["rows"], row["first_us"]) for row in rows if row["way"] == "cell"]
    flow = waiting(cells, buckets, bucket_us)
    return Layer(
        arrived=flow.arrived,
        waiting=flow.waiting,
        age_us=flow.age_us,
        latency=latency_of(
            ((row["latency_us"], row["rows"]) for row in values), max((row["highest_us"] for row in values), default=0)
        ),
        over_time=tuple(_slice(row) for row in rows if row["way"] == "bucket"),
    )


def _slice(row: Mapping[str, Any]) -> Slice:
    n, highest_us = row["rows"], row["highest_us"]
    p50_us, p99_us = row["percentiles_us"]
    return Slice(
        bucket=row["due"],
        n=n,
        p50_us=p50_us if enough_samples(n, 50) else None,
        p99_us=p99_us if enough_samples(n, 99) else None,
        max_us=highest_us,
    )
