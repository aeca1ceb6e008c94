"""Candles against values written by hand, and against the plainest computation there is."""

import random
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.truth import wide

from .conftest import Run

MIDNIGHT_US = 1_723_161_600_000_000  # 2024-08-09 00:00:00
RECV_NS = MIDNIGHT_US * 1_000
WINDOWS_S = {"1s": 1, "1m": 60, "5m": 300, "15m": 900, "30m": 1_800, "1h": 3_600, "1d": 86_400}


@dataclass(frozen=True)
class Trade:
    number: int
    time_us: int
    price: str = "1"
    quantity: str = "1"
    symbol: str = "BTCUSDT"

    @property
    def frame(self) -> str:
        return (
            f'{{"e":"trade","s":"{self.symbol}","t":{self.number},"p":"{self.price}","q":"{self.quantity}",'
            f'"T":{self.time_us},"m":true}}'
        )


def sent(run: Run, *trades: Trade) -> Run:
    run.send("binance", *(trade.frame for trade in trades), recv_ns=RECV_NS)
    return run


def rows(tables: Mapping[str, pl.DataFrame], frame: str) -> list[dict[str, object]]:
    """Candles with exact numbers and seconds: easy to write down, easy to compare."""
    candles = tables[f"ohlcv_{frame}"]
    sums = {name: wide.decimals(candles[name], scale) for name, scale in (("volume", 18), ("quote_volume", 36))}
    return [
        {
            "symbol": row["canonical_symbol"],
            "start_s": int(row["window_start"].timestamp()),
            "open": Fraction(row["open_price"]),
            "open_us": _us(row["open_time"]),
            "high": Fraction(row["high_price"]),
            "low": Fraction(row["low_price"]),
            "close": Fraction(row["close_price"]),
            "close_us": _us(row["close_time"]),
            "volume": Fraction(volume),
            "quote_volume": Fraction(quote_volume),
            "trades": row["trade_count"],
        }
        for row, volume, quote_volume in zip(candles.iter_rows(named=True), *sums.values(), strict=True)
    ]


def _us(time: datetime) -> int:
    since = time - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def test_candle_has_first_highest_lowest_last_and_exact_sums(run: Run) -> None:
    second = MIDNIGHT_US
    sent(
        run,
        Trade(1, second + 100, "61837.63", "0.02"),
        Trade(2, second + 300, "61837.59", "0.000000000000000001"),
        Trade(3, second + 200, "61840.01", "0.30"),
        Trade(4, second + 999_999, "61838.00", "1"),
    )
    assert rows(run.truth().tables, "1s") == [
        {
            "symbol": "BTC/USDT",
            "start_s": 1_723_161_600,
            "open": Fraction("61837.63"),
            "open_us": second + 100,
            "high": Fraction("61840.01"),
            "low": Fraction("61837.59"),
            "close": Fraction("61838"),
            "close_us": second + 999_999,
            "volume": Fraction("1.320000000000000001"),
            "quote_volume": Fraction("81626.755600000000061837") + Fraction("0.00000000000000000059"),
            "trades": 4,
        }
    ]


def test_trades_of_one_microsecond_stand_in_the_order_of_their_ids(run: Run) -> None:
    now = MIDNIGHT_US + 5
    sent(run, Trade(12, now, "12"), Trade(9, now, "9"), Trade(11, now, "11"), Trade(10, now, "10"))
    [candle] = rows(run.truth().tables, "1m")
    assert (candle["open"], candle["close"]) == (9, 12)


def kraken_v1(run: Run, *frames: list[tuple[str, str]], symbol: str = "XBT/USD") -> Run:
    for offset, trades in enumerate(frames):
        texts = ",".join(f'["{price}","1","1618678142.5","{side}","l",""]' for price, side in trades)
        run.send("kraken", f'[1,[{texts}],"trade","{symbol}"]', recv_ns=RECV_NS, offset=100 - offset)
    return run


