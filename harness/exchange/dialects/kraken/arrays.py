"""Kraken's WebSocket v1: arrays of strings, no trade id, a channel id for each pair.

Sources: https://docs.kraken.com/exchange/api-reference/spot-websocket-v1/trade (and its siblings
subscriptionStatus, systemStatus, heartbeat, pong), read 2026-09; the order of keys as recorded. A pair's channel
id is the one of its captured frames, so that these go out byte for byte.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from typing import Final

import msgspec

from harness.exchange.dialect import (
    SECOND_NS,
    Dialect,
    Limits,
    Output,
    Played,
    Refusal,
    Resend,
    Say,
    Session,
    Subscribed,
    Unsubscribed,
)
from harness.exchange.dialects.kraken.pairs import TOO_MANY, LastTrades, Requests, is_pair

HEARTBEAT: Final = b'{"event":"heartbeat"}'
CHANNELS: Final = frozenset({"book", "ohlc", "spread", "ticker", "trade"})
_FIRST_CHANNEL_ID: Final = 321
_CHANNEL_ID_STEP: Final = 16

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_number = msgspec.json.Decoder(int).decode


class KrakenArrays(Dialect):
    """Knows the pairs of what is played, and refuses others."""

    exchange = "kraken"
    name = "kraken-v1"
    path = "/"
    example = "/"
    is_fed = False

    def __init__(self, limits: Limits, connection_id: Callable[[], int]) -> None:
        super().__init__(limits, connection_id)
        self._last: dict[str, LastTrades] = {}
        self._channel_ids: dict[str, int] = {}

    def connect(self, target: str, address: str, now_ns: int) -> Session | Refusal | None:  # noqa: ARG002
        return ArraysSession(self) if target.partition("?")[0] in {"", "/"} else None

    def speaks(self, frame: bytes) -> bool:
        return frame.lstrip().startswith(b"[")

    def read(self, frame: bytes) -> Played:
        pair, _, _ = _trades(frame)
        return Played(frame, pair if is_pair(pair) else None, {})

    def learn(self, played: Played) -> None:
        super().learn(played)
        if played.stream is not None:
            self._channel_ids.setdefault(played.stream, _trades(played.frame)[1])

    def symbol(self, stream: str) -> str:
        return stream

    def stream(self, symbol: str) -> str:
        return symbol

    def trade_keys(self, frame: bytes) -> tuple[Hashable, ...]:
        pair, _, trades = _trades(frame)
        return tuple((pair, key) for key, _ in _told_apart(trades))

    def remember(self, played: Played) -> None:
        if played.stream is not None:
            last = self._last.setdefault(played.stream, LastTrades(self.limits.snapshot_trades))
            last.add(_told_apart(_trades(played.frame)[2]))

    def channel_id(self, pair: str) -> int:
        """The number by which frames of a pair are known."""
        return self._channel_ids.setdefault(pair, _FIRST_CHANNEL_ID + _CHANNEL_ID_STEP * len(self._channel_ids))

    def snapshot(self, pair: str) -> Resend | None:
        """The last trades of a pair, oldest first; None before its first."""
        trades = self._last[pair].texts() if pair in self._last else []
        if not trades:
            return None
        listed = b",".join(trades)
        return Resend(b'[%d,[%b],"trade",%b]' % (self.channel_id(pair), listed, _encode(pair)), pair)


class ArraysSession(Session):
    """One connection to v1."""

    def __init__(self, dialect: KrakenArrays) -> None:
        self._dialect = dialect
        self._pairs: set[str] = set()
        self._beat_ns = 0
        self._requests = Requests(dialect.limits.requests_per_s)

    def greet(self, now_ns: int) -> Iterable[Output]:
        self._beat_ns = now_ns
        return (Say(_status("online", self._dialect.connection_id())),)

    def receive(self, text: str, now_ns: int) -> Iterable[Output]:
        is_too_much = self._requests.is_over_the_limit(now_ns)
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        if not isinstance(request, dict):
            return (Say(_encode({"errorMessage": "Malformed request", "event": "error"})),)
        event, reqid = request.get("event"), _reqid(request)
        if is_too_much:
            return (Say(_encode({"errorMessage": TOO_MANY, "event": "error", **reqid})),)
        if event == "ping":
            return (Say(_encode({"event": "pong", **reqid})),)
        if event not in {"subscribe", "unsubscribe"}:
            return (Say(_encode({"errorMessage": "Event(s) not found", "event": "error", **reqid})),)
        return self._each_pair(event, request, reqid)

    def tick(self, now_ns: int, last_sent_ns: int) -> Iterable[Output]:  # noqa: ARG002  # it beats a busy one too
        if now_ns - self._beat_ns < self._dialect.limits.heartbeat_s * SECOND_NS:
            return ()
        self._beat_ns = now_ns
        return (Say(HEARTBEAT),)

    def farewell(self, now_ns: int) -> Iterable[Output]:  # noqa: ARG002
        return (Say(_status("maintenance", self._dialect.connection_id())),)

    def _each_pair(self, event: str, request: dict[str, object], reqid: dict[str, object]) -> Iterable[Output]:
        pairs, subscription = request.get("pair"), request.get("subscription")
        if not isinstance(subscription, dict):
            return (_refused("Subscription field must be an object", reqid),)
        name = subscription.get("name")
        if name != "trade":
            wrong = "Subscription name not simulated" if name in CHANNELS else "Subscription name invalid"
            return (_refused(wrong, reqid, subscription=subscription),)
        if not isinstance(pairs, list) or not pairs:
            return (_refused("Pair field must be an array", reqid, subscription=subscription),)
        answers: list[Output] = []
        begun: list[Output] = []
        for pair in pairs:
            error = self._error(event, pair)
            if error:
                answers.append(_refused(error, reqid, pair=pair, subscription=subscription))
            elif event == "subscribe":
                self._pairs.add(pair)
                answers.append(self._status(pair, "subscribed", reqid))
                snapshot = self._dialect.snapshot(pair)
                begun += [snapshot, Subscribed(pair)] if snapshot else [Subscribed(pair)]
            else:
                self._pairs.remove(pair)
                answers += [Unsubscribed(pair), self._status(pair, "unsubscribed", reqid)]
        return (*answers, *begun)

    def _error(self, event: str, pair: object) -> str | None:
        if not isinstance(pair, str) or not is_pair(pair):
            return f"Currency pair not in ISO 4217-A3 format {pair}"
        if pair not in self._dialect.streams:
            return f"Currency pair not supported {pair}"
        if event == "subscribe":
            return "Already subscribed" if pair in self._pairs else None
        return None if pair in self._pairs else "Subscription Not Found"

    def _status(self, pair: str, status: str, reqid: dict[str, object]) -> Say:
        channel = {"channelID": self._dialect.channel_id(pair), "channelName": "trade"}
        rest = {"event": "subscriptionStatus", "pair": pair, **reqid, "status": status}
        return Say(_encode({**channel, **rest, "subscription": {"name": "trade"}}))


def _trades(frame: bytes) -> tuple[str, int, list[bytes]]:
    """Pair, channel id and the trades' texts; '', 0 and none where it is no trade frame."""
    try:
        array = _decode(frame)
        if len(array) != 4 or _decode_text(array[2]) != "trade":
            return "", 0, []
        return _decode_text(array[3]), _decode_number(array[0]), [bytes(raw) for raw in _decode(array[1])]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return "", 0, []


def _told_apart(trades: list[bytes]) -> Iterable[tuple[Hashable, bytes]]:
    """Each trade with what tells it from others: its text, and how many equal ones come before it."""
    seen: dict[bytes, int] = {}
    for text in trades:
        occurrence = seen[text] = seen.get(text, 0) + 1
        yield (text, occurrence), text


def _status(status: str, connection_id: int) -> bytes:
    return _encode({"connectionID": connection_id, "event": "systemStatus", "status": status, "version": "1.9.6"})


def _refused(message: str, reqid: dict[str, object], **asked: object) -> Say:
    fields = {"errorMessage": message, "event": "subscriptionStatus", **asked, **reqid, "status": "error"}
    return Say(_encode(dict(sorted(fields.items()))))


def _reqid(request: dict[str, object]) -> dict[str, object]:
    reqid = request.get("reqid")
    return {"reqid": reqid} if isinstance(reqid, int) else {}
