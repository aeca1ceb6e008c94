"""What may wait in memory for a partition that does not answer is bounded in rows and in bytes."""

from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness import outbox as module
from harness.ledger import Entry, Ledger
from harness.outbox import Outbox

MIB = 1024 * 1024
BOUND = 80 * MIB


class Message:
    def __init__(self, partition: int, offset: int) -> None:
        self._place = (partition, offset)

    def partition(self) -> int:
        return self._place[0]

    def offset(self) -> int:
        return self._place[1]


class Stalling:
    """A producer whose every seventh message is acknowledged only when somebody waits long enough."""

    def __init__(self) -> None:
        self.held: deque[tuple[Callable[..., None], Message]] = deque()
        self.ready: deque[tuple[Callable[..., None], Message]] = deque()
        self.sent = self.waits = 0

    def produce(self, *_: Any, on_delivery: Callable[..., None], **__: Any) -> None:
        message = (on_delivery, Message(self.sent % 7, self.sent // 7))
        (self.held if self.sent % 7 == 0 else self.ready).append(message)
        self.sent += 1

    def poll(self, seconds: float) -> None:
        self.waits = self.waits + 1 if seconds else 0
        if self.waits >= 3:
            self.ready.extend(self.held)
            self.held.clear()
        while self.ready:
            deliver, message = self.ready.popleft()
            deliver(None, message)


@pytest.mark.parametrize(("frames", "frame_bytes"), [(9_000, 28_000), (64, 8 * MIB)])
def test_large_frames_behind_a_stalled_partition_are_waited_for_and_not_kept_without_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, frames: int, frame_bytes: int
) -> None:
    monkeypatch.setattr(module, "WAITING_BYTES", BOUND)
    frame, most = b"x" * frame_bytes, 0
    with Ledger(tmp_path / "ledger.parquet") as ledger:
        outbox = Outbox("nowhere:9", {}, ledger, lambda: 1, "test")
        producer = Stalling()
        outbox._producer, outbox._topics = producer, frozenset({"t"})  # type: ignore[assignment]
        for _ in range(frames):
            outbox.send(Entry("binance", "BTCUSDT", "trade", 1, 1, "t", 1, (), True, frame))
            most = max(most, ledger.waiting_bytes)
        while producer.held or producer.ready:
            outbox._poll(0.1)
    assert frames * frame_bytes > 2 * BOUND
    # Between two looks at the bound come a few MiB, or one frame.
    assert most <= BOUND + 2 * max(frame_bytes, 4 * MIB)
    assert pl.read_parquet(tmp_path / "ledger.parquet", columns=["offset"])["offset"].null_count() == 0
