"""How fast a capture can be replayed into a broker, ledger included, against producing alone.

    python benchmarks/replay.py [frames]

Both figures use the same frames, the same broker (Tansu, started for this) and the same producer settings.
The bound has its messages ready in memory and asks after none of them; replaying reads them from a gzip
capture, classifies, schedules, sends and writes them into the ledger with what the broker answered.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Producer

from harness.captures import CapturedFrame, CaptureWriter, read_capture
from harness.outbox import PRODUCER_DEFAULTS
from harness.pace import Unpaced
from harness.replay import Times, replay
from k2pipeline.exchanges import EXCHANGES
from k2pipeline.stack.broker import TansuBroker
from k2pipeline.stack.guard import Guard
from k2pipeline.stack.topics import create_topics

TOPIC = EXCHANGES["binance"].topic
SYMBOLS = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "XRPUSDT", "DOGEUSDT", "BNBUSDT")
START_NS = 1_767_225_600_000_000_000


def trades(count: int) -> Iterator[tuple[int, bytes]]:
    """Binance trade frames of several symbols with their receive times, one every 10 us."""
    for number in range(count):
        recv_ns = START_NS + number * 10_000
        symbol, time_ms = SYMBOLS[number % len(SYMBOLS)], recv_ns // 1_000_000
        price, size = f"{60_000 + number % 977}.{number % 100:02}000000", f"0.{number % 99_991:08}"
        payload = (
            f'{{"e":"trade","E":{time_ms},"s":"{symbol}","t":{number},"p":"{price}","q":"{size}",'
            f'"T":{time_ms},"m":{"true" if number % 3 else "false"},"M":true}}'
        )
        yield recv_ns, f'{{"stream":"{symbol.lower()}@trade","data":{payload}}}'.encode()


@contextmanager
def broker(logs: Path) -> Iterator[str]:
    """A broker of our own with the topic; gives its address."""
    guard = Guard()
    tansu = TansuBroker(logs, guard)
    try:
        tansu.launch()
        tansu.wait_ready(may_move=True)
        create_topics(tansu.bootstrap, [TOPIC], partitions=4)
        yield tansu.bootstrap
    finally:
        tansu.process.kill()
        guard.close()


def bound(address: str, frames: list[CapturedFrame]) -> float:
    """Messages a second, produced from memory."""
    messages = [
        (
            frame.frame,
            SYMBOLS[n % len(SYMBOLS)].encode(),
            [("recv_ns", str(frame.recv_ns)), ("conn", "bound")],
        )
        for n, frame in enumerate(frames)
    ]
    producer = Producer({**PRODUCER_DEFAULTS, "bootstrap.servers": address})
    started = time.perf_counter()
    for value, key, headers in messages:
        while True:
            try:
                producer.produce(TOPIC, value, key, timestamp=START_NS // 1_000_000, headers=headers)
                break
            except BufferError:
                producer.poll(0.1)
    assert producer.flush(60) == 0
    return len(messages) / (time.perf_counter() - started)


def replayed(address: str, capture: Path) -> float:
    """Frames a second, replayed from a capture."""
    started = time.perf_counter()
    stats = replay(
        read_capture(capture),
        bootstrap=address,
        pace=Unpaced(),
        times=Times.NOW,
        ledger_path=capture.with_name("ledger.parquet"),
    )
    return stats.frames_sent / (time.perf_counter() - started)


def main(count: int) -> None:
    """Measure both, three times in turn, and print the best of each."""
    with tempfile.TemporaryDirectory() as directory, broker(Path(directory)) as address:
        capture = Path(directory, "trades.jsonl.gz")
        with CaptureWriter(capture) as writer:
            for recv_ns, frame in trades(count):
                writer.write(recv_ns, "binance", frame)
        frames = list(read_capture(capture))
        bounds, rates = zip(*((bound(address, frames), replayed(address, capture)) for _ in range(3)), strict=True)
    print(f"bound   {max(bounds):>9,.0f} messages/s produced from memory, no ledger")
    print(f"replay  {max(rates):>9,.0f} frames/s, {max(rates) / max(bounds):.0%} of the bound")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 300_000)
