"""The shipped schema on the engine itself, fed as the Kafka engine feeds it: frames in, rows out."""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import chdb
import pyarrow as pa
import pytest

from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaVariables, statements
from k2pipeline.warehouse.kafka.ddl import rewrite_create

RECV_NS = 1_790_446_152_679_000_123


class Schema:
    """One warehouse with sql/ applied. Each feed gets offsets of its own."""

    def __init__(self, directory: Path) -> None:
        self._connection = chdb.connect(str(directory))
        self._offset = 0
        self._connection.query("CREATE DATABASE k2")
        self._connection.query("USE k2")
        for statement in statements(DEFAULT_DIRECTORY, SchemaVariables(kafka_brokers="127.0.0.1:1")):
            self._connection.query(rewrite_create(statement) or statement)

    def feed(
        self,
        exchange: str,
        frames: Sequence[str],
        *,
        recv_ns: int | None = RECV_NS,
        offset: int | None = None,
    ) -> int:
        """Insert one block of frames into an exchange's queue; the first one's offset (given again: a redelivery)."""
        first = self._offset if offset is None else offset
        count = len(frames)
        header = [] if recv_ns is None else [str(recv_ns)]
        block = pa.table(
            {
                "message": list(frames),
                "_topic": ["topic"] * count,
                "_key": [""] * count,
                "_offset": pa.array(range(first, first + count), pa.uint64()),
                "_partition": pa.array([0] * count, pa.uint64()),
                "_timestamp": pa.array([RECV_NS // 10**9] * count, pa.timestamp("s")),
                "_timestamp_ms": pa.array([RECV_NS // 10**6] * count, pa.timestamp("ms")),
                "_headers.name": pa.array([["recv_ns"] * len(header)] * count, pa.list_(pa.string())),
                "_headers.value": pa.array([header] * count, pa.list_(pa.string())),
            }
        )
        names = ", ".join(f"`{name}`" for name in block.column_names)
        self._connection.query(
            f"INSERT INTO k2.trades_{exchange}_queue ({names}) SETTINGS insert_allow_materialized_columns = 1, "
            f"insert_null_as_default = 0, max_block_size = {count}, max_threads = 1 SELECT {names} FROM Python(block)"
        )
        self._offset = max(self._offset, first + count)
        return first

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query; every number as the text that ClickHouse prints."""
        found = self._connection.query(query, "JSONEachRow").bytes().decode()
        return [json.loads(line, parse_float=str, parse_int=str) for line in found.splitlines()]

    def query(self, sql: str) -> None:
        """Run a statement."""
        self._connection.query(sql)

    def close(self) -> None:
        self._connection.close()


@pytest.fixture(scope="module")
def schema(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Schema]:
    """A warehouse for the tests of one module; they tell their rows apart by offset or symbol."""
    made = Schema(tmp_path_factory.mktemp("warehouse"))
    yield made
    made.close()
