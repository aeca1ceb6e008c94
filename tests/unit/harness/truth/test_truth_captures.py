"""Real recordings, against a reading of them that knows only json and Fraction."""

import gzip
import json
from collections import defaultdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness.truth import Truth, wide

from .conftest import Run

CAPTURES = Path(__file__).resolve().parents[5] / "shared" / "captures"


def captured(name: str) -> list[dict[str, Any]]:
    path = CAPTURES / f"{name}.jsonl.gz"
    if not path.exists():
        pytest.skip(f"the recording {path.name} is not here")
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def played(directory: Path, name: str) -> Truth:
    run = Run(directory / "ledger.parquet")
    for line in captured(name):
        run.send(line["exchange"], line["frame"], recv_ns=line["recv_ns"])
    return run.truth()


@pytest.fixture(scope="module")
def spot(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """The truth of 346 seconds of Binance spot: 15,863 trades across a midnight."""
    return played(tmp_path_factory.mktemp("spot"), "binance-trade-1")


@pytest.mark.parametrize(
    ("name", "trades", "letters"),
    [
        ("binance-trade-3", 12, {}),
        ("binance-usdmtrade-1", 0, {("bronze", "futures_trade"): 35_389, ("bronze", "not_a_trade"): 6_663}),
        ("kraken-v1trade-1", 10, {("bronze", "not_a_trade"): 41}),
        ("kraken-v2trade-1", 102, {("bronze", "not_a_trade"): 8}),
        ("kraken-v1book-1", 0, {("bronze", "not_a_trade"): 4_321}),
    ],
)
def test_every_trade_of_a_recording_is_one_row_and_every_other_frame_a_letter(
    tmp_path: Path, name: str, trades: int, letters: dict[tuple[str, str], int]
) -> None:
    truth = played(tmp_path, name)
    assert (truth.trades_sent, truth.distinct_trades, truth.duplicates_sent) == (trades, trades, 0)
    assert truth.dead_letters == letters
    assert truth.tables["silver_trades"]["is_valid"].all()


def test_recorded_spot_frames_end_as_trades_or_letters(spot: Truth) -> None:
    assert (spot.trades_sent, spot.distinct_trades, spot.duplicates_sent) == (15_863, 15_863, 0)
    assert spot.dead_letters == {("bronze", "not_a_trade"): 29_502}
    assert spot.tables["silver_trades"]["is_valid"].all()


def minutes(trades: list[tuple[str, int, int, str, str]]) -> dict[tuple[str, int], tuple[Fraction, ...]]:
    """Open, high, low, close, volume, quote volume and count by symbol and minute of (symbol, id, us, price, size)."""
    windows: defaultdict[tuple[str, int], list[tuple[int, int, Fraction, Fraction]]] = defaultdict(list)
    for symbol, number, time_us, price, quantity in trades:
        windows[symbol, time_us // 60_000_000 * 60].append((time_us, number, Fraction(price), Fraction(quantity)))
    return {
        window: (
            min(inside)[2],
            max(price for _, _, price, _ in inside),
            min(price for _, _, price, _ in inside),
            max(inside)[2],
            sum((quantity for *_, quantity in inside), Fraction()),
            sum((price * quantity for *_, price, quantity in inside), Fraction()),
            Fraction(len(inside)),
        )
        for window, inside in windows.items()
    }


def minutes_of(truth: Truth) -> dict[tuple[str, int], tuple[Fraction, ...]]:
    candles = truth.tables["ohlcv_1m"]
    values = zip(
        *(candles[f"{name}_price"] for name in ("open", "high", "low", "close")),
        wide.decimals(candles["volume"], 18),
        wide.decimals(candles["quote_volume"], 36),
        candles["trade_count"],
        strict=True,
    )
    windows = zip(candles["canonical_symbol"], candles["window_start"].dt.epoch("s"), strict=True)
    return {window: tuple(map(Fraction, row)) for window, row in zip(windows, values, strict=True)}


def test_recorded_binance_candles_cross_midnight_exactly(spot: Truth) -> None:
    sent = [json.loads(line["frame"])["data"] for line in captured("binance-trade-1")]
    trades = [
        (f"{data['s'][:3]}/{data['s'][3:]}", data["t"], data["T"] * 1_000, data["p"], data["q"])
        for data in sent
        if data.get("e") == "trade"
    ]
    assert minutes_of(spot) == minutes(trades)
    assert len(spot.tables["ohlcv_1d"]) == 4  # two symbols on two days
    silver = spot.tables["silver_trades"].filter(symbol="BTCUSDT")
    assert (silver["source_sequence"].min(), silver["source_sequence"].max()) == (3735683259, 3735693015)


def test_recorded_kraken_numbers_keep_their_text_and_value(tmp_path: Path) -> None:
    sent = [json.loads(line["frame"], parse_float=str) for line in captured("kraken-v2trade-1")]
    trades = [trade for frame in sent if frame.get("channel") == "trade" for trade in frame["data"]]
    truth = played(tmp_path, "kraken-v2trade-1")
    bronze = truth.tables["bronze_trades_kraken"].sort("_offset", "trade_index")
    assert bronze["price"].to_list() == [str(trade["price"]) for trade in trades]
    assert bronze["quantity"].to_list() == [str(trade["qty"]) for trade in trades]
    silver = truth.tables["silver_trades"].sort("source_offset", "source_index")
    assert [Fraction(price) for price in silver["price"]] == [Fraction(trade["price"]) for trade in trades]
    assert silver["side"].to_list() == [trade["side"].upper() for trade in trades]
    times = silver["timestamp"].dt.strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_list()
    assert times == [trade["timestamp"] for trade in trades]


def test_recorded_equal_trades_stay_distinct(spot: Truth) -> None:
    silver = spot.tables["silver_trades"]
    alike = silver.group_by("symbol", "timestamp", "price", "quantity", "side").len()
    assert int((alike["len"] - 1).sum()) == 2_584
    assert silver.select(pl.col("message_id").n_unique()).item() == 15_863
