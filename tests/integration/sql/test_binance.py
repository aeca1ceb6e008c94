"""Binance frames in, bronze, silver and dead letters out: docs/meaning.md, row by row."""

import itertools
import uuid
from typing import Any

import pytest

from tests.integration.sql.conftest import Schema

# A trade is one identity however often it is sent, so every frame here is another trade.
IDS = itertools.count(3_735_683_259)
NAMESPACE = uuid.UUID("6b32ff5e-7f5b-4b0a-9f5c-1b2d6e0c4a11")


def trade(**changes: str | None) -> str:
    """A raw Binance trade frame; a change gives a field's raw JSON, None leaves it out."""
    fields: dict[str, str | None] = {
        "e": '"trade"', "E": "1723161255343", "s": '"BTCUSDT"', "t": str(next(IDS)), "p": '"61837.63000000"',
        "q": '"0.02000000"', "T": "1723161255342", "m": "true", "M": "true",
    } | changes  # fmt: skip
    return "{" + ",".join(f'"{name}":{value}' for name, value in fields.items() if value is not None) + "}"


def silver(schema: Schema, offset: int) -> dict[str, Any]:
    (row,) = schema.rows(f"SELECT * FROM k2.silver_trades FINAL WHERE source_offset = {offset}")
    return row


def letters(schema: Schema, offset: int) -> list[tuple[str, str]]:
    found = schema.rows(
        f"SELECT layer, reason FROM k2.dead_letters FINAL WHERE _offset = {offset} AND exchange = 'binance'"
    )
    return [(row["layer"], row["reason"]) for row in found]


def test_bronze_keeps_the_exchanges_own_values(schema: Schema) -> None:
    combined = '{"stream":"btcusdt@trade","data":' + trade(t="52690105", b="122540296", a="122539764") + "}"
    offset = schema.feed("binance", [combined])
    (row,) = schema.rows(f"SELECT * EXCEPT (ingested_at) FROM k2.bronze_trades_binance WHERE _offset = {offset}")
    assert row == {
        "stream": "btcusdt@trade", "event_time": "1723161255343", "symbol": "BTCUSDT", "trade_id": "52690105",
        "price": "61837.63000000", "quantity": "0.02000000", "buyer_order_id": "122540296",
        "seller_order_id": "122539764",
        "trade_time": "1723161255342", "is_buyer_maker": True, "is_best_match": True,
        "received_at": "2026-09-26 18:09:12.679000123", "_topic": "topic",
        "_partition": "0", "_offset": str(offset), "trade_index": "0",
    }  # fmt: skip


def test_silver_is_exact_and_complete(schema: Schema) -> None:
    offset = schema.feed("binance", [trade(t="18446744073709551615", q='"0.123456789012345678"', m="false")])
    row = silver(schema, offset)
    assert (row["price"], row["quantity"]) == ("61837.63", "0.123456789012345678")
    assert row["quote_volume"] == "7634.27523993349746826314"
    assert (row["canonical_symbol"], row["currency"], row["asset_class"]) == ("BTC/USDT", "USDT", "crypto")
    assert (row["trade_id"], row["source_sequence"]) == ("18446744073709551615", "18446744073709551615")
    assert row["message_id"] == str(uuid.uuid3(NAMESPACE, "binance/BTCUSDT/18446744073709551615"))
    assert (row["side"], row["timestamp"]) == ("BUY", "2024-08-08 23:54:15.342000")
    assert row["ingestion_timestamp"] == "2026-09-26 18:09:12.679000123"
    assert row["vendor_data"] == {"event_time": "1723161255343", "is_best_match": "true"}
    assert (row["is_valid"], row["validation_errors"]) == (True, [])


