"""Sessions run side by side until a signal, and whatever their sink needs served meanwhile."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

from k2pipeline.feed.backoff import Budget
from k2pipeline.feed.config import Target
from k2pipeline.feed.limits import Limits
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.relay import Sink
from k2pipeline.feed.session import Session
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.stop import StopSignals
from k2pipeline.feed.valve import Valve

_SERVE_EVERY_S = 0.01
_log = EventLog("k2.feed.handler")


class UnreadError(Exception):
    """Frames that an exchange had sent were left in the kernel: the sink took nothing for too long."""


class Handler:
    """Feeds a sink. `serve` is called a hundred times a second, and ends the handler by raising."""

    def __init__(
        self, target: Target, limits: Limits, stats: Stats, stop: StopSignals, on_ready: Callable[[], None]
    ) -> None:
        self._target = target
        self._limits = limits
        self._stats = stats
        self._stop = stop
        self._on_ready = on_ready

    async def run(self, sink: Sink, valve: Valve, serve: Callable[[], None]) -> None:
        """Until the first signal, or what `serve` or the first subscription raises. All connections are closed then.

        What the exchange has sent until then is read first. Raises UnreadError if the valve stays shut for
        `flush_s` after the signal, or until a second one.
        """
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        self._stop.on_stop = lambda: loop.call_soon_threadsafe(stopping.set)
        if self._stop.is_set:
            return
        sessions = self._sessions(sink, valve)
        serving = asyncio.create_task(_serve(serve))
        tasks = [asyncio.create_task(session.run()) for session in sessions]
        ready = asyncio.create_task(self._ready(sessions))
        stopped = asyncio.create_task(stopping.wait())
        is_all_read = False
        try:
            await _first_to_fail_or_stop([serving, *tasks, ready], stopped)
        finally:
            for task in (*tasks, ready, stopped):
                task.cancel()
            await asyncio.gather(*tasks, ready, stopped, return_exceptions=True)
            is_all_read = await self._leave(sessions, valve, serving.done)
            serving.cancel()
            with suppress(asyncio.CancelledError):
                await serving
        if not is_all_read:
            raise UnreadError(
                f"the broker took nothing for {self._limits.flush_s:g} s after the signal, or until a second one, and "
                "frames of the exchange were left unread; what the exchange does not send again is missing"
            )

    async def _leave(self, sessions: list[Session], valve: Valve, is_unserved: Callable[[], bool]) -> bool:
        """Close all connections once they are read again; False if some were closed unread."""
        until_s = asyncio.get_running_loop().time() + self._stop.left_s(self._limits.flush_s)

        def is_given_up() -> bool:
            is_late = asyncio.get_running_loop().time() >= until_s
            return is_late or self._stop.is_impatient or is_unserved()

        if not valve.is_open:
            _log.info("stopping, once what the exchange has sent can be read", limit_s=self._limits.flush_s)
        # A valve that opens and shuts in turn would look shut whenever somebody looks who does so in the same rhythm.
        opening = asyncio.ensure_future(valve.wait_until_open())
        while not opening.done() and not is_given_up():
            await asyncio.wait((opening,), timeout=_SERVE_EVERY_S)
        opening.cancel()
        is_all_read = all(await asyncio.gather(*(session.close(is_given_up) for session in sessions)))
        if not is_all_read:
            _log.error("connections closed unread: the broker takes nothing")
        return is_all_read

    def _sessions(self, sink: Sink, valve: Valve) -> list[Session]:
        chance = random.Random()  # noqa: S311  (delays, not secrets)
        budget = Budget(self._target.exchange.wire.attempts, self._limits.attempts_share)
        return [
            Session(
                self._target.exchange,
                symbols,
                self._target.url,
                limits=self._limits,
                sink=sink,
                valve=valve,
                stats=self._stats,
                chance=chance,
                budget=budget,
            )
            for symbols in self._target.connections
        ]

    async def _ready(self, sessions: list[Session]) -> None:
        for session in sessions:
            await session.ready.wait()
        self._on_ready()


async def _serve(serve: Callable[[], None]) -> None:
    while True:
        serve()
        await asyncio.sleep(_SERVE_EVERY_S)


async def _first_to_fail_or_stop(tasks: list[asyncio.Task[None]], stopped: asyncio.Task[bool]) -> None:
    """Returns when `stopped` is done; raises what the first task that fails raises."""
    waiting: set[asyncio.Task[None] | asyncio.Task[bool]] = {*tasks, stopped}
    while stopped in waiting:
        done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            await task
