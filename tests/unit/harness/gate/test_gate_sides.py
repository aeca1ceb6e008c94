"""Where the schemas come from, what the prepared changes make of one, and which documents name what."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from harness.gate.dictionary import TABLES, dictionary
from harness.gate.documents import ELSEWHERE, PLACES, stale_documents, why_not_checked
from harness.gate.prepared import PREPARED, prepare
from harness.gate.sides import Side, SideError, changed_files, forked, side
from harness.gate.snapshot import Column, Object, Snapshot
from k2pipeline.schema import DEFAULT_DIRECTORY
from tests.captures import PROJECT

TABLE = Object(
    "trades", "table", (Column("price", "Decimal(38, 18)", comment="exact | true"),), {"engine": "MergeTree"}
)
STRUCTURE = Snapshot({"trades": TABLE})


def git(project: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=k2", "-c", "user.email=k2@example.org")
    subprocess.run(["git", *identity, *arguments], cwd=project, check=True, capture_output=True)


def checkout(project: Path) -> Path:
    (project / "sql").mkdir(parents=True)
    (project / "sql" / "001_a.sql").write_text("SELECT 1;")
    return project


def test_a_side_is_a_directory_of_migrations_or_of_a_checkout(tmp_path: Path) -> None:
    project = checkout(tmp_path)
    for name in (project, project / "sql"):
        with side(str(name)) as found:
            assert found.directory == project / "sql"


def test_a_side_is_a_git_ref_whatever_the_work_tree_holds(tmp_path: Path) -> None:
    project = checkout(tmp_path / "k2")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / "sql" / "001_a.sql").write_text("SELECT 2;")
    with side("main", project) as found:
        assert found.files() == {"001_a.sql": "SELECT 1;"}
    assert not found.directory.exists()


def test_what_the_base_got_after_the_candidate_left_it_is_not_compared(tmp_path: Path) -> None:
    project = checkout(tmp_path / "k2")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    git(project, "branch", "change")
    (project / "sql" / "002_b.sql").write_text("SELECT 2;")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "two")
    with forked("main", "change", project) as base:
        assert (base.name, list(base.files())) == ("main", ["001_a.sql"])
    git(project, "checkout", "-q", "change")
    with forked("main", str(project / "sql"), project) as base:
        assert list(base.files()) == ["001_a.sql"]
    elsewhere = checkout(tmp_path / "elsewhere") / "sql"
    with forked("main", str(elsewhere), project) as base:
        assert list(base.files()) == ["001_a.sql", "002_b.sql"], "nobody knows where that came from"
    with forked(str(elsewhere), "change", project) as base:
        assert base.directory == elsewhere


@pytest.mark.parametrize("name", ["no-such-ref", "--help"])
def test_a_side_that_is_neither_says_what_was_given_and_what_to_give(tmp_path: Path, name: str) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(SideError, match=f"'{name}' is neither a directory nor a commit"), side(name, tmp_path):
        pass


def test_a_directory_without_migrations_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SideError, match="give a directory of migrations or a git ref"), side(str(tmp_path)):
        pass


def test_files_are_edited_or_added(tmp_path: Path) -> None:
    for name, texts in {"a": {"1.sql": "x", "2.sql": "y"}, "b": {"1.sql": "x", "2.sql": "z", "3.sql": "n"}}.items():
        (tmp_path / name).mkdir()
        for file, text in texts.items():
            (tmp_path / name / file).write_text(text)
    assert changed_files(Side("a", tmp_path / "a"), Side("b", tmp_path / "b")) == (["2.sql"], ["3.sql"])


@pytest.mark.parametrize("name", PREPARED)
def test_a_prepared_change_touches_one_file_of_the_schema(tmp_path: Path, name: str) -> None:
    """LookupError here says that sql/ is no longer what harness/gate/prepared.py expects of it."""
    edited, added = changed_files(Side("sql", DEFAULT_DIRECTORY), Side(name, prepare(name, tmp_path)))
    assert len(edited) + len(added) == 1


def test_the_prepared_rename_stops_consumption_first_and_begins_it_last(tmp_path: Path) -> None:
    (path,) = (path for path in prepare("renamed_silver", tmp_path).iterdir() if "rename" in path.name)
    statements = re.findall(
        r"^(DROP VIEW|DROP TABLE|RENAME TABLE|CREATE \w+)[^\n]* (\w+)", path.read_text(), re.MULTILINE
    )
    kinds = [kind for kind, _ in statements]
    assert kinds[0] == "DROP VIEW"
    assert kinds.count("RENAME TABLE") == 1
    assert "CREATE MATERIALIZED" in kinds[kinds.index("RENAME TABLE") :]
    assert re.search(r"_queue\b[^;]*;\s*$", path.read_text()), "the last statement takes frames from a queue again"


def test_the_dictionary_has_every_column_with_its_comment() -> None:
    page = dictionary(STRUCTURE)
    assert "### trades" in page
    assert "| price | `Decimal(38, 18)` | exact \\| true |" in page


def test_the_dictionary_says_where_rows_go() -> None:
    view = Object("mv", "materialized view", (), {"target": "sums", "query": "SELECT sum(price) FROM trades"})
    assert "| mv | trades | sums |  |" in dictionary(Snapshot({"trades": TABLE, "mv": view}))


def test_documents_beside_a_schema_are_judged(tmp_path: Path) -> None:
    schema = checkout(tmp_path) / "sql"
    (tmp_path / "docs").mkdir()
    assert stale_documents(schema, STRUCTURE, ()) == [
        "docs/tables.md is not there beside sql; write it with k2-harness tables"
    ]
    page = tmp_path / TABLES
    page.write_text(dictionary(STRUCTURE))
    assert stale_documents(schema, STRUCTURE, ()) == []
    page.write_text("old")
    assert stale_documents(schema, STRUCTURE, ()) == ["docs/tables.md is stale; write it again with k2-harness tables"]


def test_a_page_that_a_candidate_leaves_out_is_missed_and_a_schema_alone_has_none(tmp_path: Path) -> None:
    base, candidate, alone = (Side(name, checkout(tmp_path / name) / "sql") for name in ("base", "candidate", "alone"))
    for each in (base, candidate):
        (each.project / "docs").mkdir()
    assert why_not_checked(base, candidate) == "neither base nor candidate has a docs/tables.md"
    (base.project / TABLES).write_text(dictionary(STRUCTURE))
    assert why_not_checked(base, candidate) == "", "the page is missed, not left unchecked"
    assert why_not_checked(base, alone) == "alone is a schema alone, without a project around it"
    assert why_not_checked(alone, base) == ""


def test_documents_of_a_git_ref_are_judged_as_they_are_in_it(tmp_path: Path) -> None:
    project = checkout(tmp_path / "k2")
    (project / "docs").mkdir()
    (project / TABLES).write_text("old")
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-q", "-m", "one")
    (project / TABLES).write_text(dictionary(STRUCTURE))
    with side("main", project) as found:
        assert why_not_checked(found, found) == ""
        assert stale_documents(found.directory, STRUCTURE, ()) == [
            "docs/tables.md is stale; write it again with k2-harness tables"
        ]


@pytest.mark.parametrize("place", [*PLACES, *ELSEWHERE])
def test_every_place_where_documents_are_sought_is_there(place: str) -> None:
    files = [path for path in (PROJECT / place).rglob("*") if path.suffix in {".md", ".py", ".json", ".yml", ".toml"}]
    assert files, f"{place} moved: say in harness/gate/documents.py where"


@pytest.mark.parametrize(
    "name",
    [
        *("README.md", "docker-compose.small.yml", "docs/more.md", "deploy/grafana/dashboards/new.json"),
        *("deploy/prometheus/rules.yml", "deploy/start.sh", "benchmarks/read.py", "replays/README.md"),
        *("tests/integration/sql/test_x.py", "load/read.py", "k2pipeline/read.py", "expectations/x.json"),
    ],
)
def test_a_planted_name_is_found_wherever_documents_and_queries_stand(tmp_path: Path, name: str) -> None:
    schema = checkout(tmp_path) / "sql"
    planted = tmp_path / name
    for path in (planted, tmp_path / TABLES):
        path.parent.mkdir(parents=True, exist_ok=True)
    (tmp_path / TABLES).write_text(dictionary(STRUCTURE))
    planted.write_text("'SELECT 1 FROM k2.planted' of config.d/k2.xml")
    assert stale_documents(schema, STRUCTURE, ()) == [f"{name} names planted, which the schema does not have"]


def test_history_may_name_what_is_gone_and_a_test_what_it_makes_itself(tmp_path: Path) -> None:
    schema = checkout(tmp_path) / "sql"
    for folder in ("docs/decisions", "tests"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / TABLES).write_text(dictionary(STRUCTURE))
    for name in ("CHANGELOG.md", "docs/decisions/0001.md"):
        (tmp_path / name).write_text("k2.ticks, quotes")
    (tmp_path / "tests" / "test_x.py").write_text(
        "'CREATE TABLE k2.own (a UInt8)', f'CREATE VIEW k2.own_{frame} AS'; 'SELECT * FROM k2.own', 'FROM k2.own_1m'"
    )
    assert stale_documents(schema, STRUCTURE, ["quotes"]) == []


def test_a_document_or_query_that_names_what_is_gone_is_told(tmp_path: Path) -> None:
    schema = checkout(tmp_path) / "sql"
    (tmp_path / "docs").mkdir()
    (tmp_path / TABLES).write_text(dictionary(STRUCTURE))
    (tmp_path / "README.md").write_text("SELECT count() FROM k2.trades; SELECT 1 FROM k2.ticks; quotes")
    (tmp_path / "load").mkdir()
    (tmp_path / "load" / "reader.py").write_text(
        'log = "k2.feed"; sql = "SELECT 1 FROM k2.fills"; sqls = f"SELECT 1 FROM k2.ohlcv_{frame}"'
    )
    assert stale_documents(schema, STRUCTURE, ["quotes"]) == [
        "README.md names quotes, which the schema does not have",
        "README.md names ticks, which the schema does not have",
        "load/reader.py names fills, which the schema does not have",
    ]
