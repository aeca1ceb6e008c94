"""What a warehouse says of its tables: one statement a question, and what its rows mean as metrics.

Nothing here writes. Conditions are on the times by which tables are partitioned, so that the parts of earlier days, and
older parts of today, are not opened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from k2pipeline.exchanges import EXCHANGES
from k2pipeline.exporter.tally import Tally

TIME_FRAMES: Final = ("1s", "1m", "5m", "15m", "30m", "1h", "1d")
RECENT_S: Final = 300
"""How far back gauges look, in seconds."""
QUANTILES: Final = (0.5, 0.99)
_US: Final = 1_000_000
Rows = Sequence[Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Span:
    """[since_us, until_us) is what counters have yet to count, in us since 1970 by the warehouse's clock; now_us is its
    clock now.
    """

    since_us: int
    until_us: int
    now_us: int

    def new(self, column: str) -> str:
        return f"{column} >= {_time(self.since_us)} AND {column} < {_time(self.until_us)}"

    def recent(self, column: str) -> str:
        return f"{column} >= {_time(self.now_us - RECENT_S * _US)}"


@dataclass(frozen=True, slots=True)
class Question:
    """A statement, and the function that puts its rows into the tally."""

    name: str
    sql: str
    read: Callable[[Tally, Rows], None]


def counting(span: Span, database: str) -> list[Question]:
    """What is added up. All of it must answer before any of it counts; otherwise the next span is longer."""
    return [
        Question("bronze_rows", _bronze(span, database), _counts("k2_bronze_rows")),
        Question("silver_rows", _silver(span, database), _read_silver),
        Question("dead_letters", _letters(span, database), _read_letters),
    ]


def questions(span: Span, database: str) -> list[Question]:
    """What is asked anew in each scrape, of the database with our tables."""
    return [
        Question("silver_recent", _recent(span, database), _read_recent),
        Question("missing_ids", _missing(span, database), _gauges("k2_silver_missing_ids")),
        Question("repeated_trades", _repeated(span, database), _gauges("k2_bronze_repeated_trades")),
        Question("gold_lag", _gold(span, database), _read_gold),
        Question("parts", _parts(database), _read_parts),
        # Two that users ask, for how long they wait.
        Question("recent_trades", _users_trades(database), _nothing),
        Question("newest_candles", _users_candles(database), _nothing),
    ]


def night(tables: Iterable[str]) -> list[Question]:
    """What k2-harness nightly left in k2_quality, where its tables are."""
    if not {"nights", "checks"} <= set(tables):
        return []
    last = "(window_s, night) IN (SELECT window_s, night FROM k2_quality.nights ORDER BY until DESC, window_s LIMIT 1)"
    return [
        Question(
            "night",
            f"""SELECT verdict = 'pass', toUnixTimestamp(until), checks - failed - warned, failed, warned, deviations
FROM k2_quality.nights FINAL WHERE {last}""",
            _read_night,
        ),
        Question(
            "night_checks",
            f"SELECT suite, name, severity, success FROM k2_quality.checks FINAL WHERE {last}",
            _read_checks,
        ),
    ]


QUALITY_TABLES: Final = "SELECT name FROM system.tables WHERE database = 'k2_quality'"
CLOCK: Final = "SELECT toUnixTimestamp64Micro(now64(6, 'UTC'))"


def _bronze(span: Span, database: str) -> str:
    return _union(
        f"SELECT '{name}' AS exchange, count() FROM {database}.bronze_trades_{name} WHERE {span.new('ingested_at')}"
        for name in EXCHANGES
    )


def _silver(span: Span, database: str) -> str:
    return f"""SELECT exchange, count(), countIf(NOT is_valid) FROM {database}.silver_trades
WHERE {span.new("processed_at")} GROUP BY exchange"""


def _letters(span: Span, database: str) -> str:
    return f"""SELECT exchange, layer, reason, count() FROM {database}.dead_letters
WHERE {span.new("ingested_at")} GROUP BY exchange, layer, reason"""


def _recent(span: Span, database: str) -> str:
    latency_us = (
        "greatest(toUnixTimestamp64Micro(processed_at) - intDiv(toUnixTimestamp64Nano(ingestion_timestamp), 1000), 0)"
    )
    return f"""SELECT exchange, toUnixTimestamp64Micro(max(processed_at)),
    quantiles({", ".join(map(str, QUANTILES))})({latency_us})
FROM {database}.silver_trades WHERE {span.recent("processed_at")} GROUP BY exchange"""


def _missing(span: Span, database: str) -> str:
    # An id that is no number, as where an exchange sends none, has no neighbours. One absurd id overflows no sum.
    return f"""SELECT exchange, sum(missing) FROM (
    SELECT exchange, symbol, toInt64(least(max(id) - min(id), 1000000000000)) + 1 - toInt64(uniqExact(id)) AS missing
    FROM (SELECT exchange, symbol, toUInt64OrNull(trade_id) AS id
        FROM {database}.silver_trades WHERE {span.recent("processed_at")})
    WHERE id IS NOT NULL GROUP BY exchange, symbol)
