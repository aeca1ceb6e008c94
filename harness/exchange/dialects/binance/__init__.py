"""Binance spot's public streams: raw (`/ws`), combined (`/stream`), and requests on either.

Source: https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams, read 2026-09.

A captured frame is played to a connection in that connection's own wrapping, its payload byte for byte as
captured; only `timeUnit=MICROSECOND` changes a payload, as it does there: E and T get three more digits.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Hashable
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from harness.exchange.dialect import SECOND_NS, Dialect, Limits, Played, Refusal, Session
from harness.exchange.dialects.binance.requests import is_stream
from harness.exchange.dialects.binance.session import COMBINED, MICROSECONDS, RAW, BinanceSession

_WINDOW_NS: Final = 300 * SECOND_NS
_MILLISECONDS: Final = re.compile(rb'("[ET]"\s*:\s*\d{13})(?!\d)')
_EVENTS: Final = frozenset({"trade", "aggTrade"})


class _Payload(msgspec.Struct, gc=False):
    e: str = ""
    s: str = ""
    t: int | None = None


class _Combined(msgspec.Struct, gc=False):
    stream: str = ""
    data: msgspec.Raw = msgspec.Raw()
    e: str = ""
    s: str = ""


_decode = msgspec.json.Decoder(_Combined).decode
_decode_payload = msgspec.json.Decoder(_Payload).decode


class Binance(Dialect):
    """Any well-formed stream can be subscribed to; one that nothing is played on stays silent, as there."""

    exchange = "binance"
    name = "binance"
    path = ""
    example = "/stream?streams=btcusdt@trade"
    is_fed = True

    def __init__(self, limits: Limits, connection_id: Callable[[], int]) -> None:
        super().__init__(limits, connection_id)
        self._attempts: dict[str, deque[int]] = {}

    def connect(self, target: str, address: str, now_ns: int) -> Session | Refusal | None:
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        if parts.path in {"/ws", "/ws/"}:
            streams = []
        elif parts.path.startswith("/ws/"):
            streams = unquote(parts.path.removeprefix("/ws/")).split("/")
        elif parts.path in {"/stream", "/stream/"}:
            streams = [name for value in query.get("streams", ()) for name in value.split("/") if name]
        else:
            return None
        unit = query.get("timeUnit", ["MILLISECOND"])[0].upper()
        if unit not in {"MILLISECOND", "MICROSECOND"}:
            return Refusal(400, f"timeUnit {unit!r} is neither MILLISECOND nor MICROSECOND\n")
        if len(streams) > self.limits.streams:
            return Refusal(400, f"{len(streams)} streams; a connection can have {self.limits.streams}\n")
        if self._is_over_the_limit(address, now_ns):
            return Refusal(429, f"more than {self.limits.attempts_per_5_min} connections in 5 minutes\n")
        return BinanceSession(
            streams,
            is_combined=not parts.path.startswith("/ws"),
            in_microseconds=unit == "MICROSECOND",
            limits=self.limits,
            now_ns=now_ns,
        )

    def _is_over_the_limit(self, address: str, now_ns: int) -> bool:
        attempts = self._attempts.setdefault(address, deque())
        attempts.append(now_ns)
        while attempts[0] <= now_ns - _WINDOW_NS:
            attempts.popleft()
        return len(attempts) > self.limits.attempts_per_5_min

    def speaks(self, frame: bytes) -> bool:  # noqa: ARG002  # there is one protocol
        return True

    def read(self, frame: bytes) -> Played:
        try:
            message = _decode(frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return Played(frame, None, _alike(frame))
        data = bytes(message.data)
        if message.stream and data[:1] in (b"{", b"["):
            return Played(frame, message.stream if _is_askable(message.stream) else None, {COMBINED: frame, RAW: data})
        name = f"{message.s.lower()}@{message.e}"
        if message.e not in _EVENTS or message.s != message.s.upper() or not _is_askable(name):
            return Played(frame, None, _alike(frame))
        return Played(frame, name, {RAW: frame})

    def dress(self, played: Played, form: int) -> bytes:
        forms = played.forms
        if form not in forms:
            if form & MICROSECONDS:
                forms[form] = _MILLISECONDS.sub(rb"\g<1>000", self.dress(played, form & ~MICROSECONDS))
            else:
                forms[form] = b'{"stream":%b,"data":%b}' % (msgspec.json.encode(played.stream), forms[RAW])
        return forms[form]

    def symbol(self, stream: str) -> str:
        return stream.partition("@")[0].upper()

    def stream(self, symbol: str) -> str:
        return f"{symbol.lower()}@trade"

    def trade_keys(self, frame: bytes) -> tuple[Hashable, ...]:
        try:
            message = _decode(frame)
            payload = _decode_payload(message.data or frame)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return ()
        if payload.e != "trade" or payload.t is None:
            return ()
        return ((payload.s, payload.t),)


DIALECTS: Final = (Binance,)


def _is_askable(name: str) -> bool:
    """Whether a client that knows the symbol can ask for this stream."""
    symbol = name.partition("@")[0]
    # A symbol that does not survive the change of case could not be asked for by its name.
    return is_stream(name) and symbol.isalnum() and symbol.upper().lower() == symbol


def _alike(frame: bytes) -> dict[int, bytes]:
    """The forms of what is no event of a stream: it looks the same on every connection."""
    return {RAW: frame, COMBINED: frame}
