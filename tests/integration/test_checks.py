"""Every check in expectations/ holds on a right warehouse and fails on a wrong one, whatever the defect."""

from __future__ import annotations

import importlib
import json
import re
import socket
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.checks import FEED, run_checks
from harness.checks.suites import EXPECTATIONS, load_suites
from harness.truth.tables import WINDOWS_S
from k2pipeline.stack.base import WarehouseAddress
from tests.integration.checks_lab import CLEAN, DLQ, Lab, laboratory
from tests.integration.defects import (
    BRONZE,
    BTC,
    FIRST_BTC,
    GOLD,
    LAST_PLACE,
    LETTER,
    LETTERS,
    PLACE,
    SILVER,
    WINDOW,
    Defect,
    assert_found,
    changed,
    copied,
    deleted,
    viewed,
    with_longer_key,
)
from tests.integration.warehouse_http.process import PASSWORD

DEFECTS = (
    Defect(
        "a bronze row is lost",
        ("bronze_trades_{x}.no_trade_lost", "bronze_trades_{x}.offsets_are_conserved"),
        (deleted(BRONZE, "_offset = 0 AND trade_index = 0"),),
        {"_offset": "0"},
    ),
    Defect(
        "one trade of a frame with several is lost",
        ("bronze_trades_kraken.offsets_are_conserved", "bronze_trades_kraken.no_trade_lost"),
        (deleted("k2.bronze_trades_kraken", "_offset = 0 AND trade_index = 1"),),
        {"_partition": "0", "_offset": "0"},
    ),
    Defect(
        "a bronze row was never sent",
        ("bronze_trades_{x}.no_phantom_trade",),
        (copied(BRONZE, "toUInt64(999) AS _offset"),),
        {"_offset": "999"},
    ),
    Defect(
        "a bronze row stands twice",
        ("bronze_trades_{x}.no_trade_doubled", "bronze_trades_{x}.place_is_unique"),
        with_longer_key(BRONZE, f"{PLACE}, received_at", "addNanoseconds(received_at, 1) AS received_at"),
    ),
    Defect(
        "a price in bronze loses a trailing zero",
        ("bronze_trades_kraken.trades_equal_truth",),
        (changed("k2.bronze_trades_kraken", "price = '84095.7'", "price = '84095.70'"),),
        {"_offset": "0", "column": "price", "expected": "84095.70", "actual": "84095.7"},
    ),
    Defect(
        "a value that was sent is NULL in bronze",
        ("bronze_trades_binance.trades_equal_truth",),
        (changed("k2.bronze_trades_binance", "is_best_match = NULL", "trade_id = 100"),),
        {"_offset": "0", "column": "is_best_match", "expected": "true", "actual": "NULL"},
    ),
    Defect(
        "bronze lacks a column",
        ("bronze_trades_{x}.trades_equal_truth",),
        (f"ALTER TABLE {BRONZE} DROP COLUMN received_at",),
        error="has no column received_at",
    ),
    Defect(
        "an offset is bronze rows and a dead letter",
        ("bronze_trades_{x}.offsets_are_conserved",),
        (
            f"INSERT INTO {LETTERS} (layer, {LETTER}) "
            f"SELECT 'bronze', '{{x}}', 'not_json', 'x', received_at, ingested_at, {PLACE} "
            f"FROM {BRONZE} WHERE _offset = 0 AND trade_index = 0",
        ),
        {"_offset": "0", "letters": "1"},
    ),
    Defect(
        "an offset is two dead letters",
        (
            "bronze_trades_binance.offsets_are_conserved",
            "dead_letters.no_letter_doubled",
            "dead_letters.place_is_unique",
        ),
        (copied(LETTERS, "'kraken' AS exchange", "layer = 'bronze' AND reason = 'not_json'"),),
    ),
    Defect(
        "a bronze trade does not reach silver",
        ("bronze_trades_{x}.trades_reach_silver",),
        (deleted(SILVER, f"{BTC} = '100' OR exchange != 'binance' AND source_offset = 0"),),
        {"_offset": "0", "in_silver": "0", "is_letter": "0"},
    ),
    Defect(
        "a bronze trade is in silver and a dead letter of silver",
        ("bronze_trades_{x}.trades_reach_silver",),
        (
            f"INSERT INTO {LETTERS} (layer, {LETTER}) "
            f"SELECT 'silver', '{{x}}', 'side_unknown', '{{}}', received_at, ingested_at, {PLACE} "
            f"FROM {BRONZE} WHERE _offset = 0 AND trade_index = 0",
        ),
        {"_offset": "0", "in_silver": "1", "is_letter": "1"},
    ),
    Defect(
        "bronze has another type",
        ("bronze_trades_{x}.columns_have_their_types",),
        (f"ALTER TABLE {BRONZE} MODIFY COLUMN received_at DateTime64(6, 'UTC')",),
        {"column": "received_at", "expected": "DateTime64(9, 'UTC')", "actual": "DateTime64(6, 'UTC')"},
    ),
    Defect(
        "a bronze trade has no symbol",
        ("bronze_trades_{x}.symbol_is_not_empty",),
        (copied(BRONZE, "'' AS symbol, toUInt64(999) AS _offset"),),
        {"_offset": "999"},
    ),
    Defect(
        "a bronze trade has no price",
        ("bronze_trades_{x}.price_is_not_null",),
        (
            f"ALTER TABLE {BRONZE} MODIFY COLUMN price Nullable(String)",
            f"INSERT INTO {BRONZE} SELECT * REPLACE (NULL AS price, toUInt64(999) AS _offset) FROM {BRONZE} LIMIT 1",
        ),
    ),
    Defect(
        "a dead letter is missing",
        ("dead_letters.no_letter_lost", "bronze_trades_binance.offsets_are_conserved"),
        (deleted(LETTERS, "reason = 'malformed_price'"),),
    ),
    Defect(
        "a silver letter is missing",
        ("dead_letters.no_letter_lost", "bronze_trades_binance.trades_reach_silver"),
        (deleted(LETTERS, "layer = 'silver'"),),
    ),
    Defect(
        "an unclassified frame vanished",
        ("dead_letters.unclassified_frames_are_letters", "dead_letters.no_letter_lost"),
        (deleted(LETTERS, f"_topic = '{DLQ}'"),),
        {"_partition": "0", "_offset": "0"},
    ),
    Defect(
        "a dead letter is of a frame that was never sent",
        ("dead_letters.no_phantom_letter",),
        (copied(LETTERS, "toUInt64(999) AS _offset"),),
        {"_offset": "999"},
    ),
    Defect(
        "a dead letter has the wrong reason",
        ("dead_letters.letters_equal_truth",),
        (changed(LETTERS, "reason = 'not_json'", "reason = 'malformed_price'"),),
        {"column": "reason", "expected": "malformed_price", "actual": "not_json"},
    ),
    Defect(
        "a dead letter is not the frame byte for byte",
        ("dead_letters.frames_are_kept_whole",),
        (changed(LETTERS, "message = 'no  JSON'", "reason = 'not_json'"),),
        {"column": "message", "expected": "no JSON", "actual": "no  JSON"},
    ),
    Defect(
        "dead letters have another type",
        ("dead_letters.columns_have_their_types",),
        (f"ALTER TABLE {LETTERS} DROP COLUMN received_at",),
        {"column": "received_at", "actual": "missing"},
    ),
    Defect(
        "a dead letter is of no layer",
        ("dead_letters.layer_is_known",),
        (copied(LETTERS, "'gold' AS layer"),),
        {"layer": "gold"},
    ),
    Defect(
        "a reason is free text",
        ("dead_letters.reason_is_a_code",),
        (changed(LETTERS, "reason = 'Not JSON!'", "reason = 'not_json'"),),
        {"reason": "Not JSON!"},
    ),
    Defect(
        "a silver letter does not tell the trade",
        ("dead_letters.silver_letter_tells_the_trade",),
        (changed(LETTERS, """message = '{"price":"1"}'""", "layer = 'silver'"),),
        {"message": '{"price":"1"}'},
    ),
    Defect(
        "a silver letter tells another side",
        ("dead_letters.silver_letter_keeps_the_values",),
        (changed(LETTERS, """message = replaceOne(message, '"side":"', '"side":"short ')""", "layer = 'silver'"),),
        {"layer": "silver"},
    ),
    Defect(
        "a place is narrower in one table on the way",
        ("bronze_trades_{x}.places_keep_their_width", "dead_letters.places_keep_their_width"),
        (f"ALTER TABLE {SILVER} ADD COLUMN trade_index UInt16",),
    ),
    Defect(
        "silver's view leaves a trade out",
        ("silver_trades.view_agrees_with_table",),
        (f"CREATE OR REPLACE VIEW k2.silver_trades_view AS SELECT * FROM {SILVER} FINAL WHERE trade_id != '105'",),
    ),
    Defect(
        "a silver row is lost",
        ("silver_trades.no_trade_lost", "silver_trades.gaps_are_those_injected"),
        (deleted(SILVER, f"{BTC} = '105'"),),
        {"exchange": "binance", "symbol": "BTCUSDT", "trade_id": "105"},
    ),
    Defect(
        "a frame was withheld: owed, and never in the topic",
        ("silver_trades.no_trade_lost",),
        (copied("k2_truth.silver_trades", "'109' AS trade_id, NULL AS source_partition, NULL AS source_offset"),),
        {"trade_id": "109", "source_offset": "NULL"},
    ),
    Defect(
        "a silver row was never sent",
        ("silver_trades.no_phantom_trade",),
        (copied(SILVER, "'1000' AS trade_id", f"{BTC} = '105'"),),
        {"symbol": "BTCUSDT", "trade_id": "1000"},
    ),
    Defect(
        "a silver row stands twice",
        ("silver_trades.no_trade_doubled", "silver_trades.identity_is_unique"),
        (copied(SILVER, "source_sequence + 1 AS source_sequence", f"{BTC} = '105'"),),
        {"symbol": "BTCUSDT", "trade_id": "105"},
    ),
    Defect(
        "a price is wrong at the 18th place",
        ("silver_trades.trades_equal_truth",),
        (changed(SILVER, f"price = price + {LAST_PLACE}", f"{BTC} = '102'"),),
        {"column": "price", "expected": "99.000000000000000001", "actual": "99.000000000000000002"},
    ),
    Defect(
        "a time is wrong by a microsecond",
        ("silver_trades.trades_equal_truth",),
        (changed(SILVER, "timestamp = addMicroseconds(timestamp, 1)", f"{BTC} = '102'"),),
        {"column": "timestamp", "expected": "2024-08-09 00:00:00.900000", "actual": "2024-08-09 00:00:00.900001"},
    ),
    Defect(
        "a side is flipped",
        ("silver_trades.trades_equal_truth",),
        (changed(SILVER, "side = 'BUY'", f"{BTC} = '102'"),),
        {"trade_id": "102", "column": "side", "expected": "SELL", "actual": "BUY"},
    ),
    Defect(
        "a mark of the exchange is lost",
        ("silver_trades.trades_equal_truth",),
        (changed(SILVER, "vendor_data = map('api', 'v1')", f"{BTC} = '102'"),),
        {"column": "vendor_data", "actual": "{'api':'v1'}"},
    ),
    Defect(
        "prices have gone through a double",
        ("silver_trades.trades_equal_truth", "silver_trades.columns_have_their_types"),
        (f"ALTER TABLE {SILVER} MODIFY COLUMN price Float64",),
    ),
    Defect(
        "silver lacks a column",
        ("silver_trades.trades_equal_truth",),
        (f"ALTER TABLE {SILVER} DROP COLUMN side",),
        error="the table under test has no column side",
    ),
    Defect(
        "the truth lacks a column",
        ("silver_trades.trades_equal_truth",),
        ("ALTER TABLE k2_truth.silver_trades DROP COLUMN side",),
        error="what it is compared with has no column side",
    ),
    Defect(
        "a gap was filled: the id that was not sent is there",
        ("silver_trades.gaps_are_those_injected",),
        (copied(SILVER, "'104' AS trade_id", f"{BTC} = '103'"),),
        {"symbol": "BTCUSDT", "trade_id": "104", "is_gap": "true", "is_missing": "false"},
    ),
    Defect(
        "an id is missing that was sent",
        ("silver_trades.gaps_are_those_injected",),
        (deleted(SILVER, f"{BTC} = '103'"),),
        {"symbol": "BTCUSDT", "trade_id": "103", "is_gap": "false", "is_missing": "true"},
    ),
    Defect(
        "a side is unknown",
        ("silver_trades.side_is_known",),
        (changed(SILVER, "side = 'UNKNOWN'", f"{BTC} = '102'"),),
        {"side": "UNKNOWN"},
    ),
    Defect(
        "an asset class is another",
        ("silver_trades.asset_class_is_crypto",),
        (changed(SILVER, "asset_class = 'equity'", f"{BTC} = '102'"),),
        {"asset_class": "equity"},
    ),
    Defect(
        "a silver trade has no price",
        ("silver_trades.price_is_not_null",),
        (
            f"ALTER TABLE {SILVER} MODIFY COLUMN price Nullable(Decimal(38, 18))",
            changed(SILVER, "price = NULL", f"{BTC} = '102'"),
        ),
    ),
    Defect(
        "a quote volume is not the product",
        ("silver_trades.quote_volume_is_the_product",),
        (changed(SILVER, "quote_volume = quote_volume + toDecimal256('1e-36', 36)", f"{BTC} = '102'"),),
        {"trade_id": "102"},
    ),
    Defect(
        "an invalid trade counts as valid",
        ("silver_trades.invalid_says_why", "silver_trades.trades_equal_truth"),
        (changed(SILVER, "is_valid = true", f"{BTC} = '106'"),),
        {"trade_id": "106"},
    ),
    Defect(
        "a candle is missing",
        ("ohlcv_1m.no_candle_lost",),
        (deleted(GOLD, FIRST_BTC),),
        {"canonical_symbol": "BTC/USDT", "window_start": "2024-08-09 00:00:00"},
    ),
    Defect(
        "a candle is of a window without trades",
        ("ohlcv_1m.no_phantom_candle",),
        (copied(GOLD, "toDateTime('2030-01-01 00:00:00', 'UTC') AS window_start"),),
        {"window_start": "2030-01-01 00:00:00"},
    ),
    Defect(
        "a candle stands in two states",
        ("ohlcv_1m.one_row_per_window", "ohlcv_1m.window_is_unique"),
        with_longer_key(GOLD, f"{WINDOW}, trade_count", "trade_count + 1 AS trade_count", FIRST_BTC),
        {"canonical_symbol": "BTC/USDT", "window_start": "2024-08-09 00:00:00"},
    ),
    Defect(
        "of two trades that open a candle in one instant the wrong one is taken",
        ("ohlcv_1m.candles_equal_truth",),
        (changed(GOLD, "open_price = toDecimal128('101.25', 18)", FIRST_BTC),),
        {"column": "open", "expected": "100.5", "actual": "101.25"},
    ),
    Defect(
        "a volume is wrong at the 18th place",
        ("ohlcv_1m.candles_equal_truth",),
        (changed(GOLD, "volume = volume + toDecimal256('1e-18', 18)", FIRST_BTC),),
        {"canonical_symbol": "BTC/USDT", "column": "volume"},
    ),
    Defect(
        "a candle closes a microsecond late",
        ("ohlcv_1m.candles_equal_truth",),
        (changed(GOLD, "close_time = addMicroseconds(close_time, 1)", FIRST_BTC),),
        {"canonical_symbol": "BTC/USDT", "column": "close_time"},
    ),
    Defect(
        "the view shows another state than the table",
        ("ohlcv_1m.table_agrees_with_view",),
        viewed("trade_count + 1 AS trade_count"),
        {"rows_here": "1", "rows_there": "1"},
    ),
    Defect(
        "candles have another type",
        ("ohlcv_1m.columns_have_their_types",),
        viewed("toFloat64(open) AS open"),
        {"column": "open", "expected": "Decimal(38, 18)", "actual": "Float64"},
    ),
    Defect(
        "a low is above open and close",
        ("ohlcv_1m.low_is_lowest",),
        (changed(GOLD, "low_price = toDecimal128(1000000, 18)", FIRST_BTC),),
        {"low": "1000000"},
    ),
    Defect(
        "a high is below open and close",
        ("ohlcv_1m.high_is_highest",),
        (changed(GOLD, "high_price = toDecimal128('1.5', 18)", FIRST_BTC),),
        {"high": "1.5"},
    ),
    Defect(
        "a window starts between two",
        ("ohlcv_1m.window_is_aligned",),
        (copied(GOLD, "window_start + 1 AS window_start", FIRST_BTC),),
        {"window_start": "2024-08-09 00:00:01"},
    ),
    Defect(
        "a candle opens before its window",
        ("ohlcv_1m.times_are_in_the_window",),
        (changed(GOLD, "open_time = subtractMicroseconds(open_time, 1)", FIRST_BTC),),
        {"open_time": "2024-08-08 23:59:59.999999"},
    ),
    Defect(
        "a vwap is rounded up",
        ("ohlcv_1m.vwap_is_cut_not_rounded",),
        viewed("vwap + toDecimal256('1e-18', 18) AS vwap"),
    ),
    Defect(
        "a candle has no trades",
        ("ohlcv_1m.no_empty_candle",),
        (copied(GOLD, "toDateTime('2030-01-01 00:00:00', 'UTC') AS window_start, 0 AS trade_count"),),
        {"trade_count": "0"},
    ),
    *(
        Defect(
            f"{table} keeps its rows for ever",
            (f"{table}.rows_are_kept_as_promised",),
            (f"ALTER TABLE k2.{table} REMOVE TTL",),
        )
        for table in ("bronze_trades_{x}", "dead_letters", "silver_trades", "ohlcv_1m")
    ),
    Defect(
        "a letter of silver tells another price than the trade's",
        ("dead_letters.silver_letter_keeps_the_values",),
        (changed(LETTERS, "message = replaceOne(message, '1.0000000000000000001', '1.0')", "layer = 'silver'"),),
        {"layer": "silver"},
    ),
    Defect(
        "the view of silver shows another price than the table",
        ("silver_trades.view_agrees_with_table",),
        (
            f"CREATE OR REPLACE VIEW k2.silver_trades_view AS SELECT * REPLACE (price + {LAST_PLACE} AS price) "
            f"FROM {SILVER} FINAL",
        ),
        {"rows_here": "1", "rows_there": "1"},
    ),
    Defect(
        "a table is missing",
        ("silver_trades.no_trade_lost", "silver_trades.identity_is_unique", "silver_trades.gaps_are_those_injected"),
        (f"DROP TABLE {SILVER}",),
        error="UNKNOWN_TABLE",
    ),
    Defect(
        "the truth is missing",
        ("ohlcv_1m.no_candle_lost", "ohlcv_1m.candles_equal_truth"),
        ("DROP TABLE k2_truth.ohlcv_1m",),
        error="UNKNOWN_TABLE",
    ),
)
SUITES = {suite.name: suite for suite in load_suites()}
CHECKS = {f"{suite.name}.{check.name}": check for suite in load_suites() for check in suite.checks}


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    with laboratory(tmp_path_factory.mktemp("checks")) as made:
        yield made


