"""Encoders against recorded frames: what was received, taken apart and encoded again, is the same text."""

import json
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from harness.captures import read_capture
from harness.synthetic.exchanges import binance, kraken
from harness.synthetic.instruments import Instrument
from harness.synthetic.trades import Trades

RECORDED = Path(__file__).parents[3].parent / "shared" / "captures"


class Trade(NamedTuple):
    """A trade taken out of a frame; its instrument has the grids that its texts show."""

    instrument: Instrument
    trade_id: int
    taker_buys: bool
    market_order: bool
    event_us: int


def recorded(name: str) -> Iterator[str]:
    path = RECORDED / name
    if not path.exists():
        pytest.skip(f"the recorded captures are not here ({name})")
    return (captured.frame.decode() for captured in read_capture(path))


def units(text: str) -> tuple[int, int]:
    return int(text.replace(".", "")), len(text.partition(".")[2])


def trade(symbol: str, trade_id: int, price: str, size: str, buys: bool, market: bool, event_us: int) -> Trade:
    (ticks, price_decimals), (lots, size_decimals) = units(price), units(size)
    instrument = Instrument(symbol, "", "", price_decimals, size_decimals, ticks, lots)
    return Trade(instrument, trade_id, buys, market, event_us)


def columns(trades: Sequence[Trade]) -> Trades:
    """Make each trade an order of its own and an instrument of its own, so that all grids are kept."""
    rows = range(len(trades))
    values = (
        rows,
        (each.trade_id for each in trades),
        (each.instrument.usual_price_ticks for each in trades),
        (each.instrument.smallest_size_lots for each in trades),
        (each.taker_buys for each in trades),
        (each.market_order for each in trades),
        (each.event_us for each in trades),
        rows,
    )
    return Trades(*(np.array(list(column), np.int64) for column in values))


def instruments(trades: Sequence[Trade]) -> list[Instrument]:
    return [each.instrument for each in trades]


def binance_trade(data: dict[str, Any]) -> Trade:
    return trade(data["s"], data["t"], data["p"], data["q"], not data["m"], False, data["T"] * 1_000)


def v2_trade(data: dict[str, Any]) -> Trade:
    seconds, _, fraction = data["timestamp"].removesuffix("Z").partition(".")
    event_us = int(datetime.fromisoformat(f"{seconds}Z").timestamp()) * 10**6 + int(fraction)
    buys, market = data["side"] == "buy", data["ord_type"] == "market"
    return trade(data["symbol"], data["trade_id"], data["price"], data["qty"], buys, market, event_us)


def v1_trade(row: list[str], pair: str) -> Trade:
    # The encoder pads a price that is on the tick grid; the last recorded digit is such padding.
    assert row[0].endswith("0")
    return trade(pair, 0, row[0][:-1], row[1], row[3] == "b", row[4] == "m", units(row[2])[0])


def encoded(dialect: type[kraken.Dialect], kind: str, trades: Sequence[Trade]) -> str:
    (frame,) = dialect(instruments(trades)).trades(kind, columns(trades), np.array([0]))
    return frame.decode()


@pytest.mark.parametrize("name", ["binance-trade-1.jsonl.gz", "binance-trade-2.jsonl.gz", "binance-trade-3.jsonl.gz"])
def test_recorded_binance_trades_are_encoded_byte_for_byte(name: str) -> None:
    frames = [frame for frame in recorded(name) if '@trade"' in frame]
    data = [json.loads(frame)["data"] for frame in frames]
    trades = [binance_trade(each) for each in data]
    assert len(frames) > 10
    again = binance.Encoder(instruments(trades))(columns(trades), np.array([each["E"] for each in data]))
    assert [line.decode() for line in again] == frames


def test_a_raw_binance_frame_is_what_a_combined_one_wraps() -> None:
    sent = [trade("BTCUSDT", 3735683259, "61837.63", "0.02000", False, False, 1723161255342 * 1_000)]
    raw = (
        '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,"p":"61837.63000000","q":"0.02000000",'
        '"T":1723161255342,"m":true,"M":true}'
    )
    event_ms = np.array([1723161255343])
    known = instruments(sent)
    assert binance.Encoder(known, frozenset({"BTCUSDT"}))(columns(sent), event_ms) == [raw.encode()]
    combined = f'{{"stream":"btcusdt@trade","data":{raw}}}'
    assert binance.Encoder(known)(columns(sent), event_ms) == [combined.encode()]


def test_the_recorded_binance_ack_is_encoded_byte_for_byte() -> None:
    assert binance.ack(1).decode() in recorded("mixed-specimens-1.jsonl.gz")


