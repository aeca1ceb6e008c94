"""When a row could be read: by the part log, whatever merged since and whoever else inserted meanwhile.

Writing to silver and to the candles of a minute is slowed down, so a row's own stamp, which is from before that, is far
too early. What a row must be counted to is known from its part, as long as no part has merged.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from harness.checks.stages import CANDLES, STAGES
from harness.series import Series, Watch, measure
from harness.truth import compute, load
from tests.integration.checks_lab import Lab, Sent, insert, ledger_of, message, pipeline

BINANCE, KRAKEN = "binance", "kraken"
SLOW_SILVER_S, SLOW_CANDLE_S = 0.4, 0.5
DUE_NS = time.time_ns() // 1_000_000 * 1_000_000
DISTINCT = 16
LIMIT_S = 60

Row = tuple[str, int]
"""Exchange and offset of a trade."""


def binance(trade_id: int, *, quantity: str = "2") -> Sent:
    ms = DUE_NS // 1_000_000
    trade = {"e": "trade", "s": "BTCUSDT", "t": trade_id, "p": "10.5", "q": quantity, "T": ms, "m": True, "M": True}
    return Sent(BINANCE, json.dumps(trade), recv_ns=DUE_NS)


def kraken(trade_id: int) -> Sent:
    stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(DUE_NS / 1e9))
    trade = f'"symbol":"ETH/USD","side":"buy","price":7.25,"qty":1,"trade_id":{trade_id},"timestamp":"{stamp}"'
    frame = f'{{"channel":"trade","type":"update","data":[{{{trade}}}]}}'
    return Sent(KRAKEN, frame, recv_ns=DUE_NS)


@dataclass
class Feed:
    """Inserts blocks, each as a queue's consumer does, and remembers what was sent."""

    lab: Lab

    def __post_init__(self) -> None:
        self.sent: list[Sent] = []
        self.places: list[int] = []

    def rows(self, *frames: Sent) -> list[dict[str, Any]]:
        first = sum(each.topic == frames[0].topic for each in self.sent)
        self.sent += frames
        self.places += range(first, first + len(frames))
        return [message(each, first + number) for number, each in enumerate(frames)]

    def insert(self, *frames: Sent) -> None:
        self.insert_rows(frames[0].topic, self.rows(*frames))

    def insert_rows(self, topic: str, rows: list[dict[str, Any]]) -> None:
        with self.lab.address.client() as client:
            insert(client, topic, rows)


@dataclass(frozen=True)
class Measured:
    """The series and when each silver row could be read, before and after everything merged; and what its part says."""

    by_part_us: Mapping[Row, int]
    stamp_us: Mapping[Row, int]
    unmerged: tuple[Series, Mapping[Row, int]]
    merged: tuple[Series, Mapping[Row, int]]


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Measured]:
    directory = tmp_path_factory.mktemp("readable")
    with pipeline(directory) as lab:
        lab.run(
            f"ALTER TABLE k2.silver_trades ADD CONSTRAINT slow CHECK sleepEachRow({SLOW_SILVER_S}) = 0",
            f"ALTER TABLE k2.ohlcv_1m ADD CONSTRAINT slow CHECK sleepEachRow({SLOW_CANDLE_S}) = 0",
            *(f"SYSTEM STOP MERGES k2.{table}" for table in tables(lab)),
        )
        feed = Feed(lab)
        play(feed)
        with lab.address.client() as client:
            load(compute(ledger_of(directory / "ledger.parquet", feed.sent, feed.places)), client)
            before = measure(client, Watch()), readable_us(lab)
            expected, stamps = by_part_us(lab), stamp_us(lab)
            lab.run("SYSTEM START MERGES")
            lab.run(*(f"OPTIMIZE TABLE k2.{table} FINAL" for table in tables(lab)))
            yield Measured(expected, stamps, before, (measure(client, Watch()), readable_us(lab)))


def play(feed: Feed) -> None:
    """Blocks of which merging leaves fewer rows, one with as many as are left, and two of two exchanges at once."""
    feed.insert(*map(binance, range(1, 6)))
    # All but the last of these came before: three rows of four are lost when parts merge.
    feed.insert(*map(binance, (3, 4, 5, 6)))
    # Its number of rows is what is left of the block before.
    feed.insert(binance(7))
    feed.insert(*map(binance, (1, 2, 8, 9)))
    feed.insert(*map(binance, (10, 11)))
    rows = feed.rows(binance(12), binance(13), binance(14, quantity="0"), binance(15))
    last = len(feed.sent) - 1
    others = feed.rows(kraken(1))
    slow = threading.Thread(target=feed.insert_rows, args=(BINANCE, rows))
    with feed.lab.address.client() as client:
        slow.start()
        deadline = time.monotonic() + LIMIT_S
        while feed.lab.rows("SELECT max(_offset) FROM k2.bronze_trades_binance")[0][0] < last:
            assert time.monotonic() < deadline, "the block never reached bronze"
        insert(client, KRAKEN, others)
    slow.join()


