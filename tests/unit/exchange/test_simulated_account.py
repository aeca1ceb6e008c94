"""What was sent beside what is in the topics: which frame is matched, forgiven or lost, which message a phantom."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness.exchange.dialect import Limits
from harness.exchange.dialects import open_dialects
from harness.exchange.floor import Due
from harness.exchange.sent import SentLog
from harness.faults.transport import BY_CLIENT, Ending
from harness.ledger import SCHEMA
from harness.ways.account import Account, settle
from harness.ways.readback import digest, topic_for
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES

RESENT = Ending("disconnect", resends=True, is_owed=True)
HOLE = Ending("hole", resends=False, is_owed=False)
TOPIC = EXCHANGES["binance"].topic
DIALECTS = tuple(open_dialects(Limits(), lambda: 1))


def trade(number: int) -> bytes:
    return f'{{"stream":"btcusdt@trade","data":{{"e":"trade","s":"BTCUSDT","t":{number}}}}}'.encode()


def kraken(*numbers: int, kind: str = "update") -> bytes:
    trades = ",".join(f'{{"symbol":"BTC/USD","trade_id":{number}}}' for number in numbers)
    return f'{{"channel":"trade","type":"{kind}","data":[{trades}]}}'.encode()


@dataclass
class Settled:
    account: Account
    rows: pl.DataFrame

    def fates(self) -> list[tuple[int | None, bool]]:
        """(offset, owed) of each row."""
        return list(self.rows.select("offset", "owed").iter_rows())


class Bench:
    """Frames handed over, and the messages that came of them."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.sent = SentLog(path / "sent.parquet")
        self.messages: list[dict[str, Any]] = []
        self._places: dict[int, int] = {}

    def __enter__(self) -> Bench:
        self.sent.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self.sent.__exit__(*error)

    def hand(self, frame: bytes, conn: int = 1, exchange: str = "binance", *, is_extra: bool = False) -> None:
        place = self._places[conn] = self._places.get(conn, -1) + 1
        self.sent.handed(self._due(frame, exchange), frame, 2_000, conn, place, is_extra=is_extra)

    def miss(self, frame: bytes, tag: str | None = "unheard", exchange: str = "binance", *, owed: bool = True) -> None:
        self.sent.unheard(self._due(frame, exchange), tag, is_owed=owed)

    def arrive(self, frame: bytes, exchange: str = "binance", topic: str | None = None) -> None:
        topic = topic or topic_for(exchange, EXCHANGES[exchange].classify(frame).kind)
        offset = len(self.messages)
        place = {"topic": topic, "partition": 0, "offset": offset, "recv_ns": 5_000 + offset}
        self.messages.append({"digest": digest(exchange, topic, frame), **place})

    def settle(self) -> Settled:
        messages = pl.DataFrame(
            self.messages,
            schema={
                "digest": pl.Binary, "topic": pl.String, "partition": pl.Int32, "offset": pl.Int64, "recv_ns": pl.Int64,
            },
        )  # fmt: skip
        ledger = self._path / "ledger.parquet"
        account = settle(self.sent.path, self.sent.doubts, messages, DIALECTS, ledger)
        return Settled(account, pl.read_parquet(ledger))

    def _due(self, frame: bytes, exchange: str) -> Due:
        found = EXCHANGES[exchange].classify(frame)
        played = DIALECTS[0].read(frame)
        return Due(played, exchange, found.symbol, found.kind, found.trades, 1_000)


def settled(path: Path, *steps: tuple[Any, ...], doubts: dict[int, tuple[int, Ending]] | None = None) -> Settled:
    bench = Bench(path)
    with bench:
        for name, *arguments in steps:
            getattr(bench, name)(*arguments)
        for conn, (place, ending) in (doubts or {}).items():
            bench.sent.ended(conn, place, ending)
    return bench.settle()


def test_each_frame_has_the_offset_and_receive_time_of_its_message(tmp_path: Path) -> None:
    found = settled(
        tmp_path,
        ("hand", trade(1)), ("hand", b"<html>"), ("hand", kraken(1, 2), 2, "kraken"),
        ("arrive", b"<html>"), ("arrive", kraken(1, 2), "kraken"), ("arrive", trade(1)),
    )  # fmt: skip
    columns = (
        "exchange",
        "symbol",
        "kind",
        "recv_ns",
        "scheduled_ns",
        "sent_ns",
        "acked_ns",
        "topic",
        "offset",
        "trades",
    )
    assert list(found.rows.select(columns).iter_rows()) == [
        ("binance", "BTCUSDT", "trade", 5_002, 1_000, 2_000, None, TOPIC, 2, 1),
        ("binance", "", "unknown", 5_000, 1_000, 2_000, None, DLQ_TOPIC, 0, 0),
        ("kraken", "BTC/USD", "trade", 5_001, 1_000, 2_000, None, EXCHANGES["kraken"].topic, 1, 2),
    ]
    assert found.rows.to_arrow().schema.names == SCHEMA.names
    assert found.rows["seq"].to_list() == [0, 1, 2]
    assert (found.account.lost, found.account.phantom) == (0, 0)


def test_the_kth_sending_has_the_kth_message_of_its_bytes(tmp_path: Path) -> None:
    found = settled(
        tmp_path,
        ("hand", trade(1)), ("hand", trade(2)), ("hand", trade(1)), ("hand", trade(1)),
        ("arrive", trade(1)), ("arrive", trade(1)), ("arrive", trade(2)), ("arrive", trade(1)),
    )  # fmt: skip
    assert [offset for offset, _ in found.fates()] == [0, 2, 1, 3]


