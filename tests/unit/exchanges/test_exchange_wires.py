"""How exchanges are asked for trades: addresses, messages, answers, and the quick look at ids and times."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.captures import read_capture
from k2pipeline.exchanges import EXCHANGES, Answer, AnswerKind, Exchange, FrameKind
from tests.captures import recorded

SPOT, PAIRS = EXCHANGES["binance"].wire, EXCHANGES["kraken"].wire
every_exchange = pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.name)

ADDRESSES = {
    "wss://stream.binance.com:9443": "wss://stream.binance.com:9443/stream",
    "ws://127.0.0.1:9001": "ws://127.0.0.1:9001/stream",
    "ws://127.0.0.1:9001/": "ws://127.0.0.1:9001/stream",
    "ws://127.0.0.1:9001/stream": "ws://127.0.0.1:9001/stream",
    "ws://proxy/spot?timeUnit=MICROSECOND": "ws://proxy/spot/stream?timeUnit=MICROSECOND",
}


@pytest.mark.parametrize(("base", "address"), ADDRESSES.items())
def test_combined_streams_are_below_the_base_address(base: str, address: str) -> None:
    assert SPOT.address(base) == address


def test_an_address_with_its_path_stays_as_it_is() -> None:
    assert PAIRS.address("ws://127.0.0.1:9001/v2") == "ws://127.0.0.1:9001/v2"


def test_subscribe_messages_are_as_documented() -> None:
    assert json.loads(SPOT.subscribe(["BTCUSDT", "币安人生USDT"], 3)) == {
        "method": "SUBSCRIBE",
        "params": ["btcusdt@trade", "币安人生usdt@trade"],
        "id": 3,
    }
    assert json.loads(PAIRS.subscribe(["BTC/USD", "ETH/USD"], 4)) == {
        "method": "subscribe",
        "params": {"channel": "trade", "symbol": ["BTC/USD", "ETH/USD"], "snapshot": True},
        "req_id": 4,
    }
    assert PAIRS.ping is not None
    assert json.loads(PAIRS.ping(9)) == {"method": "ping", "req_id": 9}


SPOT_ANSWERS = [
    ('{"result":null,"id":1}', Answer(AnswerKind.ACCEPTED, 1)),
    (
        '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
        Answer(AnswerKind.REFUSED, 1, "", "Invalid request: invalid stream"),
    ),
    ('{"code":2,"msg":"Invalid request: x"}', Answer(AnswerKind.REFUSED, None, "", "Invalid request: x")),
    ('{"e":"serverShutdown","E":1770123456789}', Answer(AnswerKind.LEAVING, None, "", "serverShutdown")),
    ('{"stream":"x","data":{"e":"serverShutdown","E":1}}', Answer(AnswerKind.LEAVING, None, "", "serverShutdown")),
]
PAIRS_ANSWERS = [
    (
        '{"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},"success":true,'
        '"time_in":"2026-09-26T18:09:11.1Z","time_out":"2026-09-26T18:09:11.2Z"}',
        Answer(AnswerKind.ACCEPTED, None, "BTC/USD"),
    ),
    (
        '{"error":"Currency pair not supported PUPS/USD","method":"subscribe","req_id":42,"success":false}',
        Answer(AnswerKind.REFUSED, 42, "PUPS/USD", "Currency pair not supported PUPS/USD"),
    ),
    (
        '{"error":"Already subscribed","method":"subscribe","symbol":"BTC/USD","success":false}',
        Answer(AnswerKind.ACCEPTED, None, "BTC/USD"),
    ),
    (
        '{"error":"Malformed request","method":"subscribe","req_id":1,"success":false}',
        Answer(AnswerKind.REFUSED, 1, "", "Malformed request"),
    ),
    (
        '{"error":"Exceeded msg rate","method":"subscribe","success":false}',
        Answer(AnswerKind.BUSY, None, "", "Exceeded msg rate"),
    ),
    ('{"Error":"Exceeded msg rate"}', Answer(AnswerKind.BUSY, None, "", "Exceeded msg rate")),
    *(
        (
            f'{{"error":"{words}","method":"subscribe","req_id":3,"success":false,"symbol":"BTC/USD"}}',
            Answer(kind, 3, "BTC/USD", words),
        )
        for kind, texts in (
            (
                AnswerKind.BUSY,
                (
                    "EGeneral:Rate limit exceeded",
                    "EGeneral:Too many requests",
                    "EService:Unavailable",
                    "EService:Busy",
                    "Internal error",
                    "EGeneral:Internal error",
                    "something that nobody has seen yet",
                ),
            ),
            (
                AnswerKind.REFUSED,
                (
                    "Currency pair not supported PUPS/USD",
                    "Currency pair not in ISO 4217-A3 format BTCUSD",
                    "EGeneral:Invalid arguments",
                    "Malformed request",
                    "Unsupported field",
                ),
            ),
        )
        for words in texts
    ),
]


@pytest.mark.parametrize(
    ("exchange", "frame", "answer"),
    [("binance", *each) for each in SPOT_ANSWERS] + [("kraken", *each) for each in PAIRS_ANSWERS],
)
def test_answers_are_understood(exchange: str, frame: str, answer: Answer) -> None:
    assert EXCHANGES[exchange].wire.answer(frame.encode()) == answer
    assert EXCHANGES[exchange].classify(frame.encode()).kind is FrameKind.CONTROL


NO_ANSWERS = [
    "",
    "null",
    "[]",
    "[1]",
    "{",
    '{"channel":"heartbeat"}',
    '{"method":"pong","req_id":1}',
    '{"method":"unsubscribe","success":true}',
    '{"channel":"status","type":"update","data":[{"system":"online"}]}',
    '{"data":[]}',
    '{"result":null,"id":"text"}',
    "[" * 100_000,
]


@every_exchange
@pytest.mark.parametrize("frame", NO_ANSWERS, ids=lambda frame: frame[:30])
def test_other_frames_are_no_answer(exchange: Exchange, frame: str) -> None:
    assert exchange.wire.answer(frame.encode()) is None


@every_exchange
@given(frame=st.binary(max_size=200))
def test_no_bytes_make_a_wire_raise(exchange: Exchange, frame: bytes) -> None:
    wire = exchange.wire
    wire.answer(frame)
    assert list(wire.trade_ids(frame)) == []
    assert wire.event_ns(frame) == 0


SYMBOLS = {
    ("binance", "BTCUSDT"): True,
    ("binance", "1000SATSUSDT"): True,
    ("binance", "币安人生USDT"): True,
    ("binance", "btcusdt"): False,
    ("binance", "BTC/USDT"): False,
    ("binance", "BTCUSDT@trade"): False,
    ("kraken", "BTC/USD"): True,
    ("kraken", "BTCUSD"): False,
    ("kraken", "BTC/"): False,
    ("kraken", "A/B/C"): False,
    ("kraken", 'A/"'): False,
}


@pytest.mark.parametrize(("exchange", "symbol"), SYMBOLS)
def test_a_symbol_of_the_wrong_form_is_known_before_the_exchange_is_asked(exchange: str, symbol: str) -> None:
    fault = EXCHANGES[exchange].wire.symbol_fault(symbol)
    assert (fault == "") is SYMBOLS[exchange, symbol]
    assert fault == "" or "such as" in fault


IDS_AND_TIMES = [
    ("binance", '{"e":"trade","E":1723161255343,"s":"X","t":3735683259,"T":1}', [3735683259], 1723161255343000000),
    ("binance", '{"e":"trade","E":1723161255343123,"t":7}', [7], 1723161255343123000),
    ("binance", '{ "E" : 5, "t": 12, "p":"1"}', [12], 0),
    ("binance", '{"e":"trade","s":"\\"t\\":9","T":9}', [], 0),
    ("binance", '{"t":99999999999999999999999}', [], 0),
    (
        "kraken",
        '{"data":[{"trade_id":7,"timestamp":"2026-01-01T00:00:00.000001Z"},'
        '{"trade_id":8,"timestamp":"2026-01-01T00:00:00.000002Z"}]}',
        [7, 8],
        1767225600000002000,
    ),
    ("kraken", '{"type":"snapshot","data":[{"trade_id":7,"timestamp":"2026-01-01T00:00:00.000001Z"}]}', [7], 0),
    ("kraken", '{"timestamp":"2026-01-01T00:00:00.000001"}', [], 0),
    ("kraken", '{"timestamp":"2026-99-01T00:00:00.000001Z"}', [], 0),
    ("kraken", '[993,[["354.11","0.89","1618678142.557535","s","l",""]],"trade","XMR/USD"]', [], 0),
]


@pytest.mark.parametrize(("exchange", "frame", "ids", "event_ns"), IDS_AND_TIMES)
def test_ids_and_event_time_are_read_off(exchange: str, frame: str, ids: list[int], event_ns: int) -> None:
    wire = EXCHANGES[exchange].wire
    assert list(wire.trade_ids(frame.encode())) == ids
    assert wire.event_ns(frame.encode()) == event_ns


@pytest.mark.parametrize("name", ["binance-trade-3.jsonl.gz", "kraken-v2trade-1.jsonl.gz"])
def test_ids_of_real_recordings_are_consecutive_per_symbol(name: str) -> None:
    path: Path = recorded(name)
    ids: dict[str, list[int]] = {}
    for captured in read_capture(path):
        exchange = EXCHANGES[captured.exchange]
        seen = exchange.classify(captured.frame)
        if seen.kind is FrameKind.TRADE:
            ids.setdefault(seen.symbol, []).extend(exchange.wire.trade_ids(captured.frame))
            assert exchange.wire.event_ns(captured.frame) > 0 or b"snapshot" in captured.frame
    assert ids
    assert all(numbers == list(range(numbers[0], numbers[0] + len(numbers))) for numbers in ids.values())