GROUP BY exchange"""


def _repeated(span: Span, database: str) -> str:
    return _union(
        f"SELECT '{name}' AS exchange, count() - uniqExact(symbol, trade_id) FROM {database}.bronze_trades_{name} "
        f"WHERE {span.recent('ingested_at')} AND isNotNull(trade_id)"
        for name in EXCHANGES
    )


def _gold(span: Span, database: str) -> str:
    gold = _union(
        f"SELECT exchange, '{frame}' AS timeframe, max(updated_at) AS newest FROM {database}.ohlcv_{frame} "
        f"WHERE {span.recent('updated_at')} GROUP BY exchange"
        for frame in TIME_FRAMES
    )
    oldest_us = span.now_us - RECENT_S * _US
    return f"""WITH gold AS ({gold})
SELECT exchange, timeframe, greatest(written_us - ifNull(toUnixTimestamp64Micro(newest), {oldest_us}), 0)
FROM (
    SELECT exchange, toUnixTimestamp64Micro(max(processed_at)) AS written_us,
        arrayJoin({list(TIME_FRAMES)}) AS timeframe
    FROM {database}.silver_trades WHERE {span.recent("processed_at")} AND is_valid GROUP BY exchange) AS silver
LEFT JOIN gold USING (exchange, timeframe)
SETTINGS join_use_nulls = 1"""


def _parts(database: str) -> str:
    return f"""SELECT table, count(), sum(rows), sum(bytes_on_disk)
FROM system.parts WHERE active AND database = '{database}' GROUP BY table"""


def _users_trades(database: str) -> str:
    return f"""SELECT exchange, count() FROM {database}.silver_trades
WHERE timestamp > now() - INTERVAL 5 MINUTE GROUP BY exchange"""


def _users_candles(database: str) -> str:
    return f"""SELECT exchange, canonical_symbol, window_start, trade_count FROM {database}.ohlcv_1m
ORDER BY window_start DESC LIMIT 10"""


def _counts(metric: str) -> Callable[[Tally, Rows], None]:
    def read(tally: Tally, rows: Rows) -> None:
        for exchange, count in rows:
            tally.add(metric, exchange, value=count)

    return read


def _gauges(metric: str) -> Callable[[Tally, Rows], None]:
    def read(tally: Tally, rows: Rows) -> None:
        for exchange, value in rows:
            tally.set(metric, exchange, value=value)

    return read


def _read_silver(tally: Tally, rows: Rows) -> None:
    found = {exchange: counts for exchange, *counts in rows}
    for exchange in dict.fromkeys([*EXCHANGES, *found]):
        written, invalid = found.get(exchange, (0, 0))
        tally.add("k2_silver_rows", exchange, value=written)
        tally.add("k2_silver_invalid_rows", exchange, value=invalid)


def _read_letters(tally: Tally, rows: Rows) -> None:
    for exchange, layer, reason, count in rows:
        tally.add("k2_dead_letters", exchange, layer, reason, value=count)


def _read_recent(tally: Tally, rows: Rows) -> None:
    for exchange, newest_us, latencies_us in rows:
        tally.set("k2_silver_newest_timestamp_seconds", exchange, value=newest_us / _US)
        for quantile, latency_us in zip(QUANTILES, latencies_us, strict=True):
            tally.set("k2_silver_latency_seconds", exchange, str(quantile), value=latency_us / _US)


def _read_gold(tally: Tally, rows: Rows) -> None:
    for exchange, frame, lag_us in rows:
        tally.set("k2_gold_lag_seconds", exchange, frame, value=lag_us / _US)


def _read_parts(tally: Tally, rows: Rows) -> None:
    for table, parts, count, size_bytes in rows:
        tally.set("k2_active_parts", table, value=parts)
        tally.set("k2_table_rows", table, value=count)
        tally.set("k2_table_bytes", table, value=size_bytes)


def _read_night(tally: Tally, rows: Rows) -> None:
    for passed, until_s, held, failed, warned, deviations in rows:
        tally.set("k2_nightly_success", value=passed)
        tally.set("k2_nightly_end_timestamp_seconds", value=until_s)
        for outcome, count in (("held", held), ("failed", failed), ("warned", warned), ("unusual", deviations)):
            tally.set("k2_nightly_checks", outcome, value=count)


def _read_checks(tally: Tally, rows: Rows) -> None:
    for suite, name, severity, success in rows:
        tally.set("k2_nightly_check_success", suite, name, severity, value=int(success))


def _nothing(tally: Tally, rows: Rows) -> None:
    """The answer's time is all that is wanted."""


def _union(statements: Iterable[str]) -> str:
    return "\nUNION ALL\n".join(statements)


def _time(us: int) -> str:
    return f"fromUnixTimestamp64Micro({us}, 'UTC')"
