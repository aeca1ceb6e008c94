"""An exhibit edits the schema there is, says what must fail, and is refused where it cannot be made."""

import re
from pathlib import Path

import pytest

from harness.museum import report
from harness.museum.change import Change, ChangeError, changed
from harness.museum.exhibit import Exhibit, ExhibitError, load_exhibits
from harness.museum.tour import Seen
from harness.mutants.operators import OPERATORS
from harness.mutants.schema import Schema, read_schema
from harness.mutants.suites import Finding
from tests.captures import PROJECT

SQL = """CREATE TABLE t (a String, b UInt64) ENGINE = ReplacingMergeTree(b) ORDER BY (a, b);
CREATE MATERIALIZED VIEW t_mv TO t AS SELECT lower(name) AS a, argMin(price, at) AS b, side FROM s GROUP BY a, side;
CREATE VIEW t_view AS SELECT a, b FROM t FINAL;
"""
CHANGES = [
    (Change("t_view", "operator", "final_dropped", ""), "SELECT a, b FROM t ;"),
    (Change("t", "operator", "engine_without_dedup", "* -> Summing*"), "ENGINE = SummingMergeTree ORDER BY (a, b);"),
    (Change("*_mv", "call", "argMin", "any({0}, {1})"), "any(price, at) AS b"),
    (Change("t_mv", "value", "a", "upper({0})"), "SELECT upper(lower(name)) AS a"),
    (Change("t_mv", "value", "side", "'UNKNOWN'"), "'UNKNOWN' AS side FROM s"),
    (Change("t", "key", "b", "{0}, c"), "ORDER BY (a, b, c)"),
    (Change("t_mv", "text", "FROM s", "FROM s WHERE c"), "FROM s WHERE c GROUP BY"),
]
NAMES = ("silver_trades.no_trade_lost", "ohlcv_1m.no_candle_lost", "ohlcv_1h.no_candle_lost", "ohlcv_1h.rolls_up")


@pytest.fixture
def schema(tmp_path: Path) -> Schema:
    (tmp_path / "001_first.sql").write_text(SQL)
    return read_schema(tmp_path)


def seen(*failing: str, missed: tuple[str, ...] = (), unforeseen: tuple[str, ...] = ()) -> Seen:
    exhibit = Exhibit("ids", "Random ids, again", "What was done.", failing, (), ())
    return Seen(exhibit, tuple(Finding(name, 1) for name in failing), missed, unforeseen, "", 1.0)


@pytest.mark.parametrize(
    ("change", "expected"), CHANGES, ids=[change.kind + "-" + change.what for change, _ in CHANGES]
)
def test_change_edits_what_it_names_and_nothing_else(schema: Schema, change: Change, expected: str) -> None:
    statements = changed(schema, [change])
    assert expected in "\n".join(statements)
    assert sum(one != other for one, other in zip(statements, schema.sqls(), strict=True)) == 1


def test_changes_follow_one_another(schema: Schema) -> None:
    changes = [Change("t_mv", "value", "a", "f({0})"), Change("t_mv", "call", "f", "g({0})")]
    assert "g(lower(name)) AS a" in changed(schema, changes)[1]


@pytest.mark.parametrize(
    "change",
    [Change("t_mv", "call", "argMax", "any({0})"), Change("w", "key", "b", "c"), Change("t", "text", "??", "")],
)
def test_change_without_a_place_in_the_schema_is_an_error(schema: Schema, change: Change) -> None:
    with pytest.raises(ChangeError, match=f"no {change.objects} has {change.kind}"):
        changed(schema, [change])


def test_patterns_name_the_checks_that_must_fail_and_those_that_may() -> None:
    exhibit = Exhibit("x", "X", "..", ("silver_trades.*", "ohlcv_*.no_candle_lost"), ("ohlcv_*.rolls_up",), ())
    assert exhibit.due(NAMES) == set(NAMES[:3])
    assert exhibit.allowed(NAMES) == {"ohlcv_1h.rolls_up"}


def test_pattern_that_is_about_no_check_is_an_error() -> None:
    stale = Exhibit("x", "X", "..", ("silver_trades.*", "silver_trades.renamed_check"), ("ohlcv_2m.*",), ())
    with pytest.raises(ExhibitError, match=r"x: no check .* called silver_trades\.renamed_check; mend"):
        stale.due(NAMES)
    with pytest.raises(ExhibitError, match=r"ohlcv_2m"):
        stale.allowed(NAMES)


def test_page_shows_every_exhibit_caught() -> None:
    page = (PROJECT / "docs" / "museum.md").read_text(encoding="utf-8")
    count = len(load_exhibits())
    assert f"\n{count} exhibits, {count} caught as they should be" in page
    rows = re.findall(r"^\| \[[^]]+\]\(#[^)]+\) \| (\w+) \|", page, re.MULTILINE)
    assert rows == ["yes"] * count


def test_exhibit_is_caught_only_by_exactly_its_checks() -> None:
    assert seen("a.b").is_caught
    assert not seen().is_caught
    assert not seen("a.b", missed=("a.c",)).is_caught
    assert not seen("a.b", unforeseen=("a.b",)).is_caught


def test_checks_of_one_name_are_told_together() -> None:
    assert report.caught_by(NAMES) == (
        "no_candle_lost (ohlcv 1m 1h), no_trade_lost (silver_trades), rolls_up (ohlcv 1h)"
    )


def test_page_links_each_row_to_its_paragraph() -> None:
    text = report.markdown([seen("a.b")], 3.0)
    assert "| [Random ids, again](#random-ids-again) | yes | b (a) |" in text
    assert "## Random ids, again\n\nWhat was done." in text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('title = "T"\ndefect = "d"\nfails = []\n', "change missing"),
        ('title = "T"\ndefect = "d"\nfails = []\nfail = 1\n[[change]]\nobjects = "t"\ntext = "a"\n', "fail missing"),
        ('title = "T"\ndefect = "d"\nfails = []\n[[change]]\nobjects = "t"\nengine = "a"\n', "one of operator, call"),
    ],
)
def test_exhibit_that_is_not_complete_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(ExhibitError, match=problem):
        load_exhibits(tmp_path)


@pytest.mark.parametrize("exhibit", load_exhibits(), ids=lambda exhibit: exhibit.name)
def test_every_exhibit_is_documented_by_its_paragraph(exhibit: Exhibit) -> None:
    page = (PROJECT / "docs" / "museum.md").read_text(encoding="utf-8")
    assert f"## {exhibit.title}\n\n{exhibit.defect}\n" in page
    assert len(exhibit.defect.split()) > 25
    assert exhibit.fails


def test_every_operator_is_documented_by_the_bug_it_stands_for() -> None:
    page = (PROJECT / "docs" / "mutants.md").read_text(encoding="utf-8")
    assert [name for name, each in OPERATORS.items() if f"| `{name}` | {each.WHY} |" not in page] == []
