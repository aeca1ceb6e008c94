"""Back-pressure: while the outlet is full no socket is read, and TCP tells the exchange to wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol

from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.stats import Stats

_log = EventLog("k2.feed.valve")


class Pausable(Protocol):
    """A connection whose reading can be held up."""

    def pause(self) -> None: ...
    def resume(self) -> None: ...


class Valve:
    """Opens and shuts all connections of a handler together. `clock` gives ns since 1970."""

    def __init__(self, stats: Stats, clock: Callable[[], int]) -> None:
        self._stats = stats
        self._clock = clock
        self._connections: set[Pausable] = set()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._is_told = False

    def add(self, connection: Pausable) -> None:
        self._connections.add(connection)
        if not self._is_open.is_set():
            connection.pause()

    def remove(self, connection: Pausable) -> None:
        self._connections.discard(connection)

    @property
    def is_open(self) -> bool:
        return self._is_open.is_set()

    async def wait_until_open(self) -> None:
        """A connection that nobody will read need not be opened."""
        await self._is_open.wait()

    def shut(self) -> None:
        if not self._is_open.is_set():
            return
        self._is_open.clear()
        self._stats.pauses += 1
        self._stats.paused_since_ns = self._clock()
        for connection in self._connections:
            connection.pause()
        # A broker that is a little too slow has it shut fifty times a second.
        self._is_told = _log.warning_once_a_second("reading paused: the broker is slower than the exchange")

    def open(self) -> None:
        if self._is_open.is_set():
            return
        self._is_open.set()
        paused_ns = self._clock() - self._stats.paused_since_ns
        self._stats.paused_ns += paused_ns
        self._stats.paused_since_ns = 0
        for connection in self._connections:
            connection.resume()
        if self._is_told:
            _log.info("reading resumed", paused_s=round(paused_ns / 1_000_000_000, 3))
