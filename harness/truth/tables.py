"""The tables of the truth: names, types in polars and in the warehouse, and the key that a comparison joins on.

The types are declared here and wide enough for every exact value. They never come from the schema under test, for a
mutant of it would then cut the truth as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

import polars as pl

from harness.truth.decimals import EXACT
from harness.truth.exchange import Column, Exchange
from harness.truth.marks import MARKS
from harness.truth.wide import WIDE

DATABASE: Final = "k2_truth"
WINDOWS_S: Final = {"1s": 1, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "1d": 86400}
"""Length of each time frame's windows; each is a whole number of the one before."""

_NAME: Final = Column(pl.String, "LowCardinality(String)")
_SEQ: Final = Column(pl.Int64, "Int64")
_PLACE: Final = Column(pl.UInt64, "Nullable(UInt64)")  # null where no broker acknowledged the frame
_INDEX: Final = Column(pl.UInt32, "UInt32")
_PRICE: Final = Column(EXACT, "Decimal(38, 18)")
_TIME_US: Final = Column(pl.Datetime("us", "UTC"), "DateTime64(6, 'UTC')")
_TIME_NS: Final = Column(pl.Datetime("ns", "UTC"), "DateTime64(9, 'UTC')")
_NAMES: Final = Column(pl.List(pl.String), "Array(String)")

FRAME_PLACE: Final = {"_topic": _NAME, "_partition": _PLACE, "_offset": _PLACE, "trade_index": _INDEX}
"""Where in the topic, and where in the frame."""


@dataclass(frozen=True)
class Table:
    """One table of the truth."""

    columns: Mapping[str, Column]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The columns' names in order."""
        return list(self.columns)

    def frame(self, parts: Iterable[pl.DataFrame] = ()) -> pl.DataFrame:
        """The parts as one frame, with this table's columns and types."""
        empty = pl.DataFrame(schema={name: column.dtype for name, column in self.columns.items()})
        return pl.concat([empty, *(part.select(self.names) for part in parts)])


FRAMES: Final = Table(
    {
        "seq": _SEQ,
        "exchange": _NAME,
        "symbol": _NAME,
        "topic": _NAME,
        "partition": _PLACE,
        "offset": _PLACE,
        "scheduled_ns": Column(pl.Int64, "Int64"),
        "sent_ns": Column(pl.Int64, "Nullable(Int64)"),
        "acked_ns": Column(pl.Int64, "Nullable(Int64)"),
        "bytes": Column(pl.UInt32, "UInt32"),
        "faults": _NAMES,
        "trades": Column(pl.UInt32, "UInt32"),
        "letters": Column(pl.UInt8, "UInt8"),
    },
    ("topic", "partition", "offset", "seq"),
)
DEAD_LETTERS: Final = Table(
    {
        "layer": _NAME,
        "exchange": _NAME,
        "reason": _NAME,
        "message": Column(pl.Binary, "String"),
        "received_at": _TIME_NS,
        **FRAME_PLACE,
        "seq": _SEQ,
    },
    ("layer", "exchange", "_topic", "_partition", "_offset", "trade_index", "seq"),
)
SILVER: Final = Table(
    {
        "exchange": _NAME,
        "symbol": _NAME,
        "canonical_symbol": _NAME,
        "asset_class": _NAME,
        "currency": _NAME,
        "trade_id": Column(pl.String, "String"),
        "message_id": Column(pl.Binary, "UUID"),
        "price": _PRICE,
        "quantity": _PRICE,
        "quote_volume": Column(WIDE, "Decimal(76, 36)"),
        "side": _NAME,
        "trade_conditions": _NAMES,
        "timestamp": _TIME_US,
        "ingestion_timestamp": _TIME_NS,
        "source_sequence": Column(pl.UInt64, "UInt64"),
        "vendor_data": Column(MARKS, "Map(String, String)"),
        "is_valid": Column(pl.Boolean, "Bool"),
        "validation_errors": _NAMES,
        "source_topic": _NAME,
        "source_partition": _PLACE,
        "source_offset": _PLACE,
        "source_index": _INDEX,
        "precedence": _PLACE,
        "seq": _SEQ,
    },
    ("exchange", "symbol", "trade_id"),
)
CANDLES: Final = Table(
    {
        "exchange": _NAME,
        "canonical_symbol": _NAME,
        "window_start": Column(pl.Datetime("us", "UTC"), "DateTime('UTC')"),
        "open_price": _PRICE,
        "open_time": _TIME_US,
        "high_price": _PRICE,
        "low_price": _PRICE,
        "close_price": _PRICE,
        "close_time": _TIME_US,
        "volume": Column(WIDE, "Decimal(76, 18)"),
        "quote_volume": Column(WIDE, "Decimal(76, 36)"),
        "trade_count": Column(pl.UInt64, "UInt64"),
    },
    ("exchange", "canonical_symbol", "window_start"),
)
GAPS: Final = Table(
    {"exchange": _NAME, "symbol": _NAME, "trade_id": Column(pl.UInt64, "UInt64"), "seq": _SEQ},
    ("exchange", "symbol", "trade_id"),
)
ID_JUMPS: Final = Table(
    {
        "exchange": _NAME,
        "symbol": _NAME,
        "first_id": Column(pl.UInt64, "UInt64"),
        "last_id": Column(pl.UInt64, "UInt64"),
    },
    ("exchange", "symbol", "first_id"),
)

OF_THE_TRUTH_ALONE: Final = frozenset(("frames", "gaps", "id_jumps"))
"""What was sent, and what the exchange left out: no table of a pipeline."""


def bronze_table(exchange: Exchange) -> Table:
    """The exchange's bronze table."""
    columns = {**exchange.bronze, "received_at": _TIME_NS, **FRAME_PLACE, "seq": _SEQ}
    return Table(columns, ("_topic", "_partition", "_offset", "trade_index", "seq"))


def tables(exchanges: Iterable[Exchange]) -> dict[str, Table]:
    """All tables by name."""
    return {
        "frames": FRAMES,
        **{f"bronze_trades_{exchange.name}": bronze_table(exchange) for exchange in exchanges},
        "dead_letters": DEAD_LETTERS,
        "silver_trades": SILVER,
        **{f"ohlcv_{window}": CANDLES for window in WINDOWS_S},
        "gaps": GAPS,
        "id_jumps": ID_JUMPS,
    }
