"""What the truth has to know of an exchange: how a frame becomes bronze rows, and what these mean in silver."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

INTAKE: Final[Mapping[str, pl.DataType | type[pl.DataType]]] = {
    "symbol": pl.String,
    "base": pl.String,  # '' where the symbol is not understood
    "quote": pl.String,
    "trade_id": pl.String,
    "price": pl.String,  # its text
    "quantity": pl.String,
    "time_us": pl.Int64,  # null where microseconds cannot hold it
    "time_text": pl.String,  # as sent
    "side": pl.String,  # BUY or SELL; null where it is unknown
    "side_text": pl.String,  # as sent; buy or sell where it was not sent as text
    "trade_conditions": pl.List(pl.String),
    "source_sequence": pl.UInt64,
    "vendor_data": pl.List(pl.Struct({"key": pl.String, "value": pl.String})),
}
"""Columns of what Exchange.intake gives, a row for each bronze row."""


@dataclass(frozen=True)
class Reading:
    """What became of a batch of frames: bronze rows, or one letter for a frame that was not understood.

    `trades` has the exchange's own bronze columns, and before them `row` (the frame's place in the batch) and
    `trade_index`; it is sorted by both. `letters` gives the reason by row.
    """

    trades: pl.DataFrame
    letters: Mapping[int, str]


@dataclass(frozen=True)
class Column:
    """A bronze column of one exchange: its type in polars, and in the warehouse."""

    dtype: pl.DataType | type[pl.DataType]
    kind: str


@dataclass(frozen=True)
class Exchange:
    """One exchange. Every `bronze` has a `symbol` (String) and a `trade_id` (UInt64, null where there is none).

    `read` takes a batch of frames (Binary), `intake` any slice of the exchange's bronze rows.
    """

    name: str
    bronze: Mapping[str, Column]
    read: Callable[[pl.Series], Reading]
    intake: Callable[[pl.DataFrame], pl.DataFrame]


def split_symbols(symbols: pl.Series, split: Callable[[str], tuple[str, str]]) -> dict[str, pl.Series]:
    """The columns `base` and `quote`, splitting each distinct symbol once."""
    pairs = {symbol: split(symbol) for symbol in symbols.unique()}
    return {
        part: symbols.replace_strict({symbol: pair[place] for symbol, pair in pairs.items()}, return_dtype=pl.String)
        for place, part in enumerate(("base", "quote"))
    }


def bronze_frame(bronze: Mapping[str, Column], columns: Mapping[str, Iterable[object]]) -> pl.DataFrame:
    """Bronze rows as Reading.trades has them. A column that is not given is null."""
    dtypes = {"row": pl.UInt32, "trade_index": pl.UInt32, **{name: column.dtype for name, column in bronze.items()}}
    return pl.DataFrame({name: pl.Series(columns.get(name, ()), dtype=dtype) for name, dtype in dtypes.items()})
