"""sql/ as a cluster gets it: text, for no cluster runs here."""

from __future__ import annotations

import re

import pytest

from k2pipeline.cluster import MARKET, Cluster, ClusterError, clustered, prepared
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, statements, written_for

CLUSTER = Cluster("k2")
SHIPPED = list(statements(DEFAULT_DIRECTORY, SchemaVariables(kafka_brokers="broker:9092")))
REWRITTEN = [clustered(statement, CLUSTER) for statement in SHIPPED]


def test_a_table_is_replicated_on_every_server_and_there_is_one_over_all_shards() -> None:
    own, over_all = clustered(
        "CREATE TABLE IF NOT EXISTS t\n(\n    x Int8\n)\nENGINE = ReplacingMergeTree(x)\nORDER BY x", CLUSTER
    )
    assert own == (
        "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'k2'\n(\n    x Int8\n)\n"
        "ENGINE = ReplicatedReplacingMergeTree(x)\nORDER BY x"
    )
    assert over_all == (
        "CREATE TABLE IF NOT EXISTS k2_all.t ON CLUSTER 'k2' AS k2.t ENGINE = Distributed('k2', 'k2', 't')"
    )


def test_an_engine_without_arguments_stays_without() -> None:
    own, _ = clustered("CREATE TABLE IF NOT EXISTS t\n(x Int8)\nENGINE = MergeTree\nORDER BY x", CLUSTER)
    assert "ENGINE = ReplicatedMergeTree\n" in own


def test_a_table_without_columns_of_its_own_is_carried_over_too() -> None:
    own, _ = clustered("CREATE TABLE IF NOT EXISTS t\nENGINE = Merge(currentDatabase(), '^u$')", CLUSTER)
    assert own == "CREATE TABLE IF NOT EXISTS t ON CLUSTER 'k2'\nENGINE = Merge(currentDatabase(), '^u$')"


def test_a_queue_is_on_every_server_and_nowhere_over_all() -> None:
    (own,) = clustered("CREATE TABLE IF NOT EXISTS q\n(m String)\nENGINE = Kafka\nSETTINGS kafka_x = 'ON'", CLUSTER)
    assert own.startswith("CREATE TABLE IF NOT EXISTS q ON CLUSTER 'k2'\n(m String)\nENGINE = Kafka\n")


def test_bronze_sends_each_trade_to_the_shard_of_its_market() -> None:
    (own,) = clustered("CREATE MATERIALIZED VIEW IF NOT EXISTS b_mv TO silver_intake AS SELECT 1", CLUSTER)
    assert own == "CREATE MATERIALIZED VIEW IF NOT EXISTS b_mv ON CLUSTER 'k2' TO k2_all.silver_intake AS SELECT 1"
    intake = next(pair for pair in REWRITTEN if "k2_all.silver_intake ON CLUSTER" in pair[-1])
    assert intake[1].endswith(f"ENGINE = Distributed('k2', 'k2', 'silver_intake', cityHash64({MARKET}))")


def test_changes_and_removals_reach_every_server() -> None:
    assert clustered("ALTER TABLE t ADD COLUMN y Int8", CLUSTER) == ["ALTER TABLE t ON CLUSTER 'k2' ADD COLUMN y Int8"]
    assert clustered("DROP VIEW IF EXISTS v", CLUSTER) == ["DROP VIEW IF EXISTS v ON CLUSTER 'k2'"]


def test_a_comment_before_a_statement_is_not_taken_for_one() -> None:
    own, _ = clustered(
        "-- DROP TABLE u, then\n-- CREATE VIEW IF NOT EXISTS w AS x\nCREATE VIEW IF NOT EXISTS v AS SELECT 1", CLUSTER
    )
    assert own.endswith("CREATE VIEW IF NOT EXISTS v ON CLUSTER 'k2' AS SELECT 1")


def test_what_no_rule_knows_is_an_error_that_shows_it() -> None:
    with pytest.raises(ClusterError, match="OPTIMIZE TABLE t"):
        clustered("OPTIMIZE TABLE t", CLUSTER)


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
