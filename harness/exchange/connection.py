"""One client of a simulated exchange: bytes of a socket on one side, a dialect's session on the other.

The WebSocket protocol itself is the `websockets` package's, without its I/O: what is handed to the socket, and
when, has to be known exactly here, and a socket has to be cut, muted and held back at will.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol

from harness.exchange.dialect import (
    Close,
    Dialect,
    Output,
    Ping,
    Refusal,
    Resend,
    Say,
    Session,
    Subscribed,
    Unsubscribed,
)
from harness.faults.transport import BY_CLIENT, LAST_FRAMES, Ending

if TYPE_CHECKING:
    from harness.exchange.floor import Due
    from harness.exchange.server import ExchangeServer

# Requests are short. A larger one is answered with 1009, as the exchanges do.
_REQUEST_BYTES: Final = 64 * 1024
_KERNEL_BYTES: Final = 256 * 1024
_PROBE: Final = b"k2:"
_RESET_ON_CLOSE: Final = struct.pack("ii", 1, 0)
_log = logging.getLogger("k2.exchange")


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a connection has come: `position` on the tape of its dialect, `place` among its own frames."""

    position: int
    place: int


class Connection(asyncio.Protocol):
    """See harness/faults/transport for what can be done to it (Line)."""

    transport: asyncio.Transport
    dialect: Dialect
    session: Session

    def __init__(self, server: ExchangeServer, number: int) -> None:
        self.number = number
        self.streams: dict[str, None] = {}
        self.recent: deque[Due] = deque(maxlen=LAST_FRAMES)
        self.placed = 0
        self.confirmed = Mark(0, 0)
        self.last_sent_ns = 0
        self.is_open = False
        self.is_full = False
        self.pongs = 0
        self._server = server
        self._protocol = ServerProtocol(max_size=_REQUEST_BYTES, logger=_log)
        self._probes: dict[bytes, Mark] = {}
        self._answered = Mark(0, 0)
        self._is_muted = self._is_held = False
        self._held_bytes = 0
        self._ending: Ending | None = None

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        self.transport.set_write_buffer_limits(high=self._server.buffer_bytes)
        # The kernel's own buffer would grow to megabytes, all of them in doubt after a cut.
        self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _KERNEL_BYTES)
        self._server.remember(self)

    def data_received(self, data: bytes) -> None:
        if self._is_muted:
            return
        self._protocol.receive_data(data)
        for event in self._protocol.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event)
        if self._protocol.state is not State.OPEN:
            self._end(self._ending or BY_CLIENT)
        self.flush()

    def eof_received(self) -> bool:
        if not self._is_muted:
            self._protocol.receive_eof()
            self._end(self._ending or BY_CLIENT)
            self.flush()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # however it ended, it has
        self._end(self._ending or BY_CLIENT)
        self._server.forget(self)

    def pause_writing(self) -> None:
        self.is_full = True
        self._server.filled(self)

    def resume_writing(self) -> None:
        self.is_full = self._held_bytes > self._server.buffer_bytes
        self._server.emptied()

    # What the floor does with it.

    def hand(self, frame: bytes) -> int:
        """Hand over one frame; gives its place among all that this connection was handed."""
        self._protocol.send_text(frame)
        if self._is_held:
            self._held_bytes += len(frame)
            if self._held_bytes > self._server.buffer_bytes and not self.is_full:
                self.pause_writing()
        self.placed += 1
        return self.placed - 1

    def flush(self) -> None:
        """Write what was handed over since the last time."""
        if self._is_held or self._is_muted or self.transport.is_closing():
            return
        chunks = self._protocol.data_to_send()
        if not chunks:
            return
        is_over = not chunks[-1]  # the library's way to say that the stream ends
        self.transport.write(b"".join(chunks))
        if is_over:
            self.transport.close()

    def tick(self, now_ns: int) -> None:
        """Let time pass."""
        if self.is_open and not self._is_muted:
            self._carry_out(self.session.tick(now_ns, self.last_sent_ns))
            self.flush()

    def restart(self, position: int) -> None:
        """From here on it is handed frames of the tape from `position`, which may be older than what it had."""
        self._probes.clear()
        self.confirmed = Mark(position, self.confirmed.place)
        self._answered = Mark(position, self._answered.place)

    def probe(self, position: int) -> None:
        """Ask, by a ping, whether everything up to here has arrived."""
        if self.is_open and not self._is_muted:
            payload = b"%b%d:%d" % (_PROBE, position, self.placed)
            self._probes[payload] = Mark(position, self.placed)
            self._protocol.send_ping(payload)
            self.flush()

    @property
    def is_answered(self) -> bool:
        """True if all that it was handed has been answered for."""
        return self._answered.place == self.placed

    def confirm(self) -> None:
        """Nothing more is coming, and what was asked for last has been answered: all of it has arrived."""
        if self.is_answered:
            self.confirmed = self._answered

    # What faults do with it.

    def cut(self, ending: Ending) -> None:
        """End the TCP connection with a reset, whatever is under way."""
        self._ending = ending
        self._socket().setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
        self._end(ending)
        self.transport.abort()

    def close(self, code: int, reason: str, ending: Ending) -> None:
        """Say what the exchange says before it goes, then close properly."""
        self._ending = ending
        self._is_held = False
        now_ns = self._server.clock()
        self._carry_out((*self.session.farewell(now_ns), Close(code, reason)))
        self._end(ending)
        self.flush()

    def mute(self, ending: Ending) -> None:
        """Never send or read anything again, and keep the socket."""
        self._ending = ending
        self._end(ending)
        self._is_muted = True

    def hold(self) -> None:
        """Send nothing until `release`."""
        self._is_held = True

    def release(self) -> None:
        """Send what was held back."""
        self._is_held = False
        self._held_bytes = 0
        self.flush()
        if self.is_full and self.transport.get_write_buffer_size() <= self._server.buffer_bytes:
            self.resume_writing()

    def garble(self, text: bytes, fault: str) -> None:
        """Send something that is no frame of any exchange."""
        self._server.floor.insert(self, text, fault)
        self.flush()

    def resend(self, frames: int, fault: str) -> int:
        """Send the last so many frames once more; gives how many there were."""
        sent = self._server.floor.resend(self, frames, fault)
        self.flush()
        return sent

    def _shake_hands(self, request: Request) -> None:
        found = self._server.open_session(request.path, self._address())
        if isinstance(found, Refusal):
            self._protocol.send_response(self._protocol.reject(found.status, found.text))
            return
        self._protocol.send_response(self._protocol.accept(request))
        if self._protocol.state is not State.OPEN:
            return
        self.dialect, self.session = found
        self.is_open = True
        self._server.floor.enter(self)
        self._carry_out(self.session.greet(self._server.clock()))

    def _socket(self) -> socket.socket:
        return cast(socket.socket, self.transport.get_extra_info("socket"))

    def _address(self) -> str:
        peer = self.transport.get_extra_info("peername")
        return str(peer[0]) if peer else ""

    def _take(self, frame: Frame) -> None:
        now_ns = self._server.clock()
        if frame.opcode is Opcode.TEXT:
            self._carry_out(self.session.receive(bytes(frame.data).decode(), now_ns))
        elif frame.opcode is Opcode.BINARY or frame.opcode is Opcode.CONT:
            self._carry_out((Close(1003, "text messages only"),))
        elif frame.opcode is Opcode.PING:
            self._carry_out(self.session.control(None, now_ns))
        elif frame.opcode is Opcode.PONG:
            self._take_pong(bytes(frame.data), now_ns)

    def _take_pong(self, payload: bytes, now_ns: int) -> None:
        """Our own probes are no business of the session, which counts pongs against its limit."""
        mark = self._probes.pop(payload, None)
        if mark is None:
            self._carry_out(self.session.control(payload, now_ns))
            return
        # A pong says that the client's library has what came before the ping; its program may be a little
        # behind. So what counts as received is what the pong before this one said.
        self.confirmed, self._answered = self._answered, mark
        self.pongs += 1

    def _carry_out(self, outputs: Iterable[Output]) -> None:
        begun: list[str] = []
        try:
            for output in outputs:
                if isinstance(output, Say):
                    self._protocol.send_text(output.text)
                    self.last_sent_ns = self._server.clock()
                elif isinstance(output, Subscribed):
                    begun.append(output.stream)
                elif isinstance(output, Unsubscribed):
                    self._server.floor.unsubscribe(self, output.stream)
                elif isinstance(output, Resend):
                    self._server.floor.insert(self, output.text, "snapshot")
                elif isinstance(output, Ping):
                    self._protocol.send_ping(output.payload)
                else:
                    self._close(output)
        except InvalidState:
            _log.debug("connection %d is closing; the rest of an answer is not sent", self.number)
        if begun and self.is_open:
            self._server.floor.subscribe(self, begun)

    def _close(self, close: Close) -> None:
        self._protocol.send_close(close.code, close.reason)
        self._end(self._ending or BY_CLIENT)
        self._server.abort_later(self)

    def _end(self, ending: Ending) -> None:
        if self.is_open:
            self.is_open = False
            self._server.floor.leave(self, ending)
