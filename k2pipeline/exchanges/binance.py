"""Binance: trade streams of the spot market, raw and combined.

Sources, read 2026-09:
  https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (payloads, combined wrapping,
  subscribing, answers and error messages, serverShutdown, limits: 5 messages a second to the server, 1,024
  streams and 24 hours a connection, 300 connections from an address in 5 minutes)
  https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (futures)

A combined stream wraps a payload as `{"stream": .., "data": <payload>}`. Every payload names its event in
`e`, save for two: bookTicker (`u, s, b, B, a, A`) and the partial book (`lastUpdateId, bids, asks`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlsplit

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

MARKET_EVENTS: Final = frozenset(
    {
        *("aggTrade", "avgPrice", "blockTrade", "bookTicker", "depthUpdate", "kline", "referencePrice"),
        *("24hrTicker", "24hrMiniTicker", "1hTicker", "4hTicker", "1dTicker"),
        *("assetIndexUpdate", "compositeIndex", "continuous_kline", "contractInfo", "forceOrder"),
        *("indexPriceUpdate", "indexPrice_kline", "markPriceUpdate", "markPrice_kline", "trade_all"),
    }
)


class _Event(msgspec.Struct, gc=False):
    e: str = ""
    s: str = ""
    A: str = ""
    B: str = ""


class _Message(_Event, gc=False):
    data: _Event | None = None


_decode = msgspec.json.Decoder(_Message).decode


def classify(frame: bytes) -> Frame:
    """TRADE is any payload with `e` = "trade": of futures too, which the schema tells apart."""
    try:
        message = _decode(frame)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _classify_exactly(frame)
    if not is_utf8(frame):
        return UNKNOWN_FRAME
    event = message if message.data is None else message.data
    if event.e == "trade":
        return Frame(FrameKind.TRADE, event.s, "trade", 1)
    if event.e in MARKET_EVENTS:
        return Frame(FrameKind.MARKET, event.s, event.e, 0)
    if event.A and event.B and not event.e:
        return Frame(FrameKind.MARKET, event.s, "bookTicker", 0)
    return _classify_exactly(frame)


def _classify_exactly(frame: bytes) -> Frame:
    """The definition: what the fast path above may only shorten."""
    try:
        message = read_json(frame)
    except ValueError:
        return not_json(frame)
    if isinstance(message, dict) and isinstance(message.get("data"), (dict, list)):
        return _classify_payload(message["data"])
    return _classify_payload(message)


def _classify_payload(payload: object) -> Frame:
    if isinstance(payload, list):
        # "All market" streams send one array of events; no array carries trades.
        first = _classify_payload(payload[0]) if payload and isinstance(payload[0], dict) else UNKNOWN_FRAME
        is_market = first.kind is FrameKind.MARKET
        return Frame(FrameKind.MARKET, "", first.channel, 0) if is_market else UNKNOWN_FRAME
    if not isinstance(payload, dict):
        return UNKNOWN_FRAME
    event, symbol = text(payload.get("e")), text(payload.get("s"))
    if event == "trade":
        return Frame(FrameKind.TRADE, symbol, "trade", 1)
    if event in MARKET_EVENTS:
        return Frame(FrameKind.MARKET, symbol, event, 0)
    return _classify_unnamed(payload, event, symbol)


def _classify_unnamed(payload: dict[str, object], event: str, symbol: str) -> Frame:
    if event == "serverShutdown":
        return Frame(FrameKind.CONTROL, "", "status", 0)
    if event:
        return UNKNOWN_FRAME
    if text(payload.get("A")) and text(payload.get("B")):
        return Frame(FrameKind.MARKET, symbol, "bookTicker", 0)
    if "lastUpdateId" in payload:
        return Frame(FrameKind.MARKET, symbol, "depth", 0)
    if "error" in payload or {"code", "msg"} <= payload.keys():
        return Frame(FrameKind.CONTROL, "", "error", 0)
    if {"result", "id"} <= payload.keys():
        return Frame(FrameKind.CONTROL, "", "ack", 0)
    return UNKNOWN_FRAME


# Inside a JSON string a quote is escaped, so `"t":` is a key wherever it stands.
_find_id = re.compile(rb'"t":\s*(\d{1,19})\b').search
_find_event_time = re.compile(rb'"E":\s*(\d{13,16})\b').search


def trade_ids(frame: bytes) -> Sequence[int]:
    found = _find_id(frame)
    return (int(found[1]),) if found else ()


def event_ns(frame: bytes) -> int:
    """`E` is in ms, or in us where the stream was asked for with timeUnit=MICROSECOND."""
    found = _find_event_time(frame)
    if not found:
        return 0
    return int(found[1]) * (1_000 if len(found[1]) == 16 else 1_000_000)


def address(base: str) -> str:
    """The combined stream of a base address; a query such as ?timeUnit=MICROSECOND stays."""
    parts = urlsplit(base)
    path = parts.path.rstrip("/")
    return parts._replace(path=path if path.endswith("/stream") else f"{path}/stream").geturl()


def symbol_fault(symbol: str) -> str:
    """Not only Latin letters: symbols in Chinese are traded."""
    if symbol.isalnum() and symbol == symbol.upper():
        return ""
    return "a symbol is capital letters and digits, such as BTCUSDT"


def subscribe(symbols: Sequence[str], request_id: int) -> str:
    params = [f"{symbol.lower()}@trade" for symbol in symbols]
    return json.dumps({"method": "SUBSCRIBE", "params": params, "id": request_id}, ensure_ascii=False)


def answer(frame: bytes) -> Answer | None:
    """`{"result":null,"id":1}`, `{"error":{"code":2,"msg":".."},"id":1}`, or the same error without wrapping.

    An ack comes for a stream of no known symbol too: it is a well-formed stream on which nothing is sent.
    """
    try:
        message = read_json(frame)
        if not isinstance(message, dict):
            return None
        payload = message.get("data", message)
        if isinstance(payload, dict) and payload.get("e") == "serverShutdown":
            return Answer(AnswerKind.LEAVING, reason="serverShutdown")
        given = msgspec.json.decode(frame, type=_Given).id
    except (ValueError, RecursionError):
        return None
    error = message.get("error", message)
    if isinstance(error, dict) and "msg" in error:
        return Answer(AnswerKind.REFUSED, given, reason=text(error["msg"]))
    return Answer(AnswerKind.ACCEPTED, given) if "result" in message else None


class _Given(msgspec.Struct):
    id: int | None = None


WIRE: Final = Wire(
    url="wss://stream.binance.com:9443",
    address=address,
    symbols_per_connection=1024,
    symbols_per_message=100,
    message_interval_s=0.3,  # pongs count towards the 5 a second too
    lifetime_s=24 * 3600,
    attempts=Attempts(300, 300),
    symbol_fault=symbol_fault,
    subscribe=subscribe,
    answer=answer,
    ping=None,
    trade_ids=trade_ids,
    event_ns=event_ns,
)
EXCHANGE = Exchange("binance", f"{TOPIC_PREFIX}.binance", classify, WIRE)
