"""What the warehouse knows about gaps, read from it with a handful of queries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from harness.checks import feed_queries, load_suites

SILVER: Final = "silver_trades"
MOST_ROWS: Final = 100_000
_BRONZE: Final = "bronze_trades_"
_RANGE: Final = 65_536
_ID: Final = "toUInt64OrNull(trade_id)"

Market = tuple[str, str]
"""Exchange and symbol."""


Within = Callable[[str], str]
"""The condition in SQL that the time in a column lies in the part of the tables that is looked at."""


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...


class Reading:
    """Reads rows of evidence, and notes in `cut_short` of what there were more than it read."""

    def __init__(self, client: Client, within: Within | None = None) -> None:
        self._client = client
        self._within = within
        self.cut_short: list[str] = []

    @property
    def silver(self) -> str:
        """The trades that are looked at, as a query in parentheses."""
        return f"(SELECT * FROM k2.silver_trades FINAL WHERE {self.written('processed_at')})"

    def written(self, column: str) -> str:
        """The condition that a row belongs to what is looked at."""
        return self._within(column) if self._within else "true"

    def rows(self, query: str) -> Sequence[Any]:
        """All rows of a query that can have only a few."""
        found: Sequence[Any] = self._client.query(query).result_rows
        return found

    def some(self, what: str, query: str) -> Sequence[Any]:
        """The first MOST_ROWS rows of a query; `what` they are is noted if there are more."""
        found = self.rows(f"SELECT * FROM ({query}\n) LIMIT {MOST_ROWS + 1}")
        if len(found) > MOST_ROWS and what not in self.cut_short:
            self.cut_short.append(what)
        return found[:MOST_ROWS]


@dataclass(frozen=True, slots=True)
class Hole:
    """Ids that are missing (or were, until `until_ns`), both included; times are receipts in ns since 1970."""

    exchange: str
    symbol: str
    first_id: int
    last_id: int
    from_ns: int
    until_ns: int


@dataclass(frozen=True, slots=True)
class Silence:
    """A time in which nothing was received of an exchange. `ends`: it has come back since."""

    exchange: str
    from_ns: int
    until_ns: int
    ends: bool


@dataclass(frozen=True, slots=True)
class Evidence:
    """Why single ids are missing, by market and id, in words; what is missing of the topics; and by market the ids that
    no trade has, as ranges (first, last) in their order.
    """

    lost: Mapping[Market, Mapping[int, str]] = field(default_factory=dict)
    refused: Mapping[Market, Mapping[int, str]] = field(default_factory=dict)
    never_sent: Mapping[Market, Mapping[int, str]] = field(default_factory=dict)
    lost_offsets: tuple[Hole, ...] = ()
    jumps: Mapping[Market, Sequence[tuple[int, int]]] = field(default_factory=dict)


def missing(reading: Reading) -> list[Hole]:
    """Ids missing between two that are there."""
    kwargs = _kwargs(SILVER, "ids_are_consecutive")
    query = feed_queries.missing_numbers(reading.silver, kwargs["key"], kwargs["number"], kwargs["moment"])
    return _holes(reading, "missing ids", query)


def filled(reading: Reading) -> list[Hole]:
    """Ids that came after a greater one of their symbol, one by one: from when that came until they did.

    A window over single rows keeps all of them in memory, so each is over a range of ids, and of those above it the
    first receipt is known.
    """
    ids = f"SELECT exchange, symbol, {_ID} AS number, ingestion_timestamp AS arrived FROM {reading.silver}"
    above = "PARTITION BY exchange, symbol{} ORDER BY {} DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING".format
    # Without a row above, a minimum would be that of no row, which is the beginning of time.
    never = "toDateTime64('2200-01-01 00:00:00', 9, 'UTC')"
    query = f"""
WITH
numbered AS (SELECT *, intDiv(number, {_RANGE}) AS range FROM ({ids}) WHERE number IS NOT NULL),
ranges AS (
    SELECT exchange, symbol, range, if(count() OVER ({above("", "range")}) = 0, {never},
        min(first) OVER ({above("", "range")})) AS opened_above
    FROM (SELECT exchange, symbol, range, min(arrived) AS first FROM numbered GROUP BY exchange, symbol, range)
)
SELECT exchange, symbol, number AS first_missing, number AS last_missing,
    least(opened_in_range, opened_above) AS last_seen, arrived AS seen_again
