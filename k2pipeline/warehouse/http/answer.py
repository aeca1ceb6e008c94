"""The answer to one query, written by a worker's thread: in one piece if it is short, else as a stream."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import Any

from k2pipeline.warehouse.engine import Statistics
from k2pipeline.warehouse.errors import ClientGone, WarehouseError
from k2pipeline.warehouse.http.body import Message
from k2pipeline.warehouse.http.cancellation import Cancellation
from k2pipeline.warehouse.http.compression import Encoder, chosen_encoding, encoder
from k2pipeline.warehouse.http.response import (
    Headers,
    Identity,
    error_headers,
    error_text,
    failure_within_output,
    output_headers,
    summary_header,
)
from k2pipeline.warehouse.http.runner import Running

LOG = logging.getLogger("k2.warehouse.http")

Send = Callable[[Message], Awaitable[None]]

# Up to this size an answer is sent whole, with its length and its true summary.
_PIECE_BYTES = 256 * 1024
_HOLD_BACK_S = 0.1
# Compressing less than this costs more than it saves.
_COMPRESSED_MIN_BYTES = 1024


class Answer:
    """`deliver` or `fail` in the worker's thread, then `conclude` in the event loop."""

    def __init__(
        self,
        identity: Identity,
        version: str,
        accept_encoding: str,
        send: Send,
        cancellation: Cancellation,
        send_timeout_s: float,
    ) -> None:
        self._identity = identity
        self._version = version
        self._encoding = chosen_encoding(accept_encoding)
        self._send = send
        self._cancellation = cancellation
        self._send_timeout_s = send_timeout_s
        self._loop = asyncio.get_running_loop()
        self._started_ns = time.perf_counter_ns()
        self._stream: Encoder | None = None
        self._streaming = False
        self._piece = bytearray()
        self._last_messages: list[Message] = []

    def deliver(self, running: Running) -> None:
        """Read all results. Back-pressure: a piece is only made when the client has taken the one before."""
        statistics, piece_since_s = Statistics(), 0.0
        for result in running.results:
            statistics += result.statistics
            for part in _parts(result.data):
                piece_since_s = piece_since_s if self._piece else time.monotonic()
                self._piece += part
                if len(self._piece) >= _PIECE_BYTES or time.monotonic() - piece_since_s > _HOLD_BACK_S:
                    self._write(running.format, self._take_piece(), statistics)
        if self._streaming:
            self._last_messages = [_body(self._encoded(self._take_piece(), end=True))]
        else:
            self._last_messages = self._whole(running.format, self._take_piece(), statistics)

    def fail(self, error: WarehouseError, *, close: bool = False) -> None:
        text = error_text(error, self._version)
        if self._streaming:
            # Without a last message uvicorn breaks the connection off, so that every client notices.
            LOG.warning("query %s failed when part of its answer was out: %s", self._identity.query_id, error)
            tail = failure_within_output(text, self._identity.exception_tag)
            self._last_messages = [_body(self._encoded(self._take_piece() + tail, end=True), more=True)]
            return
        headers = [*self._identity.headers(), *error_headers(error)]
        if close:
            headers.append((b"connection", b"close"))
        self._last_messages = [_start(error.http_status, headers, len(text)), _body(text)]

    async def conclude(self) -> None:
        await self._send_all(self._last_messages)

    def _take_piece(self) -> bytes:
        piece, self._piece = bytes(self._piece), bytearray()
        return piece

    def _whole(self, fmt: str, data: bytes, statistics: Statistics) -> list[Message]:
        encoding = self._encoding if len(data) >= _COMPRESSED_MIN_BYTES else None
        if encoding is not None:
            whole = encoder(encoding)
            data = whole.encode(data) + whole.finish()
        headers = [*self._identity.headers(), *output_headers(fmt, encoding)]
        headers.append(summary_header(statistics, time.perf_counter_ns() - self._started_ns))
        return [_start(200, headers, len(data)), _body(data)]

    def _write(self, fmt: str, data: bytes, so_far: Statistics) -> None:
        messages = []
        if not self._streaming:
            self._streaming = True
            self._stream = encoder(self._encoding) if self._encoding else None
            summary = summary_header(so_far, time.perf_counter_ns() - self._started_ns)
            headers = [*self._identity.headers(), *output_headers(fmt, self._encoding), summary]
            messages.append(_start(200, headers))
        messages.append(_body(self._encoded(data), more=True))
        self._cancellation.result_of(self._send_all(messages), self._loop)

    def _encoded(self, data: bytes, *, end: bool = False) -> bytes:
        if self._stream is None:
            return data
        encoded = self._stream.encode(data) if data else b""
        return encoded + self._stream.finish() if end else encoded

    async def _send_all(self, messages: Sequence[Message]) -> None:
        self._cancellation.check()
        try:
            async with asyncio.timeout(self._send_timeout_s):
                for message in messages:
                    await self._send(message)
        except TimeoutError:
            LOG.warning(
                "the client of query %s took nothing for %g s; given up",
                self._identity.query_id,
                self._send_timeout_s,
            )
            raise ClientGone from None


def _parts(data: bytes) -> Iterator[memoryview]:
    """A result that was made in one piece may be as large as the memory; it is copied bit by bit only."""
    view = memoryview(data)
    for start in range(0, len(view), _PIECE_BYTES):
        yield view[start : start + _PIECE_BYTES]


def _start(status: int, headers: Headers, length: int | None = None) -> Message:
    if length is not None:
        headers = [*headers, (b"content-length", str(length).encode())]
    return {"type": "http.response.start", "status": int(status), "headers": headers}


def _body(data: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}
