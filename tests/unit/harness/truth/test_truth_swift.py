"""The swift way and the slow way through frames come to the same, whatever the frames are."""

from types import ModuleType

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from harness.truth import binance, kraken
from harness.truth.exchange import Reading, bronze_frame
from harness.truth.slow import complete

RAW = (
    b'{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    b'"p":"61837.63","q":"0.02","T":1723161255342,"m":true,"M":true}'
)
OLD = RAW.replace(b'"T":', b'"b":88,"a":50,"T":')
COMBINED = b'{"stream":"btcusdt@trade","data":' + RAW + b"}"
TRADE = (
    b'{"symbol":"BTC/USD","side":"sell","price":84095.70,"qty":0.00275723,"ord_type":"limit",'
    b'"trade_id":109183886,"timestamp":"2026-09-26T18:09:13.157776Z"}'
)
UPDATE = b'{"channel":"trade","type":"update","data":[' + TRADE + b"]}"
SNAPSHOT = (
    b'{"channel":"trade","type":"snapshot","data":[' + TRADE + b"," + TRADE.replace(b',"ord_type":"limit"', b"") + b"]}"
)
ARRAY = b'[993,[["354.11","0.89","1618678142.557535","s","l",""]],"trade","XMR/USD"]'
FRAMES = {binance: [RAW, OLD, COMBINED], kraken: [UPDATE, SNAPSHOT, ARRAY]}

SPLINTERS = [
    *(
        b"",
        b'"',
        b"\\",
        b",",
        b":",
        b"{",
        b"}",
        b"[",
        b"]",
        b"0",
        b"1",
        b"-",
        b".",
        b"e",
        b"E5",
        b".0",
        b" ",
        b"\n",
        b"\x00",
    ),
    *(
        b"\xff",
        b"\xef\xbb\xbf",
        "€".encode(),
        b"null",
        b"true",
        b'""',
        b"{}",
        b"[]",
        b"99999999999999999999",
        b"\\u0041",
    ),
    *(
        b'"p":"1",',
        b'"p":1,',
        b'"t":1.0,',
        b'"t":-1,',
        b'"X":1,',
        b'"M":null,',
        b'"E":null,',
        b'"stream":"x",',
        b'"data":{},',
    ),
    *(
        b'"n":{"p":1,"price":1},',
        b'"price":1,',
        b'"qty" : "1",',
        b'"type":"",',
        b'"channel":"trade",',
        b'"ord_type":1,',
    ),
    *(
        b'"trade_id":1e3,',
        b'"s":"",',
        b'"symbol":"",',
        b'"n":":",',
        b'"note":"\\"p\\":1",',
        b'"n":1e400,',
        b'"n":"\\ud800",',
    ),
]


def slowly(exchange: ModuleType, frames: list[bytes]) -> Reading:
    return complete(
        pl.Series(frames, dtype=pl.Binary), bronze_frame(exchange.BRONZE, {}), exchange.BRONZE, exchange.judge
    )


def assert_same(exchange: ModuleType, frames: list[bytes]) -> None:
    swift, slow = exchange.read(pl.Series(frames, dtype=pl.Binary)), slowly(exchange, frames)
    assert swift.letters == slow.letters
    assert swift.trades.equals(slow.trades), (frames, swift.trades, slow.trades)


@st.composite
def broken(draw: st.DrawFn, whole: list[bytes]) -> bytes:
    frame = draw(st.sampled_from(whole))
    for _ in range(draw(st.integers(0, 2))):
        place = draw(st.integers(0, len(frame)))
        end = place + draw(st.sampled_from([0, 0, 1, 2, 5, len(frame)]))
        frame = frame[:place] + draw(st.sampled_from(SPLINTERS)) + frame[end:]
    return frame


@pytest.mark.parametrize("exchange", FRAMES, ids=lambda module: module.__name__)
def test_whole_frames_come_to_the_same(exchange: ModuleType) -> None:
    assert_same(exchange, FRAMES[exchange])


@settings(max_examples=150)
@given(st.lists(broken(FRAMES[binance]), min_size=1, max_size=8))
@example([RAW.replace(b'"p":"61837.63"', b'"p" :"1","p":":"')])
@example([RAW.replace(b'"M"', b'"n":' + b"[" * 1100 + b"]" * 1100 + b',"M"'), RAW])
@example([RAW.replace(b'"M"', b'"n":' + b"[" * 600 + b"]" * 600 + b',"M"'), b"\xff"])
def test_binance_frames_broken_anyhow_come_to_the_same(frames: list[bytes]) -> None:
    assert_same(binance, frames)


@settings(max_examples=150)
@given(st.lists(broken(FRAMES[kraken]), min_size=1, max_size=8))
@example([UPDATE.replace(b'"price"', b'"n":{"price":1},"price"').replace(b'"qty"', b'"q"')])
@example([UPDATE.replace(b"84095.70", b" 84095.70 "), UPDATE.replace(b"84095.70", b'"number:84095.70"')])
def test_kraken_frames_broken_anyhow_come_to_the_same(frames: list[bytes]) -> None:
    assert_same(kraken, frames)


@pytest.mark.parametrize("exchange", FRAMES, ids=lambda module: module.__name__)
def test_plain_frames_do_go_the_swift_way(exchange: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> Reading:
        raise AssertionError("took the slow way")

    monkeypatch.setattr("harness.truth.slow._judged", refuse)
    frames = [frame for frame in FRAMES[exchange] if frame != ARRAY]
    new_field = [
        frame.replace(b'"side":', b'"new":[1,{"a":"b"}],"side":').replace(b'"m":', b'"new":1,"m":') for frame in frames
    ]
    reading = exchange.read(pl.Series(frames + new_field, dtype=pl.Binary))
    assert reading.trades["row"].n_unique() == len(frames) * 2
