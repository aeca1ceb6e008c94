"""Kraken's WebSocket v1, without a socket: events, arrays, channel ids."""

from __future__ import annotations

import json

import pytest

from harness.exchange.dialect import Limits, Output, Resend, Say, Session, Subscribed, Unsubscribed
from harness.exchange.dialects.kraken.arrays import HEARTBEAT, KrakenArrays

START_NS = 1_618_678_132_000_000_000
SECOND_NS = 1_000_000_000
TRADE = b'["354.11000000","0.89594024","1618678142.557535","s","l",""]'
OTHER = b'["354.12000000","0.10000000","1618678143.000000","b","m",""]'


def frame(*trades: bytes, pair: str = "XMR/USD", channel_id: int = 993) -> bytes:
    return b'[%d,[%b],"trade","%b"]' % (channel_id, b",".join(trades), pair.encode())


def kraken(*pairs: str) -> KrakenArrays:
    dialect = KrakenArrays(Limits(), lambda: 18239578009413566319)
    for number, pair in enumerate(pairs):
        dialect.learn(dialect.read(frame(TRADE, pair=pair, channel_id=993 + number)))
    return dialect


def connected(dialect: KrakenArrays) -> Session:
    session = dialect.connect("/", "127.0.0.1", START_NS)
    assert isinstance(session, Session)
    return session


def asked(session: Session, **request: object) -> list[Output]:
    return list(session.receive(json.dumps(request), START_NS))


def subscribe(session: Session, *pairs: str, **more: object) -> list[Output]:
    return asked(session, event="subscribe", pair=list(pairs), subscription={"name": "trade"}, **more)


def test_first_comes_the_status_with_an_id_beyond_63_bits() -> None:
    assert list(connected(kraken()).greet(START_NS)) == [
        Say(b'{"connectionID":18239578009413566319,"event":"systemStatus","status":"online","version":"1.9.6"}')
    ]


def test_each_pair_has_its_own_answer_with_the_channel_id_of_its_frames() -> None:
    session = connected(kraken("XMR/USD", "XBT/EUR"))
    outputs = subscribe(session, "XMR/USD", "PUPS/USD", "XBTEUR", "XBT/EUR", reqid=5)
    accepted = (
        '{"channelID":%d,"channelName":"trade","event":"subscriptionStatus","pair":"%s","reqid":5,'
        '"status":"subscribed","subscription":{"name":"trade"}}'
    )
    refused = (
        '{"errorMessage":"%s","event":"subscriptionStatus","pair":"%s","reqid":5,"status":"error",'
        '"subscription":{"name":"trade"}}'
    )
    assert [out.text.decode() for out in outputs if isinstance(out, Say)] == [
        accepted % (993, "XMR/USD"),
        refused % ("Currency pair not supported PUPS/USD", "PUPS/USD"),
        refused % ("Currency pair not in ISO 4217-A3 format XBTEUR", "XBTEUR"),
        accepted % (994, "XBT/EUR"),
    ]
    assert [out for out in outputs if not isinstance(out, Say)] == [Subscribed("XMR/USD"), Subscribed("XBT/EUR")]


