"""What holds for every exchange alike."""

from __future__ import annotations

import gzip
import json
import pkgutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import k2pipeline.exchanges as exchanges
from k2pipeline.exchanges import DLQ_TOPIC, EXCHANGES, Exchange, Frame, FrameKind, binance, kraken

KEYS = st.sampled_from(
    [
        *("e", "s", "A", "B", "u", "data", "stream", "result", "id", "error", "code", "msg", "lastUpdateId"),
        *("channel", "event", "method", "success", "status", "symbol", "type", "x"),
    ]
)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
    st.sampled_from(
        [
            *(
                "trade",
                "aggTrade",
                "kline",
                "bookTicker",
                "depthUpdate",
                "serverShutdown",
                "BTCUSDT",
                "XBT/USD",
            ),
            *("heartbeat", "status", "book", "book-10", "ohlc-5", "spread", "ticker", "subscriptionStatus"),
            *("pong", "error", "subscribe", "systemStatus", "币安人生USDT", "\ud800"),
        ]
    ),
)
MESSAGES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=5),
        st.dictionaries(KEYS, inner, max_size=6),
        st.tuples(st.integers(), inner, st.just("trade"), inner).map(list),
    ),
    max_leaves=12,
)
EXACTLY: list[tuple[Exchange, Callable[[bytes], Frame]]] = [
    (binance.EXCHANGE, binance._classify_exactly),
    (kraken.EXCHANGE, kraken._classify_exactly),
]


def test_each_module_is_an_exchange_of_its_own_name_and_topic() -> None:
    modules = {module.name for module in pkgutil.iter_modules(exchanges.__path__)}
    assert modules == set(EXCHANGES) == {"binance", "kraken"}
    assert {name: exchange.topic for name, exchange in EXCHANGES.items()} == {
        "binance": "market.crypto.trades.binance",
        "kraken": "market.crypto.trades.kraken",
    }
    assert DLQ_TOPIC == "market.crypto.trades.dlq"


def test_an_exchange_in_a_file_of_another_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    misnamed = ModuleType("k2pipeline.exchanges.binance")
    misnamed.EXCHANGE = kraken.EXCHANGE  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "k2pipeline.exchanges.binance", misnamed)
    with pytest.raises(ImportError, match=r"exchanges/binance\.py defines 'kraken'"):
        exchanges._discover()


@pytest.mark.parametrize(("exchange", "exactly"), EXACTLY, ids=lambda value: getattr(value, "name", ""))
@given(message=MESSAGES, escapes=st.booleans(), indent=st.sampled_from([None, 1]))
@example(message={"e": "trade", "s": "\ud800"}, escapes=True, indent=None)
@example(message=[1, [[]], "trade", "XBT/USD"], escapes=True, indent=None)
def test_the_fast_paths_say_what_the_exact_reading_says(
    exchange: Exchange, exactly: Callable[[bytes], Frame], message: object, escapes: bool, indent: int | None
) -> None:
    frame = json.dumps(message, ensure_ascii=escapes, indent=indent).encode(errors="surrogatepass")
    assert exchange.classify(frame) == exactly(frame)


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.name)
@given(noise=st.binary(max_size=40), message=MESSAGES, at=st.integers(0, 60))
def test_no_bytes_make_classification_raise(exchange: Exchange, noise: bytes, message: object, at: int) -> None:
    frame = json.dumps(message).encode()
    for broken in (noise, frame[:at], frame[:at] + noise + frame[at:]):
        answer = exchange.classify(broken)
        assert answer.symbol.encode() is not None
        assert answer.trades >= 0


NOT_JSON = [
    b" ",
    b"trade",
    b'{"e":"trade"',
    b'{"e":"trade"}}',
    b'{"e":"trade","p":NaN}',
    b'{"e":"trade","p":01}',
    b"{'e':'trade'}",
    b'\xef\xbb\xbf{"e":"trade"}',
    b'{"e":"trade","p":"\xff"}',
    b'{"channel":"trade","data":[}',
    b'{"channel":"trade","x":"\xc3"}',
    b'[1,[[]],"trade","XBT/USD"',
    b'[1,["\xff"],"trade","XBT/USD"]',
    '{"e":"trade"}'.encode("utf-16"),
    b"\x00\x01\x02",
    b"[" * 200_000,
]


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.name)
def test_frame_without_bytes_is_counted_and_never_sent(exchange: Exchange) -> None:
    assert exchange.classify(b"") == Frame(FrameKind.CONTROL, "", "empty", 0)


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.name)
@pytest.mark.parametrize("frame", NOT_JSON, ids=lambda frame: repr(frame[:20]))
def test_what_is_not_json_is_unknown(exchange: Exchange, frame: bytes) -> None:
    assert exchange.classify(frame) == Frame(FrameKind.UNKNOWN, "", "unknown", 0)


@pytest.mark.parametrize("exchange", EXCHANGES.values(), ids=lambda exchange: exchange.name)
@pytest.mark.parametrize("frame", [b"42", b'"trade"', b"null", b"[]", b"{}", b"[[]]", b"[null,null]", b'{"":""}'])
def test_json_that_is_no_message_is_unknown(exchange: Exchange, frame: bytes) -> None:
    assert exchange.classify(frame).kind is FrameKind.UNKNOWN


SPECIMENS = Path(__file__).parents[4] / "shared" / "captures" / "mixed-specimens-1.jsonl.gz"


@pytest.mark.skipif(not SPECIMENS.exists(), reason=f"no recordings at {SPECIMENS}")
def test_real_specimens_of_rare_frames_are_told_apart() -> None:
    specimens = [json.loads(line) for line in gzip.decompress(SPECIMENS.read_bytes()).splitlines()]
    frames = [
        (each["exchange"], EXCHANGES[each["exchange"]].classify(each["frame"].encode()))
        for each in specimens
        if each["exchange"] in EXCHANGES
    ]
    assert Counter((exchange, frame.channel, frame.trades) for exchange, frame in frames) == {
        ("binance", "aggTrade", 0): 5,
        ("binance", "trade_all", 0): 1,
        ("binance", "trade", 1): 2,
        ("binance", "ack", 0): 1,
        ("binance", "error", 0): 2,
        ("kraken", "trade", 1): 3,
        ("kraken", "trade", 2): 1,
        ("kraken", "spread", 0): 1,
        ("kraken", "ohlc", 0): 1,
        ("kraken", "book", 0): 1,
        ("kraken", "pong", 0): 2,
        ("kraken", "ack", 0): 2,
        ("kraken", "error", 0): 1,
    }
