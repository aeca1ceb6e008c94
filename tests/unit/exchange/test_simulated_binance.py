"""The Binance dialect, without a socket: paths, requests and their exact answers, wrapping, limits."""

from __future__ import annotations

import json

import pytest

from harness.exchange.dialect import Close, Limits, Ping, Played, Refusal, Say, Session, Subscribed, Unsubscribed
from harness.exchange.dialects.binance import Binance

START_NS = 1_790_000_000_123_000_000
SECOND_NS = 1_000_000_000

PAYLOAD = (
    b'{"e":"trade","E":1790446152679,"s":"BTCUSDT","t":6715234671,"p":"84106.09000000","q":"0.00007000",'
    b'"T":1790446152678,"m":true,"M":true}'
)
WRAPPED = b'{"stream":"btcusdt@trade","data":' + PAYLOAD + b"}"


def binance(**limits: float) -> Binance:
    return Binance(Limits(**limits), lambda: 2**63)


def connected(target: str, dialect: Binance | None = None) -> Session:
    session = (dialect or binance()).connect(target, "127.0.0.1", START_NS)
    assert isinstance(session, Session)
    return session


def said(session: Session, text: str, now_ns: int = START_NS) -> list[str]:
    return [out.text.decode() for out in session.receive(text, now_ns) if isinstance(out, Say)]


@pytest.mark.parametrize(
    ("target", "streams"),
    [
        ("/ws", []),
        ("/ws/btcusdt@trade", ["btcusdt@trade"]),
        ("/ws/btcusdt@trade/ethusdt@trade/btcusdt@trade", ["btcusdt@trade", "ethusdt@trade"]),
        ("/stream", []),
        ("/stream?streams=btcusdt@trade/ethusdt@aggTrade", ["btcusdt@trade", "ethusdt@aggTrade"]),
        ("/stream?streams=btcusdt%40trade&timeUnit=MICROSECOND", ["btcusdt@trade"]),
        ("/ws/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9Fusdt@trade", ["币安人生usdt@trade"]),
    ],
)
def test_path_subscribes_to_its_streams_without_an_answer(target: str, streams: list[str]) -> None:
    assert list(connected(target).greet(START_NS)) == [Subscribed(stream) for stream in streams]


@pytest.mark.parametrize("target", ["/", "/v2", "/wsx", "/streams", "/api"])
def test_other_paths_are_not_its_own(target: str) -> None:
    assert binance().connect(target, "127.0.0.1", START_NS) is None