def test_trades_without_ids_of_one_time_stand_in_the_order_of_arrival(run: Run) -> None:
    kraken_v1(run, [("5", "s"), ("9", "s")], [("7", "s")], [("3", "b"), ("4", "b")])
    [candle] = rows(run.truth().tables, "1s")
    assert (candle["open"], candle["close"], candle["trades"]) == (3, 9, 5)


def test_withheld_trades_of_one_time_stand_after_those_that_arrived(run: Run) -> None:
    run.withhold("kraken", '[1,[["1","1","1618678142.5","s","l",""]],"trade","XBT/USD"]', recv_ns=RECV_NS)
    kraken_v1(run, [("5", "s")], [("7", "s")])
    [candle] = rows(run.truth().tables, "1s")
    assert (candle["open"], candle["close"]) == (7, 1)


def test_other_names_of_a_market_share_its_candle(run: Run) -> None:
    kraken_v1(run, [("5", "s")])
    kraken_v1(run, [("7", "s")], symbol="BTC/USD")
    assert [(row["symbol"], row["trades"]) for row in rows(run.truth().tables, "1d")] == [("BTC/USD", 2)]


def test_trades_of_two_partitions_tie_by_offset_and_then_by_place_in_the_frame(run: Run) -> None:
    for partition, symbol, prices in ((0, "XBT/USD", ("1", "2", "3")), (1, "BTC/USD", ("4",))):
        trades = ",".join(f'["{price}","1","1618678142.5","s","l",""]' for price in prices)
        run.send("kraken", f'[1,[{trades}],"trade","{symbol}"]', recv_ns=RECV_NS, partition=partition, offset=5)
    [candle] = rows(run.truth().tables, "1s")
    assert (candle["open"], candle["close"]) == (1, 3)


def test_exchanges_and_symbols_have_candles_of_their_own(run: Run) -> None:
    sent(run, Trade(1, MIDNIGHT_US), Trade(1, MIDNIGHT_US, symbol="ETHUSDT"))
    kraken_v1(run, [("5", "s")], symbol="BTC/USDT")
    daily = run.truth().tables["ohlcv_1d"].select("exchange", "canonical_symbol", "trade_count").rows()
    assert sorted(daily) == [("binance", "BTC/USDT", 1), ("binance", "ETH/USDT", 1), ("kraken", "BTC/USDT", 1)]


@pytest.mark.parametrize("frame", WINDOWS_S)
def test_window_holds_its_start_and_not_its_end(run: Run, frame: str) -> None:
    length_us = WINDOWS_S[frame] * 1_000_000
    sent(run, *(Trade(number, MIDNIGHT_US + after) for number, after in enumerate((-1, 0, length_us - 1, length_us))))
    found = [(row["start_s"], row["trades"]) for row in rows(run.truth().tables, frame)]
    seconds = MIDNIGHT_US // 1_000_000
    assert found == [(seconds - WINDOWS_S[frame], 1), (seconds, 2), (seconds + WINDOWS_S[frame], 1)]


def test_windows_start_at_multiples_of_their_length(run: Run) -> None:
    sent(run, Trade(1, MIDNIGHT_US + (13 * 3_600 + 47 * 60 + 31) * 1_000_000 + 250_000))
    tables = run.truth().tables
    starts = {frame: tables[f"ohlcv_{frame}"]["window_start"][0].strftime("%d %H:%M:%S") for frame in WINDOWS_S}
    assert starts == {
        "1s": "09 13:47:31",
        "1m": "09 13:47:00",
        "5m": "09 13:45:00",
        "15m": "09 13:45:00",
        "30m": "09 13:30:00",
        "1h": "09 13:00:00",
        "1d": "09 00:00:00",
    }


