"""A night in numbers: what the warehouse wrote, how soon, what is missing. One row a metric and subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.nightly.window import Window
from k2pipeline.exchanges import EXCHANGES

GAP_MARKETS: Final = 50
HOURS: Final = 24
REASONS: Final = 50
ALL: Final = "all"
_MOST_MISSING: Final = 10**15


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def query(self, query: str) -> Any: ...


@dataclass(frozen=True, slots=True)
class Measure:
    """One number of a night. metric: its name ends in the unit, or it counts. subject: an exchange, or all."""

    metric: str
    subject: str
    value: int


@dataclass(frozen=True, slots=True)
class Gap:
    """Ids of one market that are missing between the first and the last that came."""

    exchange: str
    symbol: str
    first_id: int
    last_id: int
    missing: int


@dataclass(frozen=True, slots=True)
class Letters:
    """Dead letters of one reason."""

    exchange: str
    layer: str
    reason: str
    letters: int


@dataclass(frozen=True, slots=True)
class Parts:
    """How many active parts a table has, and what is in them."""

    table: str
    parts: int
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Slice:
    """One of HOURS equal slices of the window, of one exchange: what was written, and how long after its receipt."""

    since_s: int
    exchange: str
    trades: int
    p50_us: int
    p99_us: int
    max_us: int


@dataclass(frozen=True, slots=True)
class Profile:
    """All of that; gaps and letters only the largest, and of how many."""

    measures: tuple[Measure, ...]
    gaps: tuple[Gap, ...]
    letters: tuple[Letters, ...]
    parts: tuple[Parts, ...] = ()
    slices: tuple[Slice, ...] = ()
    gap_markets: int = 0
    reasons: int = 0


def profile(client: Client, window: Window) -> Profile:
    """Look at one night of a warehouse. An exchange that is known and sent nothing counts with 0."""
    silver = {row[0]: row[1:] for row in _rows(client, _silver(window))}
    gaps = [Gap(*row) for row in _rows(client, _gaps(window))]
    letters = [Letters(*row) for row in _rows(client, _letters(window))]
    parts = [Parts(*row) for row in _rows(client, _PARTS)]
    candles = dict(_rows(client, _candles(window)))
    bronze = dict(_rows(client, _bronze(window, EXCHANGES)))
    behind = _behind(client, window)
    measures = []
    for exchange in EXCHANGES:
        trades, invalid, markets, p50_us, p99_us = silver.get(exchange, (0, 0, 0, 0, 0))
        missing = sum(gap.missing for gap in gaps if gap.exchange == exchange)
        dead = sum(each.letters for each in letters if each.exchange == exchange)
        if exchange in behind:
            measures.append(Measure("behind_us", exchange, behind[exchange]))
        measures += [
            Measure("trades", exchange, trades),
            Measure("bronze_rows", exchange, bronze.get(exchange, 0)),
            Measure("candles_1m", exchange, candles.get(exchange, 0)),
            Measure("markets", exchange, markets),
            Measure("missing_ids", exchange, missing),
            Measure("dead_letters", exchange, dead),
            Measure("invalid_trades", exchange, invalid),
            *(
                [Measure("latency_p50_us", exchange, p50_us), Measure("latency_p99_us", exchange, p99_us)]
                if trades
                else []
            ),
        ]
    measures.append(Measure("parts", ALL, sum(each.parts for each in parts)))
    return Profile(
        tuple(measures),
        tuple(gaps[:GAP_MARKETS]),
        tuple(letters[:REASONS]),
        tuple(parts),
        tuple(Slice(*row) for row in _rows(client, _slices(window))),
        len(gaps),
        len(letters),
    )


def latency_row(client: Client, window: Window) -> Sequence[int]:
    """Over all exchanges from received to queryable: n, p50, p99, p99.9 and max, in us; percentiles to 0.1 %."""
    query = f"""
SELECT count(), {_quantiles(_LATENCY_US, 0.5, 0.99, 0.999)}, max({_LATENCY_US})
FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}"""
    n, percentiles, highest = _rows(client, query)[0]
    return [n, *percentiles, highest]


def bronze_to_silver_row(client: Client, window: Window) -> Sequence[int]:
    """The same from bronze to silver, of a sample of the trades, for both have to be joined."""
    bronze = "\n    UNION ALL".join(
        f"""
    SELECT {_PLACE}, ingested_at FROM k2.bronze_trades_{name} FINAL
    WHERE {window.of("ingested_at")} AND {_sampled(_PLACE)}"""
        for name in EXCHANGES
    )
    took = "greatest(toUnixTimestamp64Micro(processed_at) - toUnixTimestamp64Micro(ingested_at), 0)"
    query = f"""
