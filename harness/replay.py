"""Replay: captured frames, through the faults, at their pace, into the topics, each with a row in the ledger.

    stats = replay(
        read_in_turn([Path("monday.jsonl.gz")]),
        bootstrap="127.0.0.1:9092", pace=parse_rate("1000"), times=Times.NOW,
        faults=[parse_fault("duplicate=5%")], seed=7, ledger_path=Path("ledger.parquet"),
    )

Trade frames go to their exchange's topic and unknown ones to the dead-letter topic, as the feed handler would
send them. Frames of other channels are counted, and neither sent nor written to the ledger.

Memory is bounded whatever the size of the capture: a line (16 MiB at most), what the producer has in hand (256 MiB,
`queue.buffering.max.kbytes`), what waits in the ledger for a partition that does not answer (256 MiB or 400,000 rows),
and five groups of rows being compressed (32 MiB each, and as much again as Arrow). So a replay stays below 1 GiB.
"""

from __future__ import annotations

import enum
import signal
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.captures import CapturedFrame
from harness.clock import Clock, steady_clock
from harness.faults import FaultChain, FaultSpec, Outgoing
from harness.ledger import Entry, Ledger
from harness.outbox import Acknowledged, Outbox, ReplayError
from harness.pace import Lateness, Pace
from harness.survey import Channel, no_trades
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES, FrameKind

__all__ = ["Interruption", "Progress", "ReplayError", "ReplayStats", "Times", "replay"]

Progress = Callable[[int, int], None]
"""Told (frames sent, trades sent) a few times a second."""

_PROGRESS_NS: Final = 100_000_000


class Times(enum.StrEnum):
    """Which receive time a message carries."""

    ORIGINAL = "original"  # the capture's
    NOW = "now"  # the time at which the frame is due


@dataclass(frozen=True, slots=True)
class ReplayStats:
    """What was replayed. `channels` counts the frames read, before any fault, `faults` those each changed.

    `trades_per_second` is None with fewer than two frames, `late_p99_ns` with too few frames (or without a
    schedule) to say.
    """

    frames_read: int
    frames_sent: int
    trades_sent: int
    channels: Mapping[Channel, int]
    faults: Mapping[str, int]
    seconds: float
    trades_per_second: float | None
    late_p99_ns: int | None
    late_max_ns: int | None
    interrupted: bool
    ledger_path: Path


def replay(
    frames: Iterable[CapturedFrame],
    *,
    bootstrap: str,
    pace: Pace,
    times: Times,
    ledger_path: Path,
    faults: Sequence[FaultSpec] = (),
    seed: int = 0,
    producer_config: Mapping[str, str | int | bool] | None = None,
    conn: str = "replay",
    flush_timeout_s: float = 60,
    progress: Progress | None = None,
    acknowledged: Acknowledged | None = None,
) -> ReplayStats:
    """Send `frames` in their order and wait until the broker has all of them.

    However it ends, the ledger is complete and readable. SIGINT ends it early and well (`interrupted`); a
    second one at once. Raises ReplayError (broker), CaptureError (frames), NoEffect (a fault did nothing).
    """
    chain = FaultChain(faults, seed)
    clock = steady_clock()
    with (
        interruptible() as interruption,
        Ledger(ledger_path) as ledger,
        Outbox(bootstrap, producer_config or {}, ledger, clock, conn, acknowledged) as outbox,
    ):
        run = _Run(outbox, clock, pace, times, chain, interruption, progress)
        try:
            run.feed(frames)
        except BaseException:
            with suppress(ReplayError):  # the first error is the one to tell
                outbox.flush(min(flush_timeout_s, 5))
            raise
        outbox.flush(flush_timeout_s)
    if not interruption.requested:
        if not any(kind is FrameKind.TRADE for _, kind, _ in run.channels):
            raise no_trades("replay", run.channels)
        chain.check_effect()
    return run.stats(ledger_path)


class Interruption:
    """Whether SIGINT asked to end."""

    requested = False

    def is_requested(self) -> bool:
        """True once it did."""
        return self.requested


@contextmanager
def interruptible() -> Iterator[Interruption]:
    """Turn the first SIGINT into a request; does nothing outside the main thread, where none arrives."""
    interruption = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return

    def request(signum: int, frame: object) -> None:  # noqa: ARG001  # called by the interpreter
        if interruption.requested:
            raise KeyboardInterrupt
        interruption.requested = True

    previous = signal.signal(signal.SIGINT, request)
    try:
        yield interruption
    finally:
        signal.signal(signal.SIGINT, previous)


