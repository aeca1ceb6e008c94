"""The schema as a cluster gets it, parsed by the engine itself. Parsed, not run: that takes servers and Keeper."""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import chdb
import pytest

from k2pipeline.cluster import Cluster, carried_over, prepared
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, statements

CHANGES = ("ALTER TABLE silver_trades ADD COLUMN IF NOT EXISTS venue String", "DROP VIEW IF EXISTS ohlcv_1m_view")


@pytest.fixture(scope="module")
def rewritten() -> list[str]:
    cluster = Cluster("k2")
    shipped = statements(DEFAULT_DIRECTORY, SchemaVariables(kafka_brokers="broker:9092"))
    return [*prepared(cluster), *chain.from_iterable(carried_over([*shipped, *CHANGES], cluster))]


def test_the_engines_parser_takes_every_statement_for_a_cluster(rewritten: list[str], tmp_path: Path) -> None:
    connection = chdb.connect(str(tmp_path))
    try:
        trees = [connection.query(f"EXPLAIN AST {statement}", "TSVRaw").bytes().decode() for statement in rewritten]
        with pytest.raises(RuntimeError, match="SYNTAX_ERROR"):
            connection.query(f"EXPLAIN AST {rewritten[-1].replace(' ON CLUSTER', ' ON', 1)}")
    finally:
        connection.close()
    changes = [tree.split()[0] for tree in trees[-4:]]
    assert {tree.split()[0] for tree in trees[:-4]} == {"CreateQuery"}
    assert changes == ["AlterQuery", "CreateQuery", "DropQuery", "DropQuery"]
