"""docs/meaning.md for Kraken, rule by rule, with values written by hand."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import polars as pl
import pytest

from harness.truth import kraken, wide
from harness.truth.kraken import split

from .conftest import Run

TRADE = (
    '{"symbol":"BTC/USD","side":"sell","price":84095.7,"qty":0.00275723,"ord_type":"limit",'
    '"trade_id":109183886,"timestamp":"2026-09-26T18:09:13.157776Z"}'
)
FRAME = f'{{"channel":"trade","type":"update","data":[{TRADE}]}}'
FIRST = '["354.11000000","0.89594024","1618678142.557535","s","l",""]'
V1 = f'[993,[{FIRST}],"trade","XMR/USD"]'
BRONZE_OF_FRAME = {
    "api": "v2",
    "frame_type": "update",
    "symbol": "BTC/USD",
    "trade_id": 109183886,
    "occurrence": 0,
    "price": "84095.7",
    "quantity": "0.00275723",
    "side": "sell",
    "order_type": "limit",
    "misc": "",
    "trade_time": "2026-09-26T18:09:13.157776Z",
}
BRONZE_OF_V1 = {
    "api": "v1",
    "frame_type": "",
    "symbol": "XMR/USD",
    "trade_id": None,
    "occurrence": 0,
    "price": "354.11000000",
    "quantity": "0.89594024",
    "side": "s",
    "order_type": "l",
    "misc": "",
    "trade_time": "1618678142.557535",
}


def changed(old: str, new: str) -> str:
    assert FRAME.count(old) == 1
    return FRAME.replace(old, new)


def v1(trade: str) -> str:
    return f'[993,[{trade}],"trade","XMR/USD"]'


def v2(*trades: str) -> str:
    return f'{{"channel":"trade","type":"update","data":[{",".join(trades)}]}}'


def bronze_of(frame: str) -> list[dict[str, object]]:
    reading = kraken.read(pl.Series([frame.encode()]))
    assert reading.letters == {}
    rows = reading.trades.rows(named=True)
    assert [(row.pop("row"), row.pop("trade_index")) for row in rows] == [(0, index) for index in range(len(rows))]
    return rows


@pytest.mark.parametrize(
    ("frame", "differs"),
    [
        (FRAME, {}),
        (changed('"type":"update",', ""), {"frame_type": ""}),
        (changed('"update"', "1"), {"frame_type": ""}),
        (changed('"update"', '"snapshot"'), {"frame_type": "snapshot"}),
        (changed('"ord_type":"limit",', ""), {"order_type": ""}),
        (changed('"limit"', "null"), {"order_type": ""}),
        (changed('"limit"', '"iceberg"'), {"order_type": "iceberg"}),
        (changed("0.00275723", "0.00010000"), {"quantity": "0.00010000"}),
        (changed("84095.7", "0.123456789012345678"), {"price": "0.123456789012345678"}),
        (changed("84095.7", "8.40957E+4"), {"price": "8.40957E+4"}),
        (changed("84095.7", " 1e400 "), {"price": "1e400"}),
        (changed("84095.7", "123456789012345678901234567890"), {"price": "123456789012345678901234567890"}),
        (changed("84095.7", "-0"), {"price": "-0"}),
        (changed('"price"', '"\\u0070rice"'), {}),
        (changed('"price":', '"price" \n: '), {}),
        (changed('"price":84095.7', '"price":84095.7,"price":"x"'), {}),
        (changed('"price":', '"note":{"price":1,"qty":"x"},"price":'), {}),
        (changed('"side"', '"new":[1,{}],"side"'), {}),
        (changed('"sell"', '"x"'), {"side": "x"}),
        (changed("109183886", "18446744073709551615"), {"trade_id": 2**64 - 1}),
        (changed("2026-09-26T18:09:13.157776Z", "yesterday"), {"trade_time": "yesterday"}),
        (f"\ufeff {FRAME}\n", {}),
    ],
)
def test_object_with_a_trade_becomes_one_bronze_row_with_the_values_as_sent(
    frame: str, differs: dict[str, object]
) -> None:
    assert bronze_of(frame) == [BRONZE_OF_FRAME | differs]


@pytest.mark.parametrize(
    ("frame", "differs"),
    [
        (V1, {}),
        (v1(FIRST.replace(',""]', "]")), {}),
        (v1(FIRST.replace(',"l",""]', "]")), {"order_type": ""}),
        (v1(FIRST.replace('"l"', "7")), {"order_type": ""}),
        (v1(FIRST.replace('""', '"m1"')), {"misc": "m1"}),
        (v1(FIRST.replace('""', "null")), {}),
        (v1(FIRST.replace('""', '"",1,2')), {}),
        (f'[993,"more",{{}},[{FIRST}],"trade","XMR/USD"]', {}),
        (f'[[{FIRST}],[{FIRST}],"trade","XMR/USD"]', {}),
        (V1.replace('"s"', '""'), {"side": ""}),
        (V1.replace("XMR", "XB\\u0054"), {"symbol": "XBT/USD"}),
        (f"\ufeff{V1}", {}),
    ],
)
def test_array_with_a_trade_becomes_one_bronze_row_with_the_values_as_sent(
    frame: str, differs: dict[str, object]
) -> None:
    assert bronze_of(frame) == [BRONZE_OF_V1 | differs]


def test_each_trade_of_a_frame_is_a_row_in_its_place() -> None:
    rows = bronze_of(v2(TRADE, TRADE.replace("109183886", "109183887"), TRADE.replace("BTC/USD", "ETH/USD")))
    assert [(row["symbol"], row["trade_id"]) for row in rows] == [
        ("BTC/USD", 109183886),
        ("BTC/USD", 109183887),
        ("ETH/USD", 109183886),
    ]


def test_occurrence_counts_equal_trades_of_one_frame() -> None:
    other_misc, other_type, other_side = (
        FIRST.replace(*change) for change in (('""', '"x"'), ('"l"', '"m"'), ('"s"', '"b"'))
    )
    rows = bronze_of(v1(",".join([FIRST, other_type, FIRST, other_side, other_misc, other_type])))
    assert [row["occurrence"] for row in rows] == [0, 0, 1, 0, 2, 1]


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("", "not_json"),
        (FRAME[:-1], "not_json"),
        (changed("84095.7", "084095.7"), "not_json"),
        (changed("84095.7", "84095."), "not_json"),
        (changed("84095.7", "NaN"), "not_json"),
        (changed('"limit"', '"\\udc00"'), "not_json"),
        (V1[:-1], "not_json"),
        ("1", "not_a_trade"),
        ('"trade"', "not_a_trade"),
        ("{}", "not_a_trade"),
        ('{"channel":"heartbeat"}', "not_a_trade"),
        (changed('"trade"', '"ticker"'), "not_a_trade"),
        (changed('"trade"', "1"), "not_a_trade"),
        (changed('"channel":"trade"', '"channel":"book","channel":"trade"'), "not_a_trade"),
        ("[]", "not_a_trade"),
        (f'[[{FIRST}],"trade","XMR/USD"]', "not_a_trade"),
        (V1.replace('"trade"', '"ticker"'), "not_a_trade"),
        (V1.replace('"trade"', "1"), "not_a_trade"),
        (V1.replace('"XMR/USD"]', '"XMR/USD",1]'), "not_a_trade"),
        ('{"channel":"trade","type":"update"}', "no_trades"),
        ('{"channel":"trade","data":[]}', "no_trades"),
        (f'{{"channel":"trade","data":{TRADE}}}', "no_trades"),
        ('{"channel":"trade","data":null}', "no_trades"),
        ('[993,[],"trade","XMR/USD"]', "no_trades"),
        ('[993,{},"trade",7]', "no_trades"),
        (v2("1"), "malformed_symbol"),
        (v2("{}"), "malformed_symbol"),
        (v2("[]", TRADE), "malformed_symbol"),
        (changed('"BTC/USD"', '""'), "malformed_symbol"),
        (changed('"BTC/USD"', "12345"), "malformed_symbol"),
        (V1.replace('"XMR/USD"', "12345"), "malformed_symbol"),
        (V1.replace('"XMR/USD"', '""').replace('"354.11000000"', "1"), "malformed_symbol"),
        (changed('"trade_id":109183886,', ""), "malformed_trade_id"),
        *(
            (changed("109183886", text), "malformed_trade_id")
            for text in ('"109183886"', "-1", "18446744073709551616", "1.0", "1e3", "null", "true")
        ),
        *(
            (changed("84095.7", text), "malformed_price")
            for text in ('"84095.7"', "null", "true", "[1]", "{}", '"number:1"')
        ),
        (changed('"price":84095.7,', ""), "malformed_price"),
        (v1("1"), "malformed_price"),
        (v1("[]"), "malformed_price"),
        (v1(FIRST.replace('"354.11000000"', "354.11")), "malformed_price"),
        (changed("0.00275723", '"0.00275723"'), "malformed_quantity"),
        (changed('"qty":0.00275723,', ""), "malformed_quantity"),
        (v1('["354.11000000"]'), "malformed_quantity"),
        (v1(FIRST.replace('"0.89594024"', "null")), "malformed_quantity"),
        (changed('"2026-09-26T18:09:13.157776Z"', "1618678142"), "malformed_time"),
        (v1(FIRST.replace('"1618678142.557535"', "1618678142.557535")), "malformed_time"),
        (v1('["1","2"]'), "malformed_time"),
        (changed('"sell"', "1"), "malformed_side"),
        (changed('"side":"sell",', ""), "malformed_side"),
        (v1('["1","2","3"]'), "malformed_side"),
        (v1(FIRST.replace('"s"', "null")), "malformed_side"),
        (v2(TRADE, TRADE.replace('"sell"', "1"), TRADE.replace("84095.7", "null")), "malformed_side"),
        (v2(TRADE.replace('"sell"', "1").replace("84095.7", "null")), "malformed_price"),
        (v1(",".join([FIRST, FIRST.replace('"s"', "0"), "[]"])), "malformed_side"),
    ],
)
def test_frame_that_is_not_understood_is_a_letter_whole_with_its_first_defect(frame: str, reason: str) -> None:
    reading = kraken.read(pl.Series([frame.encode()]))
    assert reading.letters == {0: reason}
    assert reading.trades.is_empty()


@pytest.mark.parametrize(
    ("symbol", "base", "quote"),
    [
        ("BTC/USD", "BTC", "USD"),
        ("XBT/USD", "BTC", "USD"),
        ("XDG/EUR", "DOGE", "EUR"),
        ("ETH/XBT", "ETH", "BTC"),
        ("XDG/XBT", "DOGE", "BTC"),
        ("XBTC/USD", "XBTC", "USD"),
        ("XBTUSD", "", ""),
        ("XBT//USD", "", ""),
        ("A/B/C", "", ""),
        ("/USD", "", ""),
        ("XBT/", "", ""),
        ("/", "", ""),
        ("xbt/usd", "xbt", "usd"),
    ],
)
def test_symbol_splits_at_its_only_slash_into_common_names(symbol: str, base: str, quote: str) -> None:
    assert split(symbol) == (base, quote)


def test_silver_row_of_an_object_has_every_value_exactly(run: Run) -> None:
    run.send("kraken", v2(TRADE.replace("109183886", "1"), TRADE), partition=1, offset=7)
    row = run.truth().tables["silver_trades"].filter(trade_id="109183886").rows(named=True)[0]
    assert wide.decimals(pl.Series([row.pop("quote_volume")], dtype=wide.WIDE), 36) == [Decimal("231.871186911")]
    assert row == {
        "exchange": "kraken",
        "symbol": "BTC/USD",
        "canonical_symbol": "BTC/USD",
        "asset_class": "crypto",
        "currency": "USD",
        "trade_id": "109183886",
        "message_id": UUID("3a1460b1-b575-31a9-b0d2-8d298644646d").bytes,
        "price": Decimal("84095.7"),
        "quantity": Decimal("0.00275723"),
        "side": "SELL",
        "trade_conditions": ["limit"],
        "timestamp": datetime(2026, 9, 26, 18, 9, 13, 157_776, UTC),
        "ingestion_timestamp": datetime(2024, 8, 8, 23, 54, 15, 343_000, UTC),
        "source_sequence": 109183886,
        "vendor_data": [{"key": "api", "value": "v2"}, {"key": "frame_type", "value": "update"}],
        "is_valid": False,  # received two years before it was traded
        "validation_errors": ["time_implausible"],
        "source_topic": "market.crypto.trades.kraken",
        "source_partition": 1,
        "source_offset": 7,
        "source_index": 1,
        "precedence": 18446744073702211582,
        "seq": 0,
    }


def test_silver_row_of_an_array_has_an_id_of_its_values_and_its_time_as_sequence(run: Run) -> None:
    run.send("kraken", v1(f"{FIRST},{FIRST}"))
    silver = run.truth().tables["silver_trades"].sort("source_index")
    base = "1618678142.557535/354.11000000/0.89594024/s/l"
    assert silver["trade_id"].to_list() == [f"{base}/0", f"{base}/1"]
    assert silver["message_id"].to_list() == [
        UUID("10234a78-a65c-3ba9-86c7-67b7e2c77b97").bytes,
        UUID("5fbb96c0-8653-3816-97df-ed961dc766df").bytes,
    ]
    assert silver["source_sequence"].to_list() == [1618678142557535, 1618678142557535]
    assert silver["timestamp"].to_list() == [datetime(2021, 4, 17, 16, 49, 2, 557_535, UTC)] * 2
    assert wide.decimals(silver["quote_volume"], 36) == [Decimal("317.2613983864")] * 2
    assert silver["vendor_data"].to_list() == [[{"key": "api", "value": "v1"}]] * 2


def test_equal_trades_without_ids_are_one_across_frames_and_two_within_one(run: Run) -> None:
    run.send("kraken", v1(FIRST), v1(f"{FIRST},{FIRST}"), v1(FIRST.replace('"s"', '"b"')))
    truth = run.truth()
    assert (truth.trades_sent, truth.distinct_trades, truth.duplicates_sent) == (4, 3, 1)
    assert sorted(truth.tables["silver_trades"]["source_offset"]) == [0, 1, 2]


@pytest.mark.parametrize(
    ("frame", "conditions"),
    [
        (FRAME, ["limit"]),
        (changed('"limit"', '"market"'), ["market"]),
        (changed('"limit"', '"l"'), ["limit"]),
        (changed('"limit"', '""'), []),
        (changed('"ord_type":"limit",', ""), []),
        (V1, ["limit"]),
        (v1(FIRST.replace('"l"', '"m"')), ["market"]),
        (v1(FIRST.replace('"l"', '"x"')), ["x"]),
        (v1(FIRST.replace('"l",""', '"l","note"')), ["limit", "note"]),
        (v1(FIRST.replace('"l",""', '"","note"')), ["note"]),
        (v1(FIRST.replace(',"l",""', "")), []),
    ],
)
def test_trade_conditions_are_order_type_and_misc(run: Run, frame: str, conditions: list[str]) -> None:
    run.send("kraken", frame)
    assert run.truth().tables["silver_trades"]["trade_conditions"].to_list() == [conditions]


@pytest.mark.parametrize(
    ("side", "becomes"),
    [
        ("buy", "BUY"),
        ("b", "BUY"),
        ("sell", "SELL"),
        ("s", "SELL"),
        ("Buy", None),
        ("S", None),
        ("", None),
        ("short", None),
    ],
)
@pytest.mark.parametrize("frame", [FRAME, V1], ids=["v2", "v1"])
def test_side_that_is_none_of_four_is_a_silver_letter(run: Run, frame: str, side: str, becomes: str | None) -> None:
    run.send("kraken", frame.replace('"sell"', f'"{side}"').replace('"s"', f'"{side}"'))
    truth = run.truth()
    assert truth.tables["silver_trades"]["side"].to_list() == ([becomes] if becomes else [])
    assert truth.dead_letters == ({} if becomes else {("silver", "side_unknown"): 1})