FROM (
    SELECT exchange, symbol, range, number, arrived, if(count() OVER ({above(", range", "number")}) = 0, {never},
        min(arrived) OVER ({above(", range", "number")})) AS opened_in_range
    FROM numbered
) AS trade
INNER JOIN ranges USING (exchange, symbol, range)
WHERE arrived > least(opened_in_range, opened_above)"""
    return _holes(reading, "late arrivals", query)


def silences(reading: Reading) -> list[Silence]:
    """Times in which nothing came of an exchange, by the measure of the standing check."""
    kwargs = dict(_kwargs(SILVER, "no_exchange_falls_silent"))
    query = feed_queries.silences(reading.silver, kwargs.pop("by"), kwargs.pop("received"), **kwargs)
    lasts = dict(reading.rows(f"SELECT exchange, max(ingestion_timestamp) FROM {reading.silver} GROUP BY exchange"))
    rows = reading.some(
        "silences", f"SELECT exchange, toUnixTimestamp(silent_from), toUnixTimestamp(silent_until) FROM ({query})"
    )
    return [
        Silence(exchange, begins * 10**9, ends * 10**9, int(lasts[exchange].timestamp()) >= ends)
        for exchange, begins, ends in rows
    ]


def gather(reading: Reading, holes: Sequence[Hole]) -> Evidence:
    """Everything that tells why the ids of these holes are missing."""
    tables = {name for (name,) in reading.rows("SELECT name FROM system.tables WHERE database = 'k2'")}
    truth = {name for (name,) in reading.rows("SELECT name FROM system.tables WHERE database = 'k2_truth'")}
    bronze = [name for name in sorted(tables) if name.startswith(_BRONZE) and not name.endswith("_mv")]
    lost = [_by_market(reading, "trades left in bronze", _left_in_bronze(reading, name, holes)) for name in bronze]
    if {SILVER, "frames"} <= truth:
        lost.append(_by_market(reading, "trades that were owed", _owed(reading.silver)))
    return Evidence(
        lost=_merged(lost),
        refused=_merged(
            [_by_market(reading, "letters of silver", _letters_of_silver(reading)), _letters_of_bronze(reading, holes)]
        ),
        never_sent=_by_market(reading, "trades never sent", _NEVER_SENT) if "gaps" in truth else {},
        lost_offsets=tuple(hole for name in bronze for hole in _lost_offsets(reading, name)),
        jumps=_jumps(reading) if "id_jumps" in truth else {},
    )


_NEVER_SENT: Final = "SELECT exchange, symbol, trade_id, 'the exchange did not send it' FROM k2_truth.gaps"


def _jumps(reading: Reading) -> dict[Market, list[tuple[int, int]]]:
    query = "SELECT exchange, symbol, first_id, last_id FROM k2_truth.id_jumps ORDER BY ALL"
    found: dict[Market, list[tuple[int, int]]] = {}
    for exchange, symbol, first, last in reading.some("jumps of ids", query):
        found.setdefault((exchange, symbol), []).append((first, last))
    return found


def _owed(silver: str) -> str:
    """Trades of the truth that silver does not have."""
    return f"""
SELECT exchange, symbol, number, if(isNull(offset), 'received, and in no topic',
    concat('acknowledged as ', topic, '/', toString(partition), '/', toString(offset), ', and absent')) AS detail
FROM (SELECT exchange, symbol, {_ID} AS number, seq FROM k2_truth.silver_trades WHERE number IS NOT NULL) AS owed
LEFT ANTI JOIN (SELECT exchange, symbol, {_ID} AS number FROM {silver}) AS found USING (exchange, symbol, number)
INNER JOIN (SELECT seq, topic, partition, offset FROM k2_truth.frames) AS frame USING (seq)"""


def _left_in_bronze(reading: Reading, table: str, holes: Sequence[Hole]) -> str:
    """Bronze trades with an id, of markets with a hole, that are neither in silver nor letters of it."""
    exchange = table.removeprefix(_BRONZE)
    symbols = sorted({hole.symbol for hole in holes if hole.exchange == exchange})
    place = "_topic, _partition, _offset, trade_index"
    return f"""