def test_wrong_unit_of_time_is_refused() -> None:
    refusal = binance().connect("/ws/btcusdt@trade?timeUnit=NANOSECOND", "127.0.0.1", START_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 400


REQUESTS = [
    ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}', '{"result":null,"id":1}'),
    ('{"method":"SUBSCRIBE","params":["btcusdt@trade","nosuchthing@trade"],"id":"a1"}', '{"result":null,"id":"a1"}'),
    ('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":null}', '{"result":null,"id":null}'),
    ('{"id":9223372036854775807,"method":"LIST_SUBSCRIPTIONS"}', '{"result":[],"id":9223372036854775807}'),
    ('{"method":"UNSUBSCRIBE","params":["btcusdt@trade"],"id":312}', '{"result":null,"id":312}'),
    ('{"method":"GET_PROPERTY","params":["combined"],"id":2}', '{"result":false,"id":2}'),
    ('{"method":"SET_PROPERTY","params":["combined",true],"id":5}', '{"result":null,"id":5}'),
    (
        '{"method":"SUBSCRIBE","params":["BTCUSDT@trade"],"id":1}',
        '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
    ),
    (
        '{"method":"SUBSCRIBE","params":["btcusdt@trades"],"id":1}',
        '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
    ),
    (
        '{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}',
        '{"error":{"code":2,"msg":"Invalid request: invalid stream"},"id":1}',
    ),
    (
        '{"method":"SUBSCRIBE","params":["btcusdt@trade"]}',
        '{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"},"id":null}',
    ),
    (
        '{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1.5}',
        '{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"},"id":null}',
    ),
    (
        '{"method":"LIST_SUBSCRIPTIONS","id":"' + "a" * 37 + '"}',
        '{"error":{"code":2,"msg":"Invalid request: request ID must be an unsigned integer"},"id":null}',
    ),
    (
        '{"method":"SUBSCRIBEX","params":[],"id":1}',
        '{"error":{"code":2,"msg":"Invalid request: unknown variant `SUBSCRIBEX`, expected one of `SUBSCRIBE`, '
        '`UNSUBSCRIBE`, `LIST_SUBSCRIPTIONS`, `SET_PROPERTY`, `GET_PROPERTY` at line 1 column 22"},"id":1}',
    ),
    (
        '{"params":["btcusdt@trade"],"id":1}',
        '{"error":{"code":2,"msg":"Invalid request: missing field `method` at line 1 column 35"},"id":null}',
    ),
    (
        '{\n"params": [],\n"id": 1\n}',
        '{"error":{"code":2,"msg":"Invalid request: missing field `method` at line 4 column 1"},"id":null}',
    ),
    ("subscribe", '{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"},"id":null}'),
    ('{"method":', '{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 11"},"id":null}'),
    ("[" * 100_000, '{"error":{"code":3,"msg":"Invalid JSON: expected value at line 1 column 1"},"id":null}'),
    (
        '{"method":"LIST_SUBSCRIPTIONS","params":["btcusdt@trade"],"id":3}',
        '{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":3}',
    ),
    (
        '{"method":"GET_PROPERTY","params":["combined",true],"id":3}',
        '{"error":{"code":2,"msg":"Invalid request: too many parameters"},"id":3}',
    ),
    (
        '{"method":"GET_PROPERTY","params":[],"id":3}',
        '{"error":{"code":2,"msg":"Invalid request: property name must be a string"},"id":3}',
    ),
    (
        '{"method":"SET_PROPERTY","params":[1,true],"id":3}',
        '{"error":{"code":2,"msg":"Invalid request: property name must be a string"},"id":3}',
    ),
    ('{"method":"GET_PROPERTY","params":["x"],"id":3}', '{"error":{"code":0,"msg":"Unknown property"},"id":3}'),
    (
        '{"method":"SET_PROPERTY","params":["combined","yes"],"id":3}',
        '{"error":{"code":1,"msg":"Invalid value type: expected Boolean"},"id":3}',
    ),
]


@pytest.mark.parametrize(("request_", "answer"), REQUESTS, ids=[request[:60] for request, _ in REQUESTS])
def test_request_is_answered_to_the_letter(request_: str, answer: str) -> None:
    assert said(connected("/ws"), request_) == [answer]


def test_answer_comes_before_the_stream_begins_and_after_it_ends() -> None:
    session = connected("/ws")
    first = list(session.receive('{"method":"SUBSCRIBE","params":["a@trade","b@trade"],"id":1}', START_NS))
    assert first == [Say(b'{"result":null,"id":1}'), Subscribed("a@trade"), Subscribed("b@trade")]
    again = list(session.receive('{"method":"SUBSCRIBE","params":["b@trade","c@trade"],"id":2}', START_NS))
    assert again == [Say(b'{"result":null,"id":2}'), Subscribed("c@trade")]
    assert said(session, '{"method":"LIST_SUBSCRIPTIONS","id":3}') == [
        '{"result":["a@trade","b@trade","c@trade"],"id":3}'
    ]
    gone = list(session.receive('{"method":"UNSUBSCRIBE","params":["b@trade","x@trade"],"id":4}', START_NS))
    assert gone == [Unsubscribed("b@trade"), Say(b'{"result":null,"id":4}')]


def test_a_connection_has_1024_streams_at_most() -> None:
    session = connected("/stream?streams=" + "/".join(f"s{number}@trade" for number in range(1023)))
    session.greet(START_NS)
    many = json.dumps({"method": "SUBSCRIBE", "params": ["x@trade", "y@trade"], "id": 1})
    assert said(session, many) == ['{"error":{"code":2,"msg":"Invalid request: too many streams"},"id":1}']
    assert said(session, '{"method":"SUBSCRIBE","params":["x@trade","s0@trade"],"id":2}') == ['{"result":null,"id":2}']
    too_many = binance().connect("/ws/" + "/".join(f"s{n}@trade" for n in range(1025)), "127.0.0.1", START_NS)
    assert isinstance(too_many, Refusal)


