"""Kraken spot: WebSocket v2 (live) and v1 (recordings).

Sources, read 2026-09:
  https://docs.kraken.com/exchange/api-reference/spot-websocket-v2/trade (and its siblings ticker, book,
  level3, ohlc, instrument, status, heartbeat, ping): objects `{"channel": .., "type": .., "data": [..]}`;
  answers carry `method`, and `success` unless they are a pong; subscribing is acknowledged symbol by symbol
  https://docs.kraken.com/exchange/api-reference/spot-websocket-v1/trade (and its siblings): data are arrays
  `[id, <payload> .., channel name, pair]`, everything else is an object with `event`
  https://docs.kraken.com/api/docs/guides/spot-ws-ratelimits: no number is published for messages; too many are
  answered with `{"Error": "Exceeded msg rate"}`, which clients also see as an `error` of v2's usual shape
  https://support.kraken.com/articles/360022326871 (150 connections from an address in 10 minutes)

A v1 book frame that changes both sides has five elements, so channel and pair are addressed from the end.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Final

import msgspec

from k2pipeline.exchanges import (
    TOPIC_PREFIX,
    UNKNOWN_FRAME,
    Answer,
    AnswerKind,
    Attempts,
    Exchange,
    Frame,
    FrameKind,
    Wire,
    is_utf8,
    not_json,
    read_json,
    text,
)

V1_MARKET: Final = frozenset({"book", "ohlc", "spread", "ticker"})
V2_MARKET: Final = frozenset({"book", "instrument", "level3", "ohlc", "ticker"})
CONTROL_CHANNELS: Final = frozenset({"heartbeat", "status"})
# v1 events; subscriptionStatus is an ack or, by its own `status`, an error.
CONTROL_EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {"heartbeat": "heartbeat", "pong": "pong", "systemStatus": "status", "error": "error"}
)


class _Item(msgspec.Struct, gc=False):
    symbol: str = ""


class _Message(msgspec.Struct):
    channel: str = ""
    data: list[_Item] | None = None


_decode_message = msgspec.json.Decoder(_Message).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def classify(frame: bytes) -> Frame:
    """TRADE is v2's `channel` = "trade" and v1's element [-2] = "trade", whatever the trades look like."""
    try:
        fast = _classify_array(frame) if frame[:1] == b"[" else _classify_message(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        fast = None
    if fast is None:
        return _classify_exactly(frame)
    return fast if is_utf8(frame) else UNKNOWN_FRAME


def _classify_message(frame: bytes) -> Frame | None:
    message = _decode_message(frame)
    data = message.data
    symbol = data[0].symbol if data else ""
    if message.channel == "trade":
        return Frame(FrameKind.TRADE, symbol, "trade", 1 if data is None else len(data))
    if message.channel in V2_MARKET:
        return Frame(FrameKind.MARKET, symbol, message.channel, 0)
    if message.channel in CONTROL_CHANNELS:
        return Frame(FrameKind.CONTROL, "", message.channel, 0)
    return None


def _classify_array(frame: bytes) -> Frame | None:
    array = _decode_array(frame)
    if len(array) < 2:
        return None
    channel, pair = _decode_text(array[-2]), _decode_text(array[-1])
    if channel == "trade":
        return Frame(FrameKind.TRADE, pair, "trade", len(_decode_array(array[1])) if len(array) == 4 else 1)
    return _market_array(channel, pair)


def _market_array(channel: str, pair: str) -> Frame:
    name, _, parameter = channel.partition("-")  # book-1000, ohlc-5
    if name in V1_MARKET and (not parameter or parameter.isdecimal()):
        return Frame(FrameKind.MARKET, pair, name, 0)
    return UNKNOWN_FRAME


def _classify_exactly(frame: bytes) -> Frame:
    """The definition: what the fast paths above may only shorten."""
    try:
        message = read_json(frame)
    except ValueError:
        return not_json(frame)
    if isinstance(message, list):
        return _array_frame(message)
    if isinstance(message, dict):
        return _object_frame(message)
    return UNKNOWN_FRAME


def _array_frame(array: list[object]) -> Frame:
    if len(array) < 2:
        return UNKNOWN_FRAME
    pair = text(array[-1])
    if array[-2] == "trade":
        trades = len(array[1]) if len(array) == 4 and isinstance(array[1], list) else 1
        return Frame(FrameKind.TRADE, pair, "trade", trades)
    return _market_array(text(array[-2]), pair)


def _object_frame(message: dict[str, object]) -> Frame:
    channel, data = text(message.get("channel")), message.get("data")
    first = data[0] if isinstance(data, list) and data else None
    symbol = text(first.get("symbol")) if isinstance(first, dict) else ""
    if channel == "trade":
        return Frame(FrameKind.TRADE, symbol, "trade", len(data) if isinstance(data, list) else 1)
    if channel in V2_MARKET:
        return Frame(FrameKind.MARKET, symbol, channel, 0)
    if channel in CONTROL_CHANNELS:
        return Frame(FrameKind.CONTROL, "", channel, 0)
    return UNKNOWN_FRAME if channel else _answer_frame(message)


def _answer_frame(message: dict[str, object]) -> Frame:
    event = text(message.get("event"))
    if event == "subscriptionStatus":
        return Frame(FrameKind.CONTROL, "", "error" if message.get("status") == "error" else "ack", 0)
    if event in CONTROL_EVENTS:
        return Frame(FrameKind.CONTROL, "", CONTROL_EVENTS[event], 0)
    if message.get("method") == "pong":
        return Frame(FrameKind.CONTROL, "", "pong", 0)
    if message.get("success") is False or text(message.get("Error")):
        return Frame(FrameKind.CONTROL, "", "error", 0)
    if "method" in message and message.get("success") is True:
        return Frame(FrameKind.CONTROL, "", "ack", 0)
    return UNKNOWN_FRAME


_find_ids = re.compile(rb'"trade_id":\s*(\d{1,19})\b').findall
_find_times = re.compile(rb'"timestamp":\s*"([^"]{20,30})"').findall
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def trade_ids(frame: bytes) -> Sequence[int]:
    return [int(digits) for digits in _find_ids(frame)]


def event_ns(frame: bytes) -> int:
    """The time of the last trade; of a snapshot it says nothing about the wire, so that has none."""
    if b'"snapshot"' in frame[:80]:
        return 0
    times = _find_times(frame)
    try:
        at = datetime.fromisoformat(times[-1].decode())
        return (at - _EPOCH) // timedelta(microseconds=1) * 1_000
    except (IndexError, ValueError, TypeError):  # none, no time, or one without its zone
        return 0


def symbol_fault(symbol: str) -> str:
    base, slash, quote = symbol.partition("/")
    if base and slash and quote and not set(symbol) & set(' ,"') and "/" not in quote:
        return ""
    return "a symbol is written with a slash, such as BTC/USD"


def subscribe(symbols: Sequence[str], request_id: int) -> str:
    params = {"channel": "trade", "symbol": list(symbols), "snapshot": True}
    return json.dumps({"method": "subscribe", "params": params, "req_id": request_id}, ensure_ascii=False)


def ping(request_id: int) -> str:
    """Answered by Kraken itself, where a WebSocket ping is answered by whatever stands before it."""
    return json.dumps({"method": "ping", "req_id": request_id})


class _Result(msgspec.Struct):
    symbol: str = ""


class _Answer(msgspec.Struct):
    method: str = ""
    success: bool | None = None
    symbol: str = ""
    error: str = ""
    bare_error: str = msgspec.field(default="", name="Error")
    req_id: int | None = None
    result: _Result | None = None


_decode_answer = msgspec.json.Decoder(_Answer).decode


# What no repetition mends. Any other error is taken for a passing one: `EGeneral:Rate limit exceeded`,
# `EGeneral:Too many requests`, `EService:Unavailable`, `EService:Busy`, `Internal error`, and whatever is new.
_is_permanent = re.compile(
    r"not supported|unsupported|not in ISO|malformed|\binvalid|not found|permission denied", re.IGNORECASE
).search


def answer(frame: bytes) -> Answer | None:
    """One answer a symbol. An error names its symbol in `symbol`, or only at the end of its text, or not at all."""
    try:
        said = _decode_answer(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    error = said.error or said.bare_error
    if said.method not in ("subscribe", "error", "") or (said.success is None and not error):
        return None
    symbol = said.symbol or (said.result.symbol if said.result else "")
    if said.success or error.startswith("Already subscribed"):
        return Answer(AnswerKind.ACCEPTED, said.req_id, symbol)
    last_word = error.rpartition(" ")[2]
    named = symbol or ("" if symbol_fault(last_word) else last_word)
    kind = AnswerKind.REFUSED if _is_permanent(error) else AnswerKind.BUSY
    return Answer(kind, said.req_id, named, error)


WIRE: Final = Wire(
    url="wss://ws.kraken.com/v2",
    address=str,
    symbols_per_connection=1000,  # no limit is published; a snapshot of each is a frame of 8 kB
    symbols_per_message=100,
    message_interval_s=0.2,
    lifetime_s=None,
    attempts=Attempts(150, 600),
    symbol_fault=symbol_fault,
    subscribe=subscribe,
    answer=answer,
    ping=ping,
    trade_ids=trade_ids,
    event_ns=event_ns,
)
EXCHANGE = Exchange("kraken", f"{TOPIC_PREFIX}.kraken", classify, WIRE)