SELECT '{exchange}' AS exchange, symbol, number, 'in bronze, and not in silver' AS detail
FROM (
    SELECT symbol, assumeNotNull(trade_id) AS number, 1 AS is_bronze FROM k2.{table} FINAL
    WHERE {reading.written("ingested_at")} AND trade_id IS NOT NULL AND has({_texts(symbols)}, symbol)
        AND ({place}) NOT IN (SELECT {place} FROM k2.dead_letters WHERE layer = 'silver' AND exchange = '{exchange}')
    UNION ALL
    SELECT symbol, assumeNotNull({_ID}) AS number, 0 AS is_bronze FROM {reading.silver}
    WHERE exchange = '{exchange}' AND {_ID} IS NOT NULL AND has({_texts(symbols)}, symbol)
)
GROUP BY symbol, number HAVING min(is_bronze) = 1"""


def _letters_of_silver(reading: Reading) -> str:
    return f"""
SELECT exchange, JSONExtractString(message, 'symbol') AS symbol,
    toUInt64OrNull(JSONExtractString(message, 'trade_id')) AS number, concat('a dead letter: ', reason) AS detail
FROM k2.dead_letters FINAL WHERE layer = 'silver' AND number IS NOT NULL AND {reading.written("ingested_at")}"""


def _letters_of_bronze(reading: Reading, holes: Iterable[Hole]) -> dict[Market, dict[int, str]]:
    """Frames that were refused name ids in their text; those that are missing are taken for theirs."""
    query = f"""
SELECT exchange, arrayJoin(arrayDistinct(extractAll(message, '[0-9]+'))) AS digits, reason
FROM k2.dead_letters FINAL WHERE layer = 'bronze' AND length(digits) < 20 AND {reading.written("ingested_at")}"""
    numbers: dict[str, dict[int, str]] = {}
    for exchange, digits, reason in reading.some("letters of bronze", query):
        numbers.setdefault(exchange, {})[int(digits)] = f"a dead letter: {reason}"
    found: dict[Market, dict[int, str]] = {}
    for hole in holes:
        named = {n: why for n, why in numbers.get(hole.exchange, {}).items() if hole.first_id <= n <= hole.last_id}
        found.setdefault((hole.exchange, hole.symbol), {}).update(named)
    return found


def _lost_offsets(reading: Reading, table: str) -> list[Hole]:
    """Offsets that are neither bronze rows nor letters, as holes of the exchange; the symbol says where."""
    exchange = table.removeprefix(_BRONZE)
    written = reading.written("ingested_at")
    taken = f"""(
    SELECT _topic, _partition, _offset, received_at FROM k2.{table} WHERE {written}
    UNION ALL
    SELECT _topic, _partition, _offset, received_at FROM k2.dead_letters
    WHERE layer = 'bronze' AND {written} AND _topic IN (SELECT DISTINCT _topic FROM k2.{table} WHERE {written})
)"""
    query = feed_queries.missing_numbers(taken, ["_topic", "_partition"], "toNullable(_offset)", "received_at")
    place = "concat(_topic, '/', toString(_partition))"
    query = f"SELECT '{exchange}' AS exchange, {place} AS symbol, * EXCEPT (_topic, _partition) FROM ({query})"
    return _holes(reading, "missing offsets", query)


def _holes(reading: Reading, what: str, query: str) -> list[Hole]:
    times = "toUnixTimestamp64Nano(last_seen), toUnixTimestamp64Nano(seen_again)"
    ordered = f"SELECT exchange, symbol, first_missing, last_missing, {times} FROM ({query}) ORDER BY ALL"
    return [Hole(*row) for row in reading.some(what, ordered)]


def _by_market(reading: Reading, what: str, query: str) -> dict[Market, dict[int, str]]:
    found: dict[Market, dict[int, str]] = {}
    for exchange, symbol, number, detail in reading.some(what, query):
        found.setdefault((exchange, symbol), {})[int(number)] = detail
    return found


def _texts(values: Sequence[str]) -> str:
    escaped = (value.replace("\\", "\\\\").replace("'", "\\'") for value in values)
    return "[" + ", ".join(f"'{value}'" for value in escaped) + "]::Array(String)"


def _merged(parts: Iterable[Mapping[Market, Mapping[int, str]]]) -> dict[Market, dict[int, str]]:
    whole: dict[Market, dict[int, str]] = {}
    for part in parts:
        for market, ids in part.items():
            whole.setdefault(market, {}).update(ids)
    return whole


def _kwargs(suite: str, name: str) -> Mapping[str, Any]:
    """The figures of a standing check, so that it and its explanation never differ."""
    (found,) = load_suites(named=[suite])
    check = next(check for check in found.checks if check.name == name)
    kwargs: Mapping[str, Any] = check.definition["kwargs"]
    return kwargs
