"""Encoders against recorded frames: what was received, taken apart and encoded again, is the same text."""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from harness.captures import read_capture
from harness.synthetic.exchanges import binance, kraken
from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Trade

RECORDED = Path(__file__).parents[3].parent / "shared" / "captures"


def recorded(name: str) -> Iterator[str]:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"the recorded captures are not here ({name})")
    return (captured.frame.decode() for captured in read_capture(path))


def units(text: str) -> tuple[int, int]:
    return int(text.replace(".", "")), len(text.partition(".")[2])


def trade(symbol: str, trade_id: int, price: str, size: str, buys: bool, market: bool, event_ns: int) -> Trade:
    (ticks, price_decimals), (lots, size_decimals) = units(price), units(size)
    instrument = Instrument(symbol, price_decimals, size_decimals, ticks, lots)
    return Trade(instrument, trade_id, ticks, lots, buys, market, event_ns)


def binance_trade(data: dict[str, Any]) -> Trade:
    return trade(data["s"], data["t"], data["p"], data["q"], not data["m"], False, data["T"] * 10**6)


def v2_trade(data: dict[str, Any]) -> Trade:
    seconds, _, fraction = data["timestamp"].removesuffix("Z").partition(".")
    event_ns = int(datetime.fromisoformat(f"{seconds}Z").timestamp()) * 10**9 + int(fraction) * 1_000
    buys, market = data["side"] == "buy", data["ord_type"] == "market"
    return trade(data["symbol"], data["trade_id"], data["price"], data["qty"], buys, market, event_ns)


def v1_trade(row: list[str], pair: str) -> Trade:
    # The encoder pads a price that is on the tick grid; the last recorded digit is such padding.
    assert row[0].endswith("0")
    return trade(pair, 0, row[0][:-1], row[1], row[3] == "b", row[4] == "m", units(row[2])[0] * 1_000)


@pytest.mark.parametrize("name", ["binance-trade-1.jsonl.gz", "binance-trade-2.jsonl.gz", "binance-trade-3.jsonl.gz"])
def test_recorded_binance_trades_are_encoded_byte_for_byte(name: str) -> None:
    compared = 0
    for frame in recorded(name):
        if '@trade"' not in frame:
            continue
        data = json.loads(frame)["data"]
        assert binance.combined(binance_trade(data), data["E"]) == frame
        compared += 1
    assert compared > 10


def test_a_raw_binance_frame_is_what_a_combined_one_wraps() -> None:
    sent = trade("BTCUSDT", 3735683259, "61837.63", "0.02000", False, False, 1723161255342 * 10**6)
    raw = (
        '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",'
        '"T":1723161255342,"m":true,"M":true}'
    )
    assert binance.raw(sent, 1723161255343) == raw
    assert binance.combined(sent, 1723161255343) == f'{{"stream":"btcusdt@trade","data":{raw}}}'


def test_the_recorded_binance_ack_is_encoded_byte_for_byte() -> None:
    assert binance.ack(1) in recorded("mixed-specimens-1.jsonl.gz")


def test_recorded_kraken_v2_frames_are_encoded_byte_for_byte() -> None:
    dialect, compared = kraken.V2(), set()
    for frame in recorded("kraken-v2trade-1.jsonl.gz"):
        message = json.loads(frame, parse_float=str)
        channel = message.get("channel", "ack")
        if channel == "status":
            encoded = dialect.status(message["data"][0]["connection_id"])
        elif channel == "heartbeat":
            encoded = dialect.HEARTBEAT
        elif channel == "trade":
            encoded = dialect.trades(message["type"], 0, map(v2_trade, message["data"]))
        else:
            acked = v2_trade(V2_DUMMY | {"timestamp": message["time_out"]})
            encoded = dialect.ack(0, message["result"]["symbol"], acked.event_ns)
        assert encoded == frame
        compared.add(channel)
    assert compared == {"status", "ack", "trade", "heartbeat"}


V2_DUMMY = {"symbol": "", "side": "buy", "price": "1", "qty": "1", "ord_type": "limit", "trade_id": 1}


def test_recorded_kraken_v1_frames_are_encoded_byte_for_byte() -> None:
    dialect, compared = kraken.V1(), set()
    for frame in recorded("kraken-v1trade-1.jsonl.gz"):
        message = json.loads(frame)
        if isinstance(message, list):
            channel, rows, name, pair = message
            encoded = dialect.trades("update", (channel - 321) // 16, [v1_trade(row, pair) for row in rows])
        else:
            name = message["event"]
            encoded = _v1_event(dialect, message)
        assert encoded == frame
        compared.add(name)
    assert compared == {"systemStatus", "subscriptionStatus", "trade", "heartbeat"}


def _v1_event(dialect: kraken.V1, message: dict[str, Any]) -> str:
    if message["event"] == "systemStatus":  # 1.8.3 was the version in 2021
        return dialect.status(message["connectionID"]).replace("1.9.6", message["version"])
    if message["event"] == "subscriptionStatus":
        return dialect.ack((message["channelID"] - 321) // 16, message["pair"], 0)
    return dialect.HEARTBEAT


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("BTC/USD", "XBT/USD"), ("DOGE/EUR", "XDG/EUR"), ("ETH/BTC", "ETH/XBT"), ("SOL/EUR", "SOL/EUR")],
)
def test_v1_says_xbt_and_xdg(symbol: str, name: str) -> None:
    assert kraken.v1_symbol(symbol) == name


def test_a_v1_price_is_padded_beyond_its_tick() -> None:
    sold = trade("XBT/USD", 0, "57126.7", "0.02063928", False, True, 1616333924737428000)
    assert kraken.V1().trades("update", 0, [sold]) == (
        '[321,[["57126.70000","0.02063928","1616333924.737428","s","m",""]],"trade","XBT/USD"]'
    )


def test_v2_numbers_keep_their_trailing_zeros() -> None:
    bought = trade("BTC/USD", 109183857, "84099.0", "0.00010000", True, False, 1790446106825906000)
    assert kraken.V2().trades("update", 0, [bought]) == (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":84099.0,'
        '"qty":0.00010000,"ord_type":"limit","trade_id":109183857,"timestamp":"2026-09-26T18:08:26.825906Z"}]}'
    )
