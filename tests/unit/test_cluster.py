"""sql/ as a cluster gets it: text, for no cluster runs here."""

from __future__ import annotations

import re

import pytest

from k2pipeline.cluster import MARKET, Cluster, ClusterError, carried_over, prepared
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, statements, written_for

CLUSTER = Cluster("k2")
SHIPPED = list(statements(DEFAULT_DIRECTORY, SchemaVariables(kafka_brokers="broker:9092")))
REWRITTEN = list(carried_over(SHIPPED, CLUSTER))
TABLE = "CREATE TABLE IF NOT EXISTS t\n(x Int8)\nENGINE = MergeTree\nORDER BY x"
ALL_T = "k2_all.t ON CLUSTER 'k2' AS k2.t ENGINE = Distributed('k2', 'k2', 't')"


def clustered(*statements: str) -> list[str]:
    """What the last of the statements becomes."""
    *_, last = carried_over(statements, CLUSTER)
    return last


def test_a_table_is_replicated_on_every_server_and_there_is_one_over_all_shards() -> None:
    own, over_all = clustered(
        "CREATE TABLE IF NOT EXISTS t\n(\n    x Int8\n)\nENGINE = ReplacingMergeTree(x)\nORDER BY x"
    )
    assert own == (
        "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'k2'\n(\n    x Int8\n)\n"
        "ENGINE = ReplicatedReplacingMergeTree(x)\nORDER BY x"
    )
    assert over_all == (
        "CREATE TABLE IF NOT EXISTS k2_all.t ON CLUSTER 'k2' AS k2.t ENGINE = Distributed('k2', 'k2', 't')"
    )


def test_an_engine_without_arguments_stays_without() -> None:
    own, _ = clustered("CREATE TABLE IF NOT EXISTS t\n(x Int8)\nENGINE = MergeTree\nORDER BY x")
    assert "ENGINE = ReplicatedMergeTree\n" in own


def test_a_table_without_columns_of_its_own_is_carried_over_too() -> None:
    own, _ = clustered("CREATE TABLE IF NOT EXISTS t\nENGINE = Merge(currentDatabase(), '^u$')")
    assert own == "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'k2'\nENGINE = Merge(currentDatabase(), '^u$')"


def test_a_queue_is_on_every_server_and_nowhere_over_all() -> None:
    (own,) = clustered("CREATE TABLE IF NOT EXISTS q\n(m String)\nENGINE = Kafka\nSETTINGS kafka_x = 'ON'")
    assert own.startswith("CREATE TABLE IF NOT EXISTS q ON CLUSTER 'k2'\n(m String)\nENGINE = Kafka\n")


def test_bronze_sends_each_trade_to_the_shard_of_its_market() -> None:
    (own,) = clustered("CREATE MATERIALIZED VIEW IF NOT EXISTS b_mv TO silver_intake AS SELECT 1")
    assert own == "CREATE MATERIALIZED VIEW IF NOT EXISTS b_mv ON CLUSTER 'k2' TO k2_all.silver_intake AS SELECT 1"
    intake = next(pair for pair in REWRITTEN if "k2_all.silver_intake ON CLUSTER" in pair[-1])
    assert intake[1].endswith(f"ENGINE = Distributed('k2', 'k2', 'silver_intake', cityHash64({MARKET}))")


def test_a_changed_table_is_changed_on_every_server_and_over_all_shards() -> None:
    assert clustered(TABLE, "ALTER TABLE t ADD COLUMN y Int8") == [
        "ALTER TABLE t ON CLUSTER 'k2' ADD COLUMN y Int8",
        f"CREATE OR REPLACE TABLE {ALL_T}",
    ]


def test_a_removed_table_is_removed_over_all_shards_before_it_is_on_each() -> None:
    removed = ["DROP TABLE IF EXISTS k2_all.t ON CLUSTER 'k2'", "DROP TABLE IF EXISTS t ON CLUSTER 'k2'"]
    assert clustered(TABLE, "DROP TABLE IF EXISTS t") == removed
    again = clustered(TABLE, "DROP TABLE IF EXISTS t", TABLE)
    assert again[1] == f"CREATE TABLE IF NOT EXISTS {ALL_T}"


