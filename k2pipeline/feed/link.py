"""One connection from opening to end, subscribed in between: what a session decides about."""

from __future__ import annotations

import asyncio
import enum
import secrets
from collections.abc import Callable, Sequence
from typing import Final

from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State

from k2pipeline.exchanges import AnswerKind, Wire
from k2pipeline.feed.backoff import Backoff
from k2pipeline.feed.connection import Connection, open_connection
from k2pipeline.feed.continuity import Continuity
from k2pipeline.feed.limits import Limits
from k2pipeline.feed.liveness import Verdict
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.relay import Sink
from k2pipeline.feed.subscription import Subscription

_log = EventLog("k2.feed.link")
_CLEAN_CODES: Final = frozenset({1000, 1001})
_TICK_S: Final = 0.1


class Cause(enum.StrEnum):
    """Why a connection ended, or was replaced."""

    CLEAN = "clean"  # the exchange closed it, with code 1000 or 1001
    LOST = "lost"  # any other end
    SILENT = "silent"  # no byte and no pong
    UNREACHABLE = "unreachable"  # it never opened
    UNANSWERED = "unanswered"  # subscribing was not answered in time
    REFUSED = "refused"  # every symbol was
    PLANNED = "planned"  # ahead of the exchange's own cut


class LinkError(Exception):
    """A connection that is no more, or never was; `detail` is for people."""

    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(f"{cause}: {detail}")
        self.cause = cause
        self.detail = detail


class Link:
    """`conn` is unique per connection. Frames go to the sink from the first one on, subscribed or not."""

    def __init__(self, wire: Wire, symbols: Sequence[str], limits: Limits, sink: Sink, continuity: Continuity) -> None:
        self.conn = secrets.token_hex(8)
        self.continuity = continuity
        self.subscription = Subscription(wire, symbols)
        self.is_leaving = False  # the exchange said that it will close this one
        self._wire = wire
        self._limits = limits
        self._sink = sink
        self._news = asyncio.Event()
        self._backoff = Backoff(limits.backoff_base_s, limits.backoff_cap_s, limits.stable_s)
        self._pings = 0
        self._now_s = asyncio.get_running_loop().time
        self._subscribed_s: float | None = None
        self.connection: Connection | None = None

    async def open(self, url: str) -> Connection:
        """Connect. Raises LinkError."""
        try:
            self.connection = await open_connection(url, self._limits, self._accept, self._news.set)
        except (OSError, TimeoutError, WebSocketException) as error:
            raise LinkError(Cause.UNREACHABLE, f"{url}: {error or type(error).__name__}") from error
        return self.connection

    async def subscribe(self) -> None:
        """Ask for the symbols until each is accepted or refused. Raises LinkError.

        Those that are accepted bring trades meanwhile, so an exchange that is busy is asked again on this connection.
        """
        subscription = self.subscription
        while not subscription.is_settled:
            await self._send(subscription.next_request())
            if not await self._until(lambda: not subscription.is_waiting, self._limits.subscribe_s):
                raise LinkError(Cause.UNANSWERED, f"subscribing was not answered in {self._limits.subscribe_s:g} s")
            if not subscription.is_settled:
                await self._until(_never, self._wire.message_interval_s + self._patience_s())
        if not subscription.accepted:
            symbol, reason = next(iter(subscription.refused.items()))
            raise LinkError(Cause.REFUSED, f"all {len(subscription.refused)} symbols, {symbol} with {reason!r}")
        if self._subscribed_s is None:
            self._subscribed_s = self._now_s()

    def _patience_s(self) -> float:
        busy = self.subscription.busy
        if not busy:
            return 0.0
        delay_s = self._backoff.delay_s(lasted_s=0, is_clean=False)
        _log.warning("exchange is busy, asking again", conn=self.conn, reason=busy, next_in_s=round(delay_s, 3))
        return delay_s

    async def live(self, until: Callable[[], bool]) -> None:
        """Keep it alive until `until` holds. Raises LinkError if it is over before."""
        await self._until(until, None)

    async def close(self, is_given_up: Callable[[], bool] = lambda: False) -> bool:
        """Close it properly: what the exchange sends before it answers still reaches the sink.

        False if `is_given_up` ended that before all of it was read.
        """
        return self.connection is None or await self.connection.leave(self._limits.close_s, is_given_up)

    def drop(self) -> None:
        """End it at once, if it has not ended."""
        if self.connection is not None:
            self.connection.abort()

    @property
    def is_subscribed(self) -> bool:
        """True once subscribing was done, whether or not it has ended since."""
        return self._subscribed_s is not None

    @property
    def lasted_s(self) -> float:
        """Seconds since it was subscribed, 0 if it is not."""
        return 0.0 if self._subscribed_s is None else self._now_s() - self._subscribed_s

    def hear(self, channel: str, frame: bytes) -> None:
        """A control frame of this connection; the sink tells."""
        answer = self._wire.answer(frame)
        if answer is None:
            if channel in ("status", "error"):
                _log.info("exchange says", conn=self.conn, frame=frame.decode(errors="replace")[:500])
            return
        if answer.kind is AnswerKind.LEAVING:
            self.is_leaving = True
        self.subscription.hear(answer)
        self._news.set()

    @property
    def _opened(self) -> Connection:
        if self.connection is None:
            raise LinkError(Cause.UNREACHABLE, "it was never opened")
        return self.connection

    def _accept(self, frames: list[bytes], recv_ns: int) -> None:
        self._sink.accept(self, frames, recv_ns)

    async def _until(self, is_so: Callable[[], bool], limit_s: float | None) -> bool:
        """Live until `is_so`, or for `limit_s`; True if it is so. Time in which we do not read does not count."""
        began_s = self._now_s()
        while not is_so():
            connection = await self._alive()
            if connection.is_paused:
                began_s = self._now_s()
            elif limit_s is not None and self._now_s() - began_s >= limit_s:
                return False
            self._news.clear()
            try:
                async with asyncio.timeout(_TICK_S if limit_s is None else min(_TICK_S, limit_s)):
                    await self._news.wait()
            except TimeoutError:
                continue
        return True

    async def _alive(self) -> Connection:
        """Do what keeps the connection alive; raises LinkError if it is not."""
        connection = self._opened
        if connection.state is State.CLOSING:
            await connection.close()  # waits for the rest of the closing, and no longer than close_s
        if connection.state is State.CLOSED:
            raise self._ended(connection)
        verdict = connection.judge()
        if verdict is Verdict.DEAD:
            raise LinkError(Cause.SILENT, f"not a byte for {self._limits.idle_s:g} s, nor to our ping for some more")
        if verdict is Verdict.PING:
            await self._ping(connection)
        return connection

    async def _ping(self, connection: Connection) -> None:
        self._pings += 1
        if self._wire.ping is not None:
            await self._send(self._wire.ping(self._pings))
            return
        try:
            await connection.ping()
        except ConnectionClosed as error:
            raise self._ended(connection) from error

    async def _send(self, message: str) -> None:
        connection = self._opened
        try:
            await connection.send(message)
        except ConnectionClosed as error:
            raise self._ended(connection) from error

    def _ended(self, connection: Connection) -> LinkError:
        code, reason = connection.close_code, connection.close_reason
        is_clean = code in _CLEAN_CODES or self.is_leaving
        return LinkError(Cause.CLEAN if is_clean else Cause.LOST, f"code {code} {reason or 'without a reason'}")


def _never() -> bool:
    return False
