"""What becomes of each frame: its topic, a count, or the dead-letter topic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from k2pipeline.exchanges import DLQ_TOPIC, Exchange, FrameKind
from k2pipeline.feed.continuity import Continuity
from k2pipeline.feed.logs import EventLog
from k2pipeline.feed.outlet import Headers, Outlet
from k2pipeline.feed.stats import Stats
from k2pipeline.feed.valve import Valve

_log = EventLog("k2.feed.relay")


class Source(Protocol):
    """The connection that frames came from: its id, its trade ids, and who listens to its control frames."""

    @property
    def conn(self) -> str: ...
    @property
    def continuity(self) -> Continuity: ...

    def hear(self, channel: str, frame: bytes) -> None: ...


class Sink(Protocol):
    """Where a session's frames go."""

    def accept(self, source: Source, frames: list[bytes], recv_ns: int) -> None:
        """Take the frames of one read, in order, without waiting."""


class Relay:
    """The sink of `k2 feed`: value = the frame's bytes, key = its symbol, timestamp and headers as received.

    Nothing in a frame is understood beyond what tells it apart. Ids and event times are looked at for metrics,
    the latter once a read.
    """

    def __init__(self, exchange: Exchange, outlet: Outlet, valve: Valve, stats: Stats) -> None:
        self._exchange = exchange
        self._outlet = outlet
        self._valve = valve
        self._stats = stats
        self._key = _cached_key()

    def accept(self, source: Source, frames: list[bytes], recv_ns: int) -> None:
        classify, trade_ids = self._exchange.classify, self._exchange.wire.trade_ids
        counts, send, key, topic = self._stats.frames, self._outlet.send, self._key, self._exchange.topic
        trade, control, unknown = FrameKind.TRADE, FrameKind.CONTROL, FrameKind.UNKNOWN
        see, last_trade_ns = source.continuity.see, self._stats.last_trade_ns
        headers: Headers = [("recv_ns", b"%d" % recv_ns), ("conn", source.conn.encode())]
        timestamp_ms = recv_ns // 1_000_000
        last_trade = b""
        for frame in frames:
            seen = classify(frame)
            kind, symbol = seen.kind, seen.symbol
            counts[kind, seen.channel] += 1
            if kind is trade:
                send(topic, frame, key(symbol), timestamp_ms, headers)
                last_trade = frame
                if symbol in last_trade_ns:  # and not whatever name a frame may carry
                    last_trade_ns[symbol] = recv_ns
                ids = trade_ids(frame)
                if ids and (missing := see(symbol, ids)):
                    self._gap(symbol, missing, source)
            elif kind is control:
                source.hear(seen.channel, frame)
            elif kind is unknown:
                self._dead_letter(frame, timestamp_ms, headers)
        self._after_read(frames, recv_ns, last_trade)

    def _after_read(self, frames: list[bytes], recv_ns: int, last_trade: bytes) -> None:
        stats = self._stats
        stats.frame_bytes += sum(map(len, frames))
        stats.last_frame_ns = recv_ns
        if last_trade and (event_ns := self._exchange.wire.event_ns(last_trade)):
            stats.lag.observe(recv_ns - event_ns)
        if self._outlet.is_full:
            self._valve.shut()

    def serve(self) -> None:
        """To be called often: keeps the outlet going, and lets reading go on once there is room."""
        self._outlet.serve()
        if self._outlet.has_room:
            self._valve.open()

    def _gap(self, symbol: str, missing_trades: int, source: Source) -> None:
        self._stats.gap(symbol, missing_trades)
        _log.warning_once_a_second("trade ids missing", symbol=symbol, missing_trades=missing_trades, conn=source.conn)

    def _dead_letter(self, frame: bytes, timestamp_ms: int, headers: Headers) -> None:
        more = [*headers, ("exchange", self._exchange.name.encode())]
        self._outlet.send(DLQ_TOPIC, frame, b"", timestamp_ms, more)
        _log.warning_once_a_second("frame not understood, sent to the dead letters", frame=repr(frame[:200]))


def _cached_key() -> Callable[[str], bytes]:
    """Symbols are few: each is encoded once. A stream of garbage must not fill the memory with its own."""
    keys: dict[str, bytes] = {}

    def key(symbol: str) -> bytes:
        found = keys.get(symbol)
        if found is None:
            found = symbol.encode()
            if len(keys) < 10_000:
                keys[symbol] = found
        return found

    return key