def test_a_view_that_is_made_anew_is_so_over_all_shards() -> None:
    view = "CREATE VIEW IF NOT EXISTS v AS SELECT 1"
    assert clustered(view, "DROP VIEW v")[0] == "DROP TABLE IF EXISTS k2_all.v ON CLUSTER 'k2'"
    assert clustered(view, "DROP VIEW v", view)[1].startswith("CREATE TABLE IF NOT EXISTS k2_all.v ")


def test_what_is_not_over_all_shards_is_changed_and_removed_on_every_server_alone() -> None:
    queue = "CREATE TABLE IF NOT EXISTS q (m String) ENGINE = Kafka SETTINGS kafka_format = 'RawBLOB'"
    flow = "CREATE MATERIALIZED VIEW IF NOT EXISTS f TO t AS SELECT 1"
    assert clustered(queue, "ALTER TABLE q MODIFY COMMENT 'x'") == ["ALTER TABLE q ON CLUSTER 'k2' MODIFY COMMENT 'x'"]
    assert clustered(queue, "DROP TABLE q") == ["DROP TABLE q ON CLUSTER 'k2'"]
    assert clustered(flow, "DROP VIEW IF EXISTS f") == ["DROP VIEW IF EXISTS f ON CLUSTER 'k2'"]


def test_after_a_migration_users_of_all_shards_find_the_new_column() -> None:
    """As k2 migrate writes it: a file after those that ship, which changes what an earlier file made."""
    last = list(carried_over([*SHIPPED, "ALTER TABLE silver_trades ADD COLUMN IF NOT EXISTS venue String"], CLUSTER))[
        -1
    ]
    assert last[1].startswith("CREATE OR REPLACE TABLE k2_all.silver_trades ON CLUSTER 'k2' AS k2.silver_trades ")
    intake = list(carried_over([*SHIPPED, "ALTER TABLE silver_intake ADD COLUMN venue String"], CLUSTER))[-1]
    assert intake[1].endswith(f"'silver_intake', cityHash64({MARKET}))")


@pytest.mark.parametrize(
    "engine",
    [
        "ENGINE = MergeTree\nORDER BY x",
        "ENGINE = MergeTree() ORDER BY x",
        "engine=MergeTree ORDER BY x",
        "ENGINE MergeTree ORDER BY x",
        "COMMENT 'ENGINE = Null' ENGINE = /* ENGINE = Log */ MergeTree ORDER BY x",
        "-- (\nENGINE = MergeTree ORDER BY x",
    ],
)
@pytest.mark.parametrize("columns", ["(x Int8)", "(x Int8 DEFAULT length(')'), y String COMMENT 'ENGINE = Memory')"])
def test_a_table_is_replicated_however_its_engine_is_written(columns: str, engine: str) -> None:
    own, _ = clustered(f"CREATE TABLE IF NOT EXISTS t {columns} {engine}")
    assert len(re.findall(r"\bReplicatedMergeTree\b", own)) == 1
    assert own.replace("Replicated", "").replace(" ON CLUSTER 'k2'", "") == (
        f"CREATE TABLE IF NOT EXISTS t {columns} {engine}"
    )


@pytest.mark.parametrize("engine", ["ENGINE = Memory", "ENGINE = Log", "ENGINE = EmbeddedRocksDB PRIMARY KEY x", ""])
def test_a_table_whose_rows_no_replica_would_have_is_an_error(engine: str) -> None:
    with pytest.raises(ClusterError, match="no replica"):
        clustered(f"CREATE TABLE IF NOT EXISTS t (x Int8) {engine}")


@pytest.mark.parametrize(
    "name", ["c' (y Int8) ENGINE = Memory; DROP TABLE k2.silver_trades; -- ", "", "a b", "1", "k2\n"]
)
@pytest.mark.parametrize("field", ["name", "database", "everywhere"])
def test_a_name_that_would_be_sql_is_no_cluster(field: str, name: str) -> None:
    with pytest.raises(ValueError, match="cannot stand in SQL"):
        Cluster(**{"name": "k2", field: name})