@pytest.mark.parametrize(
    ("symbol", "canonical", "currency"),
    [
        ("ETHBTC", "ETH/BTC", "BTC"),
        ("USDTTRY", "USDT/TRY", "TRY"),
        ("FDUSDUSDT", "FDUSD/USDT", "USDT"),
        ("USDCUSDT", "USDC/USDT", "USDT"),
        ("BTCTUSD", "BTC/TUSD", "TUSD"),
        ("BTCFDUSD", "BTC/FDUSD", "FDUSD"),
        ("1000SATSUSDT", "1000SATS/USDT", "USDT"),
        ("PUPS", "PUPS", ""),
        ("USDT", "USDT", ""),
    ],
)
def test_symbol_is_split_by_a_known_quote(schema: Schema, symbol: str, canonical: str, currency: str) -> None:
    row = silver(schema, schema.feed("binance", [trade(s=f'"{symbol}"')]))
    assert (row["canonical_symbol"], row["currency"]) == (canonical, currency)
    assert row["validation_errors"] == ([] if currency else ["symbol_unknown"])


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        ("", "not_json"),
        ("nope", "not_json"),
        (trade()[:-1], "not_json"),
        (trade(p="01"), "not_json"),
        ("5", "not_a_trade"),
        ("[]", "not_a_trade"),
        ("{}", "not_a_trade"),
        (trade(e='"aggTrade"'), "not_a_trade"),
        (trade(e=None), "not_a_trade"),
        (trade(e="5"), "not_a_trade"),
        (trade(X='"MARKET"', M=None), "futures_trade"),
        (trade(s=None), "malformed_symbol"),
        (trade(s='""'), "malformed_symbol"),
        (trade(s="7"), "malformed_symbol"),
        (trade(t=None), "malformed_trade_id"),
        (trade(t="-1"), "malformed_trade_id"),
        (trade(t='"12"'), "malformed_trade_id"),
        (trade(t="1e3"), "malformed_trade_id"),
        ('{"stream":"x","data":' + trade(t="1000.0") + "}", "malformed_trade_id"),
        (trade(T="1.723161255342e12"), "malformed_time"),
        (trade(p=None), "malformed_price"),
        (trade(p="61837.63"), "malformed_price"),
        (trade(q="null"), "malformed_quantity"),
        (trade(T='"1723161255342"'), "malformed_time"),
        (trade(T=None), "malformed_time"),
        (trade(m="1"), "malformed_side"),
        (trade(m=None), "malformed_side"),
    ],
)
def test_frame_that_is_not_understood_is_one_bronze_letter(schema: Schema, frame: str, reason: str) -> None:
    offset = schema.feed("binance", [frame])
    assert letters(schema, offset) == [("bronze", reason)]
    assert schema.rows(f"SELECT 1 FROM k2.bronze_trades_binance WHERE _offset = {offset}") == []
    (letter,) = schema.rows(f"SELECT message FROM k2.dead_letters WHERE _offset = {offset} AND exchange = 'binance'")
    assert letter["message"] == frame


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-5", "0.00001"),
        ("2.5E-7", "0.00000025"),
        ("12345e+2", "1234500"),
        ("100e-20", "0.000000000000000001"),
        ("-0.01e21", "-10000000000000000000"),
        ("0.1234567890123456780", "0.123456789012345678"),
        ("00012", "12"),
        ("0e9999", "0"),
        ("99999999999999999999.999999999999999999", "99999999999999999999.999999999999999999"),
    ],
)
def test_number_whose_value_fits_is_kept_to_the_last_digit(schema: Schema, text: str, value: str) -> None:
    offset = schema.feed("binance", [trade(p=f'"{text}"')])
    assert silver(schema, offset)["price"] == value
    (bronze,) = schema.rows(f"SELECT price FROM k2.bronze_trades_binance WHERE _offset = {offset}")
    assert bronze["price"] == text


