"""Why a candle changed: the trades of its window that changed, or else those that its values come from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from harness.gate.rows import SAMPLE_ROWS
from harness.gate.snapshot import Object, Query
from harness.truth.tables import WINDOWS_S

_PRICES: Final = frozenset(("open", "high", "low", "close", "open_price", "high_price", "low_price", "close_price"))
_TIMES: Final = frozenset(("open_time", "close_time"))
_IDENTITY: Final = ("exchange", "symbol", "trade_id")
_SHOWN: Final = ("timestamp", "price", "quantity", "source_topic", "source_partition", "source_offset")
_CANDLES: Final = 3


def window_seconds(candles: Object) -> int | None:
    """Length of the windows of a table or view of candles; None for anything else."""
    parts = candles.name.split("_")
    if (
        len(parts) < 2
        or parts[0] != "ohlcv"
        or not {"window_start", "canonical_symbol"} <= {c.name for c in candles.columns}
    ):
        return None
    return WINDOWS_S.get(parts[1])


def causes(
    query: Query, changes: Iterable[Mapping[str, str]], seconds: int, trades: tuple[str, str]
) -> list[dict[str, str]]:
    """The trades behind the first few candles of `changes` (rows with key, column, before and after).

    `trades` is where silver is read before and after, such as `k2.silver_trades FINAL`.
    """
    found: list[dict[str, str]] = []
    for candle, of in list(_by_candle(changes).items())[:_CANDLES]:
        other = query(_other_trades(candle, seconds, trades))
        rows = other or query(_deciding_trades(candle, seconds, trades[1], of))
        found += [{"candle": " ".join(candle), **row} for row in rows]
    return found


def _by_candle(changes: Iterable[Mapping[str, str]]) -> dict[tuple[str, str, str], list[Mapping[str, str]]]:
    found: dict[tuple[str, str, str], list[Mapping[str, str]]] = {}
    for change in changes:
        candle = (change["exchange"], change["canonical_symbol"], change["window_start"])
        found.setdefault(candle, []).append(change)
    return found


def _in_window(candle: Sequence[str], seconds: int) -> str:
    exchange, symbol, start = (value.replace("\\", "\\\\").replace("'", "\\'") for value in candle)
    first = f"toDateTime64('{start}', 6, 'UTC')"
    return (
        f"exchange = '{exchange}' AND canonical_symbol = '{symbol}' "
        f"AND timestamp >= {first} AND timestamp < {first} + INTERVAL {seconds} SECOND"
    )


def _other_trades(candle: Sequence[str], seconds: int, trades: tuple[str, str]) -> str:
    """Trades of the window that one side only has, or that both have with other values."""
    columns, where = ", ".join((*_IDENTITY, *_SHOWN)), _in_window(candle, seconds)
    sides = " UNION ALL ".join(
        f"SELECT {columns}, is_valid, {n} AS side FROM {source} WHERE {where}" for n, source in enumerate(trades)
    )
    return f"""
SELECT {", ".join(_IDENTITY)}, any(trades.timestamp) AS timestamp, any(trades.price) AS price,
    any(trades.quantity) AS quantity,
    multiIf(max(side) = 0, 'only before', min(side) = 1, 'only after',
        count() != 2, 'in another number of rows', 'other values') AS why
FROM ({sides}) AS trades
GROUP BY {", ".join(_IDENTITY)}
HAVING count() != 2 OR uniqExact(side) != 2 OR uniqExact(trades.timestamp, trades.price, trades.quantity, is_valid) > 1
ORDER BY timestamp, trade_id LIMIT {SAMPLE_ROWS}"""


def _deciding_trades(candle: Sequence[str], seconds: int, trades: str, of: Iterable[Mapping[str, str]]) -> str:
    """The same trades on both sides: those that have a value of the candle, before or after, as their own."""
    values: dict[str, list[str]] = {"price": [], "timestamp": []}
    for change in of:
        column = "price" if change["column"] in _PRICES else "timestamp" if change["column"] in _TIMES else None
        if column:
            values[column] += [change["before"], change["after"]]
    conditions = [
        f"toString({column}) IN ({', '.join(_text(v) for v in found)})" for column, found in values.items() if found
    ]
    return f"""
SELECT {", ".join((*_IDENTITY, *_SHOWN))}, 'decides a value' AS why FROM {trades}
WHERE {_in_window(candle, seconds)} AND is_valid AND ({" OR ".join(conditions) or "true"})
ORDER BY timestamp, trade_id LIMIT {SAMPLE_ROWS}"""


def _text(value: str) -> str:
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
