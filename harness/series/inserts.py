"""When the parts of each insert could be read: two small tables beside the truth, which the curves are read off.

A row knows the stamp of its insert, which is from the insert's beginning, and not its part, which merges away. The
part log knows the parts of each insert, in all tables, by its query id. What ties the two: the queue of an exchange
inserts one block after the other, so an insert is the first of its exchange whose part is readable after the stamp. An
insert belongs to the exchange whose bronze table it wrote. So neither the number of rows nor a merge decides, nor what
another exchange inserted meanwhile.

What it does not see: on a warehouse that logs parts of a queue without a query id, inserts into silver and candles
belong to no exchange, and the next part of any counts. A row whose insert nobody logged (a warehouse that was killed
loses the last seconds of its log) counts from the next part of its exchange within a minute, and else from its stamp.
"""

from __future__ import annotations

from typing import Final

INSERTS: Final = "k2_truth.inserts"
SILVER: Final = "k2_truth.silver_arrivals"

# No insert takes longer.
_LONGEST_INSERT_US: Final = 60_000_000

_BRONZE: Final = "bronze_trades_"
_NEW_PARTS: Final = "system.part_log WHERE database = 'k2' AND event_type = 'NewPart'"

# An insert may come in several blocks, each a part: all of it can be read with the last.
_INSERTS: Final = f"""
CREATE TABLE {INSERTS} ENGINE = MergeTree ORDER BY (table, exchange, readable_us) AS
SELECT
    parts.table AS table,
    if(startsWith(parts.table, '{_BRONZE}'), substring(parts.table, {len(_BRONZE) + 1}), owner.exchange) AS exchange,
    parts.query_id AS query_id,
    parts.readable_us AS readable_us
FROM (
    SELECT table, query_id, max(toUnixTimestamp64Micro(event_time_microseconds)) AS readable_us
    FROM {_NEW_PARTS}
    GROUP BY table, query_id, if(query_id = '', part_name, '')
) AS parts
LEFT JOIN (
    SELECT query_id, any(substring(table, {len(_BRONZE) + 1})) AS exchange
    FROM {_NEW_PARTS} AND query_id != '' AND startsWith(table, '{_BRONZE}')
    GROUP BY query_id
) AS owner ON owner.query_id = parts.query_id"""


def readable(table: str, stamps: str) -> str:
    """(exchange, stamp_us, query_id, readable_us) of each insert into a table, from its rows' (exchange, stamp_us)."""
    own, other = (
        f"SELECT 1 AS any, exchange, query_id, readable_us FROM {INSERTS} WHERE table = '{table}' AND {condition}"
        for condition in ("exchange != ''", "exchange = ''")
    )
    return f"""
    SELECT
        stamps.exchange AS exchange,
        stamps.stamp_us AS stamp_us,
        own.readable_us BETWEEN stamp_us AND stamp_us + {_LONGEST_INSERT_US} AS is_own,
        other.readable_us BETWEEN stamp_us AND stamp_us + {_LONGEST_INSERT_US} AS is_other,
        multiIf(is_own, own.query_id, is_other, other.query_id, '') AS query_id,
        multiIf(is_own, own.readable_us, is_other, other.readable_us, stamp_us) AS readable_us
    FROM (SELECT 1 AS any, exchange, stamp_us FROM ({stamps})) AS stamps
    ASOF LEFT JOIN ({own}) AS own ON own.exchange = stamps.exchange AND own.readable_us >= stamps.stamp_us
    ASOF LEFT JOIN ({other}) AS other ON other.any = stamps.any AND other.readable_us >= stamps.stamp_us"""


def part_of(table: str) -> str:
    """(exchange, stamp_us, readable_us): when a candle table's part of each insert into silver could be read.

    Where the insert wrote none, or has no query id, it is the next part of its exchange; 0 where there is none.
    """
    inserts = f"SELECT exchange, stamp_us, any(query_id) AS query_id FROM {SILVER} GROUP BY exchange, stamp_us"
    next_part = readable(table, f"SELECT exchange, stamp_us FROM {SILVER} GROUP BY exchange, stamp_us")
    return f"""
    SELECT
        inserts.exchange AS exchange,
        inserts.stamp_us AS stamp_us,
        multiIf(own.readable_us > 0, own.readable_us, next.is_own OR next.is_other, next.readable_us, 0) AS readable_us
    FROM ({inserts}) AS inserts
    LEFT JOIN (SELECT query_id, readable_us FROM {INSERTS} WHERE table = '{table}' AND query_id != '') AS own
        ON own.query_id = inserts.query_id
    INNER JOIN ({next_part}) AS next ON next.exchange = inserts.exchange AND next.stamp_us = inserts.stamp_us"""


_STAMPS: Final = """SELECT toString(exchange) AS exchange, toUnixTimestamp64Micro(processed_at) AS stamp_us
    FROM k2.silver_trades GROUP BY exchange, stamp_us"""

_SILVER: Final = f"""
CREATE TABLE {SILVER} ENGINE = MergeTree ORDER BY tuple() AS
SELECT
    toString(silver.exchange) AS exchange,
    silver.is_valid AS is_valid,
    silver.source_topic AS source_topic,
    silver.source_partition AS source_partition,
    silver.source_offset AS source_offset,
    silver.source_index AS source_index,
    frames.scheduled_ns AS due_ns,
    inserts.stamp_us AS stamp_us,
    inserts.query_id AS query_id,
    inserts.readable_us AS readable_us
FROM k2.silver_trades AS silver FINAL
INNER JOIN k2_truth.frames AS frames
    ON frames.topic = silver.source_topic AND frames.partition = silver.source_partition
    AND frames.offset = silver.source_offset
INNER JOIN ({readable("silver_trades", _STAMPS)}) AS inserts
    ON inserts.exchange = toString(silver.exchange)
    AND inserts.stamp_us = toUnixTimestamp64Micro(silver.processed_at)"""

TABLES: Final = {INSERTS: _INSERTS, SILVER: _SILVER}
"""What creates each of them, in this order."""
