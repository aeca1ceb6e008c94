"""Binance: trade streams of the spot market, raw and combined.

Sources, read 2026-09:
  https://developers.binance.com/docs/binance-spot-api-docs/web-socket-streams (payloads, combined wrapping,
  answers and error messages, serverShutdown)
  https://developers.binance.com/docs/derivatives/usds-margined-futures/websocket-market-streams (futures)

A combined stream wraps a payload as `{"stream": .., "data": <payload>}`. Every payload names its event in
`e`, save for two: bookTicker (`u, s, b, B, a, A`) and the partial book (`lastUpdateId, bids, asks`).
"""

from __future__ import annotations

from typing import Final

import msgspec

from k2pipeline.exchanges import (
    TOPIC_PREFIX,
    UNKNOWN_FRAME,
    Exchange,
    Frame,
    FrameKind,
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


EXCHANGE = Exchange("binance", f"{TOPIC_PREFIX}.binance", classify)
