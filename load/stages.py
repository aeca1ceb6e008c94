"""How long each stage of each insert took, and each merge, as system.part_log has it.

No log of queries is needed, which the embedded engine does not keep: every part names the insert that wrote it, and an
insert writes its parts in the order the data takes. So the moments at which they were there cut its time in pieces:

    consumer    from the end of the insert before: messages fetched, a block gathered, its frames taken apart
    bronze      from the stamp of the bronze rows, set when their view begins, until bronze could be read
    silver      until silver could
    gold        until the last candle could

The pieces of one exchange leave nothing out, so they add up to the time that passed. The consumer's has its waiting in
it: it says nothing as long as the consumer keeps up. Once it falls behind, the next block waits for the insert, and the
largest piece is what holds everything up.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from clickhouse_connect.driver.exceptions import DatabaseError

from k2pipeline.exchanges import EXCHANGES

STAGES: Final = ("consumer", "bronze", "silver", "gold")
_MOST_SAID: Final = 300

MERGES: Final = """
SELECT toUnixTimestamp64Micro(event_time_microseconds) AS at_us, table, duration_ms
FROM system.part_log
WHERE database = 'k2' AND event_type = 'MergeParts'
ORDER BY at_us"""


@dataclass(frozen=True, slots=True)
class Insert:
    """One block of an exchange; times in us since 1970, see above."""

    exchange: str
    begun_us: int
    bronze_us: int
    silver_us: int
    gold_us: int


@dataclass(frozen=True, slots=True)
class Merge:
    """Parts of a table made one."""

    at_us: int
    table: str
    ms: int


@dataclass(frozen=True, slots=True)
class Work:
    """What the warehouse did in a run. unread: why that is not known, where it is not."""

    inserts: tuple[Insert, ...] = ()
    merges: tuple[Merge, ...] = ()
    unread: str | None = None


def read_work(client: Any) -> Work:
    """Ask a warehouse that has come to rest. A schema under test may lack a table: then the work is not known."""
    try:
        client.command("SYSTEM FLUSH LOGS")
        inserts = [Insert(name, *row) for name in EXCHANGES for row in client.query(inserts_of(name)).result_rows]
        merges = [Merge(*row) for row in client.query(MERGES).result_rows]
    except DatabaseError as error:
        return Work(unread=str(error)[:_MOST_SAID])
    return Work(tuple(inserts), tuple(merges))


def inserts_of(exchange: str) -> str:
    """(begun_us, bronze_us, silver_us, gold_us) of each insert of an exchange's trades, in order of time.

    One whose trades are all known already, or none of them valid, has no candles: gold_us is silver_us then.
    """
    bronze = f"bronze_trades_{exchange}"
    return f"""
SELECT
    if(stamp.at_us > 0, stamp.at_us, written.bronze_us) AS begun_us,
    written.bronze_us AS bronze_us,
    greatest(written.silver_us, written.bronze_us) AS silver_us,
    greatest(written.gold_us, written.silver_us, written.bronze_us) AS gold_us
FROM (
    SELECT
        1 AS any,
        maxIf(part.at_us, part.table = '{bronze}') AS bronze_us,
        maxIf(part.at_us, part.table = 'silver_trades') AS silver_us,
        maxIf(part.at_us, startsWith(part.table, 'ohlcv_')) AS gold_us
    FROM (
        SELECT query_id, table, toUnixTimestamp64Micro(event_time_microseconds) AS at_us
        FROM system.part_log
        WHERE database = 'k2' AND event_type = 'NewPart' AND query_id != ''
    ) AS part
    GROUP BY part.query_id
    HAVING bronze_us > 0
) AS written
ASOF LEFT JOIN (SELECT DISTINCT 1 AS any, toUnixTimestamp64Micro(ingested_at) AS at_us FROM k2.{bronze}) AS stamp
    ON stamp.any = written.any AND stamp.at_us <= written.bronze_us
ORDER BY bronze_us"""


def shares(inserts: Sequence[Insert], first_us: int, last_us: int) -> dict[str, float]:
    """Percent of the time between two moments that the inserts of one exchange spent in each stage.

    Of the inserts that began and ended in it. Empty with fewer than two: there is no time between them then.
    """
    within = [each for each in inserts if first_us <= each.begun_us and each.gold_us <= last_us]
    spent_us = dict.fromkeys(STAGES, 0)
    for before, insert in pairwise(within):
        spent_us["consumer"] += insert.begun_us - before.gold_us
        spent_us["bronze"] += insert.bronze_us - insert.begun_us
        spent_us["silver"] += insert.silver_us - insert.bronze_us
        spent_us["gold"] += insert.gold_us - insert.silver_us
    whole_us = sum(spent_us.values())
    if whole_us <= 0:
        return {}
    return {stage: round(100 * max(us, 0) / whole_us, 1) for stage, us in spent_us.items()}
