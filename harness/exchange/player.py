"""Plays frames on the floor of an exchange: through the faults, at their pace, open loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Final

from harness.captures import CapturedFrame
from harness.clock import Clock
from harness.exchange.dialect import dialect_of
from harness.exchange.floor import Due, Floor
from harness.exchange.script import Script
from harness.faults import FaultChain, Outgoing
from harness.outbox import ReplayError
from harness.pace import Lateness, Pace
from harness.survey import Channel
from k2pipeline.exchanges import EXCHANGES, FrameKind

Progress = Callable[[int, int], None]
"""Told (frames played, trades played) a few times a second."""

_BATCH: Final = 64
_SLICE_S: Final = 0.1
_PROGRESS_NS: Final = 100_000_000
_ROOM_LIMIT_S: Final = 60.0


class PlayError(ReplayError):
    """A play that could not be carried through."""


class Player:
    """One play. Control frames of a capture are left out: the exchange says its own."""

    def __init__(
        self,
        floor: Floor,
        clock: Clock,
        pace: Pace,
        chain: FaultChain,
        script: Script,
        progress_of: Callable[[int, int], float],
        is_interrupted: Callable[[], bool],
        progress: Progress | None = None,
    ) -> None:
        self.channels: dict[Channel, int] = {}
        self.frames_sent = self.trades_sent = self.last_trades = 0
        self.start_ns = self.first_sent_ns = self.last_sent_ns = 0
        self.lateness = Lateness()
        self._floor, self._clock, self._chain, self._script = floor, clock, chain, script
        self._step = pace.start()
        self._progress_of = progress_of
        self._is_interrupted, self._progress = is_interrupted, progress
        self._told_ns = 0
        self._unwritten = 0

    async def play(self, frames: Iterable[CapturedFrame]) -> None:
        """Play all frames, and what the faults still hold after the last one.

        Raises PlayError when a client neither reads nor comes back for a minute.
        """
        classifiers = {name: exchange.classify for name, exchange in EXCHANGES.items()}
        recv_ns = number = 0
        for captured in frames:
            if self._is_interrupted():
                break
            recv_ns, exchange = captured.recv_ns, captured.exchange
            frame = classifiers[exchange](captured.frame)
            kind = frame.kind
            channel = (exchange, kind, frame.channel)
            self.channels[channel] = self.channels.get(channel, 0) + 1
            if kind is FrameKind.CONTROL:
                continue
            outgoing = Outgoing(recv_ns, exchange, frame.symbol, frame.trades, captured.frame)
            if kind is FrameKind.MARKET:
                await self._depart(outgoing, kind, recv_ns)
                continue
            if self._script.faults:
                self._script.advance(self._progress_of(number, recv_ns))
            number += 1
            for leaving in [outgoing] if kind is FrameKind.UNKNOWN else self._chain.inject(outgoing):
                await self._depart(leaving, kind, recv_ns)
        for leaving in self._chain.heal():
            await self._depart(leaving, FrameKind.TRADE, recv_ns)
        self._floor.flush()
        await self._strike_out()
        await self._script.finish()

    async def _strike_out(self) -> None:
        """Let faults strike that still wait for a connection."""
        deadline_ns = self._clock() + int(_ROOM_LIMIT_S * 1e9)
        while self._script.is_waiting and self._clock() < deadline_ns and not self._is_interrupted():
            await asyncio.sleep(_SLICE_S)
            self._script.catch_up()

    async def _depart(self, outgoing: Outgoing, kind: FrameKind, at_recv_ns: int) -> None:
        exchange, symbol, trades = outgoing.exchange, outgoing.symbol, outgoing.trades
        if outgoing.faults:  # it may not be what it was
            frame = EXCHANGES[exchange].classify(outgoing.frame)
            kind, symbol, trades = frame.kind, frame.symbol, frame.trades
            if kind is FrameKind.CONTROL:
                return
        offset_ns = self._step(at_recv_ns, (trades or 1) if outgoing.sent and kind is not FrameKind.MARKET else 0)
        now_ns = self._clock()
        if offset_ns is None:
            due_ns = now_ns
        else:
            self.start_ns = self.start_ns or now_ns - offset_ns
            due_ns = self.start_ns + offset_ns
            if due_ns > now_ns:
                await self._wait_until(due_ns)
        dialect = dialect_of(self._floor.dialects, exchange, outgoing.frame)
        due = Due(dialect.read(outgoing.frame), exchange, symbol, kind, trades, due_ns, outgoing.faults, outgoing.owed)
        if not outgoing.sent:
            self._floor.withhold(due)
            return
        if kind is FrameKind.MARKET and due.played.stream is None:
            return
        is_heard = self._floor.play(dialect, due)
        if offset_ns is not None:
            self.lateness.add(max(self._clock() - due_ns, 0))
        if is_heard and kind is not FrameKind.MARKET:
            self._count(due)
        self._unwritten += 1
        if self._unwritten >= _BATCH:
            await self._breathe()

    def _count(self, due: Due) -> None:
        now_ns = self._clock()
        self.frames_sent += 1
        self.trades_sent += due.trades
        self.last_trades = due.trades
        self.last_sent_ns = now_ns
        self.first_sent_ns = self.first_sent_ns or now_ns
        if self._progress is not None and now_ns - self._told_ns > _PROGRESS_NS:
            self._told_ns = now_ns
            self._progress(self.frames_sent, self.trades_sent)

    async def _wait_until(self, due_ns: int) -> None:
        await self._breathe()
        while (left_ns := due_ns - self._clock()) > 0 and not self._is_interrupted():  # noqa: ASYNC110  # time is all
            await asyncio.sleep(min(left_ns / 1e9, _SLICE_S))

    async def _breathe(self) -> None:
        """Write what was handed over, let connections be served, and wait for those that cannot keep up."""
        self._unwritten = 0
        self._floor.flush()
        await asyncio.sleep(0)
        waited_s = 0.0
        while self._floor.is_full and not self._is_interrupted():
            self._floor.room.clear()
            try:
                await asyncio.wait_for(self._floor.room.wait(), _SLICE_S)
            except TimeoutError:
                waited_s += _SLICE_S
            if waited_s > _ROOM_LIMIT_S:
                raise PlayError(
                    f"a client has neither read nor come back for {_ROOM_LIMIT_S:g} s, so nothing more can be played "
                    "without losing frames; see its log"
                )
