"""Candles of every time frame, from the trades of silver."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import polars as pl

from harness.truth import wide
from harness.truth.silver import arrival
from harness.truth.spool import Spool
from harness.truth.tables import CANDLES, WINDOWS_S

_MARKET: Final = ("exchange", "canonical_symbol")
_WINDOW: Final = (*_MARKET, "window_start")
_TRADE: Final = (
    *_MARKET,
    *("timestamp", "source_sequence", "source_offset", "source_index", "source_partition", "seq"),
    *("price", "quantity", "quote_volume", "is_valid"),
)
# A market is never divided, so one that has more trades than this takes the memory that these take.
ROWS_AT_ONCE: Final = 1_000_000
_SUMMED: Final = ("volume", "quote_volume")


def candles(spool: Spool) -> Iterator[tuple[str, pl.DataFrame]]:
    """Candles of every table, from silver rows of which each identity stands once; some markets at a time.

    The shortest windows are computed from the trades, each longer one from the candles of the one before: the first
    candle's open is the first trade's, and sums of exact sums are exact.
    """
    shares = max(1, -(-spool.rows("silver_trades") // ROWS_AT_ONCE))
    for share in range(shares):
        is_chosen = pl.struct(_MARKET).hash() % shares == share
        chosen = [part.filter(is_chosen, "is_valid") for part in spool.parts("silver_trades", _TRADE)]
        if not any(map(len, chosen)):
            continue
        rows = _trades_as_candles(pl.concat(chosen))
        chosen.clear()
        for name, length_s in WINDOWS_S.items():
            rows = _widened(rows, length_s)
            yield f"ohlcv_{name}", CANDLES.frame([rows])


def _trades_as_candles(silver: pl.DataFrame) -> pl.DataFrame:
    """Each valid trade as a candle of itself alone, in the order that decides on open and close."""
    trades = silver.sort(*_MARKET, "timestamp", "source_sequence", *arrival(), nulls_last=True)
    return trades.select(
        *_MARKET,
        "quote_volume",
        window_start="timestamp",
        open_price="price",
        open_time="timestamp",
        high_price="price",
        low_price="price",
        close_price="price",
        close_time="timestamp",
        volume=wide.widened(trades["quantity"]),
        trade_count=pl.lit(1, pl.UInt64),
    )


def _widened(rows: pl.DataFrame, length_s: int) -> pl.DataFrame:
    """Candles of windows of `length_s`, from shorter ones in their order."""
    length_us = length_s * 1_000_000
    start = (pl.col("window_start").to_physical() // length_us * length_us).cast(pl.Datetime("us", "UTC"))
    limbs = pl.concat([rows, *(wide.unpacked(rows[name]) for name in _SUMMED)], how="horizontal")
    candles = (
        limbs.with_columns(window_start=start)
        .group_by(_WINDOW, maintain_order=True)
        .agg(
            pl.col("open_price", "open_time").first(),
            pl.col("high_price").max(),
            pl.col("low_price").min(),
            pl.col("close_price", "close_time").last(),
            *(pl.col(wide.limb_names(name)).sum() for name in _SUMMED),
            pl.col("trade_count").sum(),
        )
    )
    return candles.with_columns(wide.total(candles, name) for name in _SUMMED).select(CANDLES.names)
