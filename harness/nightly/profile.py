"""A night in numbers: what the warehouse wrote, how soon, what is missing. One row a metric and subject."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from harness.nightly.window import Window
from k2pipeline.exchanges import EXCHANGES

GAP_MARKETS: Final = 50
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
class Profile:
    """All of that; gaps and letters only the largest."""

    measures: tuple[Measure, ...]
    gaps: tuple[Gap, ...]
    letters: tuple[Letters, ...]


def profile(client: Client, window: Window) -> Profile:
    """Look at one night of a warehouse. An exchange that is known and sent nothing counts with 0."""
    silver = {row[0]: row[1:] for row in _rows(client, _silver(window))}
    gaps = [Gap(*row) for row in _rows(client, _gaps(window))]
    letters = [Letters(*row) for row in _rows(client, _letters(window))]
    candles = dict(_rows(client, _candles(window)))
    bronze = dict(_rows(client, _bronze(window, EXCHANGES)))
    measures = []
    for exchange in EXCHANGES:
        trades, invalid, markets, p50_us, p99_us = silver.get(exchange, (0, 0, 0, 0, 0))
        missing = sum(gap.missing for gap in gaps if gap.exchange == exchange)
        dead = sum(each.letters for each in letters if each.exchange == exchange)
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
    return Profile(tuple(measures), tuple(gaps[:GAP_MARKETS]), tuple(letters[:REASONS]))


def latency_row(client: Client, window: Window) -> Sequence[int]:
    """Over all exchanges from received to queryable: n, p50, p99, p99.9 and max, in us."""
    query = f"""
SELECT count(), quantilesExact(0.5, 0.99, 0.999)({_LATENCY_US}) AS us, max({_LATENCY_US})
FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}"""
    n, percentiles, highest = _rows(client, query)[0]
    return [n, *percentiles, highest]


_LATENCY_US: Final = (
    "greatest(toUnixTimestamp64Micro(processed_at) - intDiv(toUnixTimestamp64Nano(ingestion_timestamp), 1000), 0)"
)


def _silver(window: Window) -> str:
    return f"""
SELECT exchange, count() AS trades, countIf(NOT is_valid), uniqExact(symbol),
    toInt64(quantileExact(0.5)({_LATENCY_US})), toInt64(quantileExact(0.99)({_LATENCY_US}))
FROM k2.silver_trades FINAL WHERE {window.of("processed_at")}
GROUP BY exchange"""


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
    toInt64(least(last_id - first_id, {_MOST_MISSING})) + 1 - toInt64(uniqExact(id)) AS missing
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