def test_unsubscribing_is_acknowledged_once() -> None:
    session = connected(kraken("XMR/USD"))
    subscribe(session, "XMR/USD")
    (twice,) = subscribe(session, "XMR/USD")
    assert isinstance(twice, Say)
    assert json.loads(twice.text)["errorMessage"] == "Already subscribed"
    gone = asked(session, event="unsubscribe", pair=["XMR/USD"], subscription={"name": "trade"})
    assert gone == [
        Unsubscribed("XMR/USD"),
        Say(
            b'{"channelID":993,"channelName":"trade","event":"subscriptionStatus","pair":"XMR/USD",'
            b'"status":"unsubscribed","subscription":{"name":"trade"}}'
        ),
    ]
    (missing,) = asked(session, event="unsubscribe", pair=["XMR/USD"], subscription={"name": "trade"})
    assert isinstance(missing, Say)
    assert json.loads(missing.text)["errorMessage"] == "Subscription Not Found"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"event":"ping","reqid":42}', '{"event":"pong","reqid":42}'),
        ('{"event":"ping"}', '{"event":"pong"}'),
        ("hello", '{"errorMessage":"Malformed request","event":"error"}'),
        ('{"event":"buy","reqid":1}', '{"errorMessage":"Event(s) not found","event":"error","reqid":1}'),
        (
            '{"event":"subscribe","pair":["XMR/USD"]}',
            '{"errorMessage":"Subscription field must be an object","event":"subscriptionStatus","status":"error"}',
        ),
        (
            '{"event":"subscribe","pair":"XMR/USD","subscription":{"name":"trade"}}',
            '{"errorMessage":"Pair field must be an array","event":"subscriptionStatus","status":"error",'
            '"subscription":{"name":"trade"}}',
        ),
        (
            '{"event":"subscribe","pair":["XMR/USD"],"subscription":{"name":"trades"}}',
            '{"errorMessage":"Subscription name invalid","event":"subscriptionStatus","status":"error",'
            '"subscription":{"name":"trades"}}',
        ),
    ],
)
def test_other_messages_are_answered_to_the_letter(text: str, answer: str) -> None:
    (out,) = connected(kraken("XMR/USD")).receive(text, START_NS)
    assert isinstance(out, Say)
    assert out.text.decode() == answer


def test_snapshot_holds_the_last_50_trades_as_one_array() -> None:
    dialect = kraken("XMR/USD")
    texts = [b'["354.%02d000000","1","16186781%02d.557535","s","l",""]' % (number, number) for number in range(70)]
    for text in texts:
        dialect.remember(dialect.read(frame(text)))
    assert subscribe(connected(dialect), "XMR/USD")[1:] == [
        Resend(frame(*texts[20:]), "XMR/USD"),
        Subscribed("XMR/USD"),
    ]


def test_equal_trades_are_two_in_one_frame_and_one_in_two_frames() -> None:
    dialect = kraken("XMR/USD")
    for played in (frame(TRADE, TRADE), frame(TRADE), frame(OTHER)):
        dialect.remember(dialect.read(played))
    assert dialect.snapshot("XMR/USD") == Resend(frame(TRADE, TRADE, OTHER), "XMR/USD")
    assert len(set(dialect.trade_keys(frame(TRADE, TRADE)))) == 2
    assert dialect.trade_keys(frame(TRADE)) == dialect.trade_keys(frame(TRADE, TRADE))[:1]


def test_heartbeat_comes_every_second_busy_or_not() -> None:
    session = connected(kraken("XMR/USD"))
    session.greet(START_NS)
    busy = [START_NS + number * 250_000_000 for number in range(1, 13)]
    assert [len(list(session.tick(now_ns, now_ns))) for now_ns in busy] == [0, 0, 0, 1] * 3
    assert list(session.tick(busy[-1] + SECOND_NS, 0)) == [Say(HEARTBEAT)]


@pytest.mark.parametrize(
    ("played", "stream"),
    [
        (frame(TRADE), "XMR/USD"),
        (b'[320,{"a":[]},"book-25","XBT/USD"]', None),
        (b'[993,[],"trade","XMRUSD"]', None),
        (b'[993,[["1"]],"trade"]', None),
        (b"[", None),
        (b'["\xff"]', None),
    ],
)
def test_stream_of_a_frame_is_its_pair_or_none(played: bytes, stream: str | None) -> None:
    assert kraken().read(played).stream == stream


def test_requests_above_the_limit_are_told_so_and_not_carried_out() -> None:
    session = connected(kraken("XMR/USD"))
    for number in range(Limits().requests_per_s):
        assert asked(session, event="ping", reqid=number) == [Say(b'{"event":"pong","reqid":%d}' % number)]
    assert subscribe(session, "XMR/USD", reqid=42) == [
        Say(b'{"errorMessage":"Exceeded msg rate","event":"error","reqid":42}')
    ]
