"""The server: listens on one port for every exchange, and lets time pass for all connections.

async with ExchangeServer(Floor(dialects, NoRecord(), clock), clock).listening("127.0.0.1", 0) as port:
    ...
"""

from __future__ import annotations

import asyncio
import itertools
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from harness.clock import Clock
from harness.exchange.connection import Connection
from harness.exchange.dialect import SECOND_NS, Dialect, Refusal, Session
from harness.exchange.floor import Floor
from harness.faults.transport import BY_CLIENT, TOO_SLOW

BUFFER_BYTES: Final = 1024 * 1024
_TICK_S: Final = 0.05
_PROBE_TICKS: Final = 5
_CLOSING_S: Final = 5.0


class ExchangeServer:
    """Every dialect of the floor, on one port.

    A client that does not read is waited for once `buffer_bytes` are queued for it, or, with `drops_slow`, cut
    off, as exchanges do. `probes` asks connections four times a second how far they have come.
    """

    def __init__(
        self,
        floor: Floor,
        clock: Clock,
        *,
        buffer_bytes: int = BUFFER_BYTES,
        drops_slow: bool = False,
        probes: bool = False,
    ) -> None:
        self.floor = floor
        self.clock = clock
        self.buffer_bytes = buffer_bytes
        self._drops_slow = drops_slow
        self._probes = probes
        self._numbers = itertools.count(1)
        self._connections: dict[int, Connection] = {}
        self._later: set[asyncio.TimerHandle] = set()

    @asynccontextmanager
    async def listening(self, host: str, port: int, tls: ssl.SSLContext | None = None) -> AsyncIterator[int]:
        """Serve until the block ends; gives the port. Raises OSError when it cannot be had."""
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Connection(self, next(self._numbers)), host, port, ssl=tls)
        ticking = loop.create_task(self._tick())
        try:
            yield server.sockets[0].getsockname()[1]
            await self._say_goodbye()
        finally:
            ticking.cancel()
            server.close()
            for handle in self._later:
                handle.cancel()
            for connection in list(self._connections.values()):
                connection.transport.abort()
            await asyncio.sleep(0)

    def open_session(self, target: str, address: str) -> tuple[Dialect, Session] | Refusal:
        """The session that a request's target asks for."""
        for dialect in self.floor.dialects:
            found = dialect.connect(target, address, self.clock())
            if isinstance(found, Refusal):
                return found
            if found is not None:
                return dialect, found
        known = ", ".join(dialect.example for dialect in self.floor.dialects)
        return Refusal(404, f"nothing is served at {target}; there are {known}\n")

    def filled(self, connection: Connection) -> None:
        """A client does not read as fast as it is sent to."""
        if self._drops_slow and connection.is_open:
            connection.cut(TOO_SLOW)

    def emptied(self) -> None:
        """A client has caught up."""
        self.floor.room.set()

    def remember(self, connection: Connection) -> None:
        """A client has come."""
        self._connections[connection.number] = connection

    def forget(self, connection: Connection) -> None:
        """A connection is over."""
        self._connections.pop(connection.number, None)
        self.emptied()

    def abort_later(self, connection: Connection) -> None:
        """End a connection whose client does not answer our closing it."""

        def abort() -> None:
            self._later.discard(handle)
            connection.transport.abort()

        handle = asyncio.get_running_loop().call_later(_CLOSING_S, abort)
        self._later.add(handle)

    async def _say_goodbye(self) -> None:
        """Close every connection properly, after what it was sent has left."""
        for connection in list(self._connections.values()):
            if connection.is_open:
                connection.close(1001, "the server ends", BY_CLIENT)
            else:
                connection.transport.abort()
        deadline_ns = self.clock() + int(_CLOSING_S * SECOND_NS)
        while self._connections and self.clock() < deadline_ns:  # noqa: ASYNC110  # a client may never answer
            await asyncio.sleep(_TICK_S)

    async def _tick(self) -> None:
        for count in itertools.count():
            await asyncio.sleep(_TICK_S)
            now_ns = self.clock()
            for connection in list(self._connections.values()):
                connection.tick(now_ns)
                if self._probes and count % _PROBE_TICKS == 0:
                    self.floor.probe(connection)
