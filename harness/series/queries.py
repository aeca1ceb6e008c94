"""The SQL behind the curves; every row is reduced inside the warehouse.

An *arrival* is a row of a layer with `due_ns`, when its frame was due to be sent, and `done_us`, when it could be read,
both since 1970 and by clocks of one machine. Due, not sent: so a sender that fell behind counts as slow and is not left
out. Could be read, not was written: a row's own stamp is from the beginning of its insert, and all views behind it may
have to run before anybody sees it. When its part became readable stands in system.part_log.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

_FRAMES: Final = "k2_truth.frames AS frames"

SPAN: Final = """
SELECT
    min(scheduled_ns) AS zero_ns,
    greatest(max(scheduled_ns), max(sent_ns), (SELECT max(toUnixTimestamp64Nano(toDateTime64(processed_at, 9, 'UTC')))
        FROM k2.silver_trades)) - zero_ns AS span_ns
FROM k2_truth.frames"""

SPAN_OF_SENDING: Final = """
SELECT min(scheduled_ns) AS zero_ns, greatest(max(scheduled_ns), max(sent_ns)) - zero_ns AS span_ns
FROM k2_truth.frames"""

# No insert takes longer. Rows whose part nobody logged that soon are counted from their stamp.
_LONGEST_INSERT_US: Final = 60_000_000


def readable(table: str, stamp: str) -> str:
    """(stamp_us, readable_us) of each insert into a table: when its part could be read first.

    The next part with as many rows is the one; of an insert whose rows have merged since, the next part at all.
    """
    logged = f"""SELECT 1 AS any, toUInt64(rows) AS rows, toUnixTimestamp64Micro(event_time_microseconds) AS at_us
        FROM system.part_log WHERE database = 'k2' AND table = '{table}' AND event_type = 'NewPart'"""
    return f"""(
    SELECT
        inserted.stamp_us AS stamp_us,
        multiIf(alike.at_us BETWEEN stamp_us AND stamp_us + {_LONGEST_INSERT_US}, alike.at_us,
            next.at_us BETWEEN stamp_us AND stamp_us + {_LONGEST_INSERT_US}, next.at_us, stamp_us) AS readable_us
    FROM (
        SELECT 1 AS any, toUnixTimestamp64Micro({stamp}) AS stamp_us, count() AS rows
        FROM k2.{table} GROUP BY stamp_us
    ) AS inserted
    ASOF LEFT JOIN ({logged}) AS alike ON alike.rows = inserted.rows AND alike.at_us >= inserted.stamp_us
    ASOF LEFT JOIN ({logged}) AS next ON next.any = inserted.any AND next.at_us >= inserted.stamp_us
)"""


SILVER: Final = f"""
SELECT frames.scheduled_ns AS due_ns, inserts.readable_us AS done_us
FROM k2.silver_trades AS silver FINAL
INNER JOIN {_FRAMES}
    ON frames.topic = silver.source_topic AND frames.partition = silver.source_partition
    AND frames.offset = silver.source_offset
INNER JOIN {readable("silver_trades", "processed_at")} AS inserts
    ON inserts.stamp_us = toUnixTimestamp64Micro(silver.processed_at)"""

# A candle is due with the last trade that belongs into it.
CANDLES: Final = f"""
SELECT last.due_ns AS due_ns, inserts.readable_us AS done_us
FROM k2.ohlcv_1m_view AS candle
INNER JOIN {readable("ohlcv_1m", "updated_at")} AS inserts
    ON inserts.stamp_us = toUnixTimestamp64Micro(candle.updated_at)
INNER JOIN (
    SELECT truth.exchange AS exchange, truth.canonical_symbol AS canonical_symbol,
        toStartOfMinute(truth.timestamp) AS window_start, max(frames.scheduled_ns) AS due_ns
    FROM k2_truth.silver_trades AS truth
    INNER JOIN {_FRAMES} ON frames.seq = truth.seq
    WHERE truth.is_valid
    GROUP BY exchange, canonical_symbol, window_start
) AS last USING (exchange, canonical_symbol, window_start)"""


def layers(exchanges: Iterable[str]) -> Mapping[str, str]:
    """The arrivals of each layer by its name, in the order the data takes."""
    names = list(exchanges)
    return {
        "bronze": "\nUNION ALL".join(map(_bronze, names)),
        "silver": SILVER,
        "bronze_to_silver": "\nUNION ALL".join(map(_bronze_to_silver, names)),
        "ohlcv_1m": CANDLES,
    }


def arrivals(layer: str, zero_ns: int, bucket_us: int) -> str:
    """Arrivals counted three ways at once, told apart by `way`.

    value: by latency (`latency_us`, cut to eleven binary digits). cell: by the bucket due and the bucket done, with
    `first_us`, the earliest due. bucket: by the bucket due, with the median and the 99th percentile. All three have
    `rows` and `highest_us`.
    """
    return f"""
