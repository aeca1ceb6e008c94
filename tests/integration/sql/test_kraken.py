"""Kraken v2 and v1 frames in, bronze, silver and dead letters out: docs/meaning.md, row by row."""

import itertools
from typing import Any

import pytest

from tests.integration.sql.conftest import Schema

IDS = itertools.count(109_183_886)


def v2_trade(**changes: str | None) -> str:
    """One element of a v2 frame's data; a change gives a field's raw JSON, None leaves it out."""
    fields: dict[str, str | None] = {
        "symbol": '"BTC/USD"', "side": '"sell"', "price": "84095.70", "qty": "0.00275723", "ord_type": '"limit"',
        "trade_id": str(next(IDS)), "timestamp": '"2026-09-26T18:09:13.157776Z"',
    } | changes  # fmt: skip
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"


def v2(*trades: str, kind: str = "update") -> str:
    return f'{{"channel":"trade","type":"{kind}","data":[{",".join(trades)}]}}'


def v1(*trades: str, pair: str = "XBT/USD") -> str:
    return f'[337,[{",".join(trades)}],"trade","{pair}"]'


def silver(schema: Schema, offset: int) -> list[dict[str, Any]]:
    return schema.rows(f"SELECT * FROM k2.silver_trades FINAL WHERE source_offset = {offset} ORDER BY source_index")


def letters(schema: Schema, offset: int) -> list[tuple[str, str]]:
    found = schema.rows(
        f"SELECT layer, reason FROM k2.dead_letters FINAL WHERE _offset = {offset} AND exchange = 'kraken'"
    )
    return [(row["layer"], row["reason"]) for row in found]


@pytest.mark.parametrize(
    "text", ["84095.70", "0.123456789012345678", "1e-5", "12345678901234567890", "0.10000000000000000000"]
)
def test_a_number_keeps_its_own_text(schema: Schema, text: str) -> None:
    offset = schema.feed("kraken", [v2(v2_trade(price=text, qty=text))])
    (row,) = schema.rows(f"SELECT price, quantity FROM k2.bronze_trades_kraken WHERE _offset = {offset}")
    assert row == {"price": text, "quantity": text}


def test_a_key_written_with_escapes_is_the_same_key(schema: Schema) -> None:
    frame = v2(v2_trade()).replace('"price"', '"\\u0070ric\\u0065"').replace('"qty"', '"q\\u0074y"')
    (row,) = silver(schema, schema.feed("kraken", [frame]))
    assert (row["price"], row["quantity"]) == ("84095.7", "0.00275723")


def test_every_trade_of_a_snapshot_is_a_row(schema: Schema) -> None:
    first = next(IDS)
    trades = [v2_trade(trade_id=str(first + n), symbol='"ETH/USD"') for n in range(50)]
    offset = schema.feed("kraken", [v2(*trades, kind="snapshot")])
    rows = silver(schema, offset)
    assert [row["trade_id"] for row in rows] == [str(first + n) for n in range(50)]
    assert rows[0]["vendor_data"] == {"api": "v2", "frame_type": "snapshot"}
    assert (rows[0]["side"], rows[0]["trade_conditions"], rows[0]["timestamp"]) == (
        "SELL", ["limit"], "2026-09-26 18:09:13.157776",
    )  # fmt: skip


def test_v1_tells_equal_trades_of_a_frame_apart_and_a_resend_together(schema: Schema) -> None:
    equal = '["354.11000000","0.89594024","1618678142.557535","s","l",""]'
    other = '["354.11000000","0.89594024","1618678142.557535","s","m","x"]'
    first = schema.feed("kraken", [v1(equal, equal, other)])
    schema.feed("kraken", [v1(equal, equal, other, equal)])
    rows = schema.rows(
        "SELECT * FROM k2.silver_trades FINAL WHERE symbol = 'XBT/USD' AND price = 354.11 "
        "ORDER BY source_offset, source_index"
    )
    stem = "1618678142.557535/354.11000000/0.89594024/s/"
    assert [row["trade_id"] for row in rows] == [stem + "l/0", stem + "l/1", stem + "m/0", stem + "l/2"]
    assert [int(row["source_offset"]) - first for row in rows] == [0, 0, 0, 1]
    assert (rows[2]["trade_conditions"], rows[2]["source_sequence"]) == (["market", "x"], "1618678142557535")


@pytest.mark.parametrize(
    ("pair", "canonical"), [("XBT/USD", "BTC/USD"), ("ETH/XBT", "ETH/BTC"), ("XDG/EUR", "DOGE/EUR")]
)
def test_v1_names_become_common_names(schema: Schema, pair: str, canonical: str) -> None:
    time = f'"16186781{next(IDS) % 100}.5"'
    (row,) = silver(schema, schema.feed("kraken", [v1(f'["1.5","2",{time},"b","l",""]', pair=pair)]))
    assert (row["symbol"], row["canonical_symbol"], row["currency"]) == (
        pair,
        canonical,
        canonical.split("/")[1],
    )


