"""One sender: the trades of one exchange (or a part of them) into its topic, on schedule, each with a row in a ledger.

It has a thread of its own. Locust's hub must not be what wakes it: a hub that is busy with statistics would make every
message late, and a sender that blocks in the broker's client would stop the hub.
"""

from __future__ import annotations

import json
import threading
from collections import deque
from dataclasses import dataclass
from typing import Any, Final

from harness.clock import steady_clock
from harness.ledger import Entry, Ledger
from harness.outbox import Outbox
from harness.pace import Lateness
from k2pipeline.exchanges import EXCHANGES, FrameKind
from load.job import Job, sender_name
from load.prepare import read_frames
from load.start import await_start, say_ready

_FLUSH_S: Final = 60


@dataclass(frozen=True, slots=True)
class Acknowledged:
    """One message that the broker stored: ms from its scheduled send to the acknowledgement, and its bytes."""

    milliseconds: float
    size: int


class Sender(threading.Thread):
    """Connects when started, and sends from the common start on; what is acknowledged waits in `acknowledged` until
    somebody takes it. One that fails has an `error` and leaves no figures.
    """

    def __init__(self, job: Job, exchange: str, part: int) -> None:
        super().__init__(name=sender_name(exchange, part), daemon=True)
        self.job, self.exchange = job, exchange
        self.topic = EXCHANGES[exchange].topic
        self.acknowledged: deque[Acknowledged] = deque()
        self.frames = self.trades = 0
        self.error: Exception | None = None
        self._clock = steady_clock()
        self._lateness = Lateness()
        self._stopped = threading.Event()
        self._stopped_ns: int | None = None

    def stop(self) -> None:
        """Send nothing more; what was sent is still waited for."""
        self._stopped_ns = self._stopped_ns or self._clock()
        self._stopped.set()

    def run(self) -> None:
        settings = {"linger.ms": self.job.profile.linger_ms}
        try:
            with (
                Ledger(self.job.ledger(self.name)) as ledger,
                Outbox(self.job.bootstrap, settings, ledger, self._clock, f"load-{self.name}", self._note) as outbox,
            ):
                say_ready(self.job.directory, self.name)
                start_ns = await_start(self.job.directory, self._stopped.is_set)
                if start_ns is not None:
                    self._send(outbox, start_ns)
                outbox.flush(_FLUSH_S)
        except Exception as error:  # noqa: BLE001  # whatever it is, the run has to hear of it
            self.error = error
        else:
            self.job.figures(self.name).write_text(json.dumps(self._figures()), encoding="utf-8")

    def progress(self) -> dict[str, Any]:
        """How far it is, as JSON."""
        return {"frames": self.frames, "trades": self.trades, "error": str(self.error) if self.error else None}

    def _send(self, outbox: Outbox, start_ns: int) -> None:
        due_ns, is_stopped = self.job.profile.pace(self.exchange).timetable(), self._stopped.is_set
        for frame in read_frames(self.job.frames(self.name)):
            at_ns = start_ns + due_ns(frame.place)
            entry = Entry(
                self.exchange, frame.symbol, FrameKind.TRADE, at_ns, at_ns, self.topic, frame.trades, (), True,
                frame.frame,
            )  # fmt: skip
            outbox.wait_until(at_ns, is_stopped)
            if is_stopped():
                return
            self._lateness.add(outbox.send(entry) - at_ns)
            self.frames += 1
            self.trades += frame.trades

    def _note(self, entry: Entry, acked_ns: int) -> None:
        self.acknowledged.append(Acknowledged((acked_ns - entry.scheduled_ns) / 1e6, len(entry.frame)))

    def _figures(self) -> dict[str, int | None]:
        return {
            "frames_sent": self.frames,
            "late_p99_ns": self._lateness.percentile_ns(99),
            "late_max_ns": self._lateness.max_ns,
            "stopped_ns": self._stopped_ns,
        }
