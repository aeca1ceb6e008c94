"""The process behind `k2 record`: every frame that an exchange sends, as a capture."""

from __future__ import annotations

import asyncio
import re
import shlex
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from k2pipeline.captures import SUFFIXES, CaptureError, Recording, check_name, mend
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


class DiskError(Exception):
    """The disk refuses; the message says what there is, and how to go on or play it back."""


class Recorder:
    """A sink that writes captures: `out` itself, or `<name>-0001` and so on where it rotates.

    Numbers go on after the last file there is, whose torn end is cut off first. A frame that is no UTF-8 cannot be
    in a capture: it is left out with a line in the log. `files` are those written so far, `stats` counts their frames.
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
        try:
            self._open.close()
        finally:
            if not self._recording.size_bytes:
                self.files.pop().unlink()

    @property
    def play_back(self) -> str:
        """The command that plays back what is recorded so far."""
        return " ".join(["k2-harness verify", *(f"--capture {shlex.quote(str(path))}" for path in self.files)])

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
        _note_mended(path, self._recording.mended_bytes)
        there_bytes = self._recording.size_bytes
        _log.info("recording", file=str(path), already_there_bytes=there_bytes, play_back=self.play_back)

    def _next_path(self) -> Path:
        suffix = next(suffix for suffix in SUFFIXES if self._out.name.endswith(suffix))
        stem = self._out.name.removesuffix(suffix)
        numbered = re.compile(rf"{re.escape(stem)}-(\d+){re.escape(suffix)}").fullmatch
        found = {int(name[1]): path for path in self._out.parent.glob(f"*{suffix}") if (name := numbered(path.name))}
        last = max(found, default=0)
        if last and not self.files:  # a recorder that was killed cannot have gone on to another file
            _mend_if_torn(found[last])
        return self._out.with_name(f"{stem}-{last + 1:04}{suffix}")


def record(target: Target, limits: Limits, out: Path, rotation: Rotation) -> str:
    """Record until SIGTERM or SIGINT; gives what to say at the end: how much there is, and how to play it back.

    Raises CaptureError for a name or a file that cannot be recorded to, DiskError where the disk refuses, and
    SymbolsRefusedError as `feed` does.
    """
    stats = Stats()
    recorder = Recorder(target.exchange, out, rotation, stats, time.monotonic)
    with StopSignals() as stop:
        handler = Handler(target, limits, stats, stop, lambda: print_ready(target, None, play_back=recorder.play_back))
        try:
            with recorder:
                asyncio.run(handler.run(recorder, Valve(stats, time.time_ns), recorder.serve))
        except OSError as error:
            raise DiskError(_last_words(error, recorder)) from error
    return _farewell(recorder, stats)


def _mend_if_torn(path: Path) -> None:
    try:
        _note_mended(path, mend(path))
    except CaptureError as error:
        _log.warning("left as it is", file=str(path), reason=str(error))


def _note_mended(path: Path, cut_bytes: int) -> None:
    if cut_bytes:
        _log.warning("torn end cut off", file=str(path), cut_bytes=cut_bytes)


def _last_words(error: OSError, recorder: Recorder) -> str:
    words = error.strerror or str(error)
    if not recorder.files:
        return f"{error.filename or 'the disk'}: {words}; nothing was recorded"
    return (
        f"{recorder.files[-1]}: {words}. What was flushed before, at most a second ago, is whole. Make room and start "
        f"again, which goes on; or play it back with\n    {recorder.play_back}"
    )


def _farewell(recorder: Recorder, stats: Stats) -> str:
    files = recorder.files
    if not files:
        return "no frame was received, and no file was left"
    frames = sum(stats.frames.values())
    trades = sum(count for (kind, _), count in stats.frames.items() if kind is FrameKind.TRADE)
    where = "1 file" if len(files) == 1 else f"{len(files)} files"
    return (
        f"{frames:,} frames, {trades:,} of them with trades, in {where}. Play them back with\n    {recorder.play_back}"
    )
