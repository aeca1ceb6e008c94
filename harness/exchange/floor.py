"""The floor of an exchange: which connection gets which frame, and what is kept for those that were cut off.

Every frame that is handed to a socket is recorded, and every frame that should have been and was not. What was
handed to a socket that was then cut may have arrived or not; nobody can know. So for a connection that ends with
a promise to resend, the floor keeps what the client has not answered for, and hands it out again, with all that
came in the meantime, to whoever subscribes next. Twice is harmless downstream; never is not.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import msgspec

from harness.clock import Clock
from harness.exchange.dialect import Dialect, Played
from harness.exchange.sent import Record
from harness.faults.transport import BY_CLIENT, Ending
from k2pipeline.exchanges import EXCHANGES, FrameKind

if TYPE_CHECKING:
    from harness.exchange.connection import Connection

KEPT_BYTES: Final = 256 * 1024 * 1024
_THINNED_EVERY: Final = 512
_RECORDED: Final = frozenset({FrameKind.TRADE, FrameKind.UNKNOWN})
_OUTSIDE_PAYLOAD_BYTES: Final = 400  # what a frame on the tape takes beside its text


class Due(msgspec.Struct, frozen=True, gc=False):
    """A frame that is due, with what the ledger is to say of it."""

    played: Played
    exchange: str
    symbol: str
    kind: str
    trades: int
    due_ns: int
    faults: tuple[str, ...] = ()
    owed: bool = True


class _Pit:
    """One dialect's connections, and its tape: the frames that may have to be sent again."""

    def __init__(self, dialect: Dialect) -> None:
        self.dialect = dialect
        self.routes: dict[str, list[Connection]] = {}
        self.feeding: list[Connection] = []
        self.silence: dict[str | None, Ending] = {}
        self.resume: dict[str | None, tuple[int, Ending]] = {}
        self.tape: deque[tuple[int, Due]] = deque()
        self.position = 0
        self.kept_bytes = 0

    def hearing(self, stream: str | None) -> Sequence[Connection]:
        """The connections that get a frame of a stream."""
        return self.feeding if stream is None else self.routes.get(stream, ())

    def keep(self, due: Due) -> None:
        """Put a frame on the tape."""
        self.tape.append((self.position, due))
        self.kept_bytes += len(due.played.frame) + _OUTSIDE_PAYLOAD_BYTES
        self.position += 1
        if self.position % _THINNED_EVERY == 0:
            self.thin()

    def thin(self) -> None:
        """Drop what nobody can need any more."""
        oldest = min(
            (
                *(connection.confirmed.position for connection in self.feeding),
                *(position for position, _ in self.resume.values()),
            ),
            default=self.position,
        )
        while self.tape and self.tape[0][0] < oldest:
            _, due = self.tape.popleft()
            self.kept_bytes -= len(due.played.frame) + _OUTSIDE_PAYLOAD_BYTES