def test_recorded_kraken_v2_frames_are_encoded_byte_for_byte() -> None:
    compared = set()
    for frame in recorded("kraken-v2trade-1.jsonl.gz"):
        message = json.loads(frame, parse_float=str)
        channel = message.get("channel", "ack")
        if channel == "trade":
            again = encoded(kraken.V2, message["type"], [v2_trade(each) for each in message["data"]])
        else:
            again = _v2_control(channel, message).decode()
        assert again == frame
        compared.add(channel)
    assert compared == {"status", "ack", "trade", "heartbeat"}


def _v2_control(channel: str, message: dict[str, Any]) -> bytes:
    if channel == "heartbeat":
        return kraken.V2.HEARTBEAT
    if channel == "status":
        return kraken.V2([V2_DUMMY.instrument]).status(message["data"][0]["connection_id"])
    answered = datetime.fromisoformat(message["time_out"])
    answered_ns = int(answered.replace(microsecond=0).timestamp()) * 10**9 + answered.microsecond * 1_000
    known = trade(message["result"]["symbol"], 1, "1.0", "1.0", True, True, 0).instrument
    return kraken.V2([known]).ack(0, answered_ns)


V2_DUMMY = trade("BTC/USD", 1, "1.0", "1.0", True, True, 0)


def test_recorded_kraken_v1_frames_are_encoded_byte_for_byte() -> None:
    compared = set()
    for frame in recorded("kraken-v1trade-1.jsonl.gz"):
        message = json.loads(frame)
        if isinstance(message, list):
            channel, rows, name, pair = message
            again = _v1_trades((channel - 321) // 16, [v1_trade(row, pair) for row in rows])
        else:
            name = message["event"]
            again = _v1_event(message).decode()
        assert again == frame
        compared.add(name)
    assert compared == {"systemStatus", "subscriptionStatus", "trade", "heartbeat"}


def _v1_trades(place: int, trades: list[Trade]) -> str:
    """Encode trades of the pair that was subscribed at this place; all have one pair, and so one grid."""
    known = [trades[0].instrument] * (place + 1)
    sent = columns(trades)._replace(number=np.full(len(trades), place))
    (frame,) = kraken.V1(known).trades("update", sent, np.array([0]))
    return frame.decode()


def _v1_event(message: dict[str, Any]) -> bytes:
    place = (message.get("channelID", 321) - 321) // 16
    dialect = kraken.V1([trade(message.get("pair", "A/B"), 1, "1.0", "1.0", True, True, 0).instrument] * (place + 1))
    if message["event"] == "systemStatus":  # 1.8.3 was the version in 2021
        return dialect.status(message["connectionID"]).replace(b"1.9.6", message["version"].encode())
    if message["event"] == "subscriptionStatus":
        return dialect.ack(place, 0)
    return dialect.HEARTBEAT


@pytest.mark.parametrize(
    ("symbol", "name"),
    [("BTC/USD", "XBT/USD"), ("DOGE/EUR", "XDG/EUR"), ("ETH/BTC", "ETH/XBT"), ("SOL/EUR", "SOL/EUR")],
)
def test_v1_says_xbt_and_xdg(symbol: str, name: str) -> None:
    assert kraken.v1_symbol(symbol) == name


def test_a_v1_price_is_padded_beyond_its_tick() -> None:
    sold = trade("XBT/USD", 0, "57126.7", "0.02063928", False, True, 1616333924737428)
    assert encoded(kraken.V1, "update", [sold]) == (
        '[321,[["57126.70000","0.02063928","1616333924.737428","s","m",""]],"trade","XBT/USD"]'
    )


def test_v2_numbers_keep_their_trailing_zeros() -> None:
    bought = trade("BTC/USD", 109183857, "84099.0", "0.00010000", True, False, 1790446106825906)
    assert encoded(kraken.V2, "update", [bought]) == (
        '{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD","side":"buy","price":84099.0,'
        '"qty":0.00010000,"ord_type":"limit","trade_id":109183857,"timestamp":"2026-09-26T18:08:26.825906Z"}]}'
    )


def test_several_frames_come_out_of_one_sheet_each_with_its_own_trades() -> None:
    sent = [trade("BTC/USD", 7 + n, f"8409{n}.0", "0.00010000", n % 2 == 0, False, 10**15 + n) for n in range(4)]
    frames = kraken.V2(instruments(sent)).trades("update", columns(sent), np.array([0, 1, 3]))
    ids = [[each["trade_id"] for each in json.loads(frame)["data"]] for frame in frames]
    assert ids == [[7], [8, 9], [10]]
