"""HTTP content encodings: decoding a request's body as it is read, encoding an answer as it is written.

Decoding never produces more than was asked for, whatever the ratio, so a small body cannot fill the memory.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Callable
from typing import Protocol

import lz4.frame  # type: ignore[import-untyped]

from k2pipeline.warehouse.errors import WarehouseError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

_READ_BYTES = 256 * 1024
# The fastest first: client and warehouse share a machine.
_PREFERRED = ("lz4", "zstd", "gzip", "deflate")


class ByteSource(Protocol):
    def read(self, size: int, /) -> bytes:
        """Up to `size` bytes; none at the end."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _ZlibDecoder:
    """zlib's own decompressor, in the shape that the newer ones have. Takes gzip and zlib streams."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=47)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        output = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self.needs_input = not self._inner.unconsumed_tail and len(output) < max_length
        return output


# Encoding -> (decoder, error code and name when the data is broken).
_DECODERS: dict[str, tuple[Callable[[], _Decoder], int, str]] = {
    "gzip": (_ZlibDecoder, 354, "ZLIB_INFLATE_FAILED"),
    "x-gzip": (_ZlibDecoder, 354, "ZLIB_INFLATE_FAILED"),
    "deflate": (_ZlibDecoder, 354, "ZLIB_INFLATE_FAILED"),
    "lz4": (lz4.frame.LZ4FrameDecompressor, 618, "LZ4_DECODER_FAILED"),
    "zstd": (zstd.ZstdDecompressor, 561, "ZSTD_DECODER_FAILED"),
}


class _DecodingSource:
    """Frames may follow each other, as clickhouse-connect sends them: one for every block of an insert."""

    def __init__(self, source: ByteSource, encoding: str) -> None:
        self._source = source
        self._encoding = encoding
        self._new_decoder, self._code, self._name = _DECODERS[encoding]
        self._decoder = self._new_decoder()
        self._inside_frame = False

    def read(self, size: int, /) -> bytes:
        try:
            return self._read(size)
        except (zlib.error, zstd.ZstdError, RuntimeError, EOFError, ValueError) as error:
            raise self._broken(str(error)) from None

    def _read(self, size: int) -> bytes:
        while True:
            data = b""
            if self._decoder.eof:
                data, self._decoder = self._decoder.unused_data, self._new_decoder()
                self._inside_frame = bool(data)
            if not data and self._decoder.needs_input:
                data = self._source.read(_READ_BYTES)
                if not data:
                    return self._end()
                self._inside_frame = True
            if output := self._decoder.decompress(data, max_length=size):
                return output

    def _end(self) -> bytes:
        if self._inside_frame:
            raise self._broken("it ends in the middle")
        return b""

    def _broken(self, why: str) -> WarehouseError:
        return WarehouseError(self._code, self._name, f"the request's body is not valid {self._encoding}: {why}")


def decoded(source: ByteSource, content_encoding: str) -> ByteSource:
    """The source without its encoding. Reading raises WarehouseError if the data is broken or cut short."""
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return source
    if encoding not in _DECODERS:
        raise WarehouseError(
            779,
            "UNSUPPORTED_MEDIA_TYPE",
            f"Content-Encoding {content_encoding[:100]!r} is not supported; send one of {', '.join(sorted(_DECODERS))}",
        )
    return _DecodingSource(source, encoding)


def chosen_encoding(accept_encoding: str) -> str | None:
    """What to encode an answer with, given the request's Accept-Encoding; None for nothing."""
    accepted = set()
    for item in accept_encoding.lower().split(","):
        name, _, weight = item.strip().partition(";")
        if weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000"):
            accepted.add(name.strip())
    return next((name for name in _PREFERRED if name in accepted), None)


class Encoder(Protocol):
    def encode(self, data: bytes) -> bytes:
        """Everything given so far can be decoded from what was returned so far."""

    def finish(self) -> bytes: ...


class _ZlibEncoder:
    def __init__(self, wbits: int) -> None:
        self._inner = zlib.compressobj(level=3, wbits=wbits)

    def encode(self, data: bytes) -> bytes:
        return self._inner.compress(data) + self._inner.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._inner.flush()


class _Lz4Encoder:
    def __init__(self) -> None:
        self._inner = lz4.frame.LZ4FrameCompressor(auto_flush=True)
        self._header: bytes = self._inner.begin()

    def encode(self, data: bytes) -> bytes:
        header, self._header = self._header, b""
        return header + bytes(self._inner.compress(data))

    def finish(self) -> bytes:
        return self._header + bytes(self._inner.flush())


class _ZstdEncoder:
    def __init__(self) -> None:
        self._inner = zstd.ZstdCompressor(level=1)

    def encode(self, data: bytes) -> bytes:
        return self._inner.compress(data, mode=zstd.ZstdCompressor.FLUSH_BLOCK)

    def finish(self) -> bytes:
        return self._inner.flush()


def encoder(encoding: str) -> Encoder:
    """One frame for the whole answer: clients do not look for a second one."""
    if encoding == "lz4":
        return _Lz4Encoder()
    if encoding == "zstd":
        return _ZstdEncoder()
    return _ZlibEncoder(wbits=31 if encoding == "gzip" else 15)
