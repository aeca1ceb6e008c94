"""Synthetic trades are as bursty as recorded ones, within the factors that docs/synthetic.md states.

The recordings are not shipped; their figures are read from the document. Seeds are fixed, so that no run is lucky.
"""

import re
from fractions import Fraction
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness.synthetic import instruments
from harness.synthetic.draws import Integers
from harness.synthetic.exchanges import binance, kraken
from harness.synthetic.trades import Market, Plan
from k2pipeline.shipped import SHIPPED

TAPES = 20
# The recordings' trades, their seconds and how coarse their times are, as the document says.
SPOT = (binance, ("BTCUSDT", "ETHUSDT"), 23_752, 451, 1_000)
QUIET = (kraken, ("BTC/USDT",), 1_000, 24_602, 1)
MARKETS = {"BTCUSDT": SPOT, "ETHUSDT": SPOT, "BTC/USDT": QUIET}
UNITS = {"ms": Fraction(1, 1_000), "s": Fraction(1)}


class Row(NamedTuple):
    """A row of the document's table: the variance over the mean of the orders in windows of a length."""

    seconds: float
    recorded: dict[str, float]


def rows() -> list[Row]:
    page = (SHIPPED / "docs" / "synthetic.md").read_text(encoding="utf-8")
    found = re.findall(r"^\| (\d+) (ms|s) \| (.*) \|$", page, re.MULTILINE)
    return [
        Row(float(int(length) * UNITS[unit]), dict(zip(MARKETS, map(float, cells.split(" | ")[::2]), strict=True)))
        for length, unit, cells in found
    ]


@cache
def tapes(symbol: str) -> list[Integers]:
    """When the orders of a symbol come, in us, on tapes of its recording's mean rate and length."""
    module, symbols, trades, seconds, resolution_us = MARKETS[symbol]
    place = symbols.index(symbol)
    return [
        _orders(module, symbols, Fraction(trades, seconds), seconds, seed, place, resolution_us)
        for seed in range(1, TAPES + 1)
    ]


def _orders(
    module: Any, symbols: tuple[str, ...], rate: Fraction, seconds: int, seed: int, place: int, resolution_us: int
) -> Integers:
    """Trades of one time and side are one order, as they have to be in a recording."""
    plan = Plan(seed, 0, seconds * 10**9, rate, instruments(module.NAME, symbols))
    of_symbol = []
    for trades in Market(module.NAME, module.BEHAVIOUR, plan).trades():
        first = trades.first[trades.number[trades.first] == place]
        of_symbol.append(np.stack([trades.event_us[first] // resolution_us, trades.taker_buys[first]]))
    marks = np.concatenate(of_symbol, axis=1)
    is_other = (np.diff(marks, axis=1, prepend=-1) != 0).any(axis=0)
    times_us: Integers = marks[0, is_other] * resolution_us
    return times_us


def dispersion(times_us: Integers, seconds: float) -> float:
    """1 if orders came independently of each other; the last window is not whole."""
    counts = np.bincount(((times_us - times_us[0]) / (seconds * 1e6)).astype(np.int64))[:-1]
    return float(counts.var() / counts.mean())


def test_the_document_tells_how_bursty_recordings_are_from_ten_milliseconds_to_ten_seconds() -> None:
    assert [row.seconds for row in rows()] == [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10]


@pytest.mark.parametrize("row", rows(), ids=lambda row: f"{row.seconds:g}s")
@pytest.mark.parametrize("symbol", MARKETS)
def test_synthetic_trades_are_as_bursty_as_recorded_ones(symbol: str, row: Row) -> None:
    found = [dispersion(times_us, row.seconds) for times_us in tapes(symbol)]
    factor = 1.5 if row.seconds <= 1 else 2
    assert row.recorded[symbol] / factor < np.median(found) < row.recorded[symbol] * factor
    assert min(found) / 1.1 < row.recorded[symbol] < max(found) * 1.1


@pytest.mark.parametrize("exchange", [binance, kraken], ids=["binance", "kraken"])
def test_bursts_leave_the_mean_number_of_trades_as_asked(exchange: Any) -> None:
    asked = [Plan(seed, 0, 300 * 10**9, Fraction(30), exchange.INSTRUMENTS) for seed in range(1, 41)]
    markets = [Market(exchange.NAME, exchange.BEHAVIOUR, plan) for plan in asked]
    counts = [sum(len(trades.number) for trades in market.trades()) for market in markets]
    # Single runs of five minutes differ by a fifth, as those of a market do.
    assert np.mean(counts) == pytest.approx(30 * 300, rel=3 * 0.2 / 40**0.5)
    assert 0.05 < np.std(counts) / np.mean(counts) < 0.3
