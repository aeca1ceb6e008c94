"""Keeps a set of symbols subscribed, for ever: connects, replaces what ended, and swaps ahead of a planned cut."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial

from k2pipeline.exchanges import Exchange
from k2pipeline.feed.backoff import Backoff, Budget
from k2pipeline.feed.continuity import Continuity
from k2pipeline.feed.limits import Limits
from k2pipeline.feed.link import Cause, Link, LinkError
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.relay import Sink
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.valve import Valve

_log = EventLog("k2.feed.session")


class SymbolsRefusedError(Exception):
    """The exchange refused symbols at the first subscription: each with the exchange's words.

    Then nothing is fed: a symbol that is spelt wrong should be seen when the handler starts, and not when its
    trades are missed. Later, when one of them is no longer traded, the others go on without it, and it is asked
    for again from time to time.
    """

    def __init__(self, exchange: str, refused: Mapping[str, str]) -> None:
        listed = "; ".join(f"{symbol}: {reason}" for symbol, reason in sorted(refused.items()))
        super().__init__(f"{exchange} refused {listed}. Correct --symbols, or leave out what is no longer traded")


class Session:
    """The symbols of one connection. `ready` is set once, when all of them are subscribed."""

    def __init__(
        self,
        exchange: Exchange,
        symbols: Sequence[str],
        url: str,
        *,
        limits: Limits,
        sink: Sink,
        valve: Valve,
        stats: Stats,
        chance: random.Random,
        budget: Budget,
    ) -> None:
        self.ready = asyncio.Event()
        self._exchange = exchange
        self._symbols = symbols
        self._url = url
        self._limits = limits
        self._sink = sink
        self._valve = valve
        self._stats = stats
        self._chance = chance
        self._budget = budget
        self._backoff = Backoff(limits.backoff_base_s, limits.backoff_cap_s, limits.stable_s, chance)
        self._links: set[Link] = set()

    async def run(self) -> None:
        """Never returns. Raises SymbolsRefusedError, and only before `ready`."""
        link = await self._connect(Continuity())
        while True:
            try:
                await self._live(link, self._due_s())
            except LinkError as ended:
                await self._after(link, ended)
                link = await self._connect(link.continuity)
            else:
                link = await self._replace(link)

    async def close(self, is_given_up: Callable[[], bool]) -> bool:
        """Close what is open; what the exchange sent before it agreed still reaches the sink.

        False if `is_given_up` ended that before all of it was read.
        """
        return all(await asyncio.gather(*(link.close(is_given_up) for link in self._links)))

    async def _connect(self, continuity: Continuity) -> Link:
        """Until it succeeds."""
        while True:
            await self._valve.wait_until_open()  # a connection that nobody would read need not be opened
            if wait_s := self._budget.take(asyncio.get_running_loop().time()):
                _log.warning("too many connections, waiting", exchange=self._exchange.name, next_in_s=round(wait_s, 3))
                await asyncio.sleep(wait_s)
            link = Link(self._exchange.wire, self._symbols, self._limits, self._sink, continuity)
            try:
                await self._open(link)
            except LinkError as ended:
                await self._after(link, ended)
            else:
                return link

    async def _open(self, link: Link) -> None:
        self._links.add(link)
        self._valve.add(await link.open(self._url))
        try:
            await link.subscribe()
        finally:
            self._note_refusals(link.subscription.refused)
        accepted = link.subscription.accepted
        self._stats.connects["subscribed"] += 1
        self._stats.connections += 1
        self._stats.subscriptions += len(accepted)
        self._stats.symbols_refused -= accepted
        _log.info("subscribed", exchange=self._exchange.name, symbols=len(accepted), conn=link.conn)
        self.ready.set()

    async def _live(self, link: Link, due_s: float) -> None:
        """Until it is time to replace it. What was refused is asked for again meanwhile."""
        while not _is_due(link, due_s):
            again_s = link.lasted_s + self._limits.refused_retry_s
            await link.live(partial(_is_due, link, min(due_s, again_s) if link.subscription.refused else due_s))
            if link.subscription.refused and not _is_due(link, due_s):
                await self._ask_again(link)

    async def _ask_again(self, link: Link) -> None:
        before = len(link.subscription.accepted)
        link.subscription.ask_again()
        try:
            await link.subscribe()
        finally:
            self._stats.subscriptions += len(link.subscription.accepted) - before
            self._stats.symbols_refused -= link.subscription.accepted
        self._note_refusals(link.subscription.refused)

    def _note_refusals(self, refused: Mapping[str, str]) -> None:
        if refused and not self.ready.is_set():
            raise SymbolsRefusedError(self._exchange.name, refused)
        self._stats.symbols_refused |= refused.keys()
        for symbol, reason in refused.items():
            again_s = self._limits.refused_retry_s
            _log.error("symbol refused, going on without it", symbol=symbol, reason=reason, next_in_s=again_s)

    async def _after(self, link: Link, ended: LinkError) -> None:
        """Note the end of a link, and wait as long as it takes before the next one."""
        lasted_s, was_subscribed = link.lasted_s, self._forget(link)
        delay_s = self._backoff.delay_s(lasted_s=lasted_s, is_clean=ended.cause is Cause.CLEAN)
        if was_subscribed:
            self._stats.reconnects[ended.cause] += 1
        else:
            self._stats.connects[ended.cause] += 1
        event = "connection ended" if was_subscribed else "no connection"
        _log.warning(
            event, cause=ended.cause, detail=ended.detail, conn=link.conn, lasted_s=round(lasted_s, 3),
            next_in_s=round(delay_s, 3),
        )  # fmt: skip
        await asyncio.sleep(delay_s)

    async def _replace(self, old: Link) -> Link:
        """Subscribe a new connection, read both for a while, close the old one: no frame is missed, some come twice."""
        _log.info("replacing connection", conn=old.conn, is_leaving=old.is_leaving, lasted_s=round(old.lasted_s, 3))
        async with self._kept_alive(old):
            await asyncio.sleep(self._backoff.delay_s(lasted_s=old.lasted_s, is_clean=True))
            new = await self._connect_for_good()
        await self._valve.wait_until_open()  # what the old one has sent is to be read before it is closed
        await old.close()
        self._forget(old)
        self._stats.reconnects[Cause.PLANNED] += 1
        for symbol, missing_trades in new.continuity.follow(old.continuity).items():
            self._stats.gap(symbol, missing_trades)
        return new

    async def _connect_for_good(self) -> Link:
        """A connection that has lived through the overlap."""
        while True:
            link = await self._connect(Continuity())
            try:
                await link.live(partial(_is_old, link, self._limits.overlap_s))
            except LinkError as ended:
                await self._after(link, ended)
            else:
                return link

    @asynccontextmanager
    async def _kept_alive(self, link: Link) -> AsyncIterator[None]:
        """Its end in the meantime is only logged: its successor is on the way."""

        async def keep() -> None:
            try:
                await link.live(_never)
            except LinkError as ended:
                _log.info("connection ended while it was replaced", cause=ended.cause, detail=ended.detail)

        keeping = asyncio.create_task(keep())
        try:
            yield
        finally:
            keeping.cancel()
            await asyncio.wait([keeping])

    def _forget(self, link: Link) -> bool:
        """Drop a link if it still stands, and count it out; True if it was subscribed."""
        link.drop()
        self._links.discard(link)
        if link.connection is not None:
            self._valve.remove(link.connection)
        if not link.is_subscribed:
            return False
        self._stats.connections -= 1
        self._stats.subscriptions -= len(link.subscription.accepted)
        return True

    def _due_s(self) -> float:
        """When to replace a connection, not at the same moment for all; infinite where nobody will cut it."""
        lifetime_s = self._limits.lifetime_s or self._exchange.wire.lifetime_s
        if lifetime_s is None:
            return float("inf")
        return max(0.0, lifetime_s - self._limits.lifetime_margin_s * self._chance.uniform(1, 1.5))


def _is_old(link: Link, age_s: float) -> bool:
    return link.lasted_s >= age_s


def _is_due(link: Link, age_s: float) -> bool:
    return link.is_leaving or _is_old(link, age_s)


def _never() -> bool:
    return False
