"""Binance frames, told apart."""

from __future__ import annotations

import pytest

from k2pipeline.exchanges import EXCHANGES, Frame, FrameKind

classify = EXCHANGES["binance"].classify
RAW = (
    '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",'
    '"T":1723161255342,"m":true,"M":true}'
)
FUTURES = (
    '{"e":"trade","E":1723161256299,"T":1723161256298,"s":"BTCUSDT","t":5264711,"p":"61.10","q":"0.002",'
    '"X":"MARKET","m":true}'
)


def combined(payload: str) -> str:
    return f'{{"stream":"btcusdt@any","data":{payload}}}'


@pytest.mark.parametrize("wrap", [str, combined], ids=["raw", "combined"])
@pytest.mark.parametrize("payload", [RAW, FUTURES, RAW.replace('"M":true', '"M":true,"b":88,"a":50,"new":{"x":[1]}')])
def test_spot_and_futures_trades_are_trades_raw_and_combined(wrap: type[str], payload: str) -> None:
    assert classify(wrap(payload).encode()) == Frame(FrameKind.TRADE, "BTCUSDT", "trade", 1)


@pytest.mark.parametrize(
    ("broken", "symbol"),
    [
        ('{"e":"trade"}', ""),
        ('{"e":"trade","s":7}', ""),
        ('{"e":"trade","s":null,"p":[],"q":{}}', ""),
        ('{"e":"trade","s":"\\ud800"}', ""),
        ('{"e":"trade","s":"BTCUSDT","p":"\\udfff"}', "BTCUSDT"),
        ('{"e":"trade","s":"BTCUSDT","p":1e999999,"t":' + "9" * 5000 + "}", "BTCUSDT"),
        ('{"e":"trade","s":"BTCUSDT","A":1,"B":[]}', "BTCUSDT"),
        ('{"s":"币安人生USDT","e":"trade"}', "币安人生USDT"),
        (' { "\\u0065" : "tr\\u0061de" , "s" : "BTCUSDT" } ', "BTCUSDT"),
    ],
)
def test_a_trade_with_broken_contents_still_is_a_trade(broken: str, symbol: str) -> None:
    expected = Frame(FrameKind.TRADE, symbol, "trade", 1)
    assert classify(broken.encode()) == expected
    assert classify(combined(broken).encode()) == expected


@pytest.mark.parametrize(
    ("payload", "channel", "symbol"),
    [
        ('{"e":"aggTrade","s":"BTCUSDT","a":1,"f":1,"l":1}', "aggTrade", "BTCUSDT"),
        ('{"u":1,"s":"ETHUSDT","b":"1","B":"2","a":"3","A":"4"}', "bookTicker", "ETHUSDT"),
        ('{"e":"bookTicker","u":1,"s":"ETHUSDT","b":"1","B":"2","a":"3","A":"4"}', "bookTicker", "ETHUSDT"),
        ('{"e":"depthUpdate","s":"BTCUSDT","b":[["1","2"]],"a":[]}', "depthUpdate", "BTCUSDT"),
        ('{"lastUpdateId":160,"bids":[["1","2"]],"asks":[]}', "depth", ""),
        ('{"e":"kline","s":"BTCUSDT","k":{"t":1,"s":"BTCUSDT"}}', "kline", "BTCUSDT"),
        ('{"e":"24hrTicker","s":"BTCUSDT","A":"1","B":"2"}', "24hrTicker", "BTCUSDT"),
        ('[{"e":"24hrMiniTicker","s":"BTCUSDT"},{"e":"24hrMiniTicker","s":"ETHUSDT"}]', "24hrMiniTicker", ""),
        ('{"e":"blockTrade","s":"BNBBTC","t":582,"p":"0.052"}', "blockTrade", "BNBBTC"),
        ('{"e":"trade_all","s":"BTCUSDT_C","t":[{"t":"315"}]}', "trade_all", "BTCUSDT_C"),
    ],
)
def test_other_market_channels_are_named(payload: str, channel: str, symbol: str) -> None:
    expected = Frame(FrameKind.MARKET, symbol, channel, 0)
    assert classify(payload.encode()) == expected
    assert classify(combined(payload).encode()) == expected


@pytest.mark.parametrize(
    ("frame", "channel"),
    [
        ('{"result":null,"id":1}', "ack"),
        ('{"result":["btcusdt@trade"],"id":3}', "ack"),
        ('{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}', "error"),
        ('{"error":{"code":2,"msg":"Invalid request"},"id":null}', "error"),
        ('{"code":2,"msg":"Invalid request: too many parameters"}', "error"),
        ('{"e":"serverShutdown","E":1770123456789}', "status"),
        ('{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1770123456789}}', "status"),
    ],
)
def test_answers_and_notices_are_control_frames(frame: str, channel: str) -> None:
    assert classify(frame.encode()) == Frame(FrameKind.CONTROL, "", channel, 0)


@pytest.mark.parametrize(
    "frame",
    [
        '{"event":"trade","s":"BTCUSDT"}',
        '{"e":"Trade","s":"BTCUSDT"}',
        '{"e":["trade"],"s":"BTCUSDT"}',
        '{"e":"executionReport","s":"BTCUSDT"}',
        '{"e":"executionReport","s":"BTCUSDT","A":"1","B":"2"}',
        '{"stream":"btcusdt@trade","data":{}}',
        '{"stream":"btcusdt@trade","data":"trade"}',
        '{"stream":"btcusdt@trade","payload":{"e":"trade"}}',
        '[{"e":"trade","s":"BTCUSDT"}]',
        '{"A":1,"B":2,"s":"BTCUSDT"}',
    ],
)
def test_anything_else_is_unknown(frame: str) -> None:
    assert classify(frame.encode()).kind is FrameKind.UNKNOWN