def test_every_check_of_the_pipeline_holds_on_a_right_warehouse(lab: Lab) -> None:
    results = lab.check()
    assert list(results) == list(CHECKS)
    right = {name: result for name, result in results.items() if result.layer != FEED}
    assert [(name, result.error, result.sample) for name, result in right.items() if not result.success] == []
    assert {(result.unexpected, result.error, result.sample) for result in right.values()} == {(0, None, ())}


def test_what_is_wrong_with_the_feed_is_told_although_the_pipeline_is_right(lab: Lab) -> None:
    alarms = {name for name, result in lab.check().items() if not result.success}
    assert {
        "dead_letters.nothing_is_refused",
        "silver_trades.ids_are_consecutive",
        "silver_trades.trades_are_plausible",
        "bronze_trades_binance.trades_come_once",
    } <= alarms


@pytest.mark.parametrize("frame", [name for name in SUITES if name.startswith("ohlcv_")])
def test_gold_suites_differ_only_in_their_window_so_that_one_proves_all(frame: str) -> None:
    def shape(name: str) -> str:
        text = json.dumps(json.loads((EXPECTATIONS / f"{name}.json").read_text())).replace("Year(1)", "Year(ONE)")
        seconds = WINDOWS_S[name.removeprefix("ohlcv_")]
        text = re.sub(rf"\b{seconds}\b", "LENGTH", text.replace(name, "ohlcv_FRAME"))
        return re.sub(r'"parts": "[^"]*", "position": "[^"]*"', '"parts": NARROWER', text)

    assert shape(frame) == shape("ohlcv_1m")


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda defect: defect.name.replace(" ", "_"))
def test_defect_is_found(lab: Lab, defect: Defect) -> None:
    assert_found(lab, defect)