def tables(lab: Lab) -> list[str]:
    found = lab.rows("SELECT name FROM system.tables WHERE database = 'k2' AND engine LIKE '%MergeTree'")
    return [name for (name,) in found]


def readable_us(lab: Lab) -> dict[Row, int]:
    """What was measured, of each silver row."""
    found = lab.rows("SELECT exchange, source_offset, readable_us FROM k2_truth.silver_arrivals")
    return {(exchange, offset): us for exchange, offset, us in found}


def by_part_us(lab: Lab) -> dict[Row, int]:
    """When the part that a silver row is in was logged."""
    found = lab.rows(
        """SELECT silver.exchange, silver.source_offset, toUnixTimestamp64Micro(log.event_time_microseconds)
        FROM (SELECT exchange, source_offset, _part AS part FROM k2.silver_trades FINAL) AS silver
        INNER JOIN system.part_log AS log ON log.part_name = silver.part
        WHERE log.database = 'k2' AND log.table = 'silver_trades' AND log.event_type = 'NewPart'"""
    )
    return {(exchange, offset): us for exchange, offset, us in found}


def stamp_us(lab: Lab) -> dict[Row, int]:
    """The stamps of silver rows."""
    found = lab.rows("SELECT exchange, source_offset, toUnixTimestamp64Micro(processed_at) FROM k2.silver_trades FINAL")
    return {(exchange, offset): us for exchange, offset, us in found}


def test_a_row_counts_to_when_its_own_part_could_be_read(measured: Measured) -> None:
    assert len(measured.by_part_us) == DISTINCT
    assert measured.unmerged[1] == measured.by_part_us


def test_merging_changes_nothing_though_blocks_have_lost_rows_to_it(measured: Measured) -> None:
    assert measured.merged[1] == measured.by_part_us
    for stage in ("bronze", "silver", "bronze_to_silver", *(f"ohlcv_{window}" for window in CANDLES)):
        before, after = (found[0].layers[stage].latency for found in (measured.unmerged, measured.merged))
        assert (stage, after.n, after.max_us, after.hdr) == (stage, before.n, before.max_us, before.hdr)


def test_what_another_exchange_inserted_meanwhile_is_not_taken_for_ones_own(measured: Measured) -> None:
    (others,) = [us for (exchange, _), us in measured.by_part_us.items() if exchange == KRAKEN]
    last = max(offset for exchange, offset in measured.by_part_us if exchange == BINANCE)
    assert measured.stamp_us[BINANCE, last] < others < measured.by_part_us[BINANCE, last], "they did not overlap"
    assert measured.merged[1][BINANCE, last] == measured.by_part_us[BINANCE, last]


def test_the_time_it_takes_to_write_counts_which_a_stamp_leaves_out(measured: Measured) -> None:
    for row, us in measured.unmerged[1].items():
        assert us - measured.stamp_us[row] > SLOW_SILVER_S * 1e6
    # The block of four is the slowest.
    assert measured.unmerged[0].layers["bronze_to_silver"].latency.max_us > 4 * SLOW_SILVER_S * 1e6


@pytest.mark.parametrize("window", CANDLES)
def test_each_valid_trade_counts_to_the_first_state_of_its_candle_that_has_it(measured: Measured, window: str) -> None:
    candles = measured.merged[0].layers[f"ohlcv_{window}"].latency
    assert candles.n == DISTINCT - 1  # one has no quantity, and so no candle
    assert candles.max_us > measured.merged[0].layers["silver"].latency.max_us


def test_a_slow_candle_is_slow_and_those_before_it_are_not(measured: Measured) -> None:
    latency = {window: measured.merged[0].layers[f"ohlcv_{window}"].latency for window in CANDLES}
    first = min(us for _, us in latency["1s"].curve)
    assert min(us for _, us in latency["1m"].curve) - first > SLOW_CANDLE_S * 1e6


def test_the_stages_measured_are_those_that_objectives_may_name(measured: Measured) -> None:
    assert tuple(measured.merged[0].layers) == STAGES
    assert measured.merged[0].unread == {}
