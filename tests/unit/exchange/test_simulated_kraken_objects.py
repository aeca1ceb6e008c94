"""Kraken's WebSocket v2, without a socket: answers for each symbol, snapshots, heartbeats."""

from __future__ import annotations

import json

import pytest

from harness.exchange.dialect import Limits, Output, Resend, Say, Session, Subscribed, Unsubscribed
from harness.exchange.dialects.kraken.objects import HEARTBEAT, KrakenObjects, rfc3339

START_NS = 1_695_632_700_123_456_789
TIMES = '"time_in":"2023-09-25T09:05:00.123456Z","time_out":"2023-09-25T09:05:00.123456Z"'
SECOND_NS = 1_000_000_000


def trade(symbol: str, trade_id: int, price: str = "84095.70", qty: str = "0.00010000") -> bytes:
    return (
        f'{{"symbol":"{symbol}","side":"sell","price":{price},"qty":{qty},"ord_type":"limit","trade_id":{trade_id},'
        f'"timestamp":"2026-09-26T18:09:13.157776Z"}}'
    ).encode()


def frame(*trades: bytes, kind: str = "update") -> bytes:
    return b'{"channel":"trade","type":"' + kind.encode() + b'","data":[' + b",".join(trades) + b"]}"


def kraken(*symbols: str, **limits: float) -> KrakenObjects:
    dialect = KrakenObjects(Limits(**limits), lambda: 16763580994566763544)
    for symbol in symbols:
        dialect.learn(dialect.read(frame(trade(symbol, 1))))
    return dialect


def connected(dialect: KrakenObjects) -> Session:
    session = dialect.connect("/v2", "127.0.0.1", START_NS)
    assert isinstance(session, Session)
    return session


def asked(session: Session, **request: object) -> list[Output]:
    return list(session.receive(json.dumps(request), START_NS))


def subscribe(session: Session, *symbols: str, **more: object) -> list[Output]:
    return asked(session, method="subscribe", params={"channel": "trade", "symbol": list(symbols), **more})


@pytest.mark.parametrize(("target", "is_own"), [("/v2", True), ("/v2/", True), ("/v2?x=1", True), ("/", False)])
def test_its_path_is_v2(target: str, is_own: bool) -> None:
    assert (kraken().connect(target, "127.0.0.1", START_NS) is not None) is is_own


def test_first_comes_the_status_with_an_id_beyond_63_bits() -> None:
    assert list(connected(kraken()).greet(START_NS)) == [
        Say(
            b'{"channel":"status","type":"update","data":[{"version":"2.0.10","system":"online","api_version":"v2",'
            b'"connection_id":16763580994566763544,"upcoming_maintenance":[],"emergency":[]}]}'
        )
    ]


def test_each_symbol_has_its_own_answer() -> None:
    session = connected(kraken("BTC/USD", "ETH/USD"))
    params = {"channel": "trade", "symbol": ["BTC/USD", "PUPS/USD", "BTCUSD", "ETH/USD"], "snapshot": False}
    outputs = asked(session, method="subscribe", params=params, req_id=42)
    accepted = (
        '{"method":"subscribe","req_id":42,"result":{"channel":"trade","snapshot":false,"symbol":"%s"},"success":true,'
    )
    refused = '{"error":"%s","method":"subscribe","req_id":42,"success":false,"symbol":"%s",'
    assert [out.text.decode() for out in outputs if isinstance(out, Say)] == [
        accepted % "BTC/USD" + TIMES + "}",
        refused % ("Currency pair not supported PUPS/USD", "PUPS/USD") + TIMES + "}",
        refused % ("Currency pair not in ISO 4217-A3 format BTCUSD", "BTCUSD") + TIMES + "}",
        accepted % "ETH/USD" + TIMES + "}",
    ]
    assert [out for out in outputs if not isinstance(out, Say)] == [Subscribed("BTC/USD"), Subscribed("ETH/USD")]


def test_answer_has_no_req_id_where_none_was_given() -> None:
    session = connected(kraken("BTC/USD"))
    assert subscribe(session, "BTC/USD")[0] == Say(
        b'{"method":"subscribe","result":{"channel":"trade","snapshot":true,"symbol":"BTC/USD"},"success":true,'
        + TIMES.encode()
        + b"}"
    )


def test_subscribing_twice_and_unsubscribing_what_is_not_subscribed_are_errors() -> None:
    session = connected(kraken("BTC/USD"))
    subscribe(session, "BTC/USD")
    (twice,) = subscribe(session, "BTC/USD")
    assert isinstance(twice, Say)
    assert json.loads(twice.text)["error"] == "Already subscribed"
    params = {"channel": "trade", "symbol": ["BTC/USD"]}
    assert asked(session, method="unsubscribe", params=params, req_id=1) == [
        Unsubscribed("BTC/USD"),
        Say(
            b'{"method":"unsubscribe","req_id":1,"result":{"channel":"trade","symbol":"BTC/USD"},"success":true,'
            + TIMES.encode()
            + b"}"
        ),
    ]
    (missing,) = asked(session, method="unsubscribe", params=params)
    assert isinstance(missing, Say)
    assert json.loads(missing.text)["error"] == "Subscription Not Found"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"method":"ping","req_id":101}', '{"method":"pong","req_id":101,' + TIMES + "}"),
        ('{"method":"ping"}', '{"method":"pong",' + TIMES + "}"),
        ("hello", '{"error":"Malformed request","method":"error","success":false,' + TIMES + "}"),
        ("[]", '{"error":"Malformed request","method":"error","success":false,' + TIMES + "}"),
        (
            '{"method":"buy","req_id":7}',
            '{"error":"Malformed request","method":"error","req_id":7,"success":false,' + TIMES + "}",
        ),
        (
            '{"method":"subscribe","req_id":7}',
            '{"error":"Malformed request","method":"subscribe","req_id":7,"success":false,' + TIMES + "}",
        ),
    ],
)
def test_other_messages_are_answered_to_the_letter(text: str, answer: str) -> None:
    (out,) = connected(kraken()).receive(text, START_NS)
    assert isinstance(out, Say)
    assert out.text.decode() == answer


