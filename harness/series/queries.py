"""The SQL behind the curves; every row is reduced inside the warehouse.

An *arrival* is a row of a layer with `due_ns`, when its frame was due to be sent, and `done_us`, when it could be read,
both since 1970 and by clocks of one machine. Due, not sent: so a sender that fell behind counts as slow and is not left
out. Could be read, not was written: a row's own stamp is from the beginning of its insert, and all views behind it may
have to run before anybody sees it. When its part became readable stands in system.part_log, see inserts.py.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from harness.checks.stages import CANDLES
from harness.series.inserts import SILVER, part_of, readable

_FRAMES: Final = "k2_truth.frames AS frames"

SPAN: Final = """
SELECT
    min(scheduled_ns) AS zero_ns,
    greatest(max(scheduled_ns), max(sent_ns), (SELECT max(toUnixTimestamp64Nano(toDateTime64(processed_at, 9, 'UTC')))
        FROM k2.silver_trades)) - zero_ns AS span_ns
FROM k2_truth.frames"""

_SENT: Final = """
SELECT scheduled_ns AS due_ns, intDiv(assumeNotNull({when}), 1000) AS done_us
FROM k2_truth.frames WHERE {when} IS NOT NULL"""

SPAN_OF_SENDING: Final = """
SELECT min(scheduled_ns) AS zero_ns, greatest(max(scheduled_ns), max(sent_ns)) - zero_ns AS span_ns
FROM k2_truth.frames"""


def layers(exchanges: Iterable[str]) -> Mapping[str, str]:
    """The arrivals of each stage by its name (harness.checks.stages), in the order the data takes."""
    names = list(exchanges)
    return {
        "send": _SENT.format(when="sent_ns"),
        "broker": _SENT.format(when="acked_ns"),
        "bronze": "\nUNION ALL".join(map(_bronze, names)),
        "silver": f"SELECT due_ns, readable_us AS done_us FROM {SILVER}",
        "bronze_to_silver": "\nUNION ALL".join(map(_bronze_to_silver, names)),
        **{f"ohlcv_{window}": _candles(f"ohlcv_{window}") for window in CANDLES},
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
    """Frames, trades and bytes by the bucket in which they were really sent."""
    return f"""
SELECT
    toInt32(intDiv(greatest(sent_ns - {zero_ns}, 0), {bucket_us * 1000})) AS bucket,
    count() AS frames, sum(trades) AS trades, sum(bytes) AS bytes
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
    table = f"bronze_trades_{exchange}"
    stamps = f"""SELECT {_text(exchange)} AS exchange, toUnixTimestamp64Micro(ingested_at) AS stamp_us
        FROM k2.{table} GROUP BY stamp_us"""
    return f"""
SELECT frames.scheduled_ns AS due_ns, inserts.readable_us AS done_us
FROM k2.{table} AS bronze FINAL
INNER JOIN {_FRAMES}
    ON frames.topic = bronze._topic AND frames.partition = bronze._partition AND frames.offset = bronze._offset
INNER JOIN ({readable(table, stamps)}) AS inserts
    ON inserts.stamp_us = toUnixTimestamp64Micro(bronze.ingested_at)"""


def _bronze_to_silver(exchange: str) -> str:
    return f"""
SELECT toUnixTimestamp64Micro(bronze.ingested_at) * 1000 AS due_ns, silver.readable_us AS done_us
FROM {SILVER} AS silver
INNER JOIN k2.bronze_trades_{exchange} AS bronze FINAL
    ON bronze._topic = silver.source_topic AND bronze._partition = silver.source_partition
    AND bronze._offset = silver.source_offset AND bronze.trade_index = silver.source_index"""


def _candles(table: str) -> str:
    """Each trade that belongs into a candle, due when its frame was, and done with the first state that has it: that is
    the one which the insert that brought the trade computed.
    """
    return f"""
SELECT trade.due_ns AS due_ns, inserts.readable_us AS done_us
FROM {SILVER} AS trade
INNER JOIN ({part_of(table)}) AS inserts ON inserts.exchange = trade.exchange AND inserts.stamp_us = trade.stamp_us
WHERE trade.is_valid AND inserts.readable_us > 0
    AND (SELECT count() FROM (SELECT exchange FROM k2.{table}_view LIMIT 1)) >= 0"""


def _text(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"
