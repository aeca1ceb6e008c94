"""Every standing check on the feed, on offsets, candles and parts: it holds on a healthy feed and finds its defect."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from harness.checks import load_suites
from tests.integration.checks_lab import CLEAN, DLQ, Lab, laboratory, quiet
from tests.integration.defects import BRONZE, LETTERS, SILVER, Defect, assert_found, changed, copied, deleted
from tests.integration.test_checks import DEFECTS

CHECKS = {f"{suite.name}.{check.name}": check for suite in load_suites() for check in suite.checks}
MIDDLE = f"(SELECT quantileExact(0.5)(toUInt64OrZero(trade_id)) FROM {CLEAN}{SILVER} WHERE symbol = 'BTCUSDT')"
ONE = f"symbol = 'BTCUSDT' AND toUInt64OrZero(trade_id) = {MIDDLE}"
HALF_TIME = f"(SELECT quantileExact(0.5)(ingestion_timestamp) FROM {CLEAN}{SILVER})"
ALONE = "SETTINGS " + ", ".join(
    f"{name} = 1"
    for name in ("max_block_size", "min_insert_block_size_rows", "min_insert_block_size_bytes", "max_insert_threads")
)
LETTER_COLUMNS = "layer, exchange, reason, message, received_at, ingested_at, _topic, _partition, _offset, trade_index"


def letters(count: int, offsets: str = "number") -> str:
    """Letters of the dead-letter topic, one an offset."""
    values = f"'bronze', 'binance', 'unclassified', 'x', now64(9), now64(6), '{DLQ}', 0, {offsets}, 0"
    return f"INSERT INTO {LETTERS} ({LETTER_COLUMNS}) SELECT {values} FROM numbers({count})"


def in_parts(table: str) -> tuple[str, ...]:
    """One row in 301 parts: what comes from numbers() comes in blocks of the size that is asked for."""
    return (
        f"TRUNCATE TABLE {table}",
        f"SYSTEM STOP MERGES {table}",
        f"INSERT INTO {table} SELECT untuple((SELECT tuple(*) FROM {CLEAN}{table} LIMIT 1)) FROM numbers(301) {ALONE}",
    )


FEED_DEFECTS = (
    Defect(
        "a bronze trade has no quantity",
        ("bronze_trades_{x}.quantity_is_not_null",),
        (
            f"ALTER TABLE {BRONZE} MODIFY COLUMN quantity Nullable(String)",
            f"INSERT INTO {BRONZE} SELECT * REPLACE (NULL AS quantity, toUInt64(9999) AS _offset) "
            f"FROM {BRONZE} LIMIT 1",
        ),
    ),
    Defect(
        "an acknowledged offset is nowhere",
        ("bronze_trades_{x}.offsets_are_consecutive",),
        (deleted(BRONZE, "_offset IN (70, 71)"),),
        {"_partition": "0", "first_missing": "70", "last_missing": "71", "missing": "2"},
    ),
    Defect(
        "a trade comes again with another offset",
        ("bronze_trades_binance.trades_come_once",),
        (copied("k2.bronze_trades_binance", "toUInt64(9999) AS _offset"),),
        {"_offset": "9999", "trade_index": "0"},
    ),
    Defect(
        "a trade comes again in an update",
        ("bronze_trades_kraken.trades_come_once",),
        (copied("k2.bronze_trades_kraken", "toUInt64(9999) AS _offset", "frame_type = 'update'"),),
        {"_offset": "9999"},
    ),
    Defect(
        "one frame is refused",
        ("dead_letters.nothing_is_refused",),
        (letters(1),),
        {"layer": "bronze", "reason": "unclassified", "_offset": "0"},
    ),
    Defect("one frame in fifty is refused", ("dead_letters.little_is_refused",), (letters(50),), {"_offset": "0"}),
    Defect(
        "an offset of the dead-letter topic is nowhere",
        ("dead_letters.unclassified_offsets_are_consecutive",),
        (letters(2, "number * 2"),),
        {"_topic": DLQ, "first_missing": "1", "last_missing": "1"},
    ),
    Defect("nothing came", ("silver_trades.there_are_trades",), (deleted(SILVER, "true"),)),
    Defect(
        "a valid trade has a price below zero",
        ("silver_trades.valid_trades_are_plausible",),
        (changed(SILVER, "price = -price", ONE),),
        {"symbol": "BTCUSDT"},
    ),
    Defect(
        "a trade is invalid",
        ("silver_trades.trades_are_plausible",),
        (changed(SILVER, "is_valid = false, validation_errors = ['price_not_positive']", ONE),),
        {"symbol": "BTCUSDT", "validation_errors": "['price_not_positive']"},
    ),
    Defect(
        "a currency was never heard of",
        ("silver_trades.currency_is_known",),
        (changed(SILVER, "currency = 'QQQ'", ONE),),
        {"currency": "QQQ"},
    ),
    Defect(
        "a trade id is missing",
        ("silver_trades.ids_are_consecutive",),
        (deleted(SILVER, ONE),),
        {"exchange": "binance", "symbol": "BTCUSDT", "missing": "1"},
    ),
    Defect(
        "a trade arrives after later ones",
        ("silver_trades.trades_arrive_in_order",),
        (changed(SILVER, "ingestion_timestamp = addSeconds(ingestion_timestamp, 5)", ONE),),
        {"exchange": "binance", "symbol": "BTCUSDT"},
    ),
    Defect(
        "a trade arrives twenty seconds late",
        ("silver_trades.trades_arrive_soon",),
        (changed(SILVER, "ingestion_timestamp = addSeconds(ingestion_timestamp, 20)", ONE),),
        {"exchange": "binance", "symbol": "BTCUSDT"},
    ),
    Defect(
        "a trade is of an hour later than its receipt",
        ("silver_trades.time_is_not_ahead",),
        (changed(SILVER, "timestamp = addHours(timestamp, 1)", ONE),),
        {"exchange": "binance", "symbol": "BTCUSDT"},
    ),
    Defect(
        "an exchange halts for two minutes",
        ("silver_trades.no_exchange_falls_silent",),
        (
            changed(
                SILVER,
                "ingestion_timestamp = addSeconds(ingestion_timestamp, 120)",
                f"exchange = 'binance' AND ingestion_timestamp > {HALF_TIME}",
            ),
        ),
        {"exchange": "binance"},
    ),
    Defect(
        "an exchange stops, and others go on",
        ("silver_trades.no_exchange_falls_silent",),
        (
            deleted(
                SILVER,
                "exchange = 'kraken' AND ingestion_timestamp > "
                f"(SELECT addSeconds(min(ingestion_timestamp), 120) FROM {CLEAN}{SILVER})",
            ),
        ),
        {"exchange": "kraken"},
    ),
    Defect(
        "a symbol falls silent for ten minutes",
        ("silver_trades.no_symbol_falls_silent",),
        (
            changed(
                SILVER,
                "ingestion_timestamp = addMinutes(ingestion_timestamp, 10)",
                f"symbol = 'BTCUSDT' AND ingestion_timestamp > {HALF_TIME}",
            ),
        ),
        {"exchange": "binance", "symbol": "BTCUSDT"},
    ),
    Defect(
        "a price is twice the usual",
        ("silver_trades.price_is_no_outlier",),
        (changed(SILVER, "price = price * 2", ONE),),
        {"symbol": "BTCUSDT"},
    ),
    Defect(
        "a market costs a tenth more on one exchange",
        ("silver_trades.exchanges_agree_on_price",),
        (changed(SILVER, "quote_volume = quote_volume * toDecimal256('1.1', 1)", "symbol = 'BTC/USDT'"),),
        {"canonical_symbol": "BTC/USDT", "dearest": "kraken", "cheapest": "binance"},
    ),
    Defect(
        "a candle of a minute is not made of its seconds",
        ("ohlcv_1m.candles_roll_up",),
        (changed("k2.ohlcv_1m", "volume = volume + toDecimal256('1e-18', 18)", "canonical_symbol = 'ETH/EUR'"),),
        {"exchange": "kraken", "canonical_symbol": "ETH/EUR"},
    ),
    Defect(
        "seconds with trades have no candle of their minute",
        ("ohlcv_1m.candles_roll_up",),
        (deleted("k2.ohlcv_1m", "canonical_symbol = 'ETH/EUR'"),),
        {"exchange": "kraken", "canonical_symbol": "ETH/EUR", "trades_in_candle": "0"},
    ),
    Defect(
        "a trade is in no candle",
        ("ohlcv_1s.candles_roll_up",),
        (copied(SILVER, "trade_id || '9' AS trade_id, addSeconds(timestamp, 9999) AS timestamp"),),
        {"trades_in_window": "1", "trades_in_candle": "0"},
    ),
    Defect(
        "of two trades in one instant the wrong one opens a second",
        ("ohlcv_1s.candles_roll_up",),
        (changed("k2.ohlcv_1s", "open_price = high_price + 1", "canonical_symbol = 'BTC/USDT'"),),
        {"canonical_symbol": "BTC/USDT"},
    ),
    *(
        Defect(
            f"{table} is in hundreds of parts",
            (f"{table}.parts_are_few",),
            in_parts(f"k2.{table}"),
            {"part_count": "301"},
        )
        for table in ("bronze_trades_{x}", "silver_trades", "ohlcv_1m")
    ),
    Defect(
        "dead_letters is in hundreds of parts",
        ("dead_letters.parts_are_few",),
        (
            f"SYSTEM STOP MERGES {LETTERS}",
            f"{letters(301)} {ALONE}",
        ),
        {"part_count": "301"},
    ),
)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("feed"), quiet(), frames_at_once=500) as made:
        yield made


def test_a_healthy_feed_raises_no_alarm_and_fails_no_check(lab: Lab) -> None:
    results = lab.check()
    assert list(results) == list(CHECKS)
    assert [(name, result.error, result.sample) for name, result in results.items() if not result.success] == []


def test_standing_checks_take_counts_home_and_no_trades(lab: Lab) -> None:
    fetched: list[int] = []

    def note(connection: object, cursor: Any, *_: object) -> None:
        fetched.append(cursor.rowcount)

    event.listen(Engine, "after_cursor_execute", note)
    try:
        results = lab.check(kinds=["standing"])
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert len(fetched) < 2 * len(results)
    assert max(fetched) == len(CHECKS["silver_trades.columns_have_their_types"].definition["kwargs"]["types"])


@pytest.mark.parametrize("defect", FEED_DEFECTS, ids=lambda defect: defect.name.replace(" ", "_"))
def test_defect_is_found(lab: Lab, defect: Defect) -> None:
    assert_found(lab, defect)


def test_every_check_has_a_defect_that_it_must_find() -> None:
    found = {name for defect in (*DEFECTS, *FEED_DEFECTS) if defect.error is None for name in defect.identifiers()}
    proven_on_another_window = {
        name for name in CHECKS if name.startswith("ohlcv_") and not name.startswith("ohlcv_1m.")
    } - {"ohlcv_1s.candles_roll_up"}
    assert found == set(CHECKS) - proven_on_another_window
