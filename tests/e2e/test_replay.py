"""Replay into a real broker: what lies in the topics afterwards is what the ledger says."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, TopicPartition
from msgspec import structs

from harness.captures import (
    CapturedFrame,
    CaptureError,
    CaptureWriter,
    read_capture,
    read_in_turn,
    read_merged,
)
from harness.faults import FAULTS, FrameFault, NoEffect, Outgoing, parse_fault
from harness.pace import parse_rate
from harness.replay import ReplayError, ReplayStats, Times, replay
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES, FrameKind
from k2pipeline.stack.broker import LocalBroker
from tests.e2e.conftest import StartBroker

pytestmark = pytest.mark.e2e

SHARED = Path(__file__).parents[3] / "shared" / "captures"
needs_captures = pytest.mark.skipif(not SHARED.is_dir(), reason=f"no recordings at {SHARED}")
BINANCE, KRAKEN = EXCHANGES["binance"].topic, EXCHANGES["kraken"].topic
PARTITIONS = 3
FIRST_NS = 1_723_161_255_000_000_123
Replay = Callable[..., ReplayStats]


@pytest.fixture
def broker(tmp_path: Path, start_broker: StartBroker) -> Iterator[LocalBroker]:
    with start_broker(tmp_path, BINANCE, KRAKEN, DLQ_TOPIC, partitions=PARTITIONS) as broker:
        yield broker


@pytest.fixture
def address(broker: LocalBroker) -> str:
    return broker.bootstrap


@pytest.fixture
def ledger_path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.parquet"


@pytest.fixture
def play(address: str, ledger_path: Path) -> Replay:
    def play(
        frames: Any, rate: str = "max", times: Times = Times.ORIGINAL, faults: str = "", **more: Any
    ) -> ReplayStats:
        return replay(
            frames,
            bootstrap=address,
            pace=parse_rate(rate),
            times=times,
            ledger_path=ledger_path,
            faults=[parse_fault(text) for text in faults.split()],
            **{"seed": 7, **more},
        )

    return play


def trade(number: int, exchange: str = "binance", step_ns: int = 1_000_000) -> CapturedFrame:
    recv_ns = FIRST_NS + number * step_ns
    symbol = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "币安人生USDT")[number % 4]
    frame = f'{{"e":"trade","s":"{symbol}","t":{number},"p":"1.50","q":"2"}}'
    if exchange == "kraken":
        frame = f'[1,[["1","2","{number}.5","b","l",""],["1","2","3","s","l",""]],"trade","XBT/{number % 3}"]'
    return CapturedFrame(recv_ns, exchange, frame.encode(), number + 1)


def trades(count: int, exchange: str = "binance") -> Iterator[CapturedFrame]:
    return (trade(number, exchange) for number in range(count))


def consumed(address: str, wanted: int, patience_s: float = 20) -> list[Any]:
    """Every message of every topic: at least `wanted`, and all that still come after them.

    Tansu's high watermark is of no use here: it stands one behind the base offset of the last batch.
    """
    consumer = Consumer({"bootstrap.servers": address, "group.id": "reader", "fetch.wait.max.ms": 100, "log_level": 0})
    consumer.assign(
        [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in (BINANCE, KRAKEN, DLQ_TOPIC)
            for partition in range(PARTITIONS)
        ]
    )
    messages: list[Any] = []
    deadline = time.monotonic() + patience_s
    while len(messages) < wanted and time.monotonic() < deadline:
        messages += consumer.consume(10_000, timeout=0.2)
    messages += consumer.consume(10_000, timeout=0.5)
    consumer.close()
    assert [message.error() for message in messages if message.error()] == []
    return messages


def assert_the_topics_hold_what_the_ledger_says(address: str, ledger_path: Path) -> pl.DataFrame:
    ledger = pl.read_parquet(ledger_path)
    sent = ledger.filter(pl.col("offset").is_not_null())
    expected = {
        (row["topic"], row["partition"], row["offset"]): (
            row["frame"],
            row["symbol"].encode(),
            row["recv_ns"] // 1_000_000,
            [("recv_ns", str(row["recv_ns"]).encode()), ("conn", b"replay")]
            + ([("exchange", row["exchange"].encode())] if row["topic"] == DLQ_TOPIC else []),
        )
        for row in sent.iter_rows(named=True)
    }
    found = {
        (m.topic(), m.partition(), m.offset()): (m.value(), m.key() or b"", m.timestamp()[1], m.headers())
        for m in consumed(address, sent.height)
    }
    assert found == expected
    assert len(expected) == sent.height
    return ledger


def test_every_frame_is_in_its_topic_at_the_offset_of_the_ledger(play: Replay, address: str, ledger_path: Path) -> None:
    frames = [*trades(3000), *trades(2000, "kraken")]
    stats = play(frames)
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert (stats.frames_read, stats.frames_sent, stats.trades_sent) == (5000, 5000, 7000)
    assert ledger["seq"].to_list() == list(range(5000))
    assert ledger["frame"].to_list() == [frame.frame for frame in frames]
    assert ledger["recv_ns"].to_list() == [frame.recv_ns for frame in frames]
    assert Counter(ledger["topic"]) == {BINANCE: 3000, KRAKEN: 2000}
    assert ledger["kind"].unique().to_list() == ["trade"]
    assert ledger["owed"].all()
    assert (ledger["acked_ns"] >= ledger["sent_ns"]).all()
    assert (ledger["sent_ns"] >= ledger["scheduled_ns"]).all()


def test_one_symbol_stays_in_one_partition_and_in_order(play: Replay, ledger_path: Path) -> None:
    play(trades(20_000))
    by_symbol = pl.read_parquet(ledger_path).group_by("symbol", maintain_order=True)
    for _, rows in by_symbol:
        assert rows["partition"].n_unique() == 1
        assert rows["offset"].is_sorted()


def test_what_is_not_understood_goes_to_the_dead_letters_and_other_channels_nowhere(
    play: Replay, address: str, ledger_path: Path
) -> None:
    frames = [
        trade(0),
        CapturedFrame(FIRST_NS, "binance", b'{"e":"depthUpdate","s":"BTCUSDT","b":[]}'),
        CapturedFrame(FIRST_NS, "binance", b'{"result":null,"id":1}'),
        CapturedFrame(FIRST_NS, "kraken", b'{"channel":"heartbeat"}'),
        CapturedFrame(FIRST_NS, "kraken", b"not JSON \xff\x00"),
        CapturedFrame(FIRST_NS, "binance", b""),
    ]
    stats = play(frames)
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert ledger.select("exchange", "symbol", "kind", "topic", "trades", "owed").rows() == [
        ("binance", "BTCUSDT", "trade", BINANCE, 1, True),
        ("kraken", "", "unknown", DLQ_TOPIC, 0, True),
    ]
    assert stats.channels == {
        ("binance", FrameKind.TRADE, "trade"): 1,
        ("binance", FrameKind.MARKET, "depthUpdate"): 1,
        ("binance", FrameKind.CONTROL, "ack"): 1,
        ("kraken", FrameKind.CONTROL, "heartbeat"): 1,
        ("kraken", FrameKind.UNKNOWN, "unknown"): 1,
        ("binance", FrameKind.CONTROL, "empty"): 1,
    }


def test_times_shifted_to_now_are_the_scheduled_ones_and_leave_the_frame_alone(
    play: Replay, address: str, ledger_path: Path
) -> None:
    before_ns = time.time_ns()
    play(trades(200), rate="2000", times=Times.NOW)
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert ledger["recv_ns"].to_list() == ledger["scheduled_ns"].to_list()
    assert before_ns <= ledger["recv_ns"].min() <= ledger["recv_ns"].max() <= time.time_ns()
    assert ledger["frame"].to_list() == [frame.frame for frame in trades(200)]


def test_a_steady_rate_is_scheduled_exactly_and_held(play: Replay, ledger_path: Path) -> None:
    stats = play(trades(1000, "kraken"), rate="2000")
    ledger = pl.read_parquet(ledger_path)
    assert ledger["scheduled_ns"].diff().drop_nulls().unique().to_list() == [1_000_000]  # two trades a frame
    # How late it is depends on the machine; early it never is.
    assert (ledger["sent_ns"] >= ledger["scheduled_ns"]).all()
    assert stats.late_p99_ns is not None


def test_recorded_timing_is_kept_at_twice_the_speed(play: Replay, ledger_path: Path) -> None:
    play(trades(300), rate="2x")
    assert pl.read_parquet(ledger_path)["scheduled_ns"].diff().drop_nulls().unique().to_list() == [500_000]


def test_the_schedule_does_not_wait_for_a_slow_source(play: Replay, ledger_path: Path) -> None:
    def stalling() -> Iterator[CapturedFrame]:
        for number in range(200):
            if number == 50:
                threading.Event().wait(0.3)
            yield trade(number)

    stats = play(stalling(), rate="1000")
    ledger = pl.read_parquet(ledger_path)
    assert ledger["scheduled_ns"].diff().drop_nulls().unique().to_list() == [1_000_000]
    late_ns = ledger["sent_ns"] - ledger["scheduled_ns"]
    assert late_ns[50] > 200_000_000
    assert stats.late_max_ns == late_ns.max()


def test_duplicates_take_two_offsets_and_gaps_and_losses_none(play: Replay, address: str, ledger_path: Path) -> None:
    stats = play(trades(4000), faults="duplicate=5% gap=2% withhold=3")
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    tagged = {name: ledger.filter(pl.col("faults").list.contains(name)) for name in stats.faults}
    assert {name: rows.height for name, rows in tagged.items()} == dict(stats.faults)
    assert ledger.height == 4000 + stats.faults["duplicate"]
    assert stats.frames_sent == ledger["offset"].count()

    unsent = ledger.filter(pl.col("topic").is_null())
    assert unsent.height == stats.faults["gap"] + stats.faults["withhold"]
    for column in ("sent_ns", "acked_ns", "partition", "offset"):
        assert unsent[column].null_count() == unsent.height
    assert not tagged["gap"]["owed"].any()
    assert tagged["withhold"]["owed"].all()
    assert tagged["gap"]["trades"].to_list() == [1] * stats.faults["gap"]
    assert set(ledger["frame"]) == {frame.frame for frame in trades(4000)}


def test_a_frame_that_a_fault_breaks_goes_where_it_then_belongs(
    play: Replay, address: str, ledger_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Rewrite(FrameFault):
        name = "rewrite"
        texts = iter([b"{", b'[1,[["1","2","3","b","l",""]],"trade","XDG/USD"]', b'{"channel":"heartbeat"}'])

        def change(self, frame: Outgoing) -> list[Outgoing]:
            return [structs.replace(self.tagged(frame), frame=next(self.texts))]

    monkeypatch.setattr("harness.faults.FAULTS", {**FAULTS, "rewrite": Rewrite})
    stats = play(trades(3, "kraken"), faults="rewrite=100%")
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert ledger.select("kind", "symbol", "trades", "topic", "faults").rows() == [
        ("unknown", "", 0, DLQ_TOPIC, ["rewrite"]),
        ("trade", "XDG/USD", 1, KRAKEN, ["rewrite"]),
    ]
    assert stats.frames_sent == 2


def test_the_same_seed_gives_the_same_ledger(play: Replay, ledger_path: Path) -> None:
    def rows(seed: int) -> pl.DataFrame:
        play(trades(2000), faults="duplicate=5% gap=1% withhold=2", seed=seed)
        return pl.read_parquet(ledger_path).select("seq", "recv_ns", "faults", "owed", "frame", "topic")

    assert rows(1).equals(rows(1))
    assert not rows(1).equals(rows(2))


def test_a_fault_that_changes_nothing_fails_the_replay_after_it(play: Replay, ledger_path: Path) -> None:
    with pytest.raises(NoEffect, match=r"fault gap=0\.0001% changed 0 of"):
        play(trades(20), faults="gap=0.0001%")
    assert pl.read_parquet(ledger_path).height == 20


def test_a_full_queue_is_waited_for_and_nothing_is_dropped(play: Replay, address: str, ledger_path: Path) -> None:
    small = {"queue.buffering.max.messages": 50, "linger.ms": 5}
    assert play(trades(3000), producer_config=small).frames_sent == 3000
    assert_the_topics_hold_what_the_ledger_says(address, ledger_path)


def test_a_frame_of_megabytes_arrives_whole(play: Replay, address: str, ledger_path: Path) -> None:
    frame = b'{"e":"trade","s":"BTCUSDT","x":"' + b"x" * 5_000_000 + b'"}'
    play([trade(0), CapturedFrame(FIRST_NS, "binance", frame), trade(2)])
    assert assert_the_topics_hold_what_the_ledger_says(address, ledger_path).height == 3


def test_sigint_ends_early_with_every_sent_frame_in_the_ledger(play: Replay, address: str, ledger_path: Path) -> None:
    previous = signal.getsignal(signal.SIGINT)

    def interrupt(frames_sent: int, trades_sent: int) -> None:
        if frames_sent > 100:
            os.kill(os.getpid(), signal.SIGINT)

    stats = play(trades(1_000_000), rate="1000", progress=interrupt, faults="gap=0.0000001%")
    assert stats.interrupted
    assert 100 < stats.frames_sent < 10_000
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert ledger.height == stats.frames_sent
    assert signal.getsignal(signal.SIGINT) is previous


def test_a_capture_that_breaks_halfway_leaves_what_was_sent(
    play: Replay, address: str, ledger_path: Path, tmp_path: Path
) -> None:
    path = tmp_path / "broken.jsonl"
    with CaptureWriter(path) as writer:
        for frame in trades(500):
            writer.write(frame.recv_ns, frame.exchange, frame.frame)
    path.write_bytes(path.read_bytes() + b"garbage\n")
    with pytest.raises(CaptureError, match="line 501"):
        play(read_capture(path))
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert ledger["offset"].count() == 500


def test_frames_without_a_trade_are_an_error(play: Replay) -> None:
    with pytest.raises(CaptureError, match=r"no trade frame among 1 frames \(kraken heartbeat 1\)"):
        play([CapturedFrame(FIRST_NS, "kraken", b'{"channel":"heartbeat"}')])


def test_a_topic_that_does_not_exist_is_named(tmp_path: Path, start_broker: StartBroker) -> None:
    missing = pytest.raises(ReplayError, match=f"topic {KRAKEN} does not exist; create it")
    with start_broker(tmp_path, BINANCE, partitions=PARTITIONS) as broker, missing:
        replay(
            [*trades(10), *trades(1, "kraken")],
            bootstrap=broker.bootstrap,
            pace=parse_rate("max"),
            times=Times.NOW,
            ledger_path=tmp_path / "l.parquet",
        )
    assert pl.read_parquet(tmp_path / "l.parquet")["offset"].count() == 10


def test_a_broker_that_is_not_there_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("harness.outbox._CONNECT_S", 1)
    with pytest.raises(ReplayError, match=r"no broker answers at 127\.0\.0\.1:9 .*start it"):
        replay(
            trades(10),
            bootstrap="127.0.0.1:9",
            pace=parse_rate("max"),
            times=Times.NOW,
            ledger_path=tmp_path / "l.parquet",
        )


def test_a_broker_that_dies_is_an_error_and_the_ledger_says_how_far_it_got(
    play: Replay, broker: LocalBroker, ledger_path: Path
) -> None:
    def kill_broker(frames_sent: int, trades_sent: int) -> None:
        if frames_sent > 500:
            broker.process.kill()

    with pytest.raises(ReplayError, match=f"frame not delivered to {BINANCE}"):
        play(
            trades(100_000),
            rate="2000",
            producer_config={"message.timeout.ms": 1500},
            progress=kill_broker,
            flush_timeout_s=3,
        )
    ledger = pl.read_parquet(ledger_path)
    assert 0 < ledger["offset"].count() < ledger.height < 50_000
    assert ledger["seq"].to_list() == list(range(ledger.height))


def test_frames_not_acknowledged_in_time_are_counted_and_the_first_is_named(
    play: Replay, broker: LocalBroker, ledger_path: Path
) -> None:
    def pausing() -> Iterator[CapturedFrame]:
        yield from trades(10)
        broker.process.pause()

    with pytest.raises(ReplayError, match=r"\d+ frames not acknowledged within 1 s, the first seq \d+ \(bina"):
        play(pausing(), producer_config={"linger.ms": 1000}, flush_timeout_s=1)
    assert pl.read_parquet(ledger_path).height == 10


MEASURED = """
import sys
from pathlib import Path
from harness.captures import read_capture
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.survey import survey