def test_snapshot_holds_the_last_50_trades_oldest_first_with_their_own_text() -> None:
    dialect = kraken("BTC/USD")
    texts = [trade("BTC/USD", number, price=f"841{number:02}.70", qty="0.00010000") for number in range(80)]
    for number in range(0, 80, 2):
        dialect.remember(dialect.read(frame(*texts[number : number + 2])))
    outputs = subscribe(connected(dialect), "BTC/USD", snapshot=True)
    assert outputs[1:] == [Resend(frame(*texts[30:], kind="snapshot"), "BTC/USD"), Subscribed("BTC/USD")]


def test_snapshot_leaves_out_what_was_only_sent_again() -> None:
    dialect = kraken("BTC/USD")
    first, second = trade("BTC/USD", 1), trade("BTC/USD", 2)
    for played in (frame(first), frame(second), frame(first, second, kind="snapshot")):
        dialect.remember(dialect.read(played))
    assert dialect.snapshot("BTC/USD") == Resend(frame(first, second, kind="snapshot"), "BTC/USD")


def test_no_snapshot_comes_before_the_first_trade_nor_to_whoever_wants_none() -> None:
    dialect = kraken("BTC/USD")
    assert subscribe(connected(dialect), "BTC/USD")[1:] == [Subscribed("BTC/USD")]
    dialect.remember(dialect.read(frame(trade("BTC/USD", 1))))
    assert subscribe(connected(dialect), "BTC/USD", snapshot=False)[1:] == [Subscribed("BTC/USD")]


def test_heartbeat_comes_after_a_second_without_anything_else_and_once_subscribed() -> None:
    session = connected(kraken("BTC/USD"))
    assert list(session.tick(START_NS + 5 * SECOND_NS, START_NS)) == []
    subscribe(session, "BTC/USD")
    assert list(session.tick(START_NS + SECOND_NS - 1, START_NS)) == []
    assert list(session.tick(START_NS + SECOND_NS, START_NS)) == [Say(HEARTBEAT)]


@pytest.mark.parametrize(
    ("played", "stream"),
    [
        (frame(trade("BTC/USD", 1), trade("BTC/USD", 2)), "BTC/USD"),
        (frame(trade("BTC/USD", 1), kind="snapshot"), "BTC/USD"),
        (frame(trade("BTC/USD", 1), trade("ETH/USD", 2)), None),
        (frame(trade("BTCUSD", 1)), None),
        (frame(), None),
        (b'{"channel":"trade","type":"update","data":[{"symbol":"BTC/USD"}]}', None),
        (b'{"channel":"book","data":[]}', None),
        (b"nothing", None),
        (b"\xff", None),
    ],
)
def test_stream_of_a_frame_is_the_symbol_of_all_its_trades_or_none(played: bytes, stream: str | None) -> None:
    assert kraken().read(played).stream == stream


def test_v1_frames_are_of_the_other_protocol() -> None:
    assert not kraken().speaks(b' [1,[],"trade","XBT/USD"]')
    assert kraken().speaks(b'{"channel":"trade"}')
    assert kraken().speaks(b"nothing")


def test_trades_are_told_apart_by_symbol_and_id() -> None:
    assert kraken().trade_keys(frame(trade("BTC/USD", 1), trade("BTC/USD", 2))) == (("BTC/USD", 1), ("BTC/USD", 2))


def test_times_are_utc_in_six_decimals() -> None:
    assert rfc3339(1_790_446_151_775_238_999) == "2026-09-26T18:09:11.775238Z"
    assert rfc3339(5) == "1970-01-01T00:00:00.000000Z"


def test_requests_above_the_limit_are_told_so_and_not_carried_out() -> None:
    session = connected(kraken("BTC/USD", "ETH/USD", requests_per_s=1))
    assert Subscribed("BTC/USD") in subscribe(session, "BTC/USD")
    assert subscribe(session, "ETH/USD") == [Say(b'{"Error":"Exceeded msg rate"}')]
    later = list(session.receive(json.dumps({"method": "ping"}), START_NS + SECOND_NS - 1))
    assert later == [Say(b'{"Error":"Exceeded msg rate"}')]
    request = {"method": "subscribe", "params": {"channel": "trade", "symbol": ["ETH/USD"]}}
    assert Subscribed("ETH/USD") in list(session.receive(json.dumps(request), START_NS + 3 * SECOND_NS))
