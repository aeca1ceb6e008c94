"""The frames of a load test, made once and before its clock starts: a file for each part of an exchange's trades.

prepare(job)                                     # once, by the process that starts the senders
for due in read_frames(job.frames("kraken-0")):  # by each sender, in the order of its places
    ...

To make and classify a frame costs more processor time than to send it, and the senders share the machine with what they
test. A file and not a list: an hour's frames are gigabytes, and a sender holds a few hundred of them at a time.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Final

import msgspec
import pyarrow as pa

from harness.synthetic import synthetic
from k2pipeline.exchanges import EXCHANGES, FrameKind
from load.job import Job, sender_name

_YEAR_NS: Final = 365 * 86_400 * 10**9
# Small, because a sender turns a batch into Python's values at once, and no frame leaves meanwhile.
_BATCH_FRAMES: Final = 512
_MOST_SKIPPED: Final = 100_000
_COLUMNS: Final = pa.schema(
    [("place", pa.int64()), ("symbol", pa.string()), ("trades", pa.int32()), ("frame", pa.binary())]
)


class DueFrame(msgspec.Struct, frozen=True, gc=False):
    """place: how many trades of its exchange, whoever sends them, are due before it."""

    place: int
    symbol: str
    trades: int
    frame: bytes


def prepare(job: Job) -> None:
    """Write the frames of every sender of a job."""
    for exchange in job.profile.shares:
        with ExitStack() as files:
            parts = [files.enter_context(_Frames(job.frames(sender_name(exchange, part)))) for part in range(job.parts)]
            for due in frames_of(job, exchange):
                # By symbol, so that those of one symbol stay in order.
                parts[zlib.crc32(due.symbol.encode()) % job.parts].add(due)


def frames_of(job: Job, exchange: str) -> Iterator[DueFrame]:
    """The trade frames of an exchange: exactly as many trades as its schedule has, each of the time at which it is due,
    counted from the job's start.

    No frame is cut in two. So what no longer fits at the end is left out, and with it all that its symbol has later: a
    hole in a symbol's trade ids would be a gap that nobody injected.
    """
    pace = job.profile.pace(exchange)
    mean = Fraction(pace.trades / pace.seconds).limit_denominator(1000)
    classify, event_ns = EXCHANGES[exchange].classify, EXCHANGES[exchange].wire.event_ns
    place, skipped, ended = 0, 0, set[str]()
    # Bursts of their own, sent at the schedule's rate, would run minutes ahead of the clock and behind it.
    due = {exchange: pace.timetable()}
    for captured in synthetic(_YEAR_NS, job.seed, start_ns=job.start_ns, rates={exchange: mean}, timetables=due):
        frame = classify(captured.frame)
        # What an exchange sends after each subscribe is old trades, of no time of its own, and no part of a rate.
        if frame.kind is not FrameKind.TRADE or not event_ns(captured.frame):
            continue
        if frame.symbol in ended or place + frame.trades > pace.trades:
            ended.add(frame.symbol)
            skipped += 1
        else:
            yield DueFrame(place, frame.symbol, frame.trades, captured.frame)
            place += frame.trades
        if place == pace.trades or skipped > _MOST_SKIPPED:
            return


def read_frames(path: Path) -> Iterator[DueFrame]:
    """What `prepare` wrote into a file."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_stream(source) as batches:
        for batch in batches:
            yield from map(DueFrame, *(column.to_pylist() for column in batch.columns))


class _Frames:
    """A file of frames that is being written."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._waiting: list[DueFrame] = []

    def __enter__(self) -> _Frames:
        self._file = pa.OSFile(str(self._path), "wb")
        self._writer = pa.ipc.new_stream(self._file, _COLUMNS, options=pa.ipc.IpcWriteOptions(compression="lz4"))
        return self

    def __exit__(self, *_: object) -> None:
        self._write()
        self._writer.close()
        self._file.close()

    def add(self, due: DueFrame) -> None:
        self._waiting.append(due)
        if len(self._waiting) == _BATCH_FRAMES:
            self._write()

    def _write(self) -> None:
        columns = [pa.array([getattr(due, field.name) for due in self._waiting], field.type) for field in _COLUMNS]
        self._writer.write_batch(pa.record_batch(columns, schema=_COLUMNS))
        self._waiting.clear()