SELECT
    multiIf(grouping(latency_us) = 0, 'value', grouping(done) = 0, 'cell', 'bucket') AS way,
    latency_us, due, done,
    sum(counted) AS rows,
    min(earliest_us) AS first_us,
    max(top_us) AS highest_us,
    quantilesExactWeighted(0.5, 0.99)(latency_us, counted) AS percentiles_us
FROM (
    SELECT
        bitShiftLeft(bitShiftRight(exact_us, digits), digits) AS latency_us,
        toInt32(intDiv(due_us, {bucket_us})) AS due,
        toInt32(intDiv(done_us, {bucket_us})) AS done,
        count() AS counted, min(due_us) AS earliest_us, max(exact_us) AS top_us
    FROM (
        SELECT
            intDiv(arrival.due_ns - {zero_ns}, 1000) AS due_us,
            greatest(arrival.done_us - {zero_ns // 1000}, 0) AS done_us,
            toUInt64(greatest(done_us - due_us, 1)) AS exact_us,
            greatest(toInt8(floor(log2(exact_us))) - 10, 0) AS digits
        FROM ({layer}
        ) AS arrival
    )
    GROUP BY latency_us, due, done
)
GROUP BY GROUPING SETS ((latency_us), (due, done), (due))
ORDER BY way, latency_us, due, done"""


def sent(zero_ns: int, bucket_us: int) -> str:
    """Frames and trades by the bucket in which they were really sent."""
    return f"""
SELECT
    toInt32(intDiv(greatest(sent_ns - {zero_ns}, 0), {bucket_us * 1000})) AS bucket,
    count() AS frames, sum(trades) AS trades
FROM k2_truth.frames
WHERE sent_ns IS NOT NULL
GROUP BY bucket
ORDER BY bucket"""


def resent(exchanges: Iterable[str], limit: int) -> str:
    """Trades that came again, by market and by what made them: bronze trades that are neither silver nor a letter."""
    bronze = "\n    UNION ALL ".join(
        f"SELECT {_text(name)} AS exchange, symbol, seq, trade_index FROM k2_truth.bronze_trades_{name}"
        for name in exchanges
    )
    return f"""
SELECT
    again.exchange AS exchange, again.symbol AS symbol, arrayStringConcat(arraySort(frames.faults), ', ') AS faults,
    count() AS trades
FROM (
    SELECT * FROM ({bronze})
    WHERE (seq, trade_index) NOT IN (SELECT seq, source_index FROM k2_truth.silver_trades)
        AND (seq, trade_index) NOT IN (SELECT seq, trade_index FROM k2_truth.dead_letters WHERE layer = 'silver')
) AS again
INNER JOIN {_FRAMES} ON frames.seq = again.seq
GROUP BY exchange, symbol, faults
ORDER BY trades DESC, exchange, symbol, faults
LIMIT {limit}"""


def _bronze(exchange: str) -> str:
    return f"""
SELECT frames.scheduled_ns AS due_ns, inserts.readable_us AS done_us
FROM k2.bronze_trades_{exchange} AS bronze FINAL
INNER JOIN {_FRAMES}
    ON frames.topic = bronze._topic AND frames.partition = bronze._partition AND frames.offset = bronze._offset
INNER JOIN {readable(f"bronze_trades_{exchange}", "ingested_at")} AS inserts
    ON inserts.stamp_us = toUnixTimestamp64Micro(bronze.ingested_at)"""


def _bronze_to_silver(exchange: str) -> str:
    return f"""
SELECT
    toUnixTimestamp64Micro(bronze.ingested_at) * 1000 AS due_ns,
    inserts.readable_us AS done_us
FROM k2.silver_trades AS silver FINAL
INNER JOIN {readable("silver_trades", "processed_at")} AS inserts
    ON inserts.stamp_us = toUnixTimestamp64Micro(silver.processed_at)
INNER JOIN k2.bronze_trades_{exchange} AS bronze FINAL
    ON bronze._topic = silver.source_topic AND bronze._partition = silver.source_partition
    AND bronze._offset = silver.source_offset AND bronze.trade_index = silver.source_index"""


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
