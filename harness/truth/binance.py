"""Binance spot, streams <symbol>@trade, raw and combined: what its frames must become.

https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams#trade-streams (read 2026-09)
"""

from __future__ import annotations

import re
from typing import Final, Literal

import msgspec
import polars as pl

from harness.truth import swift, times
from harness.truth.exchange import Column, Exchange, Reading, bronze_frame, split_symbols
from harness.truth.json_text import Json, integer, is_text, text_or_empty
from harness.truth.marks import marks
from harness.truth.slow import Row, complete

BRONZE: Final = {
    "stream": Column(pl.String, "LowCardinality(String)"),
    "event_time": Column(pl.Int64, "Nullable(Int64)"),
    "symbol": Column(pl.String, "LowCardinality(String)"),
    "trade_id": Column(pl.UInt64, "UInt64"),
    "price": Column(pl.String, "String"),
    "quantity": Column(pl.String, "String"),
    "buyer_order_id": Column(pl.UInt64, "Nullable(UInt64)"),
    "seller_order_id": Column(pl.UInt64, "Nullable(UInt64)"),
    "trade_time": Column(pl.Int64, "Int64"),
    "is_buyer_maker": Column(pl.Boolean, "Bool"),
    "is_best_match": Column(pl.Boolean, "Nullable(Bool)"),
}
QUOTES: Final = (
    *("USDT", "FDUSD", "USDC", "TUSD", "BUSD", "USD1", "USDP", "USDS", "PAX", "DAI", "VAI", "EURI", "AEUR"),
    *("BIDR", "BVND", "BKRW", "IDRT", "EUR", "GBP", "AUD", "TRY", "BRL", "RUB", "UAH", "NGN", "ZAR", "PLN"),
    *("RON", "ARS", "JPY", "MXN", "COP", "CZK", "IDR", "BTC", "ETH", "BNB", "XRP", "TRX", "DOGE", "DOT", "SOL"),
)
_LONGEST_FIRST: Final = sorted(QUOTES, key=len, reverse=True)
_SYMBOL: Final = re.compile("[A-Z0-9]+")

_NAMES: Final = ("stream", "data", *"eEstpqTmbaMX")
_ALWAYS: Final = 7  # e, s, t, p, q, T, m
_DOUBTFUL_NUMBERS: Final = r": *(?:-|[0-9]+[.eE]|[0-9]{19})"


class _Trade(msgspec.Struct, gc=False):
    """A name that is missing is None; a JSON null has the wrong type, so such a frame goes the slow way."""

    e: Literal["trade"]
    s: str
    t: int
    p: str
    q: str
    T: int
    m: bool
    E: int = None  # type: ignore[assignment]
    b: int = None  # type: ignore[assignment]
    a: int = None  # type: ignore[assignment]
    M: bool = None  # type: ignore[assignment]


class _Combined(msgspec.Struct, gc=False):
    data: _Trade
    stream: str = None  # type: ignore[assignment]


_read_raw: Final = msgspec.json.Decoder(_Trade).decode
_read_combined: Final = msgspec.json.Decoder(_Combined).decode


def read(frames: pl.Series) -> Reading:
    """Bronze rows and letters of a batch of frames."""
    text = pl.col("text")
    looks = pl.DataFrame({"text": swift.as_text(frames)}).select(
        swift=swift.beyond_doubt(text, _DOUBTFUL_NUMBERS),
        names=swift.count_names(text, _NAMES),
        combined=text.str.contains('"data"', literal=True),
    )
    trades = pl.concat(
        [
            _combined_swiftly(frames, looks["swift"] & looks["combined"]),
            _raw_swiftly(frames, looks["swift"] & ~looks["combined"]),
        ]
    )
    trades = trades.filter(pl.col("names") == looks["names"].gather(trades["row"]), pl.col("symbol") != "")
    return complete(frames, trades.drop("names"), BRONZE, judge)


def judge(sent: Json) -> list[Row] | str:
    """The slow way through one frame: its bronze values in the order of BRONZE, or the reason of its letter."""
    if not isinstance(sent, dict):
        return "not_a_trade"
    data = sent.get("data")
    is_combined = isinstance(data, dict) and bool(data)
    trade = data if isinstance(data, dict) and data else sent
    reason = _defect(trade)
    return reason or [_values(trade, text_or_empty(sent.get("stream")) if is_combined else "")]


