"""What a row of migrations ends in, read off the engine: the schema that is mutated."""

from pathlib import Path

import pytest

from harness.cli import main
from harness.gate.prepared import prepare
from harness.mutants.derive import derive
from harness.mutants.schema import Schema, changed, read_schema
from harness.mutants.settled import MigrationError, settled
from k2pipeline.schema import DEFAULT_DIRECTORY

BASE = """CREATE TABLE t (a String, b UInt64) ENGINE = ReplacingMergeTree(b) ORDER BY (a, b);
CREATE TABLE s (a String, b UInt64) ENGINE = MergeTree ORDER BY a;
CREATE MATERIALIZED VIEW s_mv TO t AS SELECT lower(a) AS a, b FROM s WHERE b > 0;
CREATE VIEW v AS SELECT a FROM t FINAL;
"""


def schema(directory: Path, *more: str) -> Schema:
    directory.mkdir()
    for number, text in enumerate((BASE, *more), 1):
        (directory / f"{number:03d}_x.sql").write_text(text, encoding="utf-8")
    return read_schema(directory)


def test_a_schema_that_only_creates_is_its_files(tmp_path: Path) -> None:
    plain = schema(tmp_path / "a")
    assert settled(plain) is plain


def test_a_view_altered_by_a_migration_is_mutated_as_it_is_now(tmp_path: Path) -> None:
    base = schema(tmp_path / "a")
    query = "SELECT upper(a) AS a, b FROM s WHERE b > 7 AND b < 9"
    now = settled(schema(tmp_path / "b", f"ALTER TABLE s_mv MODIFY QUERY {query};"))
    assert changed(settled(base), now) == {"s_mv"}
    mutants = [each for each in derive(now) if each.object == "s_mv"]
    assert {each.operator for each in mutants} >= {"condition_dropped", "comparison_shifted", "where_dropped"}
    assert {(each.file, each.line) for each in mutants} == {("002_x.sql", 1)}
    assert all("k2." not in each.sql and "`" not in each.sql for each in mutants)


def test_a_migration_that_is_in_both_changes_nothing(tmp_path: Path) -> None:
    alter = "ALTER TABLE t ADD COLUMN c UInt32;"
    one, other = (settled(schema(tmp_path / name, alter)) for name in ("a", "b"))
    assert changed(one, other) == frozenset()


def test_a_renamed_table_keeps_its_statement_and_what_is_gone_is_not_mutated(tmp_path: Path) -> None:
    now = settled(schema(tmp_path / "a", "DROP VIEW v; RENAME TABLE t TO u;"))
    assert set(now.objects) == {"u", "s", "s_mv"}
    assert now.objects["u"].sql == read_schema(tmp_path / "a").objects["t"].sql.replace("TABLE t", "TABLE u")


def test_a_table_that_a_view_reads_comes_before_it(tmp_path: Path) -> None:
    more = "CREATE TABLE w (a String) ENGINE = MergeTree ORDER BY a; ALTER TABLE s_mv MODIFY QUERY SELECT a, b FROM s"
    now = settled(schema(tmp_path / "a", f"{more} WHERE a NOT IN (SELECT a FROM w);"))
    names = [each.name for each in now.placed]
    assert names.index("w") < names.index("s_mv")


def test_a_migration_that_the_engine_refuses_says_where(tmp_path: Path) -> None:
    with pytest.raises(MigrationError, match=r"^002_x\.sql:1: the engine refuses it: .*nothing"):
        settled(schema(tmp_path / "a", "ALTER TABLE nothing ADD COLUMN c UInt32;"))


def test_every_mutant_of_a_renamed_schema_has_an_id_of_its_own(tmp_path: Path) -> None:
    now = settled(read_schema(prepare("renamed_silver", tmp_path / "sql")))
    ids = [each.id for each in derive(now)]
    assert len(set(ids)) == len(ids)
    assert "market_trades" in now.objects
    assert "silver_trades" not in now.objects
    before = [each.id for each in derive(read_schema(DEFAULT_DIRECTORY))]
    assert len(ids) == len(before) == len(set(before))


def test_a_change_in_which_nothing_can_be_mutated_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    schema(tmp_path / "a")
    schema(tmp_path / "b", "CREATE TABLE passing (a String) ENGINE = Null;")
    command = ["mutants", "--sql", str(tmp_path / "b"), "--since", str(tmp_path / "a")]
    assert main(command) == 2
    assert "passing changed since" in capsys.readouterr().err