class _Run:
    """The state of one replay: what is due when, and what has been sent."""

    def __init__(
        self,
        outbox: Outbox,
        clock: Clock,
        pace: Pace,
        times: Times,
        chain: FaultChain,
        interruption: Interruption,
        progress: Progress | None,
    ) -> None:
        self.channels: dict[Channel, int] = {}
        self._topics = {name: exchange.topic for name, exchange in EXCHANGES.items()}
        self._outbox, self._clock, self._chain = outbox, clock, chain
        self._interruption, self._progress = interruption, progress
        self._step, self._lateness = pace.start(), Lateness()
        self._times_now = times is Times.NOW
        self._start_ns = self._first_sent_ns = self._last_sent_ns = self._told_ns = 0
        self._frames_sent = self._trades_sent = self._last_trades = 0

    def feed(self, frames: Iterable[CapturedFrame]) -> None:
        """Send all frames, and what the faults still hold after the last one."""
        classifiers = {name: exchange.classify for name, exchange in EXCHANGES.items()}
        channels, inject = self.channels, self._chain.inject if self._chain.faults else None
        recv_ns = 0
        for captured in frames:
            if self._interruption.requested:
                return
            recv_ns, exchange = captured.recv_ns, captured.exchange
            frame = classifiers[exchange](captured.frame)
            kind = frame.kind
            channel = (exchange, kind, frame.channel)
            channels[channel] = channels.get(channel, 0) + 1
            if kind is not FrameKind.TRADE and kind is not FrameKind.UNKNOWN:
                continue
            outgoing = Outgoing(recv_ns, exchange, frame.symbol, frame.trades, captured.frame)
            if inject is None or kind is FrameKind.UNKNOWN:
                self._depart(outgoing, kind, recv_ns)
                continue
            for leaving in inject(outgoing):
                self._depart(leaving, kind, recv_ns)
        for leaving in self._chain.heal():
            self._depart(leaving, FrameKind.TRADE, recv_ns)

    def stats(self, ledger_path: Path) -> ReplayStats:
        """What has been sent until now."""
        span_ns = self._last_sent_ns - self._first_sent_ns
        # The last frame's trades take their time after it, so they do not count into the span before it.
        rate = (self._trades_sent - self._last_trades) * 1e9 / span_ns if span_ns else None
        scheduled = self._start_ns > 0
        return ReplayStats(
            frames_read=sum(self.channels.values()),
            frames_sent=self._frames_sent,
            trades_sent=self._trades_sent,
            channels=dict(self.channels),
            faults={fault.name: fault.changed for fault in self._chain.faults},
            seconds=span_ns / 1e9,
            trades_per_second=rate,
            late_p99_ns=self._lateness.percentile_ns(99),
            late_max_ns=self._lateness.max_ns if scheduled else None,
            interrupted=self._interruption.requested,
            ledger_path=ledger_path,
        )

    def _depart(self, outgoing: Outgoing, kind: FrameKind, at_recv_ns: int) -> None:
        """Send one frame, or note that it is not sent; it takes its place in the schedule at `at_recv_ns`."""
        exchange, symbol, trades = outgoing.exchange, outgoing.symbol, outgoing.trades
        if outgoing.faults:  # it may not be what it was
            frame = EXCHANGES[exchange].classify(outgoing.frame)
            kind, symbol, trades = frame.kind, frame.symbol, frame.trades
            if kind is not FrameKind.TRADE and kind is not FrameKind.UNKNOWN:
                return
        topic = self._topics[exchange] if kind is FrameKind.TRADE else DLQ_TOPIC
        offset_ns = self._step(at_recv_ns, (trades or 1) if outgoing.sent else 0)
        due_ns = self._clock() if offset_ns is None else self._due_ns(offset_ns)
        entry = Entry(
            exchange,
            symbol,
            kind,
            due_ns if self._times_now else outgoing.recv_ns,
            due_ns,
            topic if outgoing.sent else None,
            trades,
            outgoing.faults,
            outgoing.owed,
            outgoing.frame,
        )
        if not outgoing.sent:
            self._outbox.note(entry)
        elif offset_ns is None:
            self._count(entry, self._outbox.send(entry))
        else:
            self._send_when_due(entry)

    def _due_ns(self, offset_ns: int) -> int:
        if not self._start_ns:
            self._start_ns = self._clock() - offset_ns
        return self._start_ns + offset_ns

    def _send_when_due(self, entry: Entry) -> None:
        self._outbox.wait_until(entry.scheduled_ns, self._interruption.is_requested)
        if not self._interruption.requested:
            sent_ns = self._outbox.send(entry)
            self._lateness.add(sent_ns - entry.scheduled_ns)
            self._count(entry, sent_ns)

    def _count(self, entry: Entry, sent_ns: int) -> None:
        self._frames_sent += 1
        self._trades_sent += entry.trades
        self._last_trades = entry.trades
        self._last_sent_ns = sent_ns
        if not self._first_sent_ns:
            self._first_sent_ns = sent_ns
        if self._progress is not None and sent_ns - self._told_ns > _PROGRESS_NS:
            self._told_ns = sent_ns
            self._progress(self._frames_sent, self._trades_sent)