def peak_bytes():
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) * 1024

capture, address, ledger = Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3])
config = {"queue.buffering.max.kbytes": 32 * 1024, "compression.type": "zstd"}
before = peak_bytes()
assert survey(capture).frames == int(sys.argv[4])
stats = replay(
    read_capture(capture), bootstrap=address, pace=parse_rate("max"), times=Times.NOW, ledger_path=ledger,
    producer_config=config,
)
print(stats.frames_sent, peak_bytes() - before)
"""


def test_a_capture_of_several_times_the_memory_is_replayed(address: str, ledger_path: Path, tmp_path: Path) -> None:
    """Frames of 28 kB, as large snapshots are; with a producer's queue of 32 MiB in the place of 256."""
    frames, size, bound = 64_000, 28_000, 512 * 1024 * 1024
    capture = tmp_path / "large.jsonl.zst"
    with CaptureWriter(capture) as writer:
        for number in range(frames):
            small = trade(number)
            writer.write(small.recv_ns, "binance", small.frame[:-1] + b',"x":"' + b"x" * size + b'"}')
    command = [sys.executable, "-c", MEASURED, str(capture), address, str(ledger_path), str(frames)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    sent, grown = map(int, done.stdout.split())
    assert sent == frames
    assert frames * size > 3 * bound
    assert grown < bound, f"{grown:,} bytes"
    rows = pl.read_parquet(ledger_path, columns=["offset"])
    assert (rows.height, rows["offset"].null_count()) == (frames, 0)


@needs_captures
def test_a_real_binance_recording_arrives_whole(play: Replay, address: str, ledger_path: Path) -> None:
    stats = play(read_capture(SHARED / "binance-trade-1.jsonl.gz"))
    assert (stats.frames_read, stats.frames_sent, stats.trades_sent) == (45_365, 15_863, 15_863)
    assert {channel: count for (_, _, channel), count in stats.channels.items()} == {
        "trade": 15_863,
        "bookTicker": 26_059,
        "depthUpdate": 3_443,
    }
    ledger = assert_the_topics_hold_what_the_ledger_says(address, ledger_path)
    assert Counter(ledger["symbol"]) == {"BTCUSDT": 9_757, "ETHUSDT": 6_106}


@needs_captures
def test_real_recordings_of_two_exchanges_are_merged_or_played_in_turn(
    play: Replay, address: str, ledger_path: Path
) -> None:
    paths = [SHARED / f"{name}.jsonl.gz" for name in ("kraken-v2trade-1", "binance-trade-3", "kraken-v1trade-1")]
    stats = play(read_in_turn(paths), rate="100x")
    assert (stats.frames_sent, stats.trades_sent) == (24, 124)
    in_turn = pl.read_parquet(ledger_path)["recv_ns"]
    assert not in_turn.is_sorted()
    stats = play(read_merged(paths), rate="100x")
    assert (stats.frames_sent, stats.trades_sent) == (24, 124)
    merged = pl.read_parquet(ledger_path)["recv_ns"]
    assert merged.to_list() == sorted(in_turn)
