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


def test_samples_are_bounded_and_always_the_same() -> None:
    for sql in (
        queries.absent("f", "t", ["id"], ["price"]),
        queries.doubled("f", ["id"]),
        queries.differences("f", "t", ["id"], [Pair("a", "a", "a")]),
        queries.some_of("SELECT 1"),
    ):
        assert f"LIMIT {queries.SAMPLE_ROWS}" in sql
        assert "ORDER BY" in sql
