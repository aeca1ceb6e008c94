"""From a batch of ledger rows to the rows that these frames must bring, each batch by itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

import polars as pl

from harness.truth.exchange import Exchange, Reading
from harness.truth.silver import to_silver
from harness.truth.tables import DEAD_LETTERS, FRAMES, GAPS, bronze_table

TOPIC_PREFIX: Final = "market.crypto.trades"
DLQ_TOPIC: Final = f"{TOPIC_PREFIX}.dlq"

Part: TypeAlias = tuple[str, pl.DataFrame]
"""The name of a table, and rows of it."""


class TruthError(Exception):
    """A ledger that no truth can be computed from."""


def draft(frames: pl.DataFrame, exchanges: Mapping[str, Exchange]) -> list[Part]:
    """What a batch brings. In `silver_trades` each arrival of a trade stands, in `gaps` each trade not sent."""
    due_topic = pl.when(kind="unknown").then(pl.lit("dlq")).otherwise("exchange")
    frames = frames.with_columns(
        pl.col("topic").fill_null(pl.concat_str(pl.lit(f"{TOPIC_PREFIX}."), due_topic)),
        pl.col("partition", "offset").cast(pl.UInt64),
        bytes=pl.col("frame").bin.size().cast(pl.UInt32),
    )
    is_classified = pl.col("topic") != DLQ_TOPIC
    return [
        *_unclassified(frames.filter("owed", ~is_classified)),
        *(
            part
            for exchange, group in _by_exchange(frames.filter("owed", is_classified), exchanges)
            for part in _trades(exchange, group)
        ),
        *(
            _unsent(exchange, group)
            for exchange, group in _by_exchange(frames.filter(~pl.col("owed"), is_classified), exchanges)
        ),
    ]


def _by_exchange(frames: pl.DataFrame, exchanges: Mapping[str, Exchange]) -> Iterator[tuple[Exchange, pl.DataFrame]]:
    for group in frames.partition_by("exchange", maintain_order=True):
        name = group["exchange"][0]
        if name not in exchanges:
            raise TruthError(
                f"seq {group['seq'][0]}: no truth is known of exchange {name!r}, only of {', '.join(exchanges)}; "
                f"add harness/truth/{name}.py, or leave its frames out"
            )
        yield exchanges[name], group


def _unclassified(frames: pl.DataFrame) -> Iterator[Part]:
    if not frames.is_empty():
        yield _letters(frames, dict.fromkeys(range(len(frames)), "unclassified"))
        yield _frames(frames, trades=pl.lit(0), letters=pl.lit(1))


def _trades(exchange: Exchange, frames: pl.DataFrame) -> Iterator[Part]:
    reading = exchange.read(frames["frame"])
    bronze = _bronze(reading, frames)
    silver, letters = to_silver(exchange, bronze)
    yield f"bronze_trades_{exchange.name}", bronze.select(bronze_table(exchange).names)
    yield "silver_trades", silver
    yield "dead_letters", letters.select(DEAD_LETTERS.names)
    yield _letters(frames, reading.letters)
    per_frame = reading.trades.group_by("row").len("trades")
    yield _frames(
        frames.with_row_index("row").join(per_frame, on="row", how="left", maintain_order="left"),
        trades=pl.col("trades").fill_null(0),
        letters=pl.col("row").is_in(list(reading.letters)),
    )


def _unsent(exchange: Exchange, frames: pl.DataFrame) -> Part:
    trades = _bronze(exchange.read(frames["frame"]), frames)
    return "gaps", trades.filter(pl.col("trade_id").is_not_null()).select(GAPS.names)


def _frames(frames: pl.DataFrame, trades: pl.Expr, letters: pl.Expr) -> Part:
    counted = frames.with_columns(trades=trades.cast(pl.UInt32), letters=letters.cast(pl.UInt8))
    return "frames", counted.select(FRAMES.names)


def _letters(frames: pl.DataFrame, reasons: Mapping[int, str]) -> Part:
    """Bronze letters of the frames at these rows."""
    chosen = frames[list(reasons)]
    letters = chosen.select(
        "exchange",
        "seq",
        _received_at(),
        *_frame_place(),
        layer=pl.lit("bronze"),
        reason=pl.Series(list(reasons.values()), dtype=pl.String),
        # As bytes of their own: a slice of the batch would keep all of its frames in memory.
        message=pl.Series(chosen["frame"].to_list(), dtype=pl.Binary),
        trade_index=pl.lit(0, pl.UInt32),
    )
    return "dead_letters", letters.select(DEAD_LETTERS.names)


def _bronze(reading: Reading, frames: pl.DataFrame) -> pl.DataFrame:
    """The exchange's own columns beside those of the frame that brought them."""
    brought = frames.select("exchange", "seq", _received_at(), *_frame_place())
    return pl.concat([reading.trades, brought[reading.trades["row"]]], how="horizontal")


def _received_at() -> pl.Expr:
    return pl.col("recv_ns").cast(pl.Datetime("ns", "UTC")).alias("received_at")


def _frame_place() -> tuple[pl.Expr, ...]:
    return (
        pl.col("topic").alias("_topic"),
        pl.col("partition").alias("_partition"),
        pl.col("offset").alias("_offset"),
    )