def test_a_frame_on_a_connection_that_stayed_is_lost_without_its_message(tmp_path: Path) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("hand", trade(2)), ("arrive", trade(1)))
    assert found.fates() == [(0, True), (None, True)]
    assert found.account.lost == 1
    assert found.account.lost_sample == ({"seq": "1", "exchange": "binance", "symbol": "BTCUSDT"},)


@pytest.mark.parametrize("more", [trade(9), trade(1), b"<html>"], ids=["never sent", "sent once", "unclassified"])
def test_a_message_that_nobody_sent_is_a_phantom(tmp_path: Path, more: bytes) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("arrive", trade(1)), ("arrive", more))
    assert found.account.phantom == 1
    assert found.account.phantom_sample[0]["offset"] == "1"


def test_a_message_in_another_exchanges_or_the_wrong_topic_is_a_phantom_and_a_loss(tmp_path: Path) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("arrive", trade(1), "binance", DLQ_TOPIC))
    assert (found.account.lost, found.account.phantom) == (1, 1)


def test_a_frame_in_doubt_that_came_again_is_forgiven_and_the_copy_is_not_missed(tmp_path: Path) -> None:
    found = settled(
        tmp_path,
        ("hand", trade(1)), ("hand", trade(2)), ("hand", trade(2), 2), ("hand", trade(3), 2),
        ("arrive", trade(1)), ("arrive", trade(2)), ("arrive", trade(3)),
        doubts={1: (1, RESENT)},
    )  # fmt: skip
    assert found.fates() == [(0, True), (None, False), (1, True), (2, True)]
    assert (found.account.lost, found.account.phantom) == (0, 0)


def test_a_frame_in_doubt_that_arrived_is_owed_like_its_copy(tmp_path: Path) -> None:
    found = settled(
        tmp_path,
        ("hand", trade(2)), ("hand", trade(2), 2), ("arrive", trade(2)), ("arrive", trade(2)),
        doubts={1: (0, RESENT)},
    )  # fmt: skip
    assert found.fates() == [(0, True), (1, True)]


def test_a_frame_that_was_confirmed_before_the_cut_is_not_forgiven(tmp_path: Path) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("hand", trade(2)), ("arrive", trade(2)), doubts={1: (1, HOLE)})
    assert found.fates() == [(None, True), (0, True)]
    assert found.account.lost == 1


def test_what_a_hole_swallowed_is_not_owed(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench:
        bench.hand(trade(1))
        bench.miss(trade(2), "hole", owed=False)
        bench.sent.ended(1, 0, HOLE)
    found = bench.settle()
    assert found.fates() == [(None, False), (None, False)]
    assert found.rows["faults"].to_list() == [[], ["hole"]]
    assert found.account.lost == 0


def test_what_a_killed_handler_missed_is_lost_unless_it_came_again(tmp_path: Path) -> None:
    found = settled(
        tmp_path,
        ("hand", kraken(1), 1, "kraken"), ("hand", kraken(2), 1, "kraken"),
        ("miss", kraken(3), "unheard", "kraken"), ("miss", kraken(4, 5), "unheard", "kraken"),
        ("hand", kraken(2, 4, 5, kind="snapshot"), 2, "kraken"),
        ("arrive", kraken(1), "kraken"), ("arrive", kraken(2, 4, 5, kind="snapshot"), "kraken"),
        doubts={1: (0, BY_CLIENT)},
    )  # fmt: skip
    assert found.fates() == [(0, True), (None, False), (None, True), (None, False), (1, True)]
    assert found.account.lost == 1
    assert found.rows.filter(pl.col("offset").is_null(), pl.col("owed"))["symbol"].to_list() == ["BTC/USD"]


def test_a_copy_that_was_lost_itself_excuses_the_first_and_not_itself(tmp_path: Path) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("hand", trade(1), 2), doubts={1: (0, RESENT)})
    assert found.fates() == [(None, False), (None, True)]
    assert found.account.lost == 1


def test_two_in_doubt_do_not_excuse_each_other(tmp_path: Path) -> None:
    found = settled(tmp_path, ("hand", trade(1)), ("hand", trade(1), 2), doubts={1: (0, BY_CLIENT), 2: (0, BY_CLIENT)})
    assert found.fates() == [(None, True), (None, True)]


def test_what_a_fault_withheld_stays_as_it_was(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench:
        bench.miss(trade(1), None)
        bench.hand(trade(1))
        bench.miss(trade(2), None, owed=False)
    bench.arrive(trade(1))
    found = bench.settle()
    assert found.fates() == [(None, True), (0, True), (None, False)]
    assert found.rows["topic"].to_list() == [None, TOPIC, None]
    assert found.account.lost == 0


def test_a_snapshot_in_doubt_is_nobodys_loss(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    with bench:
        bench.hand(kraken(1, 2, kind="snapshot"), 1, "kraken", is_extra=True)
        bench.sent.ended(1, 0, BY_CLIENT)
    assert bench.settle().fates() == [(None, False)]


def test_nothing_sent_and_nothing_there_is_an_empty_ledger(tmp_path: Path) -> None:
    found = settled(tmp_path)
    assert found.rows.is_empty()
    assert (found.account.lost, found.account.phantom) == (0, 0)
