"""Candles stay equal to what silver holds, however the trades arrive."""

import itertools
import random
from collections.abc import Sequence
from decimal import Decimal, localcontext
from typing import Any

import pytest

from tests.integration.sql.conftest import RECV_NS, Schema
from tests.integration.sql.test_binance import trade

SYMBOLS = (f"G{number}USDT" for number in itertools.count())
DAY_MS = RECV_NS // 10**6 // 86_400_000 * 86_400_000
FRAMES = {"1s": 1, "1m": 60, "5m": 300, "15m": 900, "30m": 1800, "1h": 3600, "1d": 86400}


def made(symbol: str, number: int, time_ms: int, price: str, quantity: str) -> str:
    return trade(s=f'"{symbol}"', t=str(number), T=str(time_ms), p=f'"{price}"', q=f'"{quantity}"')


def candles(schema: Schema, symbol: str, frame: str) -> list[dict[str, Any]]:
    return schema.rows(
        "SELECT toUnixTimestamp(window_start) AS start, open, high, low, close, volume, quote_volume, trade_count "
        f"FROM k2.ohlcv_{frame}_view WHERE canonical_symbol = '{symbol[:-4]}/USDT' ORDER BY window_start"
    )


def expected(trades: Sequence[tuple[int, int, str, str]], seconds: int) -> list[dict[str, Any]]:
    """Candles of (id, time_ms, price, quantity), by the plainest computation there is."""
    with localcontext(prec=200):
        return _expected(trades, seconds)


def _expected(trades: Sequence[tuple[int, int, str, str]], seconds: int) -> list[dict[str, Any]]:
    windows: dict[int, list[tuple[int, int, Decimal, Decimal]]] = {}
    for number, time_ms, price, quantity in sorted(set(trades), key=lambda each: (each[1], each[0])):
        start = time_ms // 1000 // seconds * seconds
        windows.setdefault(start, []).append((number, time_ms, Decimal(price), Decimal(quantity)))
    return [
        {
            "start": str(start), "open": _text(inside[0][2]), "high": _text(max(each[2] for each in inside)),
            "low": _text(min(each[2] for each in inside)), "close": _text(inside[-1][2]),
            "volume": _text(sum((each[3] for each in inside), Decimal(0))),
            "quote_volume": _text(sum((each[2] * each[3] for each in inside), Decimal(0))),
            "trade_count": str(len(inside)),
        }
        for start, inside in sorted(windows.items())
    ]  # fmt: skip


def _text(value: Decimal) -> str:
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


