"""Standing checks on what came in: is the feed whole, in time, in order, and plausible?

They need no truth, so they also run on a live warehouse at night. In a run with injected faults they raise the alarm
that the night would have raised, and the truth says whether the pipeline did right by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from harness.checks import feed_queries
from harness.checks.expectations import ExpectNothingUnexpected, Finding, OfQuery
from harness.checks.warehouse import Warehouse


class ExpectRowsAtAll(ExpectNothingUnexpected):
    """The batch is not empty: what is missing then is one row at least."""

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        counts = warehouse.counts(f"SELECT count() AS rows FROM {warehouse.batch}")
        return Finding(int(not counts["rows"]), [], counts)


class ExpectIdsToBeConsecutive(ExpectNothingUnexpected):
    """No number is missing between two of a key. Counts ranges; `numbers_missing` is how many numbers they are."""

    key: list[str]
    number: str
    moment: str

    success_keys: ClassVar[tuple[str, ...]] = ("key", "number", "moment")

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        query = feed_queries.missing_numbers(warehouse.batch, self.key, self.number, self.moment)
        counts = warehouse.counts(
            f"SELECT count() AS unexpected, sum(toUInt128(missing)) AS numbers_missing FROM ({query})"
        )
        unexpected = counts.pop("unexpected")
        return Finding(unexpected, warehouse.some(query) if unexpected else [], counts)


class ExpectRowsInOrder(OfQuery):
    """In the order of their arrival, no row's value is smaller than an earlier one's of its key."""

    key: list[str]
    value: str
    order: list[str]
    shown: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("key", "value", "order", "shown")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.out_of_order(warehouse.batch, self.key, self.value, self.order, self.shown)


class ExpectNoRowBehindWatermark(OfQuery):
    """No row is more than late_s older than one of the same feed that was received before it.

    So a feed that is replayed years later is not late, and one trade of it that comes a minute after its neighbours is.
    `unless` is a condition under which old rows are as they should be.
    """

    by: list[str]
    time: str
    received: str
    late_s: int
    ahead_s: int
    unless: str
    shown: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("by", "time", "received", "late_s", "ahead_s", "unless", "shown")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.behind_watermark(
            warehouse.batch,
            self.by,
            self.time,
            self.received,
            late_s=self.late_s,
            ahead_s=self.ahead_s,
            unless=self.unless,
            shown=self.shown,
        )


class ExpectNoSilence(OfQuery):
    """No feed stands still for least_s and for times_usual its usual pause, which takes `pauses` pauses to know."""

    by: list[str]
    received: str
    least_s: int
    times_usual: int
    pauses: int

    success_keys: ClassVar[tuple[str, ...]] = ("by", "received", "least_s", "times_usual", "pauses")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.silences(
            warehouse.batch,
            self.by,
            self.received,
            least_s=self.least_s,
            times_usual=self.times_usual,
            pauses=self.pauses,
        )


class ExpectNoPriceOutlier(OfQuery):
    """No valid trade's price is `factor` times the median of the span of within_s around it, or a `factor`-th of it."""

    by: list[str]
    within_s: int
    factor: float
    least: int
    shown: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("by", "within_s", "factor", "least", "shown")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.price_outliers(
            warehouse.batch,
            self.by,
            within_s=self.within_s,
            factor=self.factor,
            least=self.least,
            shown=self.shown,
        )


class ExpectExchangesToAgree(OfQuery):
    """In no span of within_s is a market's mean price `factor` times higher on one exchange than on another."""

    within_s: int
    factor: float

    success_keys: ClassVar[tuple[str, ...]] = ("within_s", "factor")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.disagreements(warehouse.batch, within_s=self.within_s, factor=self.factor)


class ExpectTradesToComeOnce(OfQuery):
    """No trade comes twice among the rows that meet the condition; each arrival after the first is one too many."""

    key: list[str]
    place: list[str]
    condition: str

    success_keys: ClassVar[tuple[str, ...]] = ("key", "place", "condition")

    def query(self, warehouse: Warehouse) -> str:
        return feed_queries.repeated_arrivals(warehouse.batch, self.key, self.place, self.condition)


class ExpectFewRows(ExpectNothingUnexpected):
    """The batch has at most `share` (0.01 is 1 %) of the rows of `among`, a query in parentheses."""

    among: str
    share: float
    shown: list[str]

    success_keys: ClassVar[tuple[str, ...]] = ("among", "share", "shown")

    def find(self, warehouse: Warehouse, _metrics: Mapping[str, Any]) -> Finding:
        batch = warehouse.batch
        counts = warehouse.counts(
            f"SELECT (SELECT count() FROM {batch}) AS rows, (SELECT count() FROM {self.among}) AS among"
        )
        if counts["rows"] <= self.share * counts["among"]:
            return Finding(0, [], counts)
        return Finding(counts["rows"], warehouse.some(f"SELECT {', '.join(self.shown)} FROM {batch}"), counts)