def test_a_comment_before_a_statement_is_not_taken_for_one() -> None:
    own, _ = clustered(
        "-- DROP TABLE u, then\n-- CREATE VIEW IF NOT EXISTS w AS x\nCREATE VIEW IF NOT EXISTS v AS SELECT 1"
    )
    assert own.endswith("CREATE VIEW IF NOT EXISTS v ON CLUSTER 'k2' AS SELECT 1")


@pytest.mark.parametrize(
    "statement",
    ["OPTIMIZE TABLE t", "OPTIMIZE TABLE t -- DROP TABLE t", "ALTER TABLE k2.t ADD COLUMN y Int8", "DROP TABLE k2.t"],
)
def test_what_no_rule_knows_is_an_error_that_shows_it(statement: str) -> None:
    with pytest.raises(ClusterError, match=re.escape(statement)):
        clustered(statement)


def test_every_statement_of_the_schema_reaches_every_server_once() -> None:
    assert [pair[0].count("ON CLUSTER 'k2'") for pair in REWRITTEN] == [1] * len(SHIPPED)


def test_no_table_of_the_schema_stays_unreplicated() -> None:
    text = "\n".join(own for own, *_ in REWRITTEN)
    engines = re.findall(r"^ENGINE = (\w+)", text, re.MULTILINE)
    assert {name for name in engines if "MergeTree" in name} == {"ReplicatedReplacingMergeTree"}
    assert set(engines) <= {"ReplicatedReplacingMergeTree", "Kafka", "Null", "Merge"}


def test_users_find_every_table_and_view_over_all_shards() -> None:
    read = {
        name
        for statement in SHIPPED
        for name in re.findall(r"^CREATE (?:VIEW|TABLE) IF NOT EXISTS (\w+)", statement, re.MULTILINE)
        if "ENGINE = Kafka" not in statement and "ENGINE = Null" not in statement
    }
    over_all = {name for pair in REWRITTEN for each in pair[1:] for name in re.findall(r"k2_all\.(\w+) ON", each)}
    assert over_all == read | {"silver_intake"}


def test_only_the_intake_crosses_shards() -> None:
    sent = [name for own, *_ in REWRITTEN for name in re.findall(r"\sTO k2_all\.(\w+)", own)]
    assert set(sent) == {"silver_intake"}
    assert len(sent) == len([each for each in SHIPPED if "_to_silver_mv TO" in each])


def test_both_databases_come_first() -> None:
    assert prepared(CLUSTER) == [
        "CREATE DATABASE IF NOT EXISTS k2 ON CLUSTER 'k2'",
        "CREATE DATABASE IF NOT EXISTS k2_all ON CLUSTER 'k2'",
    ]


def test_the_files_for_a_cluster_hold_these_statements_in_the_order_of_the_schema() -> None:
    with written_for("k2", "k2", DEFAULT_DIRECTORY) as directory:
        files = sorted(directory.glob("*.sql"))
        assert [path.name for path in files] == [path.name for path in sorted(DEFAULT_DIRECTORY.glob("*.sql"))]
        variables = SchemaVariables(kafka_brokers="broker:9092")
        held = [statement.removesuffix(";") for statement in statements(directory, variables)]
    assert held == [*prepared(CLUSTER), *(statement for pair in REWRITTEN for statement in pair)]


def test_without_a_cluster_the_files_are_the_schemas_own() -> None:
    with written_for(None, "k2", DEFAULT_DIRECTORY) as directory:
        assert directory == DEFAULT_DIRECTORY


def test_a_market_is_what_silver_calls_the_canonical_symbol() -> None:
    """Otherwise two shards would each hold a part of one candle."""
    silver = next(each for each in SHIPPED if "VIEW IF NOT EXISTS silver_trades_mv" in each)
    assert f"{MARKET.removeprefix('exchange, ')} AS canonical_symbol" in silver
