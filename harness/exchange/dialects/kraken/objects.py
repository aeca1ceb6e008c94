"""Kraken's WebSocket v2: objects, prices and quantities as JSON numbers whose text is kept.

Sources: https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/trade (and its siblings status,
heartbeat, ping) and https://docs.kraken.com/api/docs/guides/spot-ws-ratelimits, read 2026-09; the order of keys
as recorded. An error text that the pages do not give is one that clients report. Kraken's page calls `snapshot`
false when it is left out; here the last trades come after every subscribe that does not say `"snapshot":false`, as
they do in recordings.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
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

HEARTBEAT: Final = b'{"channel":"heartbeat"}'

_encode = msgspec.json.Encoder().encode


class _Trade(msgspec.Struct, gc=False):
    symbol: str
    trade_id: int


class _Frame(msgspec.Struct, gc=False):
    channel: str = ""
    data: list[msgspec.Raw] = []


_decode = msgspec.json.Decoder(_Frame).decode
_decode_trade = msgspec.json.Decoder(_Trade).decode


class KrakenObjects(Dialect):
    """Knows the symbols of what is played, and refuses others."""

    exchange = "kraken"
    name = "kraken-v2"
    path = "/v2"
    example = "/v2"
    is_fed = True

    def __init__(self, limits: Limits, connection_id: Callable[[], int]) -> None:
        super().__init__(limits, connection_id)
        self._last: dict[str, LastTrades] = {}

    def connect(self, target: str, address: str, now_ns: int) -> Session | Refusal | None:  # noqa: ARG002
        path = target.partition("?")[0]
        return ObjectsSession(self) if path in {"/v2", "/v2/"} else None

    def speaks(self, frame: bytes) -> bool:
        return not frame.lstrip().startswith(b"[")

    def read(self, frame: bytes) -> Played:
        symbols = {symbol for symbol, _, _ in _trades(frame)}
        stream = symbols.pop() if len(symbols) == 1 else None
        return Played(frame, stream if is_pair(stream) else None, {})

    def symbol(self, stream: str) -> str:
        return stream

    def stream(self, symbol: str) -> str:
        return symbol

    def trade_keys(self, frame: bytes) -> tuple[Hashable, ...]:
        return tuple((symbol, trade_id) for symbol, trade_id, _ in _trades(frame))

    def remember(self, played: Played) -> None:
        if played.stream is not None:
            last = self._last.setdefault(played.stream, LastTrades(self.limits.snapshot_trades))
            last.add((trade_id, text) for _, trade_id, text in _trades(played.frame))

    def snapshot(self, symbol: str) -> Resend | None:
        """The last trades of a symbol, oldest first; None before its first."""
        trades = self._last[symbol].texts() if symbol in self._last else []
        if not trades:
            return None
        return Resend(b'{"channel":"trade","type":"snapshot","data":[' + b",".join(trades) + b"]}", symbol)


class ObjectsSession(Session):
    """One connection to v2."""

    def __init__(self, dialect: KrakenObjects) -> None:
        self._dialect = dialect
        self._symbols: set[str] = set()
        self._requests = Requests(dialect.limits.requests_per_s)

    def greet(self, now_ns: int) -> Iterable[Output]:  # noqa: ARG002
        return (Say(_status("online", self._dialect.connection_id())),)

    def receive(self, text: str, now_ns: int) -> Iterable[Output]:
        if self._requests.is_over_the_limit(now_ns):
            return (Say(_encode({"Error": TOO_MANY})),)
        try:
            request = json.loads(text)
        except (ValueError, RecursionError):
            request = None
        method = request.get("method") if isinstance(request, dict) else None
        if method == "ping":
            return (_answer(now_ns, method="pong", **_req_id(request)),)
        if method not in {"subscribe", "unsubscribe"}:
            return (_answer(now_ns, error="Malformed request", method="error", success=False, **_req_id(request)),)
        return self._each_symbol(method, request, now_ns)

    def tick(self, now_ns: int, last_sent_ns: int) -> Iterable[Output]:
        if self._symbols and now_ns - last_sent_ns >= self._dialect.limits.heartbeat_s * SECOND_NS:
            return (Say(HEARTBEAT),)
        return ()

    def farewell(self, now_ns: int) -> Iterable[Output]:  # noqa: ARG002
        return (Say(_status("maintenance", self._dialect.connection_id())),)

    def _each_symbol(self, method: str, request: dict[str, object], now_ns: int) -> Iterable[Output]:
        """One answer for each symbol; what was subscribed to comes after the answers."""
        params = request.get("params")
        fields = params if isinstance(params, dict) else {}
        symbols = fields.get("symbol")
        common = {"method": method, **_req_id(request)}
        if fields.get("channel") != "trade" or not isinstance(symbols, list) or not symbols:
            wrong = "Malformed request" if "channel" not in fields else "Unsupported channel or symbol list"
            return (_answer(now_ns, error=wrong, success=False, **common),)
        answers: list[Output] = []
        begun: list[Output] = []
        for symbol in symbols:
            error = self._error(method, symbol)
            if error:
                answers.append(_answer(now_ns, error=error, success=False, symbol=symbol, **common))
            elif method == "subscribe":
                self._symbols.add(symbol)
                wants_snapshot = fields.get("snapshot", True) is not False
                accepted = {"channel": "trade", "snapshot": wants_snapshot, "symbol": symbol}
                answers.append(_answer(now_ns, result=accepted, success=True, **common))
                snapshot = self._dialect.snapshot(symbol) if wants_snapshot else None
                begun += [snapshot, Subscribed(symbol)] if snapshot else [Subscribed(symbol)]
            else:
                self._symbols.remove(symbol)
                accepted = {"channel": "trade", "symbol": symbol}
                answers += [Unsubscribed(symbol), _answer(now_ns, result=accepted, success=True, **common)]
        return (*answers, *begun)

    def _error(self, method: str, symbol: object) -> str | None:
        if not isinstance(symbol, str) or not is_pair(symbol):
            return f"Currency pair not in ISO 4217-A3 format {symbol}"
        if symbol not in self._dialect.streams:
            return f"Currency pair not supported {symbol}"
        if method == "subscribe":
            return "Already subscribed" if symbol in self._symbols else None
        return None if symbol in self._symbols else "Subscription Not Found"


def rfc3339(time_ns: int) -> str:
    """A time as v2 writes it: UTC, six decimals, Z."""
    seconds, ns = divmod(time_ns, SECOND_NS)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{ns // 1_000:06d}Z"


def _trades(frame: bytes) -> list[tuple[str, int, bytes]]:
    """Symbol, id and text of every trade of a frame; none where it is not made of trades with both."""
    try:
        message = _decode(frame)
        if message.channel != "trade":
            return []
        texts = [bytes(raw) for raw in message.data]
        return [(trade.symbol, trade.trade_id, text) for text in texts for trade in (_decode_trade(text),)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return []


def _status(system: str, connection_id: int) -> bytes:
    known = {"version": "2.0.10", "system": system, "api_version": "v2", "connection_id": connection_id}
    data = [{**known, "upcoming_maintenance": [], "emergency": []}]
    return _encode({"channel": "status", "type": "update", "data": data})


def _answer(now_ns: int, **fields: object) -> Say:
    """An answer with its keys in the order of the alphabet, as v2's are."""
    time = rfc3339(now_ns)
    return Say(_encode(dict(sorted({**fields, "time_in": time, "time_out": time}.items()))))


def _req_id(request: object) -> dict[str, object]:
    req_id = request.get("req_id") if isinstance(request, dict) else None
    return {"req_id": req_id} if isinstance(req_id, int) else {}