def intake(bronze: pl.DataFrame) -> pl.DataFrame:
    """What bronze rows mean in silver."""
    return bronze.select(
        "symbol",
        **split_symbols(bronze["symbol"], split),
        trade_id=pl.col("trade_id").cast(pl.String),
        price="price",
        quantity="quantity",
        time_us=times.from_milli_or_microseconds(bronze["trade_time"]),
        time_text=pl.col("trade_time").cast(pl.String),
        side=pl.when("is_buyer_maker").then(pl.lit("SELL")).otherwise(pl.lit("BUY")),
        side_text=pl.when("is_buyer_maker").then(pl.lit("sell")).otherwise(pl.lit("buy")),
        trade_conditions=pl.lit([], pl.List(pl.String)),
        source_sequence="trade_id",
        vendor_data=marks(
            {
                "event_time": bronze["event_time"].cast(pl.String),
                "buyer_order_id": bronze["buyer_order_id"].cast(pl.String),
                "seller_order_id": bronze["seller_order_id"].cast(pl.String),
                "is_best_match": bronze["is_best_match"].cast(pl.String),
            }
        ),
    )


def split(symbol: str) -> tuple[str, str]:
    """Base and quote: BTCTUSD is BTC and TUSD. Both empty where no known quote ends the symbol and leaves a base."""
    if _SYMBOL.fullmatch(symbol):
        for quote in _LONGEST_FIRST:
            if symbol.endswith(quote) and symbol != quote:
                return symbol.removesuffix(quote), quote
    return "", ""


def _combined_swiftly(frames: pl.Series, chosen: pl.Series) -> pl.DataFrame:
    rows, combined = swift.decode(_read_combined, frames, chosen)
    trades = _columns(rows, [value.data for value in combined])
    stream = pl.Series("stream", [value.stream for value in combined], pl.String)
    return trades.with_columns(
        stream=stream.fill_null(""), names=pl.col("names") + 1 + stream.is_not_null().cast(pl.UInt32)
    )


def _raw_swiftly(frames: pl.Series, chosen: pl.Series) -> pl.DataFrame:
    return _columns(*swift.decode(_read_raw, frames, chosen))


def _columns(rows: list[int], trades: list[_Trade]) -> pl.DataFrame:
    """Bronze columns, and `names`: how many of the names that matter the trade had."""
    frame = bronze_frame(
        BRONZE,
        {
            "row": rows,
            "trade_index": pl.repeat(0, len(rows), eager=True),
            "stream": pl.repeat("", len(rows), eager=True),
            "event_time": [trade.E for trade in trades],
            "symbol": [trade.s for trade in trades],
            "trade_id": [trade.t for trade in trades],
            "price": [trade.p for trade in trades],
            "quantity": [trade.q for trade in trades],
            "buyer_order_id": [trade.b for trade in trades],
            "seller_order_id": [trade.a for trade in trades],
            "trade_time": [trade.T for trade in trades],
            "is_buyer_maker": [trade.m for trade in trades],
            "is_best_match": [trade.M for trade in trades],
        },
    )
    optional = pl.col("event_time", "buyer_order_id", "seller_order_id", "is_best_match").is_not_null()
    return frame.with_columns(names=_ALWAYS + pl.sum_horizontal(optional.cast(pl.UInt32)))


def _defect(trade: dict[str, Json]) -> str:
    found = (
        ("not_a_trade", not is_text(trade.get("e")) or trade["e"] != "trade"),
        ("futures_trade", "X" in trade and "M" not in trade),
        ("malformed_symbol", text_or_empty(trade.get("s")) == ""),
        ("malformed_trade_id", _u64(trade.get("t")) is None),
        ("malformed_price", not is_text(trade.get("p"))),
        ("malformed_quantity", not is_text(trade.get("q"))),
        ("malformed_time", _i64(trade.get("T")) is None),
        ("malformed_side", not isinstance(trade.get("m"), bool)),
    )
    return next((reason for reason, is_so in found if is_so), "")


def _values(trade: dict[str, Json], stream: str) -> Row:
    best_match = trade.get("M")
    return (
        stream,
        _i64(trade.get("E")),
        trade["s"],
        _u64(trade["t"]),
        trade["p"],
        trade["q"],
        _u64(trade.get("b")),
        _u64(trade.get("a")),
        _i64(trade["T"]),
        trade["m"],
        best_match if isinstance(best_match, bool) else None,
    )


def _i64(value: Json) -> int | None:
    return integer(value, -(2**63), 2**63 - 1)


def _u64(value: Json) -> int | None:
    return integer(value, 0, 2**64 - 1)


EXCHANGE: Final = Exchange("binance", BRONZE, read, intake)
