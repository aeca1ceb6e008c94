"""What holds in silver for every exchange."""

import json
from uuid import UUID, uuid3

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.truth.identity import NAMESPACE, message_ids

from .conftest import Run

RECV_NS = 1_600_000_000_000_000_999


def binance(
    number: int = 1, price: str = "2.5", quantity: str = "4", time: int = 1_600_000_000_000, symbol: str = "ETHBTC"
) -> str:
    return f'{{"e":"trade","s":"{symbol}","t":{number},"p":"{price}","q":"{quantity}","T":{time},"m":false}}'


def kraken(number: int, **values: str) -> str:
    fields = {"price": "2.5", "qty": "4", "timestamp": '"2020-09-13T12:26:40Z"', "side": '"buy"', "symbol": '"ETH/XBT"'}
    pairs = ",".join(f'"{name}":{value}' for name, value in (fields | values).items())
    return f'{{"trade_id":{number},{pairs}}}'


def kraken_frame(*trades: str) -> str:
    return f'{{"channel":"trade","data":[{",".join(trades)}]}}'


def only(run: Run, table: str, *columns: str) -> list[tuple[object, ...]]:
    return run.truth().tables[table].select(columns).rows()


@pytest.mark.parametrize(
    ("frame", "reason"),
    [
        (binance(price="0.0000000000000000001"), "price_not_exact"),
        (binance(price="100000000000000000000", quantity="x"), "price_not_exact"),
        (binance(price=""), "price_not_exact"),
        (binance(quantity="1e-19"), "quantity_not_exact"),
        (binance(quantity="1e99999", time=2**63 - 1), "quantity_not_exact"),
        (binance(time=10_413_792_000_000), "time_not_exact"),
        (binance(time=-2_208_988_800_001), "time_not_exact"),
    ],
)
def test_trade_that_silver_cannot_hold_is_one_letter_with_its_first_defect(run: Run, frame: str, reason: str) -> None:
    run.send("binance", frame, offset=5, partition=2)
    places = ("_topic", "_partition", "_offset", "trade_index", "seq")
    letters = only(run, "dead_letters", "layer", "exchange", "reason", *places)
    assert letters == [("silver", "binance", reason, "market.crypto.trades.binance", 2, 5, 0, 0)]
    assert only(run, "silver_trades", "seq") == []
    assert len(only(run, "bronze_trades_binance", "seq")) == 1


@pytest.mark.parametrize(
    ("exchange", "frame", "message"),
    [
        (
            "binance",
            binance(price='1\\"', time=7),
            {"symbol": "ETHBTC", "trade_id": "1", "price": '1"', "quantity": "4", "side": "buy", "trade_time": "7"},
        ),
        (
            "kraken",
            kraken_frame(kraken(9, price="1e-19", timestamp='"2024-08-08T23:54:15Z"', symbol='"XBT/€"', side='"b"')),
            {
                **{"symbol": "XBT/€", "trade_id": "9", "price": "1e-19", "quantity": "4", "side": "b"},
                "trade_time": "2024-08-08T23:54:15Z",
            },
        ),
        (
            "kraken",
            '[1,[["2.5","4","soon","s","l","misc"]],"trade","XBT/USD"]',
            {
                **{"symbol": "XBT/USD", "trade_id": "soon/2.5/4/s/l/0", "price": "2.5", "quantity": "4", "side": "s"},
                "trade_time": "soon",
            },
        ),
    ],
)
def test_silver_letter_says_the_trades_own_texts(run: Run, exchange: str, frame: str, message: dict[str, str]) -> None:
    run.send(exchange, frame)
    ((said,),) = only(run, "dead_letters", "message")
    assert isinstance(said, bytes)
    assert json.loads(said) == message


def test_defects_of_a_trade_are_judged_in_order_and_trade_by_trade(run: Run) -> None:
    late, odd = '"2300-01-01T00:00:00Z"', '"short"'
    run.send(
        "kraken",
        kraken_frame(
            kraken(1),
            kraken(2, price="1e-19", qty="1e-19", timestamp=late, side=odd),
            kraken(3, qty="1e-19", timestamp=late, side=odd),
            kraken(4, timestamp=late, side=odd),
            kraken(5, side=odd),
        ),
    )
    assert only(run, "dead_letters", "reason", "trade_index") == [
        ("price_not_exact", 1),
        ("quantity_not_exact", 2),
        ("time_not_exact", 3),
        ("side_unknown", 4),
    ]
    assert only(run, "silver_trades", "trade_id") == [("1",)]
    assert only(run, "frames", "trades", "letters") == [(5, 0)]


DAY_AFTER_US = 1_600_000_000_000_000 + 86_400_000_000


