"""How a right warehouse is spoilt: a defect, and the statements that make one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.checks.suites import load_suites
from tests.integration.checks_lab import CLEAN, Lab

EXCHANGES = tuple(
    name.removeprefix("bronze_trades_") for suite in load_suites() if (name := suite.name).startswith("bronze_trades_")
)
BTC = "symbol = 'BTCUSDT' AND trade_id"
LETTER = "exchange, reason, message, received_at, ingested_at, _topic, _partition, _offset, trade_index"
LAST_PLACE = "toDecimal128('0.000000000000000001', 18)"


@dataclass(frozen=True)
class Defect:
    """Statements that spoil a right warehouse, and the checks that must then fail.

    In the text, {x} stands for every exchange. `row` are values that a row of the sample has, `error` is a part of
    the error.
    """

    name: str
    fails: tuple[str, ...]
    statements: tuple[str, ...]
    row: Mapping[str, str] = field(default_factory=dict)
    error: str | None = None

    def identifiers(self) -> list[str]:
        return [name for text in self.fails for name in _each(text)]

    def sql(self) -> list[str]:
        return [statement for text in self.statements for statement in _each(text)]


def _each(text: str) -> list[str]:
    if "{x}" in text:
        return [text.replace("{x}", exchange) for exchange in EXCHANGES]
    return [text]


def deleted(table: str, condition: str) -> str:
    return f"ALTER TABLE {table} DELETE WHERE {condition} SETTINGS mutations_sync = 2"


def changed(table: str, value: str, condition: str) -> str:
    return f"ALTER TABLE {table} UPDATE {value} WHERE {condition} SETTINGS mutations_sync = 2"


def copied(table: str, replace: str, condition: str = "true") -> str:
    """One row again, with some of its values replaced."""
    one = f"(SELECT * FROM {CLEAN}{table} WHERE {condition} LIMIT 1)"
    return f"INSERT INTO {table} SELECT * REPLACE ({replace}) FROM {one}"


def with_longer_key(table: str, key: str, replace: str, condition: str = "true") -> tuple[str, ...]:
    """The table under a longer sorting key, so that FINAL lets a doubled row through."""
    return (
        f"DROP TABLE {table}",
        f"CREATE TABLE {table} AS {CLEAN}{table} ENGINE = ReplacingMergeTree ORDER BY ({key})",
        f"INSERT INTO {table} SELECT * FROM {CLEAN}{table}",
        copied(table, replace, condition),
    )


def viewed(replace: str) -> tuple[str, ...]:
    """The gold views with a value replaced."""
    columns = "open_price AS open, high_price AS high, low_price AS low, close_price AS close"
    vwap = "divideDecimal(quote_volume, volume, 18) AS vwap"
    return (
        f"CREATE OR REPLACE VIEW k2.ohlcv_1m_view AS SELECT * REPLACE ({replace}) FROM (SELECT exchange, "
        f"canonical_symbol, window_start, {columns}, volume, quote_volume, {vwap}, trade_count, open_time, close_time "
        "FROM k2.ohlcv_1m FINAL)",
    )


PLACE = "_topic, _partition, _offset, trade_index"
BRONZE = "k2.bronze_trades_{x}"
GOLD = "k2.ohlcv_1m"
WINDOW = "exchange, canonical_symbol, window_start"
FIRST_BTC = "exchange = 'binance' AND canonical_symbol = 'BTC/USDT' AND trade_count > 0 AND open_price = 100.5"
SILVER = "k2.silver_trades"
LETTERS = "k2.dead_letters"


def assert_found(lab: Lab, defect: Defect) -> None:
    """The checks that the defect names fail, and show a row of it."""
    names = defect.identifiers()
    with lab.spoilt(defect.sql()):
        results = lab.check({name.partition(".")[0] for name in names})
    for name in names:
        result = results[name]
        assert not result.success, f"{name} holds although {defect.name}"
        if defect.error is not None:
            assert defect.error in (result.error or "")
            continue
        assert result.error is None, name
        assert result.unexpected > 0
    if defect.row and defect.error is None:
        samples = [row for name in names for row in results[name].sample]
        assert any(defect.row.items() <= row.items() for row in samples), samples
