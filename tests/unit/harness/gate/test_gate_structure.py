"""Structures compared: what is added, gone, renamed or other, and what that means for those who read the tables."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.gate.columntypes import widens
from harness.gate.snapshot import Column, Object, Snapshot
from harness.gate.structure import StructureDiff, compare_structures
from harness.gate.verdict import Verdict, worst

TRADES = Object(
    "silver_trades",
    "table",
    (Column("symbol", "String"), Column("trade_id", "String"), Column("price", "Decimal(38, 18)", comment="exact")),
    {"engine": "ReplacingMergeTree(precedence)", "sorting key": "symbol, trade_id", "TTL": "processed_at + 30"},
)
VIEW = Object("trades_view", "view", TRADES.columns, {"query": "SELECT * FROM silver_trades FINAL"})
WRITER = Object("trades_mv", "materialized view", TRADES.columns, {"target": "silver_trades", "query": "SELECT 1"})


def diff(before: list[Object], after: list[Object], promised: tuple[str, ...] = ("silver_trades",)) -> StructureDiff:
    one, other = (Snapshot({each.name: each for each in side}) for side in (before, after))
    return compare_structures(one, other, promised.__contains__)


def found(before: Object, after: Object) -> list[tuple[str, str, str]]:
    return [(str(each.verdict), each.part, each.what) for each in diff([before], [after]).evidence]


def with_column(column: str, /, **changes: str) -> Object:
    return replace(
        TRADES, columns=tuple(replace(each, **changes) if each.name == column else each for each in TRADES.columns)
    )


def with_part(name: str, value: str) -> Object:
    return replace(TRADES, parts={**TRADES.parts, name: value})


def test_equal_structures_give_no_evidence() -> None:
    assert diff([TRADES, VIEW, WRITER], [TRADES, VIEW, WRITER]).evidence == ()


def test_a_comment_is_documentation() -> None:
    assert found(TRADES, with_column("price", comment="to the last digit")) == [
        ("identical", "column price", "documentation")
    ]


def test_a_new_column_and_a_new_object_are_additive() -> None:
    wider = replace(TRADES, columns=(*TRADES.columns, Column("venue", "String")))
    evidence = diff([TRADES], [wider, VIEW]).evidence
    assert {(str(each.verdict), each.object, each.part) for each in evidence} == {
        ("additive", "silver_trades", "column venue"),
        ("additive", "trades_view", "view"),
    }


def test_a_wider_type_is_changed_and_a_narrower_one_breaking() -> None:
    wider, narrower = with_column("price", type="Decimal(76, 18)"), with_column("price", type="Decimal(38, 8)")
    assert found(TRADES, wider) == [("changed", "column price", "type holds all that it held")]
    assert found(TRADES, narrower) == [("breaking", "column price", "type does not hold all that it held")]


def test_a_dropped_key_column_is_breaking_and_shows_both_keys() -> None:
    (each,) = diff([TRADES], [with_part("sorting key", "symbol")]).evidence
    assert (each.verdict, each.before, each.after) == (Verdict.BREAKING, "symbol, trade_id", "symbol")


def test_another_engine_is_breaking_and_another_ttl_changed() -> None:
    assert found(TRADES, with_part("engine", "MergeTree"))[0][:2] == ("breaking", "engine")
    assert found(TRADES, with_part("TTL", "processed_at + 7"))[0][:2] == ("changed", "TTL")


def test_a_removed_column_breaks_what_is_promised_and_only_changes_what_is_not() -> None:
    shorter = replace(TRADES, columns=TRADES.columns[:2])
    assert worst(diff([TRADES], [shorter]).evidence) == Verdict.BREAKING
    assert worst(diff([TRADES], [shorter], promised=()).evidence) == Verdict.CHANGED


def test_a_view_that_only_writes_may_be_rewritten_for_the_rows_show_what_it_does() -> None:
    rewritten = replace(WRITER, parts={**WRITER.parts, "query": "SELECT 2"})
    assert worst(diff([TRADES, WRITER], [TRADES, rewritten]).evidence) == Verdict.IDENTICAL


def test_a_renamed_table_is_recognised_and_its_views_are_not_called_rewritten() -> None:
    now = replace(TRADES, name="market_trades")
    view = replace(VIEW, parts={"query": "SELECT * FROM market_trades FINAL"})
    writer = replace(WRITER, parts={**WRITER.parts, "target": "market_trades"})
    moved = diff([TRADES, VIEW, WRITER], [now, view, writer])
    assert moved.objects == {"silver_trades": "market_trades"}
    assert [(str(each.verdict), each.object, each.what) for each in moved.evidence] == [
        ("breaking", "silver_trades", "renamed to market_trades; queries by the old name fail")
    ]


def test_a_renamed_table_with_a_view_under_its_old_name_breaks_nobody() -> None:
    now = replace(TRADES, name="market_trades")
    stand_in = Object("silver_trades", "view", TRADES.columns, {"query": "SELECT * FROM market_trades FINAL"})
    moved = diff([TRADES], [now, stand_in])
    assert moved.objects == {"silver_trades": "market_trades"}
    assert worst(moved.evidence) == Verdict.CHANGED


def test_a_table_that_becomes_a_view_is_still_compared_by_its_columns() -> None:
    view = Object("silver_trades", "view", TRADES.columns[:2], {"query": "SELECT 1"})
    assert found(TRADES, view) == [
        ("changed", "kind", "was a table, is a view"),
        ("breaking", "column price", "removed"),
    ]


def test_what_can_be_read_no_longer_breaks_what_is_promised() -> None:
    passing = replace(TRADES, parts={"engine": "Null"})
    assert ("breaking", "rows", "can be read no longer: it passes rows on and keeps none") in found(TRADES, passing)


def test_columns_in_another_order_are_changed_and_a_new_one_between_them_is_not() -> None:
    symbol, trade_id, price = TRADES.columns
    turned = replace(TRADES, columns=(trade_id, symbol, price))
    (each,) = diff([TRADES], [turned]).evidence
    assert (each.verdict, each.part) == (Verdict.CHANGED, "columns")
    assert (each.before, each.after) == ("symbol, trade_id, price", "trade_id, symbol, price")
    between = replace(TRADES, columns=(symbol, Column("venue", "String"), trade_id, price))
    assert found(TRADES, between) == [("additive", "column venue", "added")]


def test_a_table_with_another_key_is_not_taken_for_a_renamed_one() -> None:
    other = replace(TRADES, name="market_trades", parts={**TRADES.parts, "sorting key": "symbol"})
    moved = diff([TRADES], [other])
    assert moved.objects == {}
    assert {(each.object, each.what) for each in moved.evidence} == {
        ("silver_trades", "removed"),
        ("market_trades", "added"),
    }


def test_candles_of_one_shape_are_paired_by_the_words_of_their_names() -> None:
    minute, hour = (replace(TRADES, name=f"ohlcv_{frame}") for frame in ("1m", "1h"))
    moved = diff([minute, hour], [replace(each, name=f"candles_{each.name[6:]}") for each in (hour, minute)])
    assert moved.objects == {"ohlcv_1m": "candles_1m", "ohlcv_1h": "candles_1h"}


def test_a_renamed_column_is_recognised_by_type_and_neighbours() -> None:
    moved = diff([TRADES], [with_column("price", name="rate")])
    assert moved.columns == {"silver_trades": {"price": "rate"}}
    assert [(str(each.verdict), each.what) for each in moved.evidence] == [("breaking", "renamed to rate")]


@pytest.mark.parametrize(
    ("before", "after", "is_wider"),
    [
        ("Decimal(38, 18)", "Decimal(76, 18)", True),
        ("Decimal(38, 18)", "Decimal(38, 20)", False),
        ("Decimal(38, 18)", "Float64", False),
        ("UInt32", "Int64", True),
        ("Int32", "UInt64", False),
        ("DateTime64(3, 'UTC')", "DateTime64(6, 'UTC')", True),
        ("DateTime64(6, 'UTC')", "DateTime64(9, 'UTC')", False),
        ("DateTime('UTC')", "DateTime64(6, 'UTC')", True),
        ("LowCardinality(String)", "String", True),
        ("Nullable(UInt64)", "UInt64", False),
        ("Enum8('BUY' = 1)", "Enum8('BUY' = 1, 'SELL' = 2)", True),
        ("Enum8('BUY' = 1, 'SELL' = 2)", "Enum8('BUY' = 1)", False),
    ],
)
def test_a_type_is_wider_when_every_value_stays_itself(before: str, after: str, is_wider: bool) -> None:
    assert widens(before, after) is is_wider
