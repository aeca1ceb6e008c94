"""One connection to Binance: its subscriptions, its limits, and what it is answered.

Sources: as in requests.py. The close codes are those that clients report: 1008 "Too many requests" and 1008
"Pong timeout"; for the end of the 24 hours none is documented, and 1001 says what it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Final

from harness.exchange.dialect import (
    SECOND_NS,
    Close,
    Limits,
    Output,
    Ping,
    Say,
    Session,
    Subscribed,
    Unsubscribed,
)
from harness.exchange.dialects.binance import requests
from harness.exchange.dialects.binance.requests import Request, refused, result

RAW: Final = 0
COMBINED: Final = 1
MICROSECONDS: Final = 2
"""Forms: raw or combined, and MICROSECONDS added to either."""


class BinanceSession(Session):
    """The combined property starts as the path says and can be set."""

    def __init__(
        self, streams: Iterable[str], *, is_combined: bool, in_microseconds: bool, limits: Limits, now_ns: int
    ) -> None:
        self.streams: dict[str, None] = {}
        self.form = (COMBINED if is_combined else RAW) + (MICROSECONDS if in_microseconds else 0)
        self._first = list(dict.fromkeys(streams))
        self._limits = limits
        self._opened_ns = self._pinged_ns = now_ns
        self._unanswered: dict[bytes, int] = {}
        self._messages: deque[int] = deque()

    def greet(self, now_ns: int) -> Iterable[Output]:  # noqa: ARG002  # the path has said it all
        return self._subscribe(self._first)

    def receive(self, text: str, now_ns: int) -> Iterable[Output]:
        if self._is_over_the_limit(now_ns):
            return (Close(1008, "Too many requests"),)
        request = requests.read_request(text)
        if isinstance(request, requests.Fault):
            return (Say(request.answer),)
        if request.method in {"SUBSCRIBE", "UNSUBSCRIBE"}:
            return self._change(request)
        if request.method == "LIST_SUBSCRIPTIONS":
            if request.params:
                return (Say(refused(2, requests.TOO_MANY_PARAMETERS, request.id)),)
            return (Say(result(list(self.streams), request.id)),)
        return (self._property(request),)

    def control(self, pong: bytes | None, now_ns: int) -> Iterable[Output]:
        if pong is not None and pong in self._unanswered:
            answered_ns = self._unanswered[pong]
            self._unanswered = {sent: at_ns for sent, at_ns in self._unanswered.items() if at_ns > answered_ns}
        return (Close(1008, "Too many requests"),) if self._is_over_the_limit(now_ns) else ()

    def tick(self, now_ns: int, last_sent_ns: int) -> Iterable[Output]:  # noqa: ARG002  # it pings a busy one too
        if now_ns - self._opened_ns >= self._limits.lifetime_s * SECOND_NS:
            return (Close(1001, "connection lifetime is over"),)
        oldest_ns = min(self._unanswered.values(), default=now_ns)
        if now_ns - oldest_ns >= self._limits.pong_within_s * SECOND_NS:
            return (Close(1008, "Pong timeout"),)
        if now_ns - self._pinged_ns >= self._limits.ping_every_s * SECOND_NS:
            self._pinged_ns = now_ns
            payload = str(now_ns // 1_000_000).encode()
            self._unanswered[payload] = now_ns
            return (Ping(payload),)
        return ()

    def farewell(self, now_ns: int) -> Iterable[Output]:
        event = b'{"e":"serverShutdown","E":%d}' % (now_ns // 1_000_000)
        wrapped = b'{"stream":"!serverShutdown","data":' + event + b"}"
        return (Say(wrapped if self.form & COMBINED else event),)

    def _is_over_the_limit(self, now_ns: int) -> bool:
        messages = self._messages
        messages.append(now_ns)
        while messages[0] <= now_ns - SECOND_NS:
            messages.popleft()
        return len(messages) > self._limits.messages_per_s

    def _change(self, request: Request) -> Iterable[Output]:
        wanted = request.params
        if not isinstance(wanted, list) or not all(
            isinstance(name, str) and requests.is_stream(name) for name in wanted
        ):
            return (Say(refused(2, requests.INVALID_STREAM, request.id)),)
        if request.method == "UNSUBSCRIBE":
            gone = [name for name in dict.fromkeys(wanted) if name in self.streams]
            for name in gone:
                del self.streams[name]
            return (*map(Unsubscribed, gone), Say(result(None, request.id)))
        if len(self.streams.keys() | set(wanted)) > self._limits.streams:
            return (Say(refused(2, requests.TOO_MANY_STREAMS, request.id)),)
        return (Say(result(None, request.id)), *self._subscribe(wanted))

    def _subscribe(self, wanted: Iterable[str]) -> Iterable[Output]:
        fresh = [name for name in dict.fromkeys(wanted) if name not in self.streams]
        self.streams.update(dict.fromkeys(fresh))
        return tuple(map(Subscribed, fresh))

    def _property(self, request: Request) -> Output:
        """SET_PROPERTY and GET_PROPERTY; there is one property."""
        is_set = request.method == "SET_PROPERTY"
        params = request.params if isinstance(request.params, list) else []
        if not params or not isinstance(params[0], str):
            return Say(refused(2, requests.NO_PROPERTY_NAME, request.id))
        if len(params) > (2 if is_set else 1):
            return Say(refused(2, requests.TOO_MANY_PARAMETERS, request.id))
        if params[0] != "combined":
            return Say(refused(0, requests.UNKNOWN_PROPERTY, request.id))
        if not is_set:
            return Say(result(bool(self.form & COMBINED), request.id))
        if len(params) < 2 or not isinstance(params[1], bool):
            return Say(refused(1, requests.NO_BOOLEAN, request.id))
        self.form = self.form & MICROSECONDS | (COMBINED if params[1] else RAW)
        return Say(result(None, request.id))