def test_sixth_message_within_a_second_ends_the_connection() -> None:
    session = connected("/ws")
    steady = [START_NS + number * 200_000_000 for number in range(20)]
    assert all(said(session, '{"method":"LIST_SUBSCRIPTIONS","id":1}', now_ns) for now_ns in steady)
    hasty = steady[-1] + 100_000_000
    assert list(session.receive('{"method":"LIST_SUBSCRIPTIONS","id":1}', hasty)) == [Close(1008, "Too many requests")]


def test_pings_and_pongs_of_a_client_count_as_messages() -> None:
    session = connected("/ws")
    for _ in range(3):
        assert list(session.control(None, START_NS)) == []
    for _ in range(2):
        assert list(session.control(b"", START_NS)) == []
    assert list(session.control(None, START_NS)) == [Close(1008, "Too many requests")]


def test_pings_every_20_seconds_and_ends_without_a_pong_in_a_minute() -> None:
    session = connected("/ws")
    ticks = range(1, 90)
    outputs = {second: list(session.tick(START_NS + second * SECOND_NS, 0)) for second in ticks}
    pings = [second for second in ticks if any(isinstance(out, Ping) for out in outputs[second])]
    closed = next(second for second in ticks if any(isinstance(out, Close) for out in outputs[second]))
    assert pings[:3] == [20, 40, 60]
    assert closed == 80
    assert outputs[80] == [Close(1008, "Pong timeout")]


def test_only_a_copy_of_the_pings_payload_keeps_the_connection() -> None:
    session = connected("/ws")
    for second in range(1, 200):
        now_ns = START_NS + second * SECOND_NS
        for out in session.tick(now_ns, 0):
            assert isinstance(out, Ping)
            assert list(session.control(out.payload, now_ns)) == []
    stubborn = connected("/ws")
    closes = []
    for second in range(1, 90):
        now_ns = START_NS + second * SECOND_NS
        for out in stubborn.tick(now_ns, 0):
            closes += [out] if isinstance(out, Close) else stubborn.control(b"", now_ns)
    assert closes[0] == Close(1008, "Pong timeout")


def test_connection_ends_after_24_hours_or_what_was_set() -> None:
    day = 24 * 3600 * SECOND_NS
    session = connected("/ws")
    assert not [out for out in session.tick(START_NS + day - SECOND_NS, 0) if isinstance(out, Close)]
    assert list(session.tick(START_NS + day, 0)) == [Close(1001, "connection lifetime is over")]
    short = connected("/ws", binance(lifetime_s=3))
    assert list(short.tick(START_NS + 3 * SECOND_NS, 0)) == [Close(1001, "connection lifetime is over")]


def test_301st_attempt_of_an_address_in_5_minutes_is_refused() -> None:
    dialect = binance()
    for number in range(300):
        connected("/ws", dialect)
        assert isinstance(dialect.connect("/ws", "10.0.0.2", START_NS + number), Session)
    refusal = dialect.connect("/ws", "127.0.0.1", START_NS + 299 * SECOND_NS)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 429
    assert isinstance(dialect.connect("/ws", "127.0.0.1", START_NS + 700 * SECOND_NS), Session)


@pytest.mark.parametrize(
    ("target", "captured", "sent"),
    [
        ("/stream", WRAPPED, WRAPPED),
        ("/stream", PAYLOAD, WRAPPED),
        ("/ws", WRAPPED, PAYLOAD),
        ("/ws", PAYLOAD, PAYLOAD),
        ("/ws", b'{ "stream" : "btcusdt@trade", "data" : {"e":"trade", "p":"1.50" } }', b'{"e":"trade", "p":"1.50" }'),
        ("/stream", b'{"stream":"a@trade" ,"data":{"e":"trade"}}', b'{"stream":"a@trade" ,"data":{"e":"trade"}}'),
        ("/stream", b"<html>", b"<html>"),
        ("/ws", b'{"e":"trade","s":"btc usdt"}', b'{"e":"trade","s":"btc usdt"}'),
        ("/stream", b'{"e":"trade","s":"btc usdt"}', b'{"e":"trade","s":"btc usdt"}'),
        (
            "/stream?timeUnit=MICROSECOND",
            PAYLOAD,
            WRAPPED.replace(b"1790446152679", b"1790446152679000").replace(b"1790446152678", b"1790446152678000"),
        ),
    ],
)  # fmt: skip
def test_payload_goes_out_byte_for_byte_in_the_connections_own_wrapping(
    target: str, captured: bytes, sent: bytes
) -> None:
    dialect = binance()
    session = connected(target, dialect)
    assert dialect.dress(dialect.read(captured), session.form) == sent