class Floor:
    """All dialects of one server. `keeps`: frames are kept for connections that promise to resend."""

    def __init__(self, dialects: Sequence[Dialect], record: Record, clock: Clock, *, keeps: bool = False) -> None:
        self.dialects = tuple(dialects)
        self.room = asyncio.Event()
        self._pits = {dialect.name: _Pit(dialect) for dialect in dialects}
        self._record = record
        self._clock = clock
        self._keeps = keeps
        self._unwritten: set[Connection] = set()

    def play(self, dialect: Dialect, due: Due) -> bool:
        """A frame happens: everybody who is subscribed gets it. False if nobody does, or will."""
        pit = self._pits[dialect.name]
        stream = due.played.stream
        now_ns = self._clock()
        hearing = tuple(pit.hearing(stream))
        for connection in hearing:
            self._hand(connection, due, now_ns)
        dialect.remember(due.played)
        if due.kind == FrameKind.MARKET:
            return bool(hearing)
        if self._keeps:
            pit.keep(due)
        if hearing or stream in pit.resume:
            return True
        ending = pit.silence.get(stream, BY_CLIENT)
        self._record.unheard(due, ending.name, is_owed=ending.is_owed)
        return False

    def withhold(self, due: Due) -> None:
        """A frame does not happen on the wire, and the ledger says why."""
        self._record.unheard(due, None, is_owed=due.owed)

    def flush(self) -> None:
        """Write what was handed over."""
        unwritten, self._unwritten = self._unwritten, set()
        for connection in unwritten:
            connection.flush()

    @property
    def is_full(self) -> bool:
        """True while somebody has to catch up, or come back, before more can be played."""
        return any(
            pit.kept_bytes > KEPT_BYTES or any(connection.is_full for connection in pit.feeding)
            for pit in self._pits.values()
        )

    @property
    def is_whole(self) -> bool:
        """True unless frames wait for somebody to come back."""
        return not any(pit.resume for pit in self._pits.values())

    def is_attended(self, streams: Mapping[str, Iterable[str]]) -> bool:
        """True if each of these streams, by dialect, has a connection."""
        return all(self._pits[name].routes.get(stream) for name, each in streams.items() for stream in each)

    def feeding(self) -> list[Connection]:
        """The connections that are subscribed to anything, the oldest first."""
        return sorted((c for pit in self._pits.values() for c in pit.feeding), key=lambda c: c.number)

    def enter(self, connection: Connection) -> None:
        """A connection is open."""
        pit = self._pits[connection.dialect.name]
        connection.restart(pit.position)

    def subscribe(self, connection: Connection, streams: Iterable[str]) -> None:
        """A connection gets these streams from now on, and what was kept of them first."""
        pit = self._pits[connection.dialect.name]
        owing: dict[str | None, tuple[int, Ending]] = {}
        if connection not in pit.feeding:
            pit.feeding.append(connection)
            self._reopen(pit, None, owing)
        for name in streams:
            connection.streams[name] = None
            pit.routes.setdefault(name, []).append(connection)
            self._reopen(pit, name, owing)
        if owing:
            self._catch_up(pit, connection, owing)
            self.room.set()

    def unsubscribe(self, connection: Connection, stream: str) -> None:
        """A connection does not get this stream any more."""
        pit = self._pits[connection.dialect.name]
        connection.streams.pop(stream, None)
        pit.routes[stream].remove(connection)
        if not connection.streams:
            pit.feeding.remove(connection)

    def leave(self, connection: Connection, ending: Ending) -> None:
        """A connection gets nothing any more."""
        pit = self._pits[connection.dialect.name]
        self._record.ended(connection.number, connection.confirmed.place, ending)
        if connection not in pit.feeding:
            return
        pit.feeding.remove(connection)
        for name in connection.streams:
            pit.routes[name].remove(connection)
        for stream in (*connection.streams, None):
            if ending.resends:
                before, _ = pit.resume.get(stream, (pit.position, ending))
                pit.resume[stream] = (min(before, connection.confirmed.position), ending)
            elif not pit.hearing(stream):
                pit.silence[stream] = ending
        self.room.set()

    def probe(self, connection: Connection) -> None:
        """Ask a connection how far it has come."""
        if connection.is_open and connection.streams:
            connection.probe(self._pits[connection.dialect.name].position)

    def insert(self, connection: Connection, text: bytes, tag: str) -> None:
        """Hand one connection something that only it gets."""
        exchange = connection.dialect.exchange
        frame = EXCHANGES[exchange].classify(text)
        played = Played(text, None, {connection.session.form: text})
        now_ns = self._clock()
        due = Due(played, exchange, frame.symbol, frame.kind, frame.trades, now_ns, (tag,))
        self._hand(connection, due, now_ns, is_extra=True)

    def resend(self, connection: Connection, frames: int, tag: str) -> int:
        """Hand one connection its last frames again, in their order; gives how many there were."""
        last = list(connection.recent)[-frames:]
        for due in last:
            self._hand(connection, _tagged(due, tag), self._clock(), is_extra=True)
        return len(last)

    def _reopen(self, pit: _Pit, stream: str | None, owing: dict[str | None, tuple[int, Ending]]) -> None:
        pit.silence.pop(stream, None)
        if stream in pit.resume:
            owing[stream] = pit.resume.pop(stream)

    def _catch_up(self, pit: _Pit, connection: Connection, owing: dict[str | None, tuple[int, Ending]]) -> None:
        now_ns = self._clock()
        oldest = min(position for position, _ in owing.values())
        connection.restart(oldest)
        for position, due in pit.tape:
            owed = owing.get(due.played.stream)
            if owed is not None and position >= owed[0]:
                self._hand(connection, _tagged(due, owed[1].name), now_ns)

    def _hand(self, connection: Connection, due: Due, now_ns: int, *, is_extra: bool = False) -> None:
        text = connection.dialect.dress(due.played, connection.session.form)
        place = connection.hand(text)
        connection.last_sent_ns = now_ns
        self._unwritten.add(connection)
        if self._keeps and not is_extra and due.kind in _RECORDED:
            connection.recent.append(due)
        if text is not due.played.frame:
            due = _as_sent(due, text)
        if due.kind in _RECORDED:
            self._record.handed(due, text, now_ns, connection.number, place, is_extra=is_extra)


def _as_sent(due: Due, text: bytes) -> Due:
    """In another wrapping a frame may be another thing, to whoever gets it."""
    frame = EXCHANGES[due.exchange].classify(text)
    return msgspec.structs.replace(due, kind=frame.kind, symbol=frame.symbol, trades=frame.trades)


def _tagged(due: Due, tag: str) -> Due:
    return due if tag in due.faults else msgspec.structs.replace(due, faults=(*due.faults, tag))
