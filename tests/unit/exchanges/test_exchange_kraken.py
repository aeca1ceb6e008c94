"""Kraken frames of both protocol versions, told apart."""

from __future__ import annotations

import pytest

from k2pipeline.exchanges import EXCHANGES, Frame, FrameKind

classify = EXCHANGES["kraken"].classify
V2_TRADE = (
    '{"symbol":"BTC/USD","side":"sell","price":84095.7,"qty":0.00275723,"ord_type":"limit",'
    '"trade_id":109183886,"timestamp":"2026-09-26T18:09:13.157776Z"}'
)
V1_TRADE = '["354.11000000","0.89594024","1618678142.557535","s","l",""]'


@pytest.mark.parametrize("message_type", ["update", "snapshot"])
@pytest.mark.parametrize("trades", [1, 2, 50])
def test_v2_trade_frames_are_trades_and_say_how_many(message_type: str, trades: int) -> None:
    frame = f'{{"channel":"trade","type":"{message_type}","data":[{",".join([V2_TRADE] * trades)}]}}'
    assert classify(frame.encode()) == Frame(FrameKind.TRADE, "BTC/USD", "trade", trades)


@pytest.mark.parametrize("trades", [1, 2, 50])
def test_v1_trade_frames_are_trades_and_say_how_many(trades: int) -> None:
    frame = f'[993,[{",".join([V1_TRADE] * trades)}],"trade","XMR/USD"]'
    assert classify(frame.encode()) == Frame(FrameKind.TRADE, "XMR/USD", "trade", trades)


@pytest.mark.parametrize(
    ("broken", "symbol", "trades"),
    [
        ('{"channel":"trade"}', "", 1),
        ('{"channel":"trade","data":null}', "", 1),
        ('{"channel":"trade","data":{}}', "", 1),
        ('{"channel":"trade","data":[]}', "", 0),
        ('{"channel":"trade","data":[1,2]}', "", 2),
        ('{"channel":"trade","data":[{"symbol":5}]}', "", 1),
        ('{"channel":"trade","data":[{"price":1},{"symbol":"ETH/USD"}]}', "", 2),
        ('{"channel":"trade","data":[{"symbol":"ETH/USD","price":1e999999}]}', "ETH/USD", 1),
        ('{"data":[{"symbol":"\\ud800"}],"channel":"trade"}', "", 1),
        ('{"data":[{"symbol":"ETH/USD"}],"ch\\u0061nnel":"trade"}', "ETH/USD", 1),
        ('[1,[],"trade","XBT/USD"]', "XBT/USD", 0),
        ('[1,"x","trade","XBT/USD"]', "XBT/USD", 1),
        ('[1,[[],[]],[[]],"trade","XBT/USD"]', "XBT/USD", 1),
        ('["trade","XBT/USD"]', "XBT/USD", 1),
        ('[1,[[]],"trade",null]', "", 1),
        ('[1,[[]],"trade","\\ud800"]', "", 1),
        (' [ 1 , [[]] , "tr\\u0061de" , "XBT/USD" ] ', "XBT/USD", 1),
    ],
)
def test_a_trade_with_broken_contents_still_is_a_trade(broken: str, symbol: str, trades: int) -> None:
    assert classify(broken.encode()) == Frame(FrameKind.TRADE, symbol, "trade", trades)


@pytest.mark.parametrize(
    ("frame", "channel", "symbol"),
    [
        ('{"channel":"book","type":"update","data":[{"symbol":"BTC/USD","bids":[]}]}', "book", "BTC/USD"),
        ('{"channel":"ticker","type":"snapshot","data":[{"symbol":"BTC/USD"}]}', "ticker", "BTC/USD"),
        ('{"channel":"ohlc","data":[{"symbol":"BTC/USD"}]}', "ohlc", "BTC/USD"),
        ('{"channel":"instrument","data":{"assets":[],"pairs":[]}}', "instrument", ""),
        (
            '[341,["31760.0","31760.1","1654031976.197239","0.02","6.4"],"spread","XBT/USD"]',
            "spread",
            "XBT/USD",
        ),
        ('[343,["1","2","3"],"ohlc-1","XBT/USD"]', "ohlc", "XBT/USD"),
        ('[320,{"a":[]},{"b":[],"c":"2479000840"},"book-25","XBT/USD"]', "book", "XBT/USD"),
        ('[1668,{"a":["1",1,"2"]},"ticker","WAVES/EUR"]', "ticker", "WAVES/EUR"),
    ],
)
def test_other_market_channels_are_named(frame: str, channel: str, symbol: str) -> None:
    assert classify(frame.encode()) == Frame(FrameKind.MARKET, symbol, channel, 0)


@pytest.mark.parametrize(
    ("frame", "channel"),
    [
        ('{"channel":"heartbeat"}', "heartbeat"),
        ('{"channel":"status","type":"update","data":[{"connection_id":16763580994566763544}]}', "status"),
        ('{"method":"subscribe","result":{"channel":"trade","symbol":"BTC/USD"},"success":true}', "ack"),
        ('{"method":"subscribe","success":false,"error":"Currency pair not supported","req_id":42}', "error"),
        ('{"error":"Malformed request","success":false}', "error"),
        ('{"method":"pong","req_id":42,"time_in":"2023-09-25T09:05:00.123456Z"}', "pong"),
        ('{"event":"heartbeat"}', "heartbeat"),
        ('{"event":"pong"}', "pong"),
        ('{"connectionID":18239578009413566319,"event":"systemStatus","status":"online"}', "status"),
        (
            '{"channelID":1665,"channelName":"trade","event":"subscriptionStatus","status":"subscribed"}',
            "ack",
        ),
        ('{"channelID":337,"event":"subscriptionStatus","status":"unsubscribed"}', "ack"),
        ('{"errorMessage":"Event(s) not found","event":"subscriptionStatus","status":"error"}', "error"),
        ('{"errorMessage":"Malformed request","event":"error"}', "error"),
    ],
)
def test_answers_and_notices_are_control_frames(frame: str, channel: str) -> None:
    assert classify(frame.encode()) == Frame(FrameKind.CONTROL, "", channel, 0)


@pytest.mark.parametrize(
    "frame",
    [
        '{"channel":"trades","data":[]}',
        '{"channel":"executions","data":[]}',
        '{"chan":"trade","data":[]}',
        '{"channel":["trade"]}',
        '{"event":"addOrderStatus"}',
        '{"method":"subscribe"}',
        '[1,[[]],"Trade","XBT/USD"]',
        '[1,[[]],"XBT/USD","trade"]',
        '[[],"openOrders",{"sequence":1}]',
        '[1,{},"book-x","XBT/USD"]',
        '["trade"]',
    ],
)
def test_anything_else_is_unknown(frame: str) -> None:
    assert classify(frame.encode()).kind is FrameKind.UNKNOWN