def test_combined_property_changes_the_wrapping_from_then_on() -> None:
    dialect = binance()
    session = connected("/ws", dialect)
    said(session, '{"method":"SET_PROPERTY","params":["combined",true],"id":5}')
    assert dialect.dress(dialect.read(PAYLOAD), session.form) == WRAPPED
    assert said(session, '{"method":"GET_PROPERTY","params":["combined"],"id":2}') == ['{"result":true,"id":2}']
    said(session, '{"method":"SET_PROPERTY","params":["combined",false],"id":6}')
    assert dialect.dress(dialect.read(WRAPPED), session.form) == PAYLOAD


@pytest.mark.parametrize(
    ("frame", "stream"),
    [
        (WRAPPED, "btcusdt@trade"),
        (PAYLOAD, "btcusdt@trade"),
        (b'{"e":"aggTrade","s":"ETHUSDT","a":1}', "ethusdt@aggTrade"),
        (b'{"stream":"btcusdt@depth@100ms","data":{}}', "btcusdt@depth@100ms"),
        ('{"e":"trade","s":"币安人生USDT"}'.encode(), "币安人生usdt@trade"),
        (b'{"e":"trade","s":"btcusdt"}', None),
        (b'{"e":"trade","s":"BTC/USDT"}', None),
        (b'{"e":"trade","s":"BTC_USDT"}', None),
        (b'{"e":"trade","s":""}', None),
        (b'{"e":"trade"}', None),
        (b'{"e":"kline","s":"BTCUSDT"}', None),
        (b'{"stream":"BTCUSDT@trade","data":{}}', None),
        (b'{"stream":5,"data":{}}', None),
        (b"[]", None),
        (b"\xff", None),
        (b"", None),
    ],
)
def test_stream_of_a_frame_is_one_that_a_client_can_ask_for_or_none(frame: bytes, stream: str | None) -> None:
    assert binance().read(frame).stream == stream


@pytest.mark.parametrize(
    ("frame", "keys"),
    [
        (WRAPPED, (("BTCUSDT", 6715234671),)),
        (PAYLOAD, (("BTCUSDT", 6715234671),)),
        (b'{"e":"trade","s":"BTCUSDT","t":"7"}', ()),
        (b'{"e":"aggTrade","s":"BTCUSDT","t":7}', ()),
        (b"nothing", ()),
    ],
)
def test_trades_are_told_apart_by_symbol_and_id(frame: bytes, keys: tuple[object, ...]) -> None:
    assert binance().trade_keys(frame) == keys


def test_farewell_is_the_shutdown_event_in_the_connections_wrapping() -> None:
    raw, combined = connected("/ws"), connected("/stream")
    assert list(raw.farewell(START_NS)) == [Say(b'{"e":"serverShutdown","E":1790000000123}')]
    assert list(combined.farewell(START_NS)) == [
        Say(b'{"stream":"!serverShutdown","data":{"e":"serverShutdown","E":1790000000123}}')
    ]


def test_symbol_for_a_feed_handler_is_in_capitals() -> None:
    assert binance().symbol("btcusdt@trade") == "BTCUSDT"


def test_it_remembers_nothing() -> None:
    dialect = binance()
    dialect.remember(Played(PAYLOAD, "btcusdt@trade", {}))
    session = connected("/ws", dialect)
    outputs = session.receive('{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":1}', START_NS)
    assert list(outputs) == [Say(b'{"result":null,"id":1}'), Subscribed("btcusdt@trade")]
