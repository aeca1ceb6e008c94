"""The SQL as text: names of topics and columns cannot become SQL of their own."""

import pytest

from harness.checks import queries
from harness.checks.columns import Pair


@pytest.mark.parametrize(("topic", "literal"), [("it's", r"'it\'s'"), ("a\\b", r"'a\\b'")])
def test_values_are_quoted(topic: str, literal: str) -> None:
    assert f"topic = {literal}" in queries.unconserved_offsets("(SELECT 1)", topic)
    assert f"_topic = {literal}" in queries.unlettered_offsets("(SELECT 1)", topic)


def test_one_null_does_not_hide_a_row_from_its_fingerprint() -> None:
    sql = queries.differing("(SELECT 1)", "t", ["id"], [Pair("a", "a", "a"), Pair("b", "c", "toString(b)")])
    assert "cityHash64(tuple(a, c))" in sql
    assert "cityHash64(tuple(a, toString(b)))" in sql


@pytest.mark.parametrize(
    "rows",
    [queries.absent("f", "t", ["id"], ["price"]), queries.doubled("f", ["id"]), "SELECT 1"],
    ids=["absent", "doubled", "any"],
)
def test_samples_are_bounded_and_always_the_same(rows: str) -> None:
    sql = queries.some_of(rows)
    assert sql.endswith(f"LIMIT {queries.SAMPLE_ROWS}")
    assert "ORDER BY" in sql


def test_differences_take_the_first_rows_by_key() -> None:
    sql = queries.differences("f", "t", ["id"], [Pair("a", "a", "a")], limit=7)
    assert "LIMIT 7" in sql
    assert "ORDER BY" in sql
