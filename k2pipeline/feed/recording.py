"""The process behind `k2 record`: every frame that an exchange sends, as a capture."""

from __future__ import annotations

import asyncio
import shlex
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from k2pipeline.captures import SUFFIXES, CaptureError, Recording, check_name
from k2pipeline.exchanges import Exchange, FrameKind
from k2pipeline.feed.config import Target
from k2pipeline.feed.handler import Handler
from k2pipeline.feed.limits import Limits
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.process import print_ready
from k2pipeline.feed.relay import Source
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.stop import StopSignals
from k2pipeline.feed.valve import Valve

_FLUSH_EVERY_S: Final = 0.5  # kill -9 may cost the last second: this, and what a busy machine adds
_log = EventLog("k2.record")


@dataclass(frozen=True, slots=True)
class Rotation:
    """When to begin another file: never, or when one has so many bytes or seconds."""

    size_bytes: int | None = None
    seconds: float | None = None

    @property
    def is_on(self) -> bool:
        return self.size_bytes is not None or self.seconds is not None

    def is_due(self, size_bytes: int, age_s: float) -> bool:
        is_large = self.size_bytes is not None and size_bytes >= self.size_bytes
        return is_large or (self.seconds is not None and age_s >= self.seconds)


class Recorder:
    """A sink that writes captures: `out` itself, or `<name>-0001` and so on where it rotates.

    Numbers go on after the last file there is. A frame that is no UTF-8 cannot be in a capture: it is left
    out with a line in the log. `files` are those written so far, `stats` counts the frames in them.
    """

    def __init__(
        self, exchange: Exchange, out: Path, rotation: Rotation, stats: Stats, clock: Callable[[], float]
    ) -> None:
        check_name(out)
        self._exchange = exchange
        self._out = out
        self._rotation = rotation
        self._stats = stats
        self._clock = clock
        self._began_s = self._flushed_s = clock()
        self._failure: OSError | None = None
        self.files: list[Path] = []

    def __enter__(self) -> Self:
        self._open = ExitStack()
        self._begin()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()
        if not self._recording.size_bytes:
            self.files.pop().unlink()

    def accept(self, source: Source, frames: list[bytes], recv_ns: int) -> None:
        for frame in frames:
            try:
                self._recording.write(recv_ns, self._exchange.name, frame)
            except CaptureError as error:
                _log.warning_once_a_second("frame left out", reason=str(error))
                continue
            except OSError as error:
                self._failure = error  # raised from here it would end this connection, and not the recorder
                return
            seen = self._exchange.classify(frame)
            self._stats.frames[seen.kind, seen.channel] += 1
            if seen.kind is FrameKind.CONTROL:
                source.hear(seen.channel, frame)

    def serve(self) -> None:
        """To be called often: flushes and rotates when it is time to. Raises OSError where the disk does."""
        if self._failure is not None:
            raise self._failure
        now_s = self._clock()
        if now_s - self._flushed_s >= _FLUSH_EVERY_S:
            self._recording.flush()
            self._flushed_s = now_s
        if self._recording.size_bytes and self._rotation.is_due(self._recording.size_bytes, now_s - self._began_s):
            self._open.close()
            self._begin()

    def _begin(self) -> None:
        path = self._next_path() if self._rotation.is_on else self._out
        self._recording = self._open.enter_context(Recording(path))
        self._began_s = self._flushed_s = self._clock()
        self.files.append(path)
        _log.info("recording", file=str(path), already_there_bytes=self._recording.size_bytes)

    def _next_path(self) -> Path:
        suffix = next(suffix for suffix in SUFFIXES if self._out.name.endswith(suffix))
        stem = self._out.name.removesuffix(suffix)
        there = [path.name.removesuffix(suffix).rpartition("-") for path in self._out.parent.glob(f"*{suffix}")]
        last = max((int(number) for name, _, number in there if name == stem and number.isdecimal()), default=0)
        return self._out.with_name(f"{stem}-{last + 1:04}{suffix}")


def record(target: Target, limits: Limits, out: Path, rotation: Rotation) -> str:
    """Record until SIGTERM or SIGINT; gives what to say at the end: how much there is, and how to play it back.

    Raises CaptureError for a name or a file that cannot be recorded to, OSError where the disk refuses, and
    SymbolsRefusedError as `feed` does.
    """
    stats = Stats()
    recorder = Recorder(target.exchange, out, rotation, stats, time.monotonic)
    with StopSignals() as stop:
        handler = Handler(target, limits, stats, stop, lambda: print_ready(target, None))
        with recorder:
            asyncio.run(handler.run(recorder, Valve(stats, time.time_ns), recorder.serve))
    return _farewell(recorder.files, stats)


def _farewell(files: list[Path], stats: Stats) -> str:
    if not files:
        return "no frame was received, and no file was left"
    frames = sum(stats.frames.values())
    trades = sum(count for (kind, _), count in stats.frames.items() if kind is FrameKind.TRADE)
    listed = " ".join(f"--capture {shlex.quote(str(path))}" for path in files)
    where = "1 file" if len(files) == 1 else f"{len(files)} files"
    return (
        f"{frames:,} frames, {trades:,} of them with trades, in {where}. Play them back with\n"
        f"    k2-harness verify {listed}"
    )
