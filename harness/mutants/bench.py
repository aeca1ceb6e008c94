"""A warehouse in this process, on the same engine: a schema comes in a tenth of a second, and goes in a hundredth.

    with Bench(directory) as bench:
        bench.apply(sqls)                  # CREATE .. ENGINE = Kafka becomes what the embedded warehouse makes of it
        bench.deliver(delivery)            # one block, inserted as its Kafka consumer inserts it
        bench.rows("SELECT count() FROM k2.silver_trades FINAL")

What it leaves out is the broker and the HTTP interface, which know nothing of a schema.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

import pyarrow as pa

from harness.mutants.tape import Delivery, Message
from harness.truth import Truth, load
from k2pipeline.exchanges import DLQ_TOPIC
from k2pipeline.warehouse.engine import Engine, quoted
from k2pipeline.warehouse.kafka.ddl import definition_in, rewrite_create
from k2pipeline.warehouse.kafka.insert import TableName, insert_statement

DATABASE: Final = "k2"
# Blocks have a few hundred rows: threads would wait for each other, and compiling an expression costs more than it
# saves.
_SMALL: Final = {
    "max_threads": "1",
    "max_insert_threads": "1",
    "compile_expressions": "0",
    "compile_aggregate_expressions": "0",
    "compile_sort_description": "0",
}
Rows = list[dict[str, str]]


class Bench:
    """One engine on a directory of its own, with one database `k2` at a time."""

    def __init__(self, directory: Path) -> None:
        self._engine = Engine(directory)
        self.connection = self._engine.connect()
        self.connection.change_settings(_SMALL)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.connection.close()
        self._engine.close()

    def run(self, sql: str) -> None:
        """Run a statement. Raises WarehouseError with what the engine says."""
        self.connection.execute(sql)

    def rows(self, query: str) -> Rows:
        """The rows of a query, each value as ClickHouse prints it."""
        found = self.connection.execute(f"SELECT * APPLY(toString) FROM ({query}\n)", "JSONCompactEachRowWithNames")
        lines = [json.loads(line) for line in found.splitlines()]
        names = [name.removeprefix("toString(").removesuffix(")") for name in lines[0]]
        return [
            dict(zip(names, ("NULL" if value is None else value for value in row), strict=True)) for row in lines[1:]
        ]

    def clear(self) -> None:
        """An empty database in the place of the one there was."""
        self.connection.use("default")
        self.run(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
        self.run(f"CREATE DATABASE {DATABASE}")
        self.connection.use(DATABASE)

    def apply(self, statements: Iterable[str]) -> None:
        """Apply statements to an empty database, and hold merges back: rows stay as they were inserted."""
        self.clear()
        for sql in statements:
            self.run(rewrite_create(sql) or sql)
        self.run("SYSTEM STOP MERGES")

    def merge(self, tables: Iterable[str]) -> None:
        """Merge all parts of these tables, which also deletes what outlived its TTL."""
        self.run("SYSTEM START MERGES")
        for table in tables:
            self.run(f"OPTIMIZE TABLE {DATABASE}.{table} FINAL")

    def queues(self) -> Mapping[str, str]:
        """Topic -> the queue table that reads it."""
        found = self.rows(
            f"SELECT table, comment FROM system.columns WHERE database = '{DATABASE}' AND name = '_topic'"
        )
        defined = {row["table"]: definition_in(row["comment"]) for row in found}
        return {topic: table for table, known in defined.items() if known for topic in known.settings.topics}

    def deliver(self, delivery: Delivery, queue: str) -> None:
        """Insert one block as a Kafka consumer does. Raises RuntimeError where the warehouse refuses it."""
        messages = _block(delivery.messages)
        definition = definition_in(self._comment(queue))
        if definition is None:
            raise LookupError(f"{DATABASE}.{queue} is no Kafka table")
        self.connection.raw.query(insert_statement(TableName(DATABASE, queue), definition, messages.num_rows))

    def load(self, truth: Truth) -> None:
        """Write the truth beside the schema, as database k2_truth."""
        load(truth, _Client(self))

    def _comment(self, queue: str) -> str:
        where = f"database = '{DATABASE}' AND table = {quoted(queue)} AND name = '_topic'"
        rows = self.rows(f"SELECT comment FROM system.columns WHERE {where}")
        return rows[0]["comment"] if rows else ""


class _Client:
    """What harness.truth uses of a clickhouse-connect client."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench

    def command(self, cmd: str) -> Any:
        self._bench.run(cmd)

    def insert_arrow(self, table: str, arrow_table: pa.Table, database: str) -> Any:
        # By the format, as a client sends it: `FROM Python(..)` reads the bytes of a UUID in another order.
        names = ", ".join(quoted(name, "`") for name in arrow_table.column_names)
        with tempfile.NamedTemporaryFile(suffix=".arrow") as file:
            with pa.ipc.new_file(file, arrow_table.schema) as writer:
                writer.write_table(arrow_table)
            file.flush()
            self._bench.connection.insert_file(f"INSERT INTO {database}.{table} ({names})", "Arrow", Path(file.name))


def _block(messages: Sequence[Message]) -> pa.Table:
    headers = [_headers(message) for message in messages]
    stamps = [message.recv_ns // 1_000_000 if message.has_timestamp else None for message in messages]
    return pa.table(
        {
            "message": pa.array([message.frame for message in messages], pa.large_binary()),
            "_topic": [message.topic for message in messages],
            "_key": pa.array([b""] * len(messages), pa.binary()),
            "_offset": pa.array([message.offset for message in messages], pa.uint64()),
            "_partition": pa.array([message.partition for message in messages], pa.uint64()),
            "_timestamp_ms": pa.array(stamps, pa.timestamp("ms")),
            "_headers.name": pa.array([[name for name, _ in pairs] for pairs in headers], pa.list_(pa.string())),
            "_headers.value": pa.array([[value for _, value in pairs] for pairs in headers], pa.list_(pa.binary())),
        }
    )


def _headers(message: Message) -> list[tuple[str, bytes]]:
    found = [] if message.header is None else [("recv_ns", message.header.encode())]
    return [*found, ("exchange", message.exchange.encode())] if message.topic == DLQ_TOPIC else [("conn", b"1"), *found]