@pytest.mark.parametrize(
    "text",
    [
        "0.1234567890123456789",
        "100000000000000000000",
        "1e20",
        "100e-21",
        "abc",
        "",
        " 1",
        "1.",
        ".5",
        "+1",
        "0x10",
        "NaN",
        "1e12345",
    ],
)
@pytest.mark.parametrize(("field", "reason"), [("p", "price_not_exact"), ("q", "quantity_not_exact")])
def test_number_that_does_not_fit_is_one_silver_letter(schema: Schema, field: str, reason: str, text: str) -> None:
    offset = schema.feed("binance", [trade(**{field: f'"{text}"'})])
    assert letters(schema, offset) == [("silver", reason)]
    assert schema.rows(f"SELECT 1 FROM k2.silver_trades WHERE source_offset = {offset}") == []
    assert len(schema.rows(f"SELECT 1 FROM k2.bronze_trades_binance WHERE _offset = {offset}")) == 1


@pytest.mark.parametrize(
    ("sent", "timestamp"),
    [
        ("1723161255342", "2024-08-08 23:54:15.342000"),
        ("1723161255342001", "2024-08-08 23:54:15.342001"),
        ("-2208988800000", "1900-01-01 00:00:00.000000"),
        ("10413791999999999", "2299-12-31 23:59:59.999999"),
    ],
)
def test_time_is_milliseconds_or_microseconds(schema: Schema, sent: str, timestamp: str) -> None:
    assert silver(schema, schema.feed("binance", [trade(T=sent)]))["timestamp"] == timestamp


@pytest.mark.parametrize("sent", ["-2208988800001", "10413792000000000", "9223372036854775807", "-9223372036854775808"])
def test_time_out_of_range_is_one_silver_letter(schema: Schema, sent: str) -> None:
    assert letters(schema, schema.feed("binance", [trade(T=sent)])) == [("silver", "time_not_exact")]


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"p": '"0"'}, ["price_not_positive"]),
        (
            {"p": '"-1"', "q": '"-0.5"', "s": '"PUPS"'},
            ["price_not_positive", "quantity_not_positive", "symbol_unknown"],
        ),
        ({"T": "1230940799999"}, ["time_implausible"]),
        ({"T": "1230940800000"}, []),
        ({"T": "1790532552679000"}, []),
        ({"T": "1790532552679001"}, ["time_implausible"]),
        ({"T": "4102444800000"}, ["time_implausible"]),
    ],
)
def test_implausible_trade_stays_in_silver_and_out_of_gold(
    schema: Schema, changes: dict[str, str], errors: list[str]
) -> None:
    of_its_own = f'"T{next(IDS)}BNB"'
    offset = schema.feed("binance", [trade(**{"s": of_its_own, **changes})])
    row = silver(schema, offset)
    assert (row["validation_errors"], row["is_valid"]) == (errors, not errors)
    candles = schema.rows(
        f"SELECT trade_count FROM k2.ohlcv_1m_view WHERE canonical_symbol = '{row['canonical_symbol']}' "
        f"AND window_start = toStartOfMinute(toDateTime64('{row['timestamp']}', 6, 'UTC'))"
    )
    assert len(candles) == (0 if errors else 1)


def test_received_at_is_the_kafka_timestamp_where_the_header_is_missing(schema: Schema) -> None:
    offset = schema.feed("binance", [trade()], recv_ns=None)
    (row,) = schema.rows(f"SELECT received_at FROM k2.bronze_trades_binance WHERE _offset = {offset}")
    assert row["received_at"] == "2026-09-26 18:09:12.679000000"


def test_whitespace_order_and_escapes_do_not_change_the_meaning(schema: Schema) -> None:
    frame = ' { "q" : "0.02", "\\u0070":"\\u0031.50" ,"m":false, '
    frame += '"T":1723161255342,"t":1,"s":"\\u0042TCUSDT","e":"tr\\u0061de" } '
    row = silver(schema, schema.feed("binance", [frame]))
    assert (row["symbol"], row["price"], row["quantity"]) == ("BTCUSDT", "1.5", "0.02")