def test_a_mended_warehouse_passes_again(lab: Lab) -> None:
    for defect in DEFECTS[:3]:
        with lab.spoilt(defect.sql()):
            pass
    assert all(result.success for result in lab.check(kinds=["exact"]).values())


def test_gaps_found_are_reported_although_the_check_holds(lab: Lab) -> None:
    result = lab.check(["silver_trades"])["silver_trades.gaps_are_those_injected"]
    assert result.success
    assert result.observed == {"gaps_found": 1}


def test_nothing_but_sql_leaves_the_process_and_no_file_is_written(
    lab: Lab, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    connected: set[tuple[str, int]] = set()
    connect = socket.socket.connect

    def noted(self: socket.socket, address: tuple[str, int]) -> None:
        connected.add(address[:2])
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", noted)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    lab.check(["dead_letters"])
    assert connected <= {("127.0.0.1", lab.address.port)}
    assert list(tmp_path.rglob("*")) == []


def test_data_docs_open_without_a_network(lab: Lab, tmp_path: Path) -> None:
    defect = next(defect for defect in DEFECTS if defect.name == "a price is wrong at the 18th place")
    with lab.spoilt(defect.sql()):
        lab.check(["silver_trades", "ohlcv_5m"], data_docs=tmp_path / "docs")
    pages = {page.relative_to(tmp_path / "docs").as_posix(): page.read_text() for page in tmp_path.rglob("*.html")}
    for name, text in pages.items():
        assert re.findall(r"<script|(?:src|href)=.https?:|url\(.?https?:", text) == [], name
    index = pages["index.html"]
    assert re.search('class="fails">[0-9]+ fail', index)
    assert "all hold" in index
    links = re.findall(r'href="([^"]+)"', index)
    assert len(links) == 2
    assert set(links) <= set(pages)
    failed = pages[next(link for link in links if "silver_trades" in link)]
    assert "99.000000000000000002" in failed
    assert "Every value is exact, to the last digit and the microsecond." in failed
    everything = b"".join(path.read_bytes() for path in (tmp_path / "docs").rglob("*") if path.is_file())
    assert PASSWORD.encode() not in everything


def test_checks_of_one_kind_run_by_themselves_and_in_order(lab: Lab) -> None:
    told: list[str] = []
    results = lab.check(["ohlcv_1m", "dead_letters"], kinds=["standing"], progress=told.append)
    assert list(results) == [
        name
        for name, check in CHECKS.items()
        if check.kind == "standing" and name.partition(".")[0] in {"ohlcv_1m", "dead_letters"}
    ]
    assert told == ["dead_letters (1 of 2 suites)", "ohlcv_1m (2 of 2 suites)"]


def test_many_unexpected_rows_are_counted_and_twenty_shown(lab: Lab) -> None:
    ids = "ARRAY JOIN range(1000, 1050) AS number"
    spoil = (
        f"INSERT INTO {SILVER} SELECT * EXCEPT number REPLACE (toString(number) AS trade_id) FROM {CLEAN}{SILVER} {ids}"
    )
    with lab.spoilt([spoil]):
        result = lab.check(["silver_trades"])["silver_trades.no_phantom_trade"]
    assert result.unexpected > 100
    assert len(result.sample) == 20


def test_checks_of_a_suite_that_great_expectations_refuses_fail_with_its_reason(lab: Lab, tmp_path: Path) -> None:
    text = (EXPECTATIONS / "ohlcv_1m.json").read_text()
    (tmp_path / "ohlcv_1m.json").write_text(text.replace("expect_no_row_lost", "expect_nothing_known"))
    (tmp_path / "ohlcv_5m.json").write_text((EXPECTATIONS / "ohlcv_5m.json").read_text())
    results = run_checks(lab.address, suites=tmp_path)
    refused = [result for result in results if result.suite == "ohlcv_1m"]
    assert len(refused) > 5
    assert all(not result.success and "expect_nothing_known" in (result.error or "") for result in refused)
    assert all(result.success for result in results if result.suite == "ohlcv_5m")


def test_every_check_fails_when_the_warehouse_does_not_answer(lab: Lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        nowhere = WarehouseAddress("127.0.0.1", taken.getsockname()[1], password=PASSWORD)
        results = run_checks(nowhere, suites_named=["ohlcv_1m"])
    assert len(results) == len(SUITES["ohlcv_1m"].checks)
    assert all(not result.success and result.error for result in results)
    assert not any(PASSWORD in (result.error or "") for result in results)


def test_suites_are_in_great_expectations_own_form() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Great Expectations imports what Python will give up
        session = importlib.import_module("harness.checks.session")
    for name, suite in SUITES.items():
        content = json.loads((EXPECTATIONS / f"{name}.json").read_text())
        loaded = session.gx.ExpectationSuite(**content)
        assert [expectation.meta["name"] for expectation in loaded.expectations] == [c.name for c in suite.checks]
        assert [expectation.severity.value for expectation in loaded.expectations] == [c.severity for c in suite.checks]
