"""Standing checks on what the pipeline itself keeps in order: offsets, candles of candles, parts of tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final

from harness.checks import feed_queries
from harness.checks.expectations import ExpectNothingUnexpected, Finding, OfQuery
from harness.checks.warehouse import Warehouse

_VALUES: Final = ("open", "open_time", "high", "low", "close", "close_time", "volume", "quote_volume", "trade_count")


class ExpectOffsetsToBeConsecutive(OfQuery):
    """Between the first and the last offset of a partition in the batch, each is rows of the batch or a dead letter.

    Offsets of a topic are consecutive, so one that is missing was acknowledged to its sender and is nowhere.
    """

    letters: str

    success_keys: ClassVar[tuple[str, ...]] = ("letters",)

    def query(self, warehouse: Warehouse) -> str:
        place = "_topic, _partition, _offset"
        taken = f"""(
    SELECT {place}, received_at FROM {warehouse.batch}
    UNION ALL
    SELECT {place}, received_at FROM {self.letters} AS letter INNER JOIN (
        SELECT _topic, _partition, min(_offset) AS first, max(_offset) AS last FROM {warehouse.batch} GROUP BY ALL
    ) AS reach USING (_topic, _partition)
    WHERE layer = 'bronze' AND _offset BETWEEN first AND last
)"""
        return feed_queries.missing_numbers(taken, ["_topic", "_partition"], "toNullable(_offset)", "received_at")


class ExpectCandlesToRollUp(OfQuery):
    """Each candle of the batch is made of what lies in its window, and each window with something in it has a candle.

    `parts` are narrower candles, or trades in the shape of candles; `position` decides on the first and the last. On a
    warehouse that is written to, a candle and its parts are at times in different states. So a window of which anything
    was written at `until_us` (since 1970) or later is left out, if that is given.
    """

    parts: str
    position: str
    seconds: int
    until_us: int | None = None

    success_keys: ClassVar[tuple[str, ...]] = ("parts", "position", "seconds", "until_us")

    def query(self, warehouse: Warehouse) -> str:
        length = self.seconds
        is_settled = (
            "" if self.until_us is None else f" AND max(updated_at) < fromUnixTimestamp64Micro({self.until_us}, 'UTC')"
        )
        return f"""
SELECT exchange, canonical_symbol, window_start, sumIf(trade_count, is_part) AS trades_in_window,
    sumIf(trade_count, NOT is_part) AS trades_in_candle, sumIf(volume, is_part) AS volume_in_window,
    sumIf(volume, NOT is_part) AS volume_of_candle
FROM (
    SELECT true AS is_part, exchange, canonical_symbol,
        toDateTime(intDiv(toUnixTimestamp(part.window_start), {length}) * {length}, 'UTC') AS window_start,
        argMin(part.open, {self.position}) AS open, min(part.open_time) AS open_time, max(part.high) AS high,
        min(part.low) AS low, argMax(part.close, {self.position}) AS close, max(part.close_time) AS close_time,
        sum(part.volume) AS volume, sum(part.quote_volume) AS quote_volume, sum(part.trade_count) AS trade_count,
        max(part.updated_at) AS updated_at
    FROM {self.parts} AS part GROUP BY exchange, canonical_symbol, window_start
    UNION ALL
    SELECT false, exchange, canonical_symbol, window_start, {", ".join(_VALUES)}, updated_at FROM {warehouse.batch}
)
GROUP BY exchange, canonical_symbol, window_start
HAVING (count() != 2 OR uniqExact(tuple({", ".join(_VALUES)})) > 1){is_settled}"""


class ExpectPartsToBeFew(ExpectNothingUnexpected):
    """No partition of a table has more than `most` active parts; beyond some hundreds reading slows, then inserts."""

    table: str
    most: int

    success_keys: ClassVar[tuple[str, ...]] = ("table", "most")

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        parts = f"""
    SELECT partition, count() AS part_count, sum(rows) AS row_count FROM system.parts
    WHERE database = 'k2' AND table = '{self.table}' AND active GROUP BY partition"""
        figures = f"countIf(part_count > {self.most}) AS unexpected, sum(part_count) AS parts, max(part_count) AS most"
        counts = warehouse.counts(f"SELECT {figures} FROM ({parts})")
        unexpected = counts.pop("unexpected")
        crowded = f"SELECT * FROM ({parts}) WHERE part_count > {self.most}"
        return Finding(unexpected, warehouse.some(crowded) if unexpected else [], counts)
