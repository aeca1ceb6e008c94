"""Captures, as they are written: recorded frames as JSON Lines, plain, gzip or zstd.

A line is one received frame, in the order received:

    {"recv_ns": 1723161255343000000, "exchange": "binance", "frame": "<exact text of the frame>"}

`recv_ns` is the receive time in ns since 1970, `exchange` a key of EXCHANGES, `frame` the frame's own text
(so it is JSON inside JSON). CaptureWriter makes a whole capture or none; Recording grows one while it is
received, and leaves what it has when it is killed.
"""

from __future__ import annotations

import fcntl
import gzip
import os
import zlib
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Annotated, Final, Protocol, Self, cast

import msgspec
import zstandard

from k2pipeline.exchanges import EXCHANGES, is_utf8

SUFFIXES: Final = (".jsonl.gz", ".jsonl.zst", ".jsonl")
_PART_BYTES: Final = 4 * 1024 * 1024
_READ_BYTES: Final = 64 * 1024


class CaptureError(Exception):
    """A capture that cannot be used; the message names file, line, what was found and the next step."""


class CaptureLine(msgspec.Struct, gc=False):
    recv_ns: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
    exchange: str
    frame: str


_encode: Final = msgspec.json.Encoder().encode


class CaptureWriter:
    """Writes a capture whose bytes depend on nothing but its frames: no clock and no file name goes in.

        with CaptureWriter(Path("replays/quiet.jsonl.gz")) as writer:
            writer.write(recv_ns, "binance", frame)

    The suffix chooses the compression, one of SUFFIXES. The file appears when the block ends well.
    """

    def __init__(self, path: Path) -> None:
        check_name(path)
        self._path = path
        self._part = path.with_name(path.name + ".part")

    def __enter__(self) -> Self:
        # What an earlier run left goes first; a link there is not followed to a file that is none of ours.
        self._part.unlink(missing_ok=True)
        self._file = self._part.open("xb")
        self._stream = _compressing(self._path, self._file)
        return self

    def write(self, recv_ns: int, exchange: str, frame: bytes) -> None:
        """Append one frame; raises CaptureError for what a reader would refuse."""
        self._stream.write(line_of(self._path, recv_ns, exchange, frame))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        is_whole = False
        try:
            self._stream.close()
            is_whole = error is None
        finally:
            self._file.close()
            if is_whole:
                self._part.replace(self._path)
            else:
                self._part.unlink()


class Recording:
    """Grows a capture part by part; after kill -9 it holds every part that was flushed.

    A part is a gzip member, a zstd frame, or plain lines: whole in itself, and written at once. Where the file
    exists it is gone on with, after cutting off an end that was torn (`mended_bytes`). Use it in a `with`, and call
    `flush` as often as nothing more may be lost; what a crash of the machine leaves is up to the file system. A part
    for which the disk has no room is taken back, so that the file stays whole. One recorder writes a file at a time.
    """

    def __init__(self, path: Path) -> None:
        check_name(path)
        self._path = path
        self._lines: list[bytes] = []
        self._waiting_bytes = 0
        self.size_bytes = self.mended_bytes = 0

    def __enter__(self) -> Self:
        if self._path.exists():
            self.mended_bytes = mend(self._path)
        self._file = self._path.open("ab", buffering=0)
        _claim(self._path, self._file)
        self.size_bytes = self._file.tell()
        return self

    def write(self, recv_ns: int, exchange: str, frame: bytes) -> None:
        """Take one frame; raises CaptureError for what a reader would refuse, OSError where the disk does."""
        line = line_of(self._path, recv_ns, exchange, frame)
        self._lines.append(line)
        self._waiting_bytes += len(line)
        if self._waiting_bytes >= _PART_BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what was taken as one part."""
        if not self._lines:
            return
        part = memoryview(_packed(self._path, b"".join(self._lines)))
        self._lines, self._waiting_bytes = [], 0
        size_bytes = self.size_bytes + len(part)
        try:
            while part:
                part = part[self._file.write(part) :]
        except OSError:
            with suppress(OSError):  # the first one is what to tell
                os.ftruncate(self._file.fileno(), self.size_bytes)
            raise
        self.size_bytes = size_bytes

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.flush()
            os.fsync(self._file.fileno())
        finally:
            self._file.close()


def mend(path: Path) -> int:
    """Cut off what a crash left unfinished at the end of a capture; gives the bytes cut.

    Raises CaptureError if it is damaged in any other way or being recorded, and changes nothing then.
    """
    with path.open("rb") as file:
        _claim(path, file)
        try:
            whole = 0
            for whole in _ends_of_parts(path, file):  # noqa: B007  (the last one is wanted)
                pass
        except (zlib.error, zstandard.ZstdError) as error:
            raise CaptureError(f"{path}: damaged after byte {whole} ({error}); record to another file") from error
        cut = path.stat().st_size - whole
        if cut:
            os.truncate(path, whole)
    return cut


def _claim(path: Path, file: IO[bytes]) -> None:
    """Until it is closed: the end of a file that is written to is not torn, it is not there yet."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.close()
        raise CaptureError(f"{path}: a recorder is writing it; stop that one first, or use another file") from error