def test_resends_and_implausible_trades_count_nothing(run: Run) -> None:
    once = Trade(1, MIDNIGHT_US, "5", "2")
    again = Trade(1, MIDNIGHT_US, "50", "20")
    sent(
        run,
        once,
        once,
        again,
        Trade(2, MIDNIGHT_US, "-1"),
        Trade(3, MIDNIGHT_US, "9", "0"),
        Trade(4, 0),
        Trade(5, MIDNIGHT_US, symbol="FOO"),
    )
    tables = run.truth().tables
    assert len(tables["silver_trades"]) == 5
    assert [(row["high"], row["volume"], row["trades"]) for row in rows(tables, "1h")] == [(5, 2, 1)]


def test_sums_of_the_largest_numbers_are_exact(run: Run) -> None:
    largest = "99999999999999999999.999999999999999999"
    sent(run, *(Trade(number, MIDNIGHT_US + number, largest, "0.000000000000000001") for number in range(1_000)),
         Trade(1_001, MIDNIGHT_US, "0.000000000000000001", largest))  # fmt: skip
    [candle] = rows(run.truth().tables, "1d")
    assert candle["volume"] == Fraction(largest) + Fraction(1_000, 10**18)
    assert candle["quote_volume"] == 1_001 * Fraction(largest) / 10**18


def plainly(trades: list[Trade], length_s: int) -> list[dict[str, object]]:
    """Candles by sorting and adding fractions, window by window."""
    windows: dict[tuple[str, int], list[tuple[int, int, Fraction, Fraction]]] = {}
    for trade in trades:
        start_s = trade.time_us // 1_000_000 // length_s * length_s
        values = (trade.time_us, trade.number, Fraction(trade.price), Fraction(trade.quantity))
        windows.setdefault((trade.symbol, start_s), []).append(values)
    return [
        {
            "symbol": f"{symbol[:-4]}/{symbol[-4:]}",
            "start_s": start_s,
            "open": min(inside)[2],
            "open_us": min(inside)[0],
            "high": max(price for _, _, price, _ in inside),
            "low": min(price for _, _, price, _ in inside),
            "close": max(inside)[2],
            "close_us": max(inside)[0],
            "volume": sum(quantity for *_, quantity in inside),
            "quote_volume": sum(price * quantity for *_, price, quantity in inside),
            "trades": len(inside),
        }
        for (symbol, start_s), inside in sorted(windows.items())
    ]


decimals = st.from_regex("[0-9]{0,17}[1-9]", fullmatch=True)
usual = st.sampled_from(["1", "0.5", "61837.63", "1e-18", "2.5E3"])
prices = usual | st.builds("{}.{}".format, st.integers(0, 10**20 - 1), decimals)
quantities = usual | st.builds("{}.{}".format, st.integers(0, 10**18 - 1), decimals)  # sums stay below 10^40
# Few distinct times, many of them at the edges of windows, so that ties and boundaries are the rule.
times_us = st.builds(
    lambda base, after: MIDNIGHT_US + base * 1_000_000 + after,
    st.sampled_from([-86_400, -3_600, -60, -1, 0, 1, 59, 299, 300, 899, 1_799, 3_599, 3_600]),
    st.sampled_from([0, 1, 500_000, 999_999]),
)
tapes = st.lists(
    st.tuples(times_us, prices, quantities, st.sampled_from(["BTCUSDT", "ETHUSDT", "DOGEUSDT"])), max_size=25
).map(lambda tape: [Trade(number, *values) for number, values in enumerate(tape)])


@settings(max_examples=60)
@given(tapes, st.randoms(use_true_random=False))
def test_candles_equal_the_plainest_computation_however_trades_arrive(tape: list[Trade], chance: random.Random) -> None:
    frames = tape + [trade for trade in tape if chance.random() < 0.3]
    chance.shuffle(frames)
    with tempfile.TemporaryDirectory() as directory:
        tables = sent(Run(Path(directory) / "ledger.parquet"), *frames).truth().tables
    for frame, length_s in WINDOWS_S.items():
        assert sorted(rows(tables, frame), key=lambda row: (row["symbol"], row["start_s"])) == plainly(tape, length_s)
