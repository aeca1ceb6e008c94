"""A truth that is too large for memory goes to disk, is computed some markets at a time, and is the same truth."""

from __future__ import annotations

import gc
import random
from pathlib import Path

import polars as pl
import pytest

from harness.truth import EXCHANGES, Truth
from harness.truth.spool import Spool
from harness.truth.tables import GAPS, tables

from .conftest import Run

TABLES = tables(EXCHANGES.values())
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "ADAUSDT", "LTCUSDT")


def play(run: Run) -> None:
    """Two hundred frames of five markets; some come again, some are no trades, one was never sent."""
    chance = random.Random(11)  # noqa: S311  # the same frames every time
    for number in range(200):
        trade, ms = chance.randrange(120), chance.randrange(10**8)
        frame = (
            f'{{"e":"trade","s":"{SYMBOLS[trade % 5]}","t":{trade},"p":"{trade + 1}.5","q":"0.25",'
            f'"T":{1723161255342 + ms},"m":true,"M":true}}'
        )
        run.send("binance", frame if number % 20 else "{}", offset=number, partition=trade % 5)
    run.leave_out("binance", '{"e":"trade","s":"BTCUSDT","t":5000,"p":"1","q":"1","T":1723161255342,"m":true}')


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hold nothing, read three frames at a time, compute the candles of a few trades at once."""
    monkeypatch.setattr("harness.truth.truth.BATCH_FRAMES", 3)
    monkeypatch.setattr("harness.truth.spool.HELD_BYTES", 0)
    monkeypatch.setattr("harness.truth.candles.ROWS_AT_ONCE", 30)


def in_order(rows: pl.DataFrame, key: tuple[str, ...]) -> pl.DataFrame:
    return rows.sort(key, nulls_last=True)


def whole_and_spilled(run: Run, request: pytest.FixtureRequest) -> tuple[Truth, Truth]:
    play(run)
    whole = run.truth()
    request.getfixturevalue("small")
    return whole, run.truth()


def test_what_went_to_disk_is_the_same_truth(run: Run, request: pytest.FixtureRequest) -> None:
    whole, spilled = whole_and_spilled(run, request)
    assert whole.duplicates_sent > 50, "the tape must have trades that come again"
    for name, table in TABLES.items():
        assert in_order(spilled.tables[name], table.key).equals(in_order(whole.tables[name], table.key)), name
    for count in ("trades_sent", "distinct_trades", "duplicates_sent", "dead_letters"):
        assert getattr(spilled, count) == getattr(whole, count), count


def test_a_truth_on_disk_is_uploaded_whole_in_slices_of_the_size_asked_for(
    run: Run, request: pytest.FixtureRequest
) -> None:
    _, spilled = whole_and_spilled(run, request)
    for name in TABLES:
        slices = list(spilled.tables.slices(name, 7))
        assert all(0 < len(rows) <= 7 for rows in slices), name
        if slices:
            assert pl.concat(slices).equals(spilled.tables[name]), name
        else:
            assert spilled.tables[name].is_empty(), name


def test_files_are_there_while_the_truth_is_used_and_gone_afterwards(
    run: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    truths = whole_and_spilled(run, request)
    assert len(list(tmp_path.glob("truth-*/*.arrow"))) > len(TABLES)
    del truths
    gc.collect()
    assert list(tmp_path.glob("truth-*")) == []


def test_a_small_truth_writes_nothing(run: Run, tmp_path: Path) -> None:
    play(run)
    truth = run.truth()
    assert truth.distinct_trades > 0
    assert [path.name for path in tmp_path.iterdir()] == ["ledger.parquet"]


def test_equal_hashes_of_different_trades_do_not_lose_one(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    play(run)
    expected = run.truth()
    monkeypatch.setattr(pl.DataFrame, "hash_rows", lambda rows: pl.repeat(7, len(rows), dtype=pl.UInt64, eager=True))
    collided = run.truth()
    assert collided.distinct_trades == expected.distinct_trades
    assert collided.tables["silver_trades"].equals(expected.tables["silver_trades"])


def test_slices_are_as_large_as_they_may_be(tmp_path: Path) -> None:
    spool = Spool({"gaps": GAPS}, tmp_path)
    for first in range(0, 30, 3):
        seqs = pl.Series(range(first, first + 3), dtype=pl.Int64)
        rows = pl.DataFrame({"seq": seqs}).with_columns(
            exchange=pl.lit("x"), symbol=pl.lit("y"), trade_id=pl.col("seq").cast(pl.UInt64)
        )
        spool.add("gaps", rows)
    assert [len(rows) for rows in spool.slices("gaps", 10)] == [9, 9, 9, 3]
    assert spool.rows("gaps") == 30
