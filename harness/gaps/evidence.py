"""What the warehouse knows about gaps, read from it with a handful of queries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from harness.checks import feed_queries, load_suites

SILVER: Final = "silver_trades"
MOST_ROWS: Final = 100_000
_BRONZE: Final = "bronze_trades_"
_ID: Final = "toUInt64OrNull(trade_id)"

Market = tuple[str, str]
"""Exchange and symbol."""


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...


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


def missing(client: Client, silver: str) -> list[Hole]:
    """Ids missing between two that are there. `silver` is a query in parentheses."""
    kwargs = _kwargs(SILVER, "ids_are_consecutive")
    query = feed_queries.missing_numbers(silver, kwargs["key"], kwargs["number"], kwargs["moment"])
    return _holes(client, query)


def filled(client: Client, silver: str) -> list[Hole]:
    """Ids that came after a greater one of their symbol, one by one: from when that came until they did."""
    window = "PARTITION BY exchange, symbol ORDER BY number DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING"
    query = f"""
SELECT exchange, symbol, number AS first_missing, number AS last_missing, opened AS last_seen, arrived AS seen_again
FROM (
    SELECT exchange, symbol, {_ID} AS number, ingestion_timestamp AS arrived,
        min(ingestion_timestamp) OVER ({window}) AS opened, count() OVER ({window}) AS greater_ones
    FROM {silver} WHERE number IS NOT NULL
)
WHERE greater_ones > 0 AND arrived > opened"""
    return _holes(client, query)


def silences(client: Client, silver: str) -> list[Silence]:
    """Times in which nothing came of an exchange, by the measure of the standing check."""
    kwargs = dict(_kwargs(SILVER, "no_exchange_falls_silent"))
    query = feed_queries.silences(silver, kwargs.pop("by"), kwargs.pop("received"), **kwargs)
    lasts = dict(client.query(f"SELECT exchange, max(ingestion_timestamp) FROM {silver} GROUP BY exchange").result_rows)
    rows = client.query(
        f"SELECT exchange, toUnixTimestamp(silent_from), toUnixTimestamp(silent_until) FROM ({query})"
    ).result_rows
    return [
        Silence(exchange, begins * 10**9, ends * 10**9, int(lasts[exchange].timestamp()) >= ends)
        for exchange, begins, ends in rows
    ]


def gather(client: Client, silver: str, holes: Iterable[Hole]) -> Evidence:
    """Everything that tells why the ids of these holes are missing."""
    tables = {name for (name,) in client.query("SELECT name FROM system.tables WHERE database = 'k2'").result_rows}
    truth = {name for (name,) in client.query("SELECT name FROM system.tables WHERE database = 'k2_truth'").result_rows}
    bronze = [name for name in sorted(tables) if name.startswith(_BRONZE) and not name.endswith("_mv")]
    lost = [_by_market(client, _left_in_bronze(name, silver)) for name in bronze]
    if {SILVER, "frames"} <= truth:
        lost.append(_by_market(client, _owed(silver)))
    return Evidence(
        lost=_merged(lost),
        refused=_merged([_by_market(client, _letters_of_silver()), _letters_of_bronze(client, holes)]),
        never_sent=_by_market(client, _NEVER_SENT) if "gaps" in truth else {},
        lost_offsets=tuple(hole for name in bronze for hole in _lost_offsets(client, name)),
        jumps=_jumps(client) if "id_jumps" in truth else {},
    )


_NEVER_SENT: Final = f"""
SELECT exchange, symbol, trade_id, 'the exchange did not send it' FROM k2_truth.gaps LIMIT {MOST_ROWS}"""


def _jumps(client: Client) -> dict[Market, list[tuple[int, int]]]:
    query = f"SELECT exchange, symbol, first_id, last_id FROM k2_truth.id_jumps ORDER BY ALL LIMIT {MOST_ROWS}"
    found: dict[Market, list[tuple[int, int]]] = {}
    for exchange, symbol, first, last in client.query(query).result_rows:
        found.setdefault((exchange, symbol), []).append((first, last))
    return found


def _owed(silver: str) -> str:
    """Trades of the truth that silver does not have."""
    return f"""
SELECT exchange, symbol, number, if(isNull(offset), 'received, and in no topic',
    concat('acknowledged as ', topic, '/', toString(partition), '/', toString(offset), ', and absent')) AS detail
