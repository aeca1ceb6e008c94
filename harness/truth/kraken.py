"""Kraken, channel trade of WebSocket v2 and v1: what its frames must become.

https://docs.kraken.com/api/docs/websocket-v2/trade and
https://docs.kraken.com/api/docs/websocket-v1/trade (read 2026-09)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import Final, Literal, cast

import msgspec
import polars as pl

from harness.truth import swift, times
from harness.truth.exchange import Column, Exchange, Reading, bronze_frame, split_symbols
from harness.truth.json_text import Json, Number, integer, is_text, text_or_empty
from harness.truth.marks import marks
from harness.truth.slow import Row, complete

BRONZE: Final = {
    "api": Column(pl.String, "LowCardinality(String)"),
    "frame_type": Column(pl.String, "LowCardinality(String)"),
    "symbol": Column(pl.String, "LowCardinality(String)"),
    "trade_id": Column(pl.UInt64, "Nullable(UInt64)"),
    "occurrence": Column(pl.UInt32, "UInt32"),
    "price": Column(pl.String, "String"),
    "quantity": Column(pl.String, "String"),
    "side": Column(pl.String, "LowCardinality(String)"),
    "order_type": Column(pl.String, "LowCardinality(String)"),
    "misc": Column(pl.String, "String"),
    "trade_time": Column(pl.String, "String"),
}
OTHER_NAMES: Final = {"XBT": "BTC", "XDG": "DOGE"}
SIDES: Final = {"buy": "BUY", "b": "BUY", "sell": "SELL", "s": "SELL"}
ORDER_TYPES: Final = {"l": "limit", "m": "market"}

_NAMES: Final = (
    *("channel", "type", "data"),
    *("symbol", "trade_id", "price", "qty", "timestamp", "side", "ord_type"),
)
_PER_FRAME: Final = 2  # channel, data
_PER_TRADE: Final = 6
_DOUBTFUL_NUMBERS: Final = r'"trade_id" *: *(?:-|[0-9]+[.eE]|[0-9]{20})'
_STARTS_NUMBER: Final = frozenset(b"-0123456789")


class _Trade(msgspec.Struct, gc=False):
    """Kraken v2. A Raw is a number once its first character says so, for msgspec has read it as JSON."""

    symbol: str
    trade_id: int
    price: msgspec.Raw
    qty: msgspec.Raw
    timestamp: str
    side: str
    ord_type: str = None  # type: ignore[assignment]


class _Frame(msgspec.Struct, gc=False):
    channel: Literal["trade"]
    data: list[_Trade]
    type: str = None  # type: ignore[assignment]


_read_v2: Final = msgspec.json.Decoder(_Frame).decode


def read(frames: pl.Series) -> Reading:
    """Bronze rows and letters of a batch of frames. Of v1, which is history, every frame goes the slow way."""
    text = pl.col("text")
    looks = pl.DataFrame({"text": swift.as_text(frames)}).select(
        swift=swift.beyond_doubt(text, _DOUBTFUL_NUMBERS) & text.str.starts_with("{"),
        names=swift.count_names(text, _NAMES),
    )
    rows, values = swift.decode(_read_v2, frames, looks["swift"])
    names = looks["names"].gather(rows).to_list()
    plain = [
        pair for pair, count in zip(zip(rows, values, strict=True), names, strict=True) if _is_plain(pair[1], count)
    ]
    return complete(frames, _columns(plain), BRONZE, judge)


def judge(sent: Json) -> list[Row] | str:
    """The slow way through one frame: its bronze values in the order of BRONZE, or the reason of its letter."""
    if isinstance(sent, dict):
        return _judge_v2(sent)
    return _judge_v1(sent) if isinstance(sent, list) else "not_a_trade"


def intake(bronze: pl.DataFrame) -> pl.DataFrame:
    """What bronze rows mean in silver."""
    is_v1 = bronze["api"] == "v1"
    time_us = pl.select(
        pl.when(is_v1)
        .then(times.from_seconds(bronze["trade_time"]))
        .otherwise(times.from_rfc3339(bronze["trade_time"]))
    ).to_series()
    parts = ("trade_time", "price", "quantity", "side", "order_type", pl.col("occurrence").cast(pl.String))
    order_type = pl.col("order_type").replace(ORDER_TYPES)
    return bronze.select(
        "symbol",
        **split_symbols(bronze["symbol"], split),
        trade_id=pl.when(is_v1).then(pl.concat_str(parts, separator="/")).otherwise(pl.col("trade_id").cast(pl.String)),
        price="price",
        quantity="quantity",
        time_us=time_us,
        time_text="trade_time",
        side=pl.col("side").replace_strict(SIDES, default=None, return_dtype=pl.String),
        side_text="side",
        trade_conditions=pl.concat_list(_unless_empty(order_type), _unless_empty(pl.col("misc"))).list.drop_nulls(),
        source_sequence=pl.when(is_v1).then(time_us.cast(pl.UInt64, strict=False)).otherwise("trade_id"),
        vendor_data=marks(
            {
                "api": bronze["api"],
                "frame_type": bronze.select(_unless_empty(pl.col("frame_type"))).to_series(),
            }
        ),
    )


def split(symbol: str) -> tuple[str, str]:
    """Base and quote in common names: XBT/USD is BTC and USD. Both empty without exactly one `/` between two names."""
    base, slash, quote = symbol.partition("/")
    if not (base and slash and quote) or "/" in quote:
        return "", ""
    return OTHER_NAMES.get(base, base), OTHER_NAMES.get(quote, quote)


def _is_plain(frame: _Frame, names: int) -> bool:
    """True if every name that matters stood once and every price is a number."""
    expected = _PER_FRAME + (frame.type is not None) + _PER_TRADE * len(frame.data)
    for trade in frame.data:
        if trade.symbol == "" or not {memoryview(trade.price)[0], memoryview(trade.qty)[0]} <= _STARTS_NUMBER:
            return False
        expected += trade.ord_type is not None
    return names == expected and bool(frame.data)


def _columns(plain: list[tuple[int, _Frame]]) -> pl.DataFrame:
    sizes = [len(frame.data) for _, frame in plain]
    trades = list(chain.from_iterable(frame.data for _, frame in plain))
    return bronze_frame(
        BRONZE,
        {
            "row": _repeated([row for row, _ in plain], sizes),
            "trade_index": [index for size in sizes for index in range(size)],
            "api": pl.repeat("v2", len(trades), eager=True),
            "frame_type": _repeated([frame.type or "" for _, frame in plain], sizes),
            "symbol": [trade.symbol for trade in trades],
            "trade_id": [trade.trade_id for trade in trades],
            "occurrence": pl.repeat(0, len(trades), eager=True),
            "price": [bytes(trade.price).decode() for trade in trades],
            "quantity": [bytes(trade.qty).decode() for trade in trades],
            "side": [trade.side for trade in trades],
            "order_type": [trade.ord_type or "" for trade in trades],
            "misc": pl.repeat("", len(trades), eager=True),
            "trade_time": [trade.timestamp for trade in trades],
        },
    )


def _repeated(values: list[int] | list[str], times_each: list[int]) -> list[object]:
    return [value for value, size in zip(values, times_each, strict=True) for _ in range(size)]


def _judge_v2(sent: dict[str, Json]) -> list[Row] | str:
    if sent.get("channel") != "trade" or not is_text(sent["channel"]):
        return "not_a_trade"
    data = sent.get("data")
    if not isinstance(data, list) or not data:
        return "no_trades"
    trades = [trade if isinstance(trade, dict) else {} for trade in data]
    reason = next(filter(None, map(_defect_v2, trades)), "")
    frame_type = text_or_empty(sent.get("type"))
    return reason or [_values_v2(trade, frame_type) for trade in trades]


def _defect_v2(trade: dict[str, Json]) -> str:
    found = (
        ("malformed_symbol", text_or_empty(trade.get("symbol")) == ""),
        ("malformed_trade_id", _id(trade.get("trade_id")) is None),
        ("malformed_price", not isinstance(trade.get("price"), Number)),
        ("malformed_quantity", not isinstance(trade.get("qty"), Number)),
        ("malformed_time", not is_text(trade.get("timestamp"))),
        ("malformed_side", not is_text(trade.get("side"))),
    )
    return next((reason for reason, is_so in found if is_so), "")


def _values_v2(trade: dict[str, Json], frame_type: str) -> Row:
    return (
        "v2",
        frame_type,
        trade["symbol"],
        _id(trade["trade_id"]),
        0,
        *(str(trade[name]) for name in ("price", "qty", "side")),
        text_or_empty(trade.get("ord_type")),
        "",
        trade["timestamp"],
    )


def _judge_v1(sent: list[Json]) -> list[Row] | str:
    if len(sent) < 4 or sent[-2] != "trade" or not is_text(sent[-2]):
        return "not_a_trade"
    symbol, trades = sent[-1], sent[-3]
    if not isinstance(trades, list) or not trades:
        return "no_trades"
    if text_or_empty(symbol) == "":
        return "malformed_symbol"
    reason = next(filter(None, map(_defect_v1, trades)), "")
    return reason or list(_rows_v1(cast(str, symbol), cast("list[list[Json]]", trades)))


def _defect_v1(trade: Json) -> str:
    values = trade if isinstance(trade, list) else []
    found = ("malformed_price", "malformed_quantity", "malformed_time", "malformed_side")
    return next(
        (reason for place, reason in enumerate(found) if place >= len(values) or not is_text(values[place])), ""
    )


def _rows_v1(symbol: str, trades: list[list[Json]]) -> Iterator[Row]:
    seen: Counter[Row] = Counter()
    for trade in trades:
        price, quantity, time, side, order_type, misc = (text_or_empty(value) for value in [*trade, "", ""][:6])
        equal = (price, quantity, time, side, order_type)
        yield ("v1", "", symbol, None, seen[equal], price, quantity, side, order_type, misc, time)
        seen[equal] += 1


def _id(value: Json) -> int | None:
    return integer(value, 0, 2**64 - 1)


def _unless_empty(text: pl.Expr) -> pl.Expr:
    return pl.when(text != "").then(text)


EXCHANGE: Final = Exchange("kraken", BRONZE, read, intake)