@pytest.mark.parametrize("symbol", ["BTC", "BTC/USD/EUR", "/USD", "BTC/"])
def test_symbol_without_two_sides_is_not_split(schema: Schema, symbol: str) -> None:
    (row,) = silver(schema, schema.feed("kraken", [v2(v2_trade(symbol=f'"{symbol}"'))]))
    assert (row["canonical_symbol"], row["currency"], row["validation_errors"]) == (
        symbol,
        "",
        ["symbol_unknown"],
    )


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("nope", "not_json"),
        (v2(v2_trade())[:-1], "not_json"),
        (v2(v2_trade(qty="01")), "not_json"),
        ('{"channel":"heartbeat"}', "not_a_trade"),
        ('{"channel":"ticker","data":[]}', "not_a_trade"),
        ('{"event":"heartbeat"}', "not_a_trade"),
        ('[320,{"a":[]},"book-25","XBT/USD"]', "not_a_trade"),
        ('["trade","XBT/USD"]', "not_a_trade"),
        ("5", "not_a_trade"),
        (v2(), "no_trades"),
        ('{"channel":"trade","data":{}}', "no_trades"),
        ('{"channel":"trade"}', "no_trades"),
        (v1(), "no_trades"),
        ('[1,"x","trade","XBT/USD"]', "no_trades"),
        (v2("5"), "malformed_symbol"),
        (v2(v2_trade(symbol=None)), "malformed_symbol"),
        (v2(v2_trade(symbol="12345")), "malformed_symbol"),
        (v2(v2_trade(trade_id=None)), "malformed_trade_id"),
        (v2(v2_trade(trade_id='"5"')), "malformed_trade_id"),
        (v2(v2_trade(trade_id="1e3")), "malformed_trade_id"),
        (v2(v2_trade(trade_id="1000.0")), "malformed_trade_id"),
        (v2(v2_trade(price='"84095.7"')), "malformed_price"),
        (v2(v2_trade(price=None)), "malformed_price"),
        (v2(v2_trade(qty="null")), "malformed_quantity"),
        (v2(v2_trade(timestamp="5")), "malformed_time"),
        (v2(v2_trade(side="5")), "malformed_side"),
        (v2(v2_trade(), v2_trade(side=None), v2_trade(qty=None)), "malformed_side"),
        (v1('[354.11,"0.8","1618678142.5","s","l",""]'), "malformed_price"),
        (v1('["354.11",0.8,"1618678142.5","s","l",""]'), "malformed_quantity"),
        (v1('["354.11","0.8",1618678142.5,"s","l",""]'), "malformed_time"),
        (v1('["354.11","0.8","1618678142.5"]'), "malformed_side"),
        (v1("{}"), "malformed_price"),
        (v1('["1","1","1618678142.5","s"]', pair=""), "malformed_symbol"),
    ],
)
def test_frame_that_is_not_understood_is_one_bronze_letter(schema: Schema, frame: str, reason: str) -> None:
    offset = schema.feed("kraken", [frame])
    assert letters(schema, offset) == [("bronze", reason)]
    assert schema.rows(f"SELECT 1 FROM k2.bronze_trades_kraken WHERE _offset = {offset}") == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"price": "0.1234567890123456789"}, "price_not_exact"),
        ({"qty": "1e20"}, "quantity_not_exact"),
        ({"timestamp": '"2026-09-26T18:09:13.1577761Z"'}, "time_not_exact"),
        ({"timestamp": '"2026-02-30T00:00:00Z"'}, "time_not_exact"),
        ({"timestamp": '"2026-00-10T00:00:00Z"'}, "time_not_exact"),
        ({"timestamp": '"2026-02-03T24:00:00Z"'}, "time_not_exact"),
        ({"timestamp": '"2026-06-30T23:59:60Z"'}, "time_not_exact"),
        ({"timestamp": '"2026-09-26T18:09:13+02:00"'}, "time_not_exact"),
        ({"timestamp": '"1899-12-31T23:59:59.999999Z"'}, "time_not_exact"),
        ({"timestamp": '"2300-01-01T00:00:00Z"'}, "time_not_exact"),
        ({"timestamp": '"soon"'}, "time_not_exact"),
        ({"side": '"x"'}, "side_unknown"),
        ({"side": '""'}, "side_unknown"),
    ],
)
def test_trade_that_silver_cannot_hold_is_one_silver_letter(
    schema: Schema, changes: dict[str, str], reason: str
) -> None:
    offset = schema.feed("kraken", [v2(v2_trade(), v2_trade(**changes))])
    assert letters(schema, offset) == [("silver", reason)]
    assert [row["source_index"] for row in silver(schema, offset)] == ["0"]


@pytest.mark.parametrize(
    ("sent", "timestamp"),
    [
        ("2026-09-26T18:09:13Z", "2026-09-26 18:09:13.000000"),
        ("2026-09-26T18:09:13.1Z", "2026-09-26 18:09:13.100000"),
        ("2026-09-26T18:09:13.157776000Z", "2026-09-26 18:09:13.157776"),
        ("1900-01-01T00:00:00Z", "1900-01-01 00:00:00.000000"),
        ("2024-02-29T23:59:59.999999Z", "2024-02-29 23:59:59.999999"),
    ],
)
def test_v2_time_is_held_to_the_microsecond(schema: Schema, sent: str, timestamp: str) -> None:
    (row,) = silver(schema, schema.feed("kraken", [v2(v2_trade(timestamp=f'"{sent}"'))]))
    assert row["timestamp"] == timestamp


@pytest.mark.parametrize(
    ("sent", "timestamp"), [("1618678142", "16:49:02.000000"), ("1618678142.5575350", "16:49:02.557535")]
)
def test_v1_time_is_held_to_the_microsecond(schema: Schema, sent: str, timestamp: str) -> None:
    (row,) = silver(schema, schema.feed("kraken", [v1(f'["{next(IDS)}","2","{sent}","b","l",""]')]))
    assert row["timestamp"] == f"2021-04-17 {timestamp}"


def test_v1_time_finer_than_microseconds_is_a_silver_letter(schema: Schema) -> None:
    assert letters(schema, schema.feed("kraken", [v1('["1","2","1618678142.5575351","b","l",""]')])) == [
        ("silver", "time_not_exact")
    ]
