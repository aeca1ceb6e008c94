"""`ENGINE = Kafka` of the embedded warehouse: the Kafka tables there are, and consumers for those being read.

The tables themselves say what they are (ddl.py), so this registry is only ever a reflection of
system.tables: compared after every change, and built afresh after a restart. As in ClickHouse, a table
streams while at least one materialized view reads from it: dropping the last view pauses, creating one
resumes, and nothing is lost between.

    tables = KafkaTables(connect=open_connection)
    tables.start()
    statement = tables.intercept(sql) or sql
    with tables.ddl():
        connection.execute(statement)
    tables.close()
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from k2pipeline.warehouse.engine import EngineConnection
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.consumer import KafkaConsumer, client_id
from k2pipeline.warehouse.kafka.ddl import KafkaTableDefinition, definition_in, rewrite_create
from k2pipeline.warehouse.kafka.gate import Gate
from k2pipeline.warehouse.kafka.insert import TableName
from k2pipeline.warehouse.kafka.report import Reported, report_statement
from k2pipeline.warehouse.kafka.stats import ConsumerStats

_NULL_TABLES = """
    SELECT toString(uuid) AS uuid, database, name AS table, notEmpty(dependencies_table) AS is_read
    FROM system.tables
    WHERE engine = 'Null' AND NOT is_temporary
"""
_DEFINITION = """
    SELECT comment FROM system.columns
    WHERE database = {database:String} AND table = {table:String} AND name = '_topic'
"""
_NO_UUID = "00000000-0000-0000-0000-000000000000"


@dataclass
class _KafkaTable:
    name: TableName
    definition: KafkaTableDefinition
    stats: list[ConsumerStats]
    consumers: list[KafkaConsumer] = field(default_factory=list)


class KafkaTables:
    """All Kafka tables of one data directory. Safe for use from several threads."""

    def __init__(self, connect: Callable[[], EngineConnection]) -> None:
        self._connect = connect
        self._gate = Gate()
        self._lock = threading.Lock()
        self._tables: dict[str, _KafkaTable] = {}
        self._connection: EngineConnection | None = None

    def start(self) -> None:
        """Find the Kafka tables that the data directory holds and start their consumers."""
        with self._lock:
            self._connection = self._connect()
            # The engine's own table of this name is always empty; a view takes its place.
            self._connection.execute("DETACH TABLE IF EXISTS system.kafka_consumers")
        with self.ddl():
            pass
        self.refresh_consumers()

    def intercept(self, sql: str) -> str | None:
        """The statement to run in place of `CREATE TABLE .. ENGINE = Kafka ..`; None for any other.

        Raises WarehouseError as ClickHouse would for wrong settings, and for what only a server can do.
        """
        return rewrite_create(sql)

    @contextmanager
    def ddl(self) -> Iterator[None]:
        """Wrap every statement that may change tables or views: Kafka inserts are waited for, then held off.

        On leaving, consumers are started and stopped to match the tables and views that exist then.
        """
        with self._gate.definition():
            try:
                yield
            finally:
                with self._lock:
                    self._reconcile()

    def refuse_reading(self, sources: Iterable[tuple[str, str]], current_database: Callable[[], str]) -> None:
        """Raises QUERY_NOT_ALLOWED (620), as ClickHouse does: the Null table behind would answer with no rows."""
        # Without the lock, which a DROP holds until its consumers have ended.
        ours = {(table.name.database, table.name.table) for table in tuple(self._tables.values())}
        names = {table for _, table in ours}
        for database, table in sources:
            if table in names and (database or current_database(), table) in ours:
                raise WarehouseError(
                    620,
                    "QUERY_NOT_ALLOWED",
                    f"Direct select is not allowed: {table} is a Kafka table. Read what its materialized views wrote, "
                    "or its topic with a Kafka client",
                )

    def refresh_consumers(self) -> None:
        """Bring system.kafka_consumers up to date: a row for each consumer of each Kafka table."""
        with self._lock:
            if self._connection is not None:
                self._connection.execute(report_statement(self._reported()))

    def close(self) -> None:
        """Stop every consumer; what they hold unfinished comes again at the next start."""
        with self._lock:
            connection, self._connection = self._connection, None
            self._stop(list(self._tables.values()))
            self._tables.clear()
        if connection is not None:
            connection.close()

    def _reconcile(self) -> None:
        if self._connection is None:
            return
        found = {_key(row): row for row in _rows(self._connection.execute(_NULL_TABLES, "JSONEachRow"))}
        gone = [self._tables.pop(key) for key in self._tables.keys() - found.keys()]
        paused = []
        for key, row in found.items():
            table = self._tables.get(key) or self._recognise(self._connection, row)
            if table is None:
                continue
            self._tables[key] = table
            table.name.database, table.name.table = row["database"], row["table"]
            if not row["is_read"]:
                paused.append(table)
            elif not table.consumers:
                self._start(table)
            for consumer in table.consumers:
                consumer.retry()
        self._stop(gone + paused)

    def _recognise(self, connection: EngineConnection, row: dict[str, str]) -> _KafkaTable | None:
        place = {"database": row["database"], "table": row["table"]}
        comments = _rows(connection.execute(_DEFINITION, "JSONEachRow", params=place))
        definition = definition_in(comments[0]["comment"]) if comments else None
        if definition is None:
            return None
        name = TableName(**place)
        identity = client_id(name, definition.settings)
        count = definition.settings.consumer_threads
        return _KafkaTable(name, definition, [ConsumerStats(f"{identity}-{index}") for index in range(count)])

    def _start(self, table: _KafkaTable) -> None:
        for index, stats in enumerate(table.stats):
            consumer = KafkaConsumer(table.name, table.definition, index, self._gate, self._connect, stats)
            consumer.start()
            table.consumers.append(consumer)

    def _stop(self, tables: list[_KafkaTable]) -> None:
        stopping = [consumer for table in tables for consumer in table.consumers]
        for consumer in stopping:
            consumer.stop()
        for consumer in stopping:
            consumer.join()
        for table in tables:
            table.consumers.clear()

    def _reported(self) -> Iterator[Reported]:
        for table in self._tables.values():
            for stats in table.stats:
                yield Reported(table.name.database, table.name.table, stats.snapshot())


def _rows(lines: bytes) -> list[dict[str, str]]:
    return [json.loads(line) for line in lines.splitlines()]


def _key(row: dict[str, str]) -> str:
    return f"{row['database']}.{row['table']}" if row["uuid"] == _NO_UUID else row["uuid"]