def check_name(path: Path) -> None:
    """Raises CaptureError for a name that does not say how the capture is compressed."""
    if not path.name.endswith(SUFFIXES):
        raise CaptureError(f"{path}: a capture's name ends in one of {', '.join(SUFFIXES)}")


def metadata_path(capture: Path) -> Path:
    """Where a capture's metadata lies: `<name>.meta.json` beside it."""
    stem = next((capture.name.removesuffix(s) for s in SUFFIXES if capture.name.endswith(s)), capture.name)
    return capture.with_name(f"{stem}.meta.json")


def line_of(path: Path, recv_ns: int, exchange: str, frame: bytes) -> bytes:
    """A frame as a line of the capture `path`; raises CaptureError for what a reader would refuse."""
    if exchange not in EXCHANGES:
        raise unknown_exchange(path, None, exchange)
    if not 0 <= recv_ns < 2**63:
        raise CaptureError(f"{path}: recv_ns {recv_ns} is no time in ns since 1970")
    if not is_utf8(frame):
        raise CaptureError(f"{path}: the frame {frame[:80]!r} is not UTF-8, so no exchange sent it as text")
    return _encode(CaptureLine(recv_ns, exchange, frame.decode())) + b"\n"


def unknown_exchange(path: Path, number: int | None, exchange: str) -> CaptureError:
    """The error for an exchange that is none of ours; `number` is the line, where one was read."""
    where = f"{path}, line {number}" if number is not None else f"{path}"
    return CaptureError(
        f"{where}: exchange {exchange!r} is not supported, only {', '.join(EXCHANGES)} are; "
        f"leave the capture out, or add k2pipeline/exchanges/{exchange}.py"
    )


def _compressing(path: Path, file: IO[bytes]) -> IO[bytes]:
    if path.name.endswith(".gz"):
        return cast(IO[bytes], gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=6, mtime=0))
    if path.name.endswith(".zst"):
        return cast(IO[bytes], zstandard.ZstdCompressor(level=9).stream_writer(file, closefd=False))
    return file


def _packed(path: Path, lines: bytes) -> bytes:
    if path.name.endswith(".gz"):
        return gzip.compress(lines, 6, mtime=0)
    if path.name.endswith(".zst"):
        return zstandard.ZstdCompressor(level=9, write_checksum=True).compress(lines)
    return lines


class _Unpacking(Protocol):
    """What zlib's and zstandard's decompression objects have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _unpacking(path: Path) -> _Unpacking:
    if path.name.endswith(".gz"):
        return zlib.decompressobj(wbits=31)
    return zstandard.ZstdDecompressor().decompressobj()


def _ends_of_parts(path: Path, file: IO[bytes]) -> Iterator[int]:
    """The positions at which whole parts, or whole lines of a plain file, end."""
    position = 0
    if path.name.endswith(".jsonl"):
        for line in file:
            position += len(line)
            if line.endswith(b"\n"):
                yield position
        return
    unpacking = _unpacking(path)
    while chunk := file.read(_READ_BYTES):
        while chunk:
            unpacking.decompress(chunk)
            if not unpacking.eof:
                position += len(chunk)
                break
            position += len(chunk) - len(unpacking.unused_data)
            yield position
            chunk, unpacking = unpacking.unused_data, _unpacking(path)
