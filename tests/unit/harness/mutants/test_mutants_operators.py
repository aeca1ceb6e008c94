"""Each operator makes the change that it says, in the place where the mistake could be made."""

import pytest

from harness.mutants.operators import OPERATORS
from harness.mutants.statement import Statement

VIEW = "CREATE MATERIALIZED VIEW v TO t AS "
TABLE = "CREATE TABLE t (a String, b UInt64, c UInt64) "
CASES = [
    ("and_for_or", VIEW + "SELECT 1 FROM s WHERE a AND b", "SELECT 1 FROM s WHERE a OR b"),
    ("arithmetic_swapped", VIEW + "SELECT f(a - b) AS x FROM s", "SELECT f(a + b) AS x FROM s"),
    ("branches_swapped", VIEW + "SELECT if(m, 'S', 'B') AS x FROM s", "SELECT if(m, 'B', 'S') AS x FROM s"),
    ("call_dropped", VIEW + "SELECT lower(a) AS x FROM s", "SELECT (a) AS x FROM s"),
    ("case_dropped", VIEW + "SELECT multiIf(a, 1, b, 2, 3) AS x FROM s", "SELECT multiIf(b, 2, 3) AS x FROM s"),
    ("clock_for_time", VIEW + "SELECT at AS event_time FROM s", "SELECT now64(6, 'UTC') AS event_time FROM s"),
    ("comparison_shifted", VIEW + "SELECT f(a < b) AS x FROM s", "SELECT f(a <= b) AS x FROM s"),
    ("condition_dropped", VIEW + "SELECT 1 FROM s WHERE a AND b", "SELECT 1 FROM s WHERE b"),
    ("engine_without_dedup", TABLE + "ENGINE = ReplacingMergeTree(b) ORDER BY a", "ENGINE = MergeTree ORDER BY a"),
    ("equality_negated", VIEW + "SELECT f(a = b) AS x FROM s", "SELECT f(a != b) AS x FROM s"),
    ("final_dropped", VIEW + "SELECT * FROM s FINAL", "SELECT * FROM s"),
    ("group_column_dropped", VIEW + "SELECT a FROM s GROUP BY a, b", "SELECT a FROM s GROUP BY a"),
    ("group_column_dropped", VIEW + "SELECT a, b FROM s GROUP BY a, b", "SELECT a, any(b) AS b FROM s GROUP BY a"),
    ("group_column_dropped", VIEW + "SELECT f(a) AS x, c FROM s GROUP BY x", "SELECT any(f(a)) AS x, c FROM s "),
    ("integer_narrowed", VIEW + "SELECT toUInt64(a) AS x FROM s", "SELECT toUInt32(a) AS x FROM s"),
    ("key_column_dropped", TABLE + "ENGINE = MergeTree ORDER BY (a, b)", "ENGINE = MergeTree ORDER BY (b)"),
    ("limit_by_changed", VIEW + "SELECT a FROM s LIMIT 1 BY a", "SELECT a FROM s "),
    ("neighbour_column", VIEW + "SELECT price AS x FROM s", "SELECT quantity AS x FROM s"),
    ("null_becomes_zero", VIEW + "SELECT toInt64OrNull(a) AS x FROM s", "SELECT toInt64OrZero(a) AS x FROM s"),
    ("number_shifted", VIEW + "SELECT substring(a, 1, 3) AS x FROM s", "SELECT substring(a, 1, 4) AS x FROM s"),
    ("opposite_extreme", VIEW + "SELECT argMin(a, b) AS x FROM s", "SELECT argMax(a, b) AS x FROM s"),
    ("order_reversed", VIEW + "SELECT a FROM s ORDER BY a", "SELECT a FROM s ORDER BY a DESC"),
    ("other_element", VIEW + "SELECT a[1] AS x FROM s", "SELECT a[2] AS x FROM s"),
    ("other_time_zone", VIEW + "SELECT f(a, 'UTC') AS x FROM s", "SELECT f(a, 'Asia/Kathmandu') AS x FROM s"),
    ("other_window", VIEW + "SELECT toStartOfHour(a) AS x FROM s", "SELECT toStartOfDay(a) AS x FROM s"),
    ("pattern_loosened", VIEW + "SELECT match(a, '^b$') AS x FROM s", "SELECT match(a, '^b') AS x FROM s"),
    ("random_identity", VIEW + "SELECT a AS message_id FROM s", "SELECT generateUUIDv4() AS message_id FROM s"),
    (
        "retention_changed",
        TABLE + "ENGINE = MergeTree ORDER BY a TTL b + INTERVAL 7 DAY",
        "ENGINE = MergeTree ORDER BY a ",
    ),
    ("scale_cut", VIEW + "SELECT toDecimal128(a, 18) AS x FROM s", "SELECT toDecimal128(a, 8) AS x FROM s"),
    ("sum_of_one", VIEW + "SELECT sum(b) AS x FROM s", "SELECT any(b) AS x FROM s"),
    ("text_misspelt", VIEW + "SELECT f(a, 'buy') AS x FROM s", "SELECT f(a, 'buy~') AS x FROM s"),
    (
        "through_a_float",
        VIEW + "SELECT toDecimal128(a, 18) AS x FROM s",
        "SELECT toDecimal128(toFloat64(a), 18) AS x FROM s",
    ),
    ("time_cut", VIEW + "SELECT toDateTime64(a, 6) AS x FROM s", "SELECT toDateTime64(a, 3) AS x FROM s"),
    (
        "union_branch_dropped",
        VIEW + "SELECT a FROM (SELECT a FROM s UNION ALL SELECT a FROM w)",
        "SELECT a FROM (SELECT a FROM s)",
    ),
    ("version_dropped", TABLE + "ENGINE = ReplacingMergeTree(b) ORDER BY a", "ENGINE = ReplacingMergeTree ORDER BY a"),
    ("view_forgotten", VIEW + "SELECT a FROM s", ""),
    ("where_dropped", VIEW + "SELECT a FROM s WHERE b", "SELECT a FROM s "),
]
ELSEWHERE = [
    (
        "equality_negated",
        "CREATE TABLE t (a Enum8('A' = 1)) ENGINE = Null",
        "an enum's numbers and the engine are no conditions",
    ),
    ("number_shifted", "CREATE TABLE t (a Decimal(38, 18)) ENGINE = Null", "scale_cut sees to scales"),
    ("text_misspelt", "CREATE TABLE t (a String COMMENT 'buy') ENGINE = Null", "a comment means nothing"),
    ("condition_dropped", VIEW + "SELECT 1 FROM s WHERE a BETWEEN 1 AND 2", "this AND joins no conditions"),
    ("integer_narrowed", "CREATE TABLE UInt64 (a String) ENGINE = Null", "a table's own name is no type"),
]