FROM (SELECT exchange, symbol, {_ID} AS number, seq FROM k2_truth.silver_trades WHERE number IS NOT NULL) AS owed
LEFT ANTI JOIN (SELECT exchange, symbol, {_ID} AS number FROM {silver}) AS found USING (exchange, symbol, number)
INNER JOIN (SELECT seq, topic, partition, offset FROM k2_truth.frames) AS frame USING (seq)
LIMIT {MOST_ROWS}"""


def _left_in_bronze(table: str, silver: str) -> str:
    """Bronze trades with an id that are neither in silver nor letters of it."""
    exchange = table.removeprefix(_BRONZE)
    place = "_topic, _partition, _offset, trade_index"
    return f"""
SELECT '{exchange}' AS exchange, symbol, trade_id, 'in bronze, and not in silver' AS detail FROM k2.{table} FINAL
WHERE trade_id IS NOT NULL
    AND (symbol, toString(trade_id)) NOT IN (SELECT symbol, trade_id FROM {silver} WHERE exchange = '{exchange}')
    AND ({place}) NOT IN (SELECT {place} FROM k2.dead_letters WHERE layer = 'silver' AND exchange = '{exchange}')
LIMIT {MOST_ROWS}"""


def _letters_of_silver() -> str:
    return f"""
SELECT exchange, JSONExtractString(message, 'symbol') AS symbol,
    toUInt64OrNull(JSONExtractString(message, 'trade_id')) AS number, concat('a dead letter: ', reason) AS detail
FROM k2.dead_letters FINAL WHERE layer = 'silver' AND number IS NOT NULL LIMIT {MOST_ROWS}"""


def _letters_of_bronze(client: Client, holes: Iterable[Hole]) -> dict[Market, dict[int, str]]:
    """Frames that were refused name ids in their text; those that are missing are taken for theirs."""
    query = f"""
SELECT exchange, arrayJoin(arrayDistinct(extractAll(message, '[0-9]+'))) AS digits, reason
FROM k2.dead_letters FINAL WHERE layer = 'bronze' AND length(digits) < 20 LIMIT {MOST_ROWS}"""
    numbers: dict[str, dict[int, str]] = {}
    for exchange, digits, reason in client.query(query).result_rows:
        numbers.setdefault(exchange, {})[int(digits)] = f"a dead letter: {reason}"
    found: dict[Market, dict[int, str]] = {}
    for hole in holes:
        named = {n: why for n, why in numbers.get(hole.exchange, {}).items() if hole.first_id <= n <= hole.last_id}
        found.setdefault((hole.exchange, hole.symbol), {}).update(named)
    return found


def _lost_offsets(client: Client, table: str) -> list[Hole]:
    """Offsets that are neither bronze rows nor letters, as holes of the exchange; the symbol says where."""
    exchange = table.removeprefix(_BRONZE)
    taken = f"""(
    SELECT _topic, _partition, _offset, received_at FROM k2.{table}
    UNION ALL
    SELECT _topic, _partition, _offset, received_at FROM k2.dead_letters
    WHERE layer = 'bronze' AND _topic IN (SELECT DISTINCT _topic FROM k2.{table})
)"""
    query = feed_queries.missing_numbers(taken, ["_topic", "_partition"], "toNullable(_offset)", "received_at")
    place = "concat(_topic, '/', toString(_partition))"
    return _holes(
        client, f"SELECT '{exchange}' AS exchange, {place} AS symbol, * EXCEPT (_topic, _partition) FROM ({query})"
    )


def _holes(client: Client, query: str) -> list[Hole]:
    times = "toUnixTimestamp64Nano(last_seen), toUnixTimestamp64Nano(seen_again)"
    found = client.query(
        f"SELECT exchange, symbol, first_missing, last_missing, {times} FROM ({query}) ORDER BY ALL LIMIT {MOST_ROWS}"
    )
    return [Hole(*row) for row in found.result_rows]


def _by_market(client: Client, query: str) -> dict[Market, dict[int, str]]:
    found: dict[Market, dict[int, str]] = {}
    for exchange, symbol, number, detail in client.query(query).result_rows:
        found.setdefault((exchange, symbol), {})[int(number)] = detail
    return found


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
