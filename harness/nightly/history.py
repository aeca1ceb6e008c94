"""Past nights, kept in the warehouse itself: database k2_quality, three tables, made where they are missing.

A night checked again takes the place of its earlier state, and nights of another length are another history.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date
from typing import Any, Final, Protocol

from harness.checks import CheckResult
from harness.nightly.profile import Measure
from harness.nightly.trend import History
from harness.nightly.window import Window

DATABASE: Final = "k2_quality"
_NIGHT: Final = """
    night       Date                   COMMENT 'day in UTC on which the window ends',
    window_s    UInt32                 COMMENT 'length of the window; nights of one length are compared',"""
_RECORDED: Final = """
    recorded_at DateTime64(3, 'UTC')   COMMENT 'when this was found; of two states of a night the later one stands'"""
TABLES: Final = {
    "nights": f"""({_NIGHT}
    since       DateTime('UTC')        COMMENT 'start of the window',
    until       DateTime('UTC')        COMMENT 'end of the window',
    verdict     LowCardinality(String) COMMENT 'pass or fail',
    checks      UInt32                 COMMENT 'checks that were run',
    failed      UInt32                 COMMENT 'of these, how many fail',
    warned      UInt32                 COMMENT 'of these, how many warn',
    deviations  UInt32                 COMMENT 'measures that are not as usual',{_RECORDED}
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (window_s, night)
COMMENT 'One row a night: what k2-harness nightly found'""",
    "measures": f"""({_NIGHT}
    metric      LowCardinality(String) COMMENT 'what was measured; a name that ends in _us is in microseconds',
    subject     LowCardinality(String) COMMENT 'of which exchange, or all',
    value       Int64                  COMMENT 'the measure',{_RECORDED}
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (window_s, metric, subject, night)
COMMENT 'The numbers of each night'""",
    "checks": f"""({_NIGHT}
    suite       LowCardinality(String) COMMENT 'suite of expectations/',
    name        LowCardinality(String) COMMENT 'check in it',
    severity    LowCardinality(String) COMMENT 'critical, warning or info',
    success     Bool                   COMMENT 'whether it holds',
    unexpected  UInt64                 COMMENT 'rows that are not as they should be',
    error       String                 COMMENT 'why it could not be carried out; empty where it was',{_RECORDED}
) ENGINE = ReplacingMergeTree(recorded_at) ORDER BY (window_s, suite, name, night)
COMMENT 'What each check found in each night'""",
}


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def command(self, cmd: str) -> Any: ...

    def query(self, query: str) -> Any: ...

    def insert(self, table: str, data: Sequence[Sequence[Any]], column_names: Sequence[str], database: str) -> Any: ...


def make_tables(client: Client) -> None:
    """Create database and tables where they are missing."""
    client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}")
    for name, definition in TABLES.items():
        client.command(f"CREATE TABLE IF NOT EXISTS {DATABASE}.{name} {definition}")


def read_measures(client: Client, window_s: int) -> dict[tuple[str, str], History]:
    """Every night's measures of windows of this length, by (metric, subject)."""
    found: dict[tuple[str, str], dict[date, int]] = defaultdict(dict)
    query = f"SELECT metric, subject, night, value FROM {DATABASE}.measures FINAL WHERE window_s = {window_s}"
    for metric, subject, night, value in client.query(query).result_rows:
        found[metric, subject][night] = value
    return dict(found)


def read_verdicts(client: Client, window_s: int, most: int) -> list[dict[str, Any]]:
    """The last nights of windows of this length, oldest first."""
    columns = ("night", "verdict", "checks", "failed", "warned", "deviations")
    query = f"""
SELECT {", ".join(columns)} FROM {DATABASE}.nights FINAL WHERE window_s = {window_s} ORDER BY night DESC LIMIT {most}"""
    rows = client.query(query).result_rows
    return [dict(zip(columns, row, strict=True)) for row in reversed(rows)]


def record_measures(client: Client, window: Window, measures: Iterable[Measure], recorded_ms: int) -> None:
    """Write a night's measures; `recorded_ms` is since 1970."""
    rows = [[each.metric, each.subject, each.value] for each in measures]
    _insert(client, "measures", window, ["metric", "subject", "value"], rows, recorded_ms)


def record_checks(client: Client, window: Window, checks: Iterable[CheckResult], recorded_ms: int) -> None:
    """Write what a night's checks found."""
    rows = [[each.suite, each.name, each.severity, each.success, each.unexpected, each.error or ""] for each in checks]
    columns = ["suite", "name", "severity", "success", "unexpected", "error"]
    _insert(client, "checks", window, columns, rows, recorded_ms)


def record_night(
    client: Client, window: Window, verdict: str, counts: tuple[int, int, int, int], recorded_ms: int
) -> None:
    """Write a night's verdict; counts: checks, failed, warned, deviations. Last, so that what it counts is there."""
    columns = ["since", "until", "verdict", "checks", "failed", "warned", "deviations"]
    _insert(client, "nights", window, columns, [[window.since, window.until, verdict, *counts]], recorded_ms)


def _insert(
    client: Client,
    table: str,
    window: Window,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
    recorded_ms: int,
) -> None:
    if not rows:
        return
    named = ["night", "window_s", *columns, "recorded_at"]
    data = [[window.night, window.length_s, *row, recorded_ms] for row in rows]
    client.insert(table, data, column_names=named, database=DATABASE)