SELECT count(), {_quantiles(took, 0.5, 0.99, 0.999)}, max({took})
FROM (
    SELECT source_topic AS _topic, source_partition AS _partition, source_offset AS _offset,
        source_index AS trade_index, processed_at
    FROM k2.silver_trades FINAL WHERE {window.of("processed_at")} AND {_sampled(_SOURCE)}
) AS silver
INNER JOIN ({bronze}
) AS bronze USING ({_PLACE})"""
    n, percentiles, highest = _rows(client, query)[0]
    return [n, *percentiles, highest]


_PLACE: Final = "_topic, _partition, _offset, trade_index"
_SOURCE: Final = "source_topic, source_partition, source_offset, source_index"
_SAMPLED: Final = 5_000_000
_PARTS: Final = """
SELECT table, count() AS parts, sum(rows), sum(bytes_on_disk) FROM system.parts
WHERE database = 'k2' AND active GROUP BY table ORDER BY parts DESC, table"""
_LATENCY_US: Final = (
    "greatest(toUnixTimestamp64Micro(processed_at) - intDiv(toUnixTimestamp64Nano(ingestion_timestamp), 1000), 0)"
)


def _quantiles(value: str, *levels: float) -> str:
    """As whole numbers, to a thousandth of their size, in a few kB; exact ones would keep every value in memory."""
    found = f"quantilesDD(0.001, {', '.join(map(str, levels))})({value})"
    return f"arrayMap(each -> if(isFinite(each), toInt64(round(each)), 0), {found})"


def _sampled(place: str) -> str:
    """One in so many places, always the same ones; all of them where there are few."""
    total = "(SELECT count() FROM k2.silver_trades)"
    return f"sipHash64({place}) % greatest(intDiv({total}, {_SAMPLED}), 1) = 0"


def _silver(window: Window) -> str:
    return f"""
SELECT exchange, count() AS trades, countIf(NOT is_valid), uniqExact(symbol),
    {_quantiles(_LATENCY_US, 0.5, 0.99)}[1], {_quantiles(_LATENCY_US, 0.5, 0.99)}[2]
FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}
GROUP BY exchange"""


def _slices(window: Window) -> str:
    since_s, width_s = window.since_ns // 10**9, max(window.length_s // HOURS, 1)
    place = f"intDiv(toUnixTimestamp(toDateTime(processed_at)) - {since_s}, {width_s})"
    return f"""
SELECT {since_s} + {place} * {width_s} AS since_s, exchange, count(),
    {_quantiles(_LATENCY_US, 0.5, 0.99)}[1], {_quantiles(_LATENCY_US, 0.5, 0.99)}[2], max({_LATENCY_US})
FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}
GROUP BY since_s, exchange ORDER BY since_s, exchange"""


def _behind(client: Client, window: Window) -> dict[str, int]:
    """Since when, before it was asked, no trade has come of an exchange, in us; at least the window, if none did in it.

    An exchange of which the warehouse has nothing at all is not used, and left out.
    """
    asked_us, longest_us = window.asked_ns // 1000, (window.asked_ns - window.since_ns) // 1000
    last = dict(
        _rows(
            client,
            f"SELECT exchange, intDiv(toUnixTimestamp64Nano(max(ingestion_timestamp)), 1000) FROM k2.silver_trades "
            f"WHERE {window.until_asked('processed_at')} GROUP BY exchange",
        )
    )
    known = {
        name for name in EXCHANGES if _rows(client, f"SELECT 1 FROM k2.silver_trades WHERE exchange = '{name}' LIMIT 1")
    }
    return {
        name: min(max(asked_us - last[name], 0), longest_us) if name in last else longest_us
        for name in EXCHANGES
        if name in known
    }


def _bronze(window: Window, exchanges: Iterable[str]) -> str:
    return "\nUNION ALL".join(
        f"\nSELECT '{name}' AS exchange, count() FROM k2.bronze_trades_{name} FINAL WHERE {window.of('ingested_at')}"
        for name in exchanges
    )


def _candles(window: Window) -> str:
    return f"SELECT exchange, count() FROM k2.ohlcv_1m_view WHERE {window.of('updated_at')} GROUP BY exchange"


def _gaps(window: Window) -> str:
    # An exchange whose trades have no number of their own has no gaps to see. One absurd id must not overflow a sum.
    return f"""
SELECT exchange, symbol, min(id) AS first_id, max(id) AS last_id,
    toInt64(least(last_id - first_id, {_MOST_MISSING})) + 1 - toInt64(groupBitmap(assumeNotNull(id))) AS missing
FROM (
    SELECT exchange, symbol, toUInt64OrNull(trade_id) AS id
    FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}
)
WHERE id IS NOT NULL
GROUP BY exchange, symbol
HAVING missing > 0
ORDER BY missing DESC, exchange, symbol"""


def _letters(window: Window) -> str:
    return f"""
SELECT exchange, layer, reason, count() AS letters
FROM k2.dead_letters FINAL WHERE {window.of("ingested_at")}
GROUP BY exchange, layer, reason
ORDER BY letters DESC, exchange, layer, reason"""


def _rows(client: Client, query: str) -> list[Any]:
    return list(client.query(query).result_rows)
