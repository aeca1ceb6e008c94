"""One sender: the trades of one exchange (or a part of them) into its topic, on schedule, each with a row in a ledger.

It is harness.replay on a thread of its own. Locust's hub must not be what wakes it: a hub that is busy with statistics
would make every message late, and a sender that blocks in the broker's client would stop the hub.
"""

from __future__ import annotations

import json
import threading
import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

from harness.captures import CapturedFrame
from harness.ledger import Entry
from harness.replay import ReplayStats, Times, replay
from harness.synthetic import synthetic
from k2pipeline.exchanges import EXCHANGES
from load.job import Job
from load.pace import Shared

_YEAR_NS: Final = 365 * 86_400 * 10**9
# What an exchange sends after each subscribe is old trades in one frame, and no part of a rate.
_SNAPSHOT_TRADES: Final = 50


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One message that the broker stored: ms from its scheduled send to the acknowledgement, and its bytes."""

    milliseconds: float
    size: int


class Sender(threading.Thread):
    """Starts sending when started; what is acknowledged waits in `acknowledged` until somebody takes it."""

    def __init__(self, job: Job, exchange: str, part: int) -> None:
        super().__init__(name=f"{exchange}-{part}", daemon=True)
        self.job, self.exchange, self.part = job, exchange, part
        self.topic = EXCHANGES[exchange].topic
        self.acknowledged: deque[Acknowledged] = deque()
        self.frames = self.trades = 0
        self.error: Exception | None = None
        self._places: deque[int] = deque()
        self._path = job.directory / f"{self.name}.parquet"

    def run(self) -> None:
        try:
            stats = replay(
                self._frames(),
                bootstrap=self.job.bootstrap,
                pace=Shared(self.job.profile.pace(self.exchange), self._places),
                times=Times.NOW,
                ledger_path=self._path,
                conn=f"load-{self.name}",
                progress=self._count,
                acknowledged=self._note,
            )
        except Exception as error:  # noqa: BLE001  # whatever it is, the run has to hear of it
            self.error = error
        else:
            self._path.with_suffix(".json").write_text(json.dumps(_figures(stats)), encoding="utf-8")

    def _frames(self) -> Iterator[CapturedFrame]:
        """This part's frames. Every part makes the same stream and takes the symbols that fall to it, so that the
        parts together send what one alone would.
        """
        job, pace = self.job, self.job.profile.pace(self.exchange)
        mean = Fraction(pace.trades / pace.seconds).limit_denominator(1000)
        classify, place = EXCHANGES[self.exchange].classify, 0
        for captured in synthetic(_YEAR_NS, job.seed, start_ns=job.start_ns, rates={self.exchange: mean}):
            frame = classify(captured.frame)
            if frame.trades >= _SNAPSHOT_TRADES:
                continue
            if place + frame.trades > pace.trades:
                return
            if zlib.crc32(frame.symbol.encode()) % job.parts == self.part:
                self._places.append(place)
                yield captured
            place += frame.trades

    def _count(self, frames: int, trades: int) -> None:
        self.frames, self.trades = frames, trades

    def _note(self, entry: Entry, acked_ns: int) -> None:
        self.acknowledged.append(Acknowledged((acked_ns - entry.scheduled_ns) / 1e6, len(entry.frame)))


def _figures(stats: ReplayStats) -> dict[str, float | int | None]:
    return {
        "frames_read": stats.frames_read,
        "frames_sent": stats.frames_sent,
        "trades_sent": stats.trades_sent,
        "seconds": stats.seconds,
        "late_p99_ns": stats.late_p99_ns,
        "late_max_ns": stats.late_max_ns,
    }
