"""Writing the truth into the warehouse, as Arrow."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

import polars as pl
import pyarrow as pa

from harness.truth.spool import Spool
from harness.truth.tables import DATABASE, Table

SLICE_ROWS: Final = 250_000

_WIDE: Final = re.compile(r"Decimal\(76, ([0-9]+)\)")


class Client(Protocol):
    """What is used of a clickhouse_connect client."""

    def command(self, cmd: str) -> Any: ...

    def insert_arrow(self, table: str, arrow_table: pa.Table, database: str) -> Any: ...


def load_tables(spool: Spool, tables: Mapping[str, Table], client: Client) -> None:
    """Make the database anew and insert every row into the table of its name."""
    client.command(f"DROP DATABASE IF EXISTS {DATABASE} SYNC")
    client.command(f"CREATE DATABASE {DATABASE}")
    for name, table in tables.items():
        client.command(ddl(name, table))
        for rows in spool.slices(name, SLICE_ROWS):
            client.insert_arrow(name, arrow(rows, table), database=DATABASE)


def ddl(name: str, table: Table) -> str:
    """The statement that creates a table of the truth."""
    columns = ",\n    ".join(f"`{column}` {given.kind}" for column, given in table.columns.items())
    key = ", ".join(f"`{column}`" for column in table.key)
    return (
        f"CREATE TABLE {DATABASE}.{name}\n(\n    {columns}\n)\n"
        f"ENGINE = MergeTree ORDER BY ({key}) SETTINGS allow_nullable_key = 1"
    )


def arrow(rows: pl.DataFrame, table: Table) -> pa.Table:
    """Rows in the Arrow types that ClickHouse reads as the table's own."""
    arrays = {name: _array(rows[name].rechunk(), column.kind) for name, column in table.columns.items()}
    return pa.table(arrays)


def _array(values: pl.Series, kind: str) -> pa.Array:
    if match := _WIDE.fullmatch(kind):
        return _reinterpreted(values.explode(), pa.decimal256(76, int(match[1])), len(values))
    return _CONVERSIONS.get(kind, _plain)(values)


def _plain(values: pl.Series) -> pa.Array:
    return values.to_arrow(compat_level=pl.CompatLevel.oldest())


def _uuid(values: pl.Series) -> pa.Array:
    return _plain(values).cast(pa.binary(16))


def _seconds(values: pl.Series) -> pa.Array:
    return _plain(values.dt.epoch("s").cast(pl.UInt32))


def _map(values: pl.Series) -> pa.Array:
    lists = _plain(values)
    offsets = lists.offsets.cast(pa.int32())
    return pa.MapArray.from_arrays(offsets, lists.values.field("key"), lists.values.field("value"))


def _reinterpreted(values: pl.Series, kind: pa.DataType, length: int) -> pa.Array:
    plain = _plain(values)
    return pa.Array.from_buffers(kind, length, [None, plain.buffers()[1].slice(plain.offset * 8)])


def _dictionary(values: pl.Series) -> pa.Array:
    """Half the time of plain text, over all columns of silver."""
    return _plain(values).dictionary_encode()


_CONVERSIONS: Final[Mapping[str, Callable[[pl.Series], pa.Array]]] = {
    "LowCardinality(String)": _dictionary,
    "UUID": _uuid,
    "DateTime('UTC')": _seconds,
    "Map(String, String)": _map,
}
