"""From bronze to silver: which trades silver can hold, what they look like there, and which arrival of one is kept."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import polars as pl

from harness.truth.decimals import exact
from harness.truth.exchange import Exchange
from harness.truth.identity import message_ids
from harness.truth.spool import Spool
from harness.truth.times import DAY_US
from harness.truth.wide import product

_SILVER: Final = "silver_trades"
IDENTITY: Final = ("exchange", "symbol", "trade_id")
_ARRIVAL: Final = ("source_offset", "source_index", "source_partition", "seq")

_FIRST_BLOCK_US: Final = int(datetime(2009, 1, 3, tzinfo=UTC).timestamp()) * 1_000_000
_YEAR_2100_US: Final = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
_PLACES_IN_FRAME: Final = 2**20
_LAST_PRECEDENCE: Final = 2**64 - 1
_ERRORS: Final = ("price_not_positive", "quantity_not_positive", "symbol_unknown", "time_implausible")
# All combinations of errors, at the place that their bits make: picking lists out is far swifter than building them.
_COMBINATIONS: Final = pl.Series(
    [[error for bit, error in enumerate(_ERRORS) if mask >> bit & 1] for mask in range(2 ** len(_ERRORS))],
    dtype=pl.List(pl.String),
)


def to_silver(exchange: Exchange, bronze: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Silver rows and silver letters of bronze rows, each arrival of a trade by itself."""
    taken = exchange.intake(bronze)
    judged = pl.concat(
        [
            taken.with_columns(price=exact(taken["price"]), quantity=exact(taken["quantity"])),
            bronze.select("received_at", "_topic", "_partition", "_offset", "trade_index", "seq"),
        ],
        how="horizontal",
    ).with_columns(
        exchange=pl.lit(exchange.name),
        reason=pl.when(pl.col("price").is_null())
        .then(pl.lit("price_not_exact"))
        .when(pl.col("quantity").is_null())
        .then(pl.lit("quantity_not_exact"))
        .when(pl.col("time_us").is_null())
        .then(pl.lit("time_not_exact"))
        .when(pl.col("side").is_null())
        .then(pl.lit("side_unknown")),
    )
    is_letter = judged["reason"].is_not_null()
    trades = judged.filter(~is_letter) if is_letter.any() else judged
    letters = judged.filter(is_letter).with_columns(layer=pl.lit("silver"), message=_messages(taken.filter(is_letter)))
    return _rows(trades), letters


def keep_first_arrivals(spool: Spool) -> None:
    """Thin out silver to each identity once, as it arrived first: by offset, then by place in the frame.

    Frames without an offset count as arriving after all others, by seq. One symbol is always in one partition. Memory
    holds a hash of each identity, and whole identities only of those whose hash occurs again.
    """
    hashes = [part.hash_rows() for part in spool.parts(_SILVER, IDENTITY)]
    if not hashes:
        return
    whole = pl.concat(hashes)
    repeated = whole.filter(whole.is_duplicated()).unique()
    if repeated.is_empty():
        return
    doubtful = [whole_part.is_in(repeated.implode()) for whole_part in hashes]
    arrivals = pl.concat(
        part.with_columns(part=pl.lit(number, pl.UInt32)).with_row_index("row").filter(is_doubtful)
        for number, (part, is_doubtful) in enumerate(
            zip(spool.parts(_SILVER, (*IDENTITY, *_ARRIVAL)), doubtful, strict=True)
        )
    )
    first = arrivals.sort(arrival(), nulls_last=True).unique(IDENTITY, keep="first", maintain_order=True)
    later = arrivals.join(first.select("part", "row"), on=("part", "row"), how="anti")
    rows_of = {number: rows["row"] for (number,), rows in later.partition_by("part", as_dict=True).items()}
    numbers = iter(range(len(hashes)))
    spool.change(_SILVER, lambda part: _without(part, rows_of.get(next(numbers))))


def _without(part: pl.DataFrame, rows: pl.Series | None) -> pl.DataFrame:
    return part if rows is None else part.filter(pl.repeat(True, len(part), eager=True).scatter(rows, values=False))


def arrival() -> list[pl.Expr]:
    """What silver rows are sorted by (nulls last) to stand in the order of their arrival."""
    unacknowledged_seq = pl.when(pl.col("source_offset").is_null()).then(pl.col("seq"))
    return [
        pl.col("source_offset"),
        unacknowledged_seq.alias("unacknowledged_seq"),
        pl.col("source_index"),
        pl.col("source_partition"),
    ]


def _messages(taken: pl.DataFrame) -> pl.Series:
    """What silver letters say: the trades' own texts as JSON objects (Binary)."""
    texts = taken.select("symbol", "trade_id", "price", "quantity", side="side_text", trade_time="time_text")
    return texts.to_struct().struct.json_encode().cast(pl.Binary)


def _rows(trades: pl.DataFrame) -> pl.DataFrame:
    mask = _error_mask()
    names = pl.concat_str("exchange", "symbol", "trade_id", separator="/")
    return trades.select(
        "exchange",
        "symbol",
        canonical_symbol=pl.when(pl.col("quote") == "")
        .then(pl.col("symbol"))
        .otherwise(pl.concat_str("base", "quote", separator="/")),
        asset_class=pl.lit("crypto"),
        currency="quote",
        trade_id="trade_id",
        message_id=message_ids(trades.select(names).to_series()),
        price="price",
        quantity="quantity",
        quote_volume=product(trades["price"], trades["quantity"]),
        side="side",
        trade_conditions="trade_conditions",
        timestamp=pl.col("time_us").cast(pl.Datetime("us", "UTC")),
        ingestion_timestamp="received_at",
        source_sequence="source_sequence",
        vendor_data="vendor_data",
        is_valid=mask == 0,
        validation_errors=_COMBINATIONS.gather(trades.select(mask).to_series()),
        source_topic="_topic",
        source_partition="_partition",
        source_offset="_offset",
        source_index="trade_index",
        precedence=_LAST_PRECEDENCE - (pl.col("_offset") * _PLACES_IN_FRAME + pl.col("trade_index")),
        seq="seq",
    )


def _error_mask() -> pl.Expr:
    time_us = pl.col("time_us")
    received_us = pl.col("received_at").to_physical() // 1_000
    is_wrong = (
        pl.col("price") <= 0,
        pl.col("quantity") <= 0,
        pl.col("quote") == "",
        (time_us < _FIRST_BLOCK_US) | (time_us > received_us + DAY_US) | (time_us >= _YEAR_2100_US),
    )
    return pl.sum_horizontal(wrong.cast(pl.UInt32) * 2**bit for bit, wrong in enumerate(is_wrong))
