"""A block of Kafka messages into its table: one insert, one block, one step through every view behind it."""

from __future__ import annotations

from dataclasses import dataclass

from k2pipeline.warehouse.engine import EngineConnection, quoted
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.block import Block
from k2pipeline.warehouse.kafka.ddl import KafkaTableDefinition


@dataclass
class TableName:
    """Where the table is now. RENAME changes it, under the gate."""

    database: str
    table: str

    @property
    def quoted(self) -> str:
        return f"{quoted(self.database, '`')}.{quoted(self.table, '`')}"


def insert(connection: EngineConnection, name: TableName, definition: KafkaTableDefinition, block: Block) -> None:
    """Return when every view has the block. Raises what the engine or a view raises."""
    _require_view(connection, name)
    messages = block.table()
    if messages.num_rows:
        connection.raw.query(insert_statement(name, definition, messages.num_rows))


def _require_view(connection: EngineConnection, name: TableName) -> None:
    """A Null table without a view would swallow the block, so ask before each insert too."""
    found = connection.execute(
        "SELECT count() FROM system.tables WHERE database = {database:String} AND name = {table:String} "
        "AND notEmpty(dependencies_table)",
        params={"database": name.database, "table": name.table},
    )
    if found.strip() != b"1":
        raise WarehouseError(60, "UNKNOWN_TABLE", f"no materialized view reads from {name.quoted}; its messages wait")


def insert_statement(name: TableName, definition: KafkaTableDefinition, row_count: int) -> str:
    """Insert the Arrow table that the calling frame names `messages`."""
    columns = "_topic, _key, _offset, _partition, _timestamp_ms, `_headers.name`, `_headers.value`"
    one_block = (
        f"max_block_size = {row_count}, max_insert_block_size = {row_count}, "
        f"min_insert_block_size_rows = {row_count}, min_insert_block_size_bytes = 0, "
        "max_threads = 1, max_insert_threads = 1"
    )
    return (
        f"INSERT INTO {name.quoted} ({quoted(definition.message_column, '`')}, _timestamp, {columns}) "
        f"SETTINGS insert_allow_materialized_columns = 1, insert_null_as_default = 0, {one_block} "
        f"SELECT message, _timestamp_ms, {columns} FROM Python(messages)"
    )
