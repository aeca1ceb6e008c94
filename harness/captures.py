"""Captures, as they are read: recorded frames as JSON Lines, plain, gzip or zstd. k2pipeline/captures.py writes them.

A line is one received frame, in the order received:

    {"recv_ns": 1723161255343000000, "exchange": "binance", "frame": "<exact text of the frame>"}

`recv_ns` is the receive time in ns since 1970, `exchange` a key of EXCHANGES, `frame` the frame's own text
(so it is JSON inside JSON); further fields are left alone. Reading streams: memory is bounded by
LINE_LIMIT_BYTES, whatever the size of the file or whatever it unpacks to.

    for captured in read_in_turn([Path("monday.jsonl.gz"), Path("tuesday.jsonl.gz")]):
        print(captured.recv_ns, captured.exchange, captured.frame)
"""

from __future__ import annotations

import gzip
import heapq
import io
import zlib
from collections.abc import Iterable, Iterator
from operator import attrgetter
from pathlib import Path
from typing import IO, Final, cast

import msgspec
import zstandard

from k2pipeline.captures import (
    SUFFIXES,
    CaptureError,
    CaptureLine,
    CaptureWriter,
    metadata_path,
    unknown_exchange,
)
from k2pipeline.exchanges import EXCHANGES

__all__ = [
    "LINE_LIMIT_BYTES",
    "SUFFIXES",
    "CaptureError",
    "CaptureWriter",
    "CapturedFrame",
    "metadata_path",
    "read_capture",
    "read_in_turn",
    "read_merged",
]

LINE_LIMIT_BYTES: Final = 16 * 1024 * 1024
_GZIP_MAGIC: Final = b"\x1f\x8b"
_ZSTD_MAGIC: Final = b"\x28\xb5\x2f\xfd"
_READ_BYTES: Final = 64 * 1024
# A zstd block of 4 bytes can unpack to 128 KiB: what the decompressor is handed at once bounds its answer.
_ZSTD_SLICE_BYTES: Final = 512
_REPAIR: Final = "if its recorder was killed, `k2 mend {}` cuts off the torn end; else fetch or record it anew"
_SHAPE: Final = '{"recv_ns": <ns, integer>, "exchange": "<name>", "frame": "<text>"}'


class CapturedFrame(msgspec.Struct, frozen=True, gc=False):
    """One frame as received: `frame` is its exact bytes, `line` counts from 1 in the file `path`.

    A frame that was made and not read from a file has line 0 and no path.
    """

    recv_ns: int
    exchange: str
    frame: bytes
    line: int = 0
    path: Path | None = None


_LINE_DECODER: Final = msgspec.json.Decoder(CaptureLine)


def read_capture(path: Path) -> Iterator[CapturedFrame]:
    """The frames of one capture, in its order. Raises CaptureError on the first thing that is wrong."""
    first, is_empty = 1, True
    for block, ends in _blocks(path):
        for number, line in _decode(path, block, ends, first):
            is_empty = False
            if line.exchange not in EXCHANGES:
                raise unknown_exchange(path, number, line.exchange)
            yield CapturedFrame(line.recv_ns, line.exchange, line.frame.encode(), number, path)
        first += ends
    if is_empty:
        raise CaptureError(f"{path}: holds no frame at all; record it again, or leave it out")


def read_in_turn(paths: Iterable[Path]) -> Iterator[CapturedFrame]:
    """Several captures, one after another."""
    for path in paths:
        yield from read_capture(path)


def read_merged(paths: Iterable[Path]) -> Iterator[CapturedFrame]:
    """Several captures as one, by receive time: what one recorder of them all would have written.

    Every capture keeps its own order, sorted or not; frames of the same ns follow the order of `paths`.
    """
    return heapq.merge(*map(read_capture, paths), key=attrgetter("recv_ns"))


def _blocks(path: Path) -> Iterator[tuple[bytes, int]]:
    """Whole lines, many at a time, and how many of them end."""
    parts: list[bytes] = []
    lines = 0
    try:
        with path.open("rb") as file, _decompressing(file) as stream:
            while chunk := stream.read(_READ_BYTES):
                end = chunk.rfind(b"\n") + 1
                parts.append(chunk[:end] if end else chunk)
                if end:
                    block = b"".join(parts)
                    ends = block.count(b"\n")
                    yield block, ends
                    lines += ends
                    parts = [chunk[end:]]
                elif sum(map(len, parts)) > LINE_LIMIT_BYTES:
                    raise CaptureError(
                        f"{path}, line {lines + 1}: exceeds {LINE_LIMIT_BYTES:,} bytes, as no frame does"
                    )
    except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
        raise CaptureError(f"{path}: damaged after line {lines} ({error}); {_REPAIR.format(path)}") from error
    except OSError as error:
        raise CaptureError(f"{path}: cannot be read ({error.strerror}); check path and permissions") from error
    yield b"".join(parts), 0


def _decode(path: Path, block: bytes, ends: int, first: int) -> Iterable[tuple[int, CaptureLine]]:
    """The lines of a block with their numbers, all at once where nothing is wrong with any of them."""
    try:
        lines = _LINE_DECODER.decode_lines(block)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _decode_singly(path, block, ends, first)
    if len(lines) == ends:
        return enumerate(lines, first)
    return _decode_singly(path, block, ends, first)  # blank lines, or a last one that does not end


def _decode_singly(path: Path, block: bytes, ends: int, first: int) -> Iterator[tuple[int, CaptureLine]]:
    for number, raw in enumerate(block.split(b"\n"), first):
        if not raw or raw.isspace():
            continue
        try:
            line = _LINE_DECODER.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            torn = "" if ends else f". The file ends in it: {_REPAIR.format(path)}"
            raise CaptureError(
                f"{path}, line {number}: {error}; found {raw[:80]!r}. Every line of a capture is {_SHAPE}{torn}"
            ) from error
        yield number, line


def _decompressing(file: io.BufferedReader) -> io.BufferedReader:
    magic = file.peek(4)[:4]
    if magic[:2] == _GZIP_MAGIC:
        # GzipFile has readinto, which is all that BufferedReader asks of a raw stream.
        return io.BufferedReader(cast(io.RawIOBase, gzip.GzipFile(fileobj=file)), _READ_BYTES)
    if magic == _ZSTD_MAGIC:
        return io.BufferedReader(_ZstdStream(file), _READ_BYTES)
    return file


class _ZstdStream(io.RawIOBase):
    """Unpacks zstd; raises EOFError where zstandard's own reader takes a truncated file for a whole one."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._frame = zstandard.ZstdDecompressor().decompressobj()
        self._unpacked = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]  # only BufferedReader calls
        while not self._unpacked and self._advance():
            pass
        size = min(len(buffer), len(self._unpacked))
        buffer[:size] = self._unpacked[:size]
        self._unpacked = self._unpacked[size:]
        return size

    def _advance(self) -> bool:
        packed = self._file.read(_ZSTD_SLICE_BYTES)
        if self._frame.eof:  # what follows a zstd frame is another one, or the end
            packed = self._frame.unused_data + packed
            if not packed:
                return False
            self._frame = zstandard.ZstdDecompressor().decompressobj()
        elif not packed:
            raise EOFError("compressed file ends in the middle of a zstd frame")
        self._unpacked = memoryview(self._frame.decompress(packed))
        return True
