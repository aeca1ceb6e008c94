"""What a ledger's rows come to: letters, gaps, counts, and frames of every fate."""

import tempfile
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.captures import CapturedFrame
from harness.truth import EXCHANGES, TruthError, compute
from harness.truth.tables import tables

from .conftest import RECV_NS, Run


def trade(number: int, symbol: str = "BTCUSDT", price: str = "1") -> str:
    return f'{{"e":"trade","s":"{symbol}","t":{number},"p":"{price}","q":"1","T":1723161255342,"m":true}}'


def kraken(*numbers: int, symbol: str = "BTC/USD") -> str:
    trades = ",".join(
        f'{{"symbol":"{symbol}","side":"buy","price":1,"qty":1,"trade_id":{number},"timestamp":"2024-08-08T00:00:00Z"}}'
        for number in numbers
    )
    return f'{{"channel":"trade","type":"update","data":[{trades}]}}'


def test_each_frame_of_the_dead_letter_topic_is_one_letter(run: Run) -> None:
    run.send("kraken", trade(1), b"\xff\x00", topic="market.crypto.trades.dlq", partition=1, offset=3)
    truth = run.truth()
    letters = truth.tables["dead_letters"].drop("received_at").rows()
    assert letters == [
        ("bronze", "kraken", "unclassified", trade(1).encode(), "market.crypto.trades.dlq", 1, 3, 0, 0),
        ("bronze", "kraken", "unclassified", b"\xff\x00", "market.crypto.trades.dlq", 1, 4, 0, 1),
    ]
    assert truth.tables["dead_letters"]["received_at"].to_physical().to_list() == [RECV_NS, RECV_NS]
    assert truth.dead_letters == {("bronze", "unclassified"): 2}
    assert truth.trades_sent == 0
    assert truth.tables["frames"].select("trades", "letters").rows() == [(0, 1), (0, 1)]


def test_bronze_letter_holds_the_frame_byte_for_byte(run: Run) -> None:
    run.send("binance", b'{"e":"trade"}\xff\x00\n', partition=2, offset=8)
    [letter] = run.truth().tables["dead_letters"].drop("received_at").rows()
    topic = "market.crypto.trades.binance"
    assert letter == ("bronze", "binance", "not_json", b'{"e":"trade"}\xff\x00\n', topic, 2, 8, 0, 0)


def test_every_owed_frame_stands_in_frames_with_its_fate(run: Run) -> None:
    run.send("binance", trade(1), "{}", faults=("corrupt", "late"))
    run.send("kraken", kraken(5, 6, 7), partition=4, offset=90)
    run.withhold("binance", trade(2))
    run.leave_out("binance", trade(3))
    frames = run.truth().tables["frames"].sort("seq")
    binance, others = "market.crypto.trades.binance", "market.crypto.trades.kraken"
    assert frames.select("seq", "exchange", "topic", "partition", "offset", "faults", "trades", "letters").rows() == [
        (0, "binance", binance, 0, 0, ["corrupt", "late"], 1, 0),
        (1, "binance", binance, 0, 1, ["corrupt", "late"], 0, 1),
        (2, "kraken", others, 4, 90, [], 3, 0),
        (3, "binance", binance, None, None, ["withhold"], 1, 0),
    ]
    assert frames["sent_ns"].to_list() == [1_001, 1_001, 1_001, None]
    assert frames["scheduled_ns"].to_list() == [1_000] * 4


def test_gaps_are_the_trades_of_frames_left_out_that_no_other_frame_brought(run: Run) -> None:
    run.send("kraken", kraken(10, 11, 12))
    run.leave_out("kraken", kraken(12, 13, 14))
    run.leave_out("kraken", kraken(14, 15, symbol="ETH/USD"))
    run.leave_out(
        "kraken", '[1,[["1","1","1618678142.5","s","l",""]],"trade","XBT/USD"]'
    )  # no id, so no gap to be seen
    run.leave_out("binance", trade(12))
    run.send("binance", trade(13), trade(14))
    run.leave_out("binance", trade(13))
    run.send("kraken", kraken(14))
    truth = run.truth()
    assert sorted(truth.tables["gaps"].rows()) == [
        ("binance", "BTCUSDT", 12, 4),
        ("kraken", "BTC/USD", 13, 1),
        ("kraken", "ETH/USD", 14, 2),
        ("kraken", "ETH/USD", 15, 2),
    ]
    assert truth.distinct_trades == 6
    assert sorted(truth.tables["frames"]["seq"]) == [0, 5, 6, 8]


def test_counts_tell_what_was_sent(run: Run) -> None:
    run.send("binance", trade(1), trade(2), trade(1), trade(3, price="1e-19"), trade(3, price="1e-19"), "{}", "[", "[")
    run.send("kraken", kraken(1, 2, 2))
    truth = run.truth()
    assert (truth.trades_sent, truth.distinct_trades, truth.duplicates_sent) == (8, 4, 2)
    assert truth.dead_letters == {
        ("bronze", "not_a_trade"): 1,
        ("bronze", "not_json"): 2,
        ("silver", "price_not_exact"): 2,
    }


def test_exchange_that_nothing_is_known_of_is_an_error_that_says_what_to_do(run: Run) -> None:
    run.send("coinbase", "{}")
    with pytest.raises(TruthError, match=r"seq 0: .*'coinbase'.*add harness/truth/coinbase\.py"):
        run.truth()


def test_ledger_of_nothing_gives_empty_tables(run: Run) -> None:
    truth = run.truth()
    assert set(truth.tables) == set(tables(EXCHANGES.values()))
    assert all(rows.is_empty() for rows in truth.tables.values())


@pytest.mark.parametrize("name", list(tables(EXCHANGES.values())))
def test_tables_have_the_declared_columns_and_types_full_or_empty(run: Run, name: str) -> None:
    run.send("binance", trade(1), trade(1, price="x"), "{}")
    run.send("kraken", kraken(1))
    run.leave_out("kraken", kraken(2))
    tape = [CapturedFrame(RECV_NS, "binance", trade(number).encode()) for number in (1, 3)]
    full = run.truth(tape).tables[name]
    declared = {
        column: pl.Series(dtype=given.dtype).dtype for column, given in tables(EXCHANGES.values())[name].columns.items()
    }
    assert dict(full.schema) == declared
    assert not full.is_empty()


@settings(max_examples=20)
@given(st.lists(st.sampled_from([trade(1), trade(2), trade(3, "ETHBTC"), "{}", "["]), max_size=30))
def test_size_of_batches_makes_no_difference(frames: list[str]) -> None:
    with tempfile.TemporaryDirectory() as directory, pytest.MonkeyPatch.context() as patch:
        path = Path(directory) / "ledger.parquet"
        run = Run(path)
        run.send("binance", *frames)
        whole = run.truth()
        patch.setattr("harness.truth.truth.BATCH_FRAMES", 3)
        in_parts = compute(path)
    for name, rows in whole.tables.items():
        assert rows.equals(in_parts.tables[name]), name