def edited(operator: str, sql: str) -> list[str]:
    statement = Statement(sql)
    return [statement.edited(edit) for edit in OPERATORS[operator].edits(statement)]


def squeezed(text: str) -> str:
    """Without blanks: an edit may leave one too many."""
    return "".join(text.split())


@pytest.mark.parametrize(("operator", "sql", "expected"), CASES, ids=[f"{case[0]}-{n}" for n, case in enumerate(CASES)])
def test_operator_makes_its_mistake(operator: str, sql: str, expected: str) -> None:
    made = edited(operator, sql)
    head = sql[: len(sql) - len(sql.removeprefix(VIEW).removeprefix(TABLE))]
    assert squeezed(expected) in [squeezed(text.removeprefix(head)) for text in made], made
    assert sql not in made


@pytest.mark.parametrize(("operator", "sql", "why"), ELSEWHERE, ids=[case[2] for case in ELSEWHERE])
def test_operator_leaves_alone_what_it_is_not_about(operator: str, sql: str, why: str) -> None:
    assert edited(operator, sql) == [], why


def test_every_operator_has_a_case() -> None:
    assert {case[0] for case in CASES} == set(OPERATORS)


@pytest.mark.parametrize("operator", OPERATORS)
def test_operator_names_the_bug_it_stands_for(operator: str) -> None:
    why = OPERATORS[operator].WHY
    assert len(why.split()) >= 8
    assert why.endswith(".")