@pytest.mark.parametrize("seed", range(3))
def test_candles_are_exact_under_duplicates_redelivery_and_disorder(schema: Schema, seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311
    symbol = next(SYMBOLS)
    base = DAY_MS - 1_200_000
    tape = [
        (
            number,
            base + number * 7_000 // 3 + rng.choice((0, 0, 1)),
            f"{100 + rng.randrange(900)}.{rng.randrange(100):02d}",
            f"0.{rng.randrange(1, 10**6):06d}",
        )
        for number in range(1000)
    ]
    frames = [made(symbol, *each) for each in tape]
    arrivals = frames + rng.sample(frames, 50)
    rng.shuffle(arrivals)
    while arrivals:
        size = rng.choice((1, 7, 100, 300))
        block, arrivals = arrivals[:size], arrivals[size:]
        offset = schema.feed("binance", block)
        if rng.random() < 0.3:
            schema.feed("binance", block, offset=offset)
    for frame, seconds in FRAMES.items():
        assert candles(schema, symbol, frame) == expected(tape, seconds), frame


def test_open_and_close_among_trades_of_one_time_go_by_id(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    for number, price in ((3, "30"), (1, "10"), (2, "20")):
        schema.feed("binance", [made(symbol, number, DAY_MS, price, "1")])
    (candle,) = candles(schema, symbol, "1m")
    assert (candle["open"], candle["close"], candle["trade_count"]) == ("10", "30", "3")


def test_late_trade_changes_the_windows_it_belongs_to_and_no_other(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    tape = [(1, DAY_MS, "10", "1"), (2, DAY_MS + 60_000, "20", "1"), (3, DAY_MS + 120_000, "30", "1")]
    schema.feed("binance", [made(symbol, *each) for each in tape])
    late = (4, DAY_MS + 61_000, "5", "2.5")
    schema.feed("binance", [made(symbol, *late)])
    for frame, seconds in FRAMES.items():
        assert candles(schema, symbol, frame) == expected([*tape, late], seconds), frame


def test_resend_that_contradicts_does_not_change_silver_or_a_candle(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    schema.feed("binance", [made(symbol, 1, DAY_MS, "10", "1")])
    schema.feed("binance", [made(symbol, 1, DAY_MS, "99", "7")])
    assert candles(schema, symbol, "1m") == expected([(1, DAY_MS, "10", "1")], 60)


def test_sums_beyond_twenty_digits_do_not_wrap(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    tape = [
        (number, DAY_MS, "99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999")
        for number in range(3)
    ]
    schema.feed("binance", [made(symbol, *each) for each in tape])
    assert candles(schema, symbol, "1d") == expected(tape, 86400)


def test_vwap_is_the_quotient_cut_at_eighteen_places(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    schema.feed("binance", [made(symbol, 1, DAY_MS, "1", "2"), made(symbol, 2, DAY_MS, "2", "1")])
    (row,) = schema.rows(f"SELECT vwap FROM k2.ohlcv_1m_view WHERE canonical_symbol = '{symbol[:-4]}/USDT'")
    assert row["vwap"] == "1.333333333333333333"


def test_one_insert_may_span_many_years(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    tape = [(year, (year - 1970) * 31_556_952_000, "1", "1") for year in range(2010, 2026)]
    schema.feed("binance", [made(symbol, *each) for each in tape])
    assert candles(schema, symbol, "1d") == expected(tape, 86400)


@pytest.mark.parametrize("absurd", [-2_000_000_000_000, 5_000_000_000_000])
def test_absurd_time_beside_a_trade_hides_it_neither_from_its_candle_nor_from_a_query(
    schema: Schema, absurd: int
) -> None:
    symbol = next(SYMBOLS)
    tape = [(number, DAY_MS + number, "1", "1") for number in range(1, 5)]
    schema.feed("binance", [made(symbol, *each) for each in [(0, absurd, "1", "1"), *tape[:2]]])
    schema.feed("binance", [made(symbol, *each) for each in tape[2:]])
    for frame, seconds in FRAMES.items():
        assert candles(schema, symbol, frame) == expected(tape, seconds), frame
    schema.query("OPTIMIZE TABLE k2.silver_trades")  # a merged part has statistics, which prune too
    for function in ("toDateTime", "toDate", "toStartOfMinute"):
        same = f"{function}(timestamp) = {function}(toDateTime({DAY_MS // 1000}, 'UTC'))"
        (found,) = schema.rows(f"SELECT count() AS trades FROM k2.silver_trades WHERE symbol = '{symbol}' AND {same}")
        assert found == {"trades": "4"}, function


def test_merging_parts_changes_nothing(schema: Schema) -> None:
    symbol = next(SYMBOLS)
    tape = [(number, DAY_MS + number * 1000, str(number % 7 + 1), "1") for number in range(200)]
    for start in range(0, 200, 20):
        schema.feed("binance", [made(symbol, *each) for each in tape[start : start + 40]])
    for table in ("silver_trades", *(f"ohlcv_{frame}" for frame in FRAMES)):
        schema.query(f"OPTIMIZE TABLE k2.{table} FINAL")
    for frame, seconds in FRAMES.items():
        assert candles(schema, symbol, frame) == expected(tape, seconds), frame