@pytest.mark.parametrize(
    ("values", "errors"),
    [
        ({}, []),
        ({"price": "0"}, ["price_not_positive"]),
        ({"price": "-0.0e5"}, ["price_not_positive"]),
        ({"price": "-2.5"}, ["price_not_positive"]),
        ({"price": "0.000000000000000001"}, []),
        ({"quantity": "0"}, ["quantity_not_positive"]),
        ({"quantity": "-4"}, ["quantity_not_positive"]),
        ({"symbol": "FOOBAR"}, ["symbol_unknown"]),
        ({"time": 1_230_940_799_999}, ["time_implausible"]),
        ({"time": 1_230_940_800_000}, []),
        ({"time": 0}, ["time_implausible"]),
        ({"time": DAY_AFTER_US}, []),
        ({"time": DAY_AFTER_US + 1}, ["time_implausible"]),
        (
            {"price": "-1", "quantity": "0", "symbol": "usd", "time": -1},
            ["price_not_positive", "quantity_not_positive", "symbol_unknown", "time_implausible"],
        ),
        ({"quantity": "0", "time": -1}, ["quantity_not_positive", "time_implausible"]),
    ],
)
def test_implausible_trade_stays_in_silver_with_its_codes_in_order(
    run: Run, values: dict[str, object], errors: list[str]
) -> None:
    run.send("binance", binance(**values), recv_ns=RECV_NS)  # type: ignore[arg-type]
    assert only(run, "silver_trades", "validation_errors", "is_valid") == [(errors, not errors)]
    assert len(only(run, "ohlcv_1d", "window_start")) == (0 if errors else 1)


@pytest.mark.parametrize(("time_us", "is_valid"), [(4_102_444_799_999_999, True), (4_102_444_800_000_000, False)])
def test_the_year_2100_is_implausible_whenever_it_is_received(run: Run, time_us: int, is_valid: bool) -> None:
    run.send("binance", binance(time=time_us), recv_ns=4_102_444_900_000_000_000)
    assert only(run, "silver_trades", "is_valid") == [(is_valid,)]


@pytest.mark.parametrize(("symbol", "canonical", "currency"), [("ETHBTC", "ETH/BTC", "BTC"), ("FOOBAR", "FOOBAR", "")])
def test_symbol_without_a_known_quote_is_its_own_canonical_symbol(
    run: Run, symbol: str, canonical: str, currency: str
) -> None:
    run.send("binance", binance(symbol=symbol))
    assert only(run, "silver_trades", "symbol", "canonical_symbol", "currency") == [(symbol, canonical, currency)]


def test_first_arrival_is_kept_whatever_a_resend_says(run: Run) -> None:
    run.send("binance", binance(7, price="1"), binance(7, price="2"), offset=10)
    run.send("binance", binance(7, price="3"), offset=9)
    run.send("binance", binance(7, price="4"), offset=12)
    truth = run.truth()
    kept = truth.tables["silver_trades"].select("price", "source_offset", "precedence", "seq").rows()
    assert [(str(price).rstrip("0"), *rest) for price, *rest in kept] == [("3.", 9, 18446744073700114431, 2)]
    assert (truth.trades_sent, truth.distinct_trades, truth.duplicates_sent) == (4, 1, 3)
    assert truth.tables["ohlcv_1s"]["trade_count"].to_list() == [1]


def test_first_place_in_the_frame_is_kept(run: Run) -> None:
    run.send("kraken", kraken_frame(kraken(1), kraken(7, price="3"), kraken(7, price="2")))
    assert only(run, "silver_trades", "trade_id", "source_index") == [("1", 0), ("7", 1)]


def test_first_arrival_that_silver_can_hold_is_kept(run: Run) -> None:
    run.send("binance", binance(7, price="1e-19"), binance(7, price="2"))
    truth = run.truth()
    assert truth.tables["silver_trades"]["source_offset"].to_list() == [1]
    assert truth.dead_letters == {("silver", "price_not_exact"): 1}
    assert truth.duplicates_sent == 0


def test_equal_ids_of_other_symbols_and_exchanges_are_other_trades(run: Run) -> None:
    run.send("binance", binance(7), binance(7, symbol="ETHUSDT"))
    run.send("kraken", kraken_frame(kraken(7), kraken(7, symbol='"ETH/USD"')))
    assert run.truth().distinct_trades == 4


def test_withheld_frame_is_owed_to_silver_and_arrives_after_all_others(run: Run) -> None:
    run.withhold("binance", binance(7, price="1"))
    run.withhold("binance", binance(8, price="1"))
    run.withhold("binance", binance(8, price="2"))
    run.send("binance", binance(7, price="3"), offset=1_000)
    silver = only(
        run, "silver_trades", "trade_id", "seq", "source_topic", "source_partition", "source_offset", "precedence"
    )
    topic = "market.crypto.trades.binance"
    assert sorted(silver) == [("7", 3, topic, 0, 1_000, 18446744072660975615), ("8", 1, topic, None, None, None)]
    bronze = only(run, "bronze_trades_binance", "seq", "_topic", "_partition", "_offset")
    assert sorted(bronze) == [
        (0, topic, None, None),
        (1, topic, None, None),
        (2, topic, None, None),
        (3, topic, 0, 1_000),
    ]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=5))
def test_message_id_is_the_uuid_of_version_3(names: list[str]) -> None:
    made = [UUID(bytes=each) for each in message_ids(pl.Series(names, dtype=pl.String))]
    assert made == [uuid3(NAMESPACE, name) for name in names]


def test_message_ids_namespace_is_the_documented_one() -> None:
    assert str(NAMESPACE) == "6b32ff5e-7f5b-4b0a-9f5c-1b2d6e0c4a11"
