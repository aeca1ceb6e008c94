"""A request's body, received by the event loop and read by a worker's thread."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from k2pipeline.warehouse.errors import ClientGone, WarehouseError
from k2pipeline.warehouse.http.cancellation import Cancellation

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]

# How much is handed to the thread at a time: a hand-over costs about 0.1 ms.
_BATCH_BYTES = 1024 * 1024


class RequestBody:
    """At most one batch is in memory; what the worker has not asked for stays in the socket.

    `complete` is set once the client has sent everything.
    """

    def __init__(self, receive: Receive, timeout_s: float, cancellation: Cancellation) -> None:
        self._receive = receive
        self._cancellation = cancellation
        self._timeout_s = timeout_s
        self._loop = asyncio.get_running_loop()
        self._pending = memoryview(b"")
        self.complete = asyncio.Event()

    async def start(self) -> None:
        """Receive the first message, which is all of a small body: then `read` needs no event loop."""
        self._pending = memoryview(await self._receive_batch(min_bytes=1))

    def read(self, size: int, /) -> bytes:
        """Not in the event loop's thread. Raises WarehouseError 209 for a silent client, or ClientGone."""
        if not self._pending and not self.complete.is_set():
            batch = self._cancellation.result_of(self._receive_batch(_BATCH_BYTES), self._loop)
            self._pending = memoryview(batch)
        piece, self._pending = self._pending[:size], self._pending[size:]
        return bytes(piece)

    async def _receive_batch(self, min_bytes: int) -> bytes:
        batch = bytearray()
        while len(batch) < min_bytes and not self.complete.is_set():
            message = await self._next_message()
            if message["type"] == "http.disconnect":
                raise ClientGone
            batch += message.get("body", b"")
            if not message.get("more_body", False):
                self.complete.set()
        return bytes(batch)

    async def _next_message(self) -> Message:
        try:
            return await asyncio.wait_for(self._receive(), self._timeout_s)
        except TimeoutError:
            raise WarehouseError(
                209,
                "SOCKET_TIMEOUT",
                f"Timeout exceeded while reading the request's body: nothing came for {self._timeout_s:g} s; "
                "nothing of it was executed",
            ) from None
