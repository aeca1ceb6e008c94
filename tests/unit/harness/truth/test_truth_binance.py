"""docs/meaning.md for Binance, rule by rule, with values written by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest

from harness.truth import binance, wide
from harness.truth.binance import split

from .conftest import RECV_NS, Run

RAW = (
    '{"e":"trade","E":1723161255343,"s":"BTCUSDT","t":3735683259,'
    '"p":"61837.63000000","q":"0.02000000","T":1723161255342,"m":true,"M":true}'
)
COMBINED = f'{{"stream":"btcusdt@trade","data":{RAW}}}'
OLD = RAW.replace('"T":', '"b":88,"a":50,"T":')
BRONZE_OF_RAW = {
    "stream": "",
    "event_time": 1723161255343,
    "symbol": "BTCUSDT",
    "trade_id": 3735683259,
    "price": "61837.63000000",
    "quantity": "0.02000000",
    "buyer_order_id": None,
    "seller_order_id": None,
    "trade_time": 1723161255342,
    "is_buyer_maker": True,
    "is_best_match": True,
}


def changed(old: str, new: str) -> str:
    assert RAW.count(old) == 1
    return RAW.replace(old, new)


def bronze_of(frame: str) -> dict[str, object]:
    reading = binance.read(pl.Series([frame.encode()]))
    assert reading.letters == {}
    [row] = reading.trades.rows(named=True)
    assert (row.pop("row"), row.pop("trade_index")) == (0, 0)
    return row


@pytest.mark.parametrize(
    ("frame", "differs"),
    [
        (RAW, {}),
        (COMBINED, {"stream": "btcusdt@trade"}),
        (OLD, {"buyer_order_id": 88, "seller_order_id": 50}),
        (f'{{"data":{RAW},"stream":"x","seq":[1]}}', {"stream": "x"}),
        (f'{{"data":{RAW}}}', {}),
        (f'{{"stream":7,"data":{RAW}}}', {}),
        (f'{{"stream":"a","stream":"b","data":{RAW}}}', {"stream": "a"}),
        (changed('"e":', '"stream":"elsewhere","e":'), {}),
        (changed('"e":', '"data":{},"e":'), {}),
        (changed('"e":', '"data":[1],"e":'), {}),
        (changed('"e":', '"data":null,"e":'), {}),
        (changed('"e":', '"new":{"e":"other","t":1},"e":'), {}),
        (changed('"E":1723161255343,', ""), {"event_time": None}),
        (changed('"E":1723161255343', '"E":"1723161255343"'), {"event_time": None}),
        (changed('"E":1723161255343', '"E":1723161255343.0'), {"event_time": None}),
        (changed('"E":1723161255343', '"E":-9223372036854775808'), {"event_time": -(2**63)}),
        (changed('"E":1723161255343', '"E":9223372036854775808'), {"event_time": None}),
        (changed('"T":', '"b":-1,"a":18446744073709551615,"T":'), {"seller_order_id": 2**64 - 1}),
        (changed('"T":', '"b":null,"a":"50","T":'), {}),
        (changed(',"M":true', ""), {"is_best_match": None}),
        (changed('"M":true', '"M":1'), {"is_best_match": None}),
        (changed('"M":true', '"M":null'), {"is_best_match": None}),
        (changed('"M":true', '"M":false,"X":"MARKET"'), {"is_best_match": False}),
        (changed("3735683259", "18446744073709551615"), {"trade_id": 2**64 - 1}),
        (changed("3735683259", "0"), {"trade_id": 0}),
        (changed("1723161255342", "-9223372036854775808"), {"trade_time": -(2**63)}),
        (changed('"p":"61837.63000000"', '"p":"61837.63000000","p":"1"'), {}),
        (changed('"m":true', '"m":true,"m":0'), {}),
        (changed('"p":"61837.63000000"', '"p":""'), {"price": ""}),
        (changed('"q":"0.02000000"', '"q":"lots"'), {"quantity": "lots"}),
        (changed("BTCUSDT", "BTC\\u0055SDT"), {}),
        (changed('"p"', '"\\u0070"'), {}),
        (changed("BTCUSDT", "币安人生USDT"), {"symbol": "币安人生USDT"}),
        (RAW.replace(",", " ,\n\t").replace(":", " : "), {}),
        (f" {RAW}\r\n", {}),
        (f"\ufeff{RAW}", {}),
    ],
)
def test_trade_becomes_one_bronze_row_with_the_values_as_sent(frame: str, differs: dict[str, object]) -> None:
    assert bronze_of(frame) == BRONZE_OF_RAW | differs


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("", "not_json"),
        (RAW[:-1], "not_json"),
        (RAW + RAW, "not_json"),
        (changed("3735683259", "03735683259"), "not_json"),
        (changed("3735683259", "NaN"), "not_json"),
        (changed("BTCUSDT", "BTC\nUSDT"), "not_json"),
        (changed("BTCUSDT", "BTC\\ud800USDT"), "not_json"),
        (changed('"M":true', '"M":true,'), "not_json"),
        (RAW.encode().replace(b"BTCUSDT", b"BTC\xffUSDT"), "not_json"),
        (RAW.encode().replace(b'"M"', b'"\xff":1,"M"'), "not_json"),
        ('{"result":null,"id":1}', "not_a_trade"),
        ("42", "not_a_trade"),
        ("null", "not_a_trade"),
        (f"[{RAW}]", "not_a_trade"),
        ("[]", "not_a_trade"),
        ("{}", "not_a_trade"),
        (changed('"trade"', '"aggTrade"'), "not_a_trade"),
        (changed('"e":"trade"', '"e":1'), "not_a_trade"),
        (changed('"e":"trade",', ""), "not_a_trade"),
        (changed('"e":"trade"', '"e":"kline","e":"trade"'), "not_a_trade"),
        (changed('"e":', '"data":{"e":"other"},"e":'), "not_a_trade"),
        (changed('"M":true', '"X":"MARKET"'), "futures_trade"),
        (changed('"M":true', '"X":null'), "futures_trade"),
        (changed('"s":"BTCUSDT",', "").replace('"M":true', '"X":""'), "futures_trade"),
        (changed('"s":"BTCUSDT",', ""), "malformed_symbol"),
        (changed('"BTCUSDT"', '""'), "malformed_symbol"),
        (changed('"BTCUSDT"', "12345"), "malformed_symbol"),
        (changed('"BTCUSDT"', "null").replace("3735683259", '"x"'), "malformed_symbol"),
        (changed('"t":3735683259,', ""), "malformed_trade_id"),
        *(
            (changed("3735683259", text), "malformed_trade_id")
            for text in ('"3735683259"', "-1", "18446744073709551616", "1.0", "1e3", "null", "true", "[1]")
        ),
        (changed("3735683259", "-1").replace('"q":"0.02000000",', ""), "malformed_trade_id"),
        (changed('"61837.63000000"', "61837.63"), "malformed_price"),
        (changed('"61837.63000000"', "123456789012345678901234567890"), "malformed_price"),
        (changed('"61837.63000000"', "null"), "malformed_price"),
        (changed('"p":"61837.63000000",', "").replace('"0.02000000"', "1"), "malformed_price"),
        (changed('"0.02000000"', "0.02"), "malformed_quantity"),
        (changed('"q":"0.02000000",', "").replace("1723161255342", '""'), "malformed_quantity"),
        (changed('"T":1723161255342,', ""), "malformed_time"),
        *(
            (changed("1723161255342", text), "malformed_time")
            for text in ('"1723161255342"', "1723161255342.5", "1e12", "9223372036854775808", "-9223372036854775809")
        ),
        (changed("1723161255342", "null").replace('"m":true', '"m":1'), "malformed_time"),
        (changed('"m":true,', ""), "malformed_side"),
        *((changed('"m":true', f'"m":{text}'), "malformed_side") for text in ('"true"', "1", "null", "[]")),
        (f'{{"stream":"btcusdt@trade","data":{changed(":true,", ":0,")}}}', "malformed_side"),
    ],
)
def test_frame_that_is_not_understood_is_a_letter_with_its_first_defect(frame: str | bytes, reason: str) -> None:
    reading = binance.read(pl.Series([frame if isinstance(frame, bytes) else frame.encode()]))
    assert reading.letters == {0: reason}
    assert reading.trades.is_empty()


def test_one_frame_of_bad_bytes_does_not_touch_its_neighbours() -> None:
    reading = binance.read(pl.Series([RAW.encode(), b"\xff", COMBINED.encode(), b"{}", OLD.encode()]))
    assert reading.letters == {1: "not_json", 3: "not_a_trade"}
    assert reading.trades["row"].to_list() == [0, 2, 4]
    assert reading.trades["buyer_order_id"].to_list() == [None, None, 88]


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTCUSDT", "BTC", "USDT"),
        ("ETHBTC", "ETH", "BTC"),
        ("USDTTRY", "USDT", "TRY"),
        ("FDUSDUSDT", "FDUSD", "USDT"),
        ("BTCTUSD", "BTC", "TUSD"),
        ("BTCFDUSD", "BTC", "FDUSD"),
        ("BTCUSD1", "BTC", "USD1"),
        ("BTCBIDR", "BTC", "BIDR"),
        ("BTCIDR", "BTC", "IDR"),
        ("BTCUSDTUSDT", "BTCUSDT", "USDT"),
        ("USDTUSDC", "USDT", "USDC"),
        ("BNBETH", "BNB", "ETH"),
        ("4USDT", "4", "USDT"),
        ("TUSDT", "T", "USDT"),
        ("BTUSD", "B", "TUSD"),
        ("TUSD", "", ""),  # its own quote leaves no base, and USD is none
        ("FDUSD", "", ""),
        ("USDT", "", ""),
        ("BTC", "", ""),
        ("FOOBAR", "", ""),
        ("btcusdt", "", ""),
        ("BTC-USDT", "", ""),
        ("BTC/USDT", "", ""),
        ("BTCUSD_PERP", "", ""),
        (" BTCUSDT", "", ""),
        ("BTCUSDT\n", "", ""),
        ("币安人生USDT", "", ""),
    ],
)
def test_quote_is_recognised_as_the_longest_known_one_that_leaves_a_base(symbol: str, base: str, quote: str) -> None:
    assert split(symbol) == (base, quote)


def test_silver_row_has_every_value_exactly(run: Run) -> None:
    run.send("binance", COMBINED, partition=3, offset=41)
    [row] = run.truth().tables["silver_trades"].rows(named=True)
    assert wide.decimals(pl.Series([row.pop("quote_volume")], dtype=wide.WIDE), 36) == [Decimal("1236.7526")]
    assert row == {
        "exchange": "binance",
        "symbol": "BTCUSDT",
        "canonical_symbol": "BTC/USDT",
        "asset_class": "crypto",
        "currency": "USDT",
        "trade_id": "3735683259",
        "message_id": UUID("c6c51c33-6329-3862-aa74-8a5587e88d2e").bytes,
        "price": Decimal("61837.63"),
        "quantity": Decimal("0.02"),
        "side": "SELL",
        "trade_conditions": [],
        "timestamp": datetime(2024, 8, 8, 23, 54, 15, 342_000, UTC),
        "ingestion_timestamp": datetime(2024, 8, 8, 23, 54, 15, 343_000, UTC),
        "source_sequence": 3735683259,
        "vendor_data": [
            {"key": "event_time", "value": "1723161255343"},
            {"key": "is_best_match", "value": "true"},
        ],
        "is_valid": True,
        "validation_errors": [],
        "source_topic": "market.crypto.trades.binance",
        "source_partition": 3,
        "source_offset": 41,
        "source_index": 0,
        "precedence": 18446744073666559999,
        "seq": 0,
    }


def test_receive_time_keeps_its_nanoseconds(run: Run) -> None:
    run.send("binance", RAW)
    tables = run.truth().tables
    assert tables["silver_trades"]["ingestion_timestamp"].to_physical().to_list() == [RECV_NS]
    assert tables["bronze_trades_binance"]["received_at"].to_physical().to_list() == [1_723_161_255_343_000_001]


@pytest.mark.parametrize(("maker", "side"), [("true", "SELL"), ("false", "BUY")])
def test_side_is_the_takers(run: Run, maker: str, side: str) -> None:
    run.send("binance", changed('"m":true', f'"m":{maker}'))
    assert run.truth().tables["silver_trades"]["side"].to_list() == [side]


@pytest.mark.parametrize(
    ("frame", "marks"),
    [
        (RAW, ["event_time=1723161255343", "is_best_match=true"]),
        (
            OLD.replace('"M":true', '"M":false'),
            ["event_time=1723161255343", "buyer_order_id=88", "seller_order_id=50", "is_best_match=false"],
        ),
        (changed('"E":1723161255343,', "").replace(',"M":true', ""), []),
        (
            changed('"E":1723161255343', '"E":null').replace('"T"', '"a":0,"T"'),
            ["seller_order_id=0", "is_best_match=true"],
        ),
    ],
)
def test_vendor_data_is_what_was_sent_and_nothing_else(run: Run, frame: str, marks: list[str]) -> None:
    run.send("binance", frame)
    [found] = run.truth().tables["silver_trades"]["vendor_data"].to_list()
    assert [f"{mark['key']}={mark['value']}" for mark in found] == marks


@pytest.mark.parametrize(
    ("sent", "time"),
    [
        ("1723161255342", datetime(2024, 8, 8, 23, 54, 15, 342_000, UTC)),
        ("1723161255342123", datetime(2024, 8, 8, 23, 54, 15, 342_123, UTC)),
    ],
)
def test_milliseconds_and_microseconds_are_told_apart(run: Run, sent: str, time: datetime) -> None:
    run.send("binance", changed("1723161255342", sent))
    assert run.truth().tables["silver_trades"]["timestamp"].to_list() == [time]
