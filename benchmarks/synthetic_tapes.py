"""Recorded trades of one instrument, and synthetic ones of the same instrument, rate and length, as columns.

Only for statistics: prices and sizes become floats here.
"""

from __future__ import annotations

import csv
import gzip
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from harness.captures import CapturedFrame, read_capture
from harness.synthetic import synthetic
from k2pipeline.shipped import SHIPPED

CAPTURES = SHIPPED.parent / "shared" / "captures"
SECOND_US = 1_000_000
Row = tuple[str, int, float, float, bool]
"""Symbol, time in us, price, size, and whether the taker buys."""


@dataclass(frozen=True)
class Tape:
    """Trades by time. `first` is the row of each order's first trade: trades of one time and side are an order."""

    time_us: NDArray[np.int64]
    price: NDArray[np.float64]
    size: NDArray[np.float64]
    buys: NDArray[np.bool_]
    first: NDArray[np.int64]

    @property
    def seconds(self) -> float:
        return float(self.time_us[-1] - self.time_us[0]) / SECOND_US


@dataclass(frozen=True)
class Instrument:
    """What is compared. `together` are the symbols of the recording, most traded first; times are as coarse in both."""

    title: str
    exchange: str
    symbol: str
    together: tuple[str, ...]
    resolution_us: int
    rows: Callable[[], Iterable[Row]]


def recorded(instrument: Instrument) -> Tape:
    """The recording of an instrument."""
    return _tape(_all_rows(instrument), instrument)


def generated(instrument: Instrument, seed: int) -> Tape:
    """Synthetic trades at the recording's mean rate, for as long as it."""
    rows = _all_rows(instrument)
    span_us = rows[-1][1] - rows[0][1]
    rate = Fraction(len(rows) * SECOND_US, span_us)
    return _tape(_synthetic_rows(instrument.exchange, instrument.together, span_us, rate, seed), instrument)


def require_captures() -> None:
    """End the program where there are no recordings to compare with."""
    if not CAPTURES.is_dir():
        sys.exit("This compares with real recordings, which are not shipped: ../shared/captures is not there.")


@cache
def _all_rows(instrument: Instrument) -> list[Row]:
    return list(instrument.rows())


@cache
def _synthetic_rows(exchange: str, symbols: tuple[str, ...], span_us: int, rate: Fraction, seed: int) -> list[Row]:
    frames = synthetic(span_us * 1_000, seed, symbols={exchange: symbols}, rates={exchange: rate})
    return list(_frame_rows(frames))


def _tape(rows: Iterable[Row], instrument: Instrument) -> Tape:
    _, times, prices, sizes, buys = zip(*(row for row in rows if row[0] == instrument.symbol), strict=True)
    time_us = np.array(times, np.int64) // instrument.resolution_us * instrument.resolution_us
    side = np.array(buys)
    first = np.flatnonzero((np.diff(time_us, prepend=-1) != 0) | (np.diff(side, prepend=~side[0]) != 0))
    return Tape(time_us, np.array(prices, float), np.array(sizes, float), side, first)


def _frame_rows(frames: Iterable[CapturedFrame]) -> Iterator[Row]:
    for captured in frames:
        message: Any = msgspec.json.decode(captured.frame)
        data = message.get("data")
        if captured.exchange == "binance" and data and data.get("e") == "trade":
            yield data["s"], data["T"] * 1_000, float(data["p"]), float(data["q"]), not data["m"]
        elif message.get("channel") == "trade" and message["type"] == "update":
            for trade in data:
                time_us = round(datetime.fromisoformat(trade["timestamp"]).timestamp() * SECOND_US)
                yield trade["symbol"], time_us, trade["price"], trade["qty"], trade["side"] == "buy"


def _frames(*names: str) -> Iterator[Row]:
    for name in names:
        yield from _frame_rows(read_capture(CAPTURES / name))


def _table(name: str) -> Iterator[dict[str, str]]:
    with gzip.open(CAPTURES / name, "rt", encoding="utf-8") as file:
        yield from csv.DictReader(file)


def _spot() -> Iterator[Row]:
    # The second recording continues exactly where the first one ends.
    return _frames("binance-trade-1.jsonl.gz", "binance-trade-2.jsonl.gz")


def _btc_usdt() -> Iterator[Row]:
    for row in _table("kraken-trades-xbtusdt-1.csv.gz"):
        time_us = int(Fraction(row["time"]) * SECOND_US)
        yield "BTC/USDT", time_us, float(row["price"]), float(row["volume"]), row["side"] == "b"


def _btc_usd() -> Iterator[Row]:
    for row in _table("kraken-trades-xbtusd-1.csv.gz"):
        yield "BTC/USD", int(row["time_ms"]) * 1_000, float(row["price"]), float(row["amount"]), row["side"] == "buy"


_SPOT = ("BTCUSDT", "ETHUSDT")
INSTRUMENTS = (
    Instrument("Binance BTCUSDT, 2024", "binance", "BTCUSDT", _SPOT, 1_000, _spot),
    Instrument("Binance ETHUSDT, 2024", "binance", "ETHUSDT", _SPOT, 1_000, _spot),
    Instrument("Kraken BTC/USDT, 2025", "kraken", "BTC/USDT", ("BTC/USDT",), 1, _btc_usdt),
    Instrument("Kraken BTC/USD, 2019", "kraken", "BTC/USD", ("BTC/USD",), 1_000, _btc_usd),
)
