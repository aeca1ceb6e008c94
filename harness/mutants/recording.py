"""What flows through an unchanged schema: the rows that each table was given, kept to be given again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Final

from harness.mutants.bench import DATABASE, Bench
from harness.mutants.schema import Schema
from harness.mutants.tape import Tape

_KEPT: Final = "k2_recorded"
_LIVE: Final = "k2_listening"
_ONE_BLOCK: Final = (
    "max_threads = 1, max_insert_threads = 1, max_block_size = 10000000, max_insert_block_size = 10000000, "
    "min_insert_block_size_rows = 10000000, min_insert_block_size_bytes = 0"
)


@dataclass(frozen=True)
class Recording:
    """`columns` by table that rows were recorded of; `queues` the queue tables, which get the tape's own messages."""

    tape: Tape
    columns: Mapping[str, str]
    steps: Mapping[str, frozenset[int]]
    queues: Mapping[str, str]

    def play(self, bench: Bench, tables: Collection[str]) -> str:
        """Give these tables their rows again, in order; what the warehouse said where it took them no longer."""
        stalled: dict[str, str] = {}
        for step, delivery in enumerate(self.tape.deliveries):
            for table in tables:
                if table in stalled:
                    continue
                try:
                    if self.queues.get(delivery.topic) == table:
                        bench.deliver(delivery, table)
                    elif step in self.steps.get(table, ()):
                        self._insert(bench, table, step)
                except RuntimeError as error:
                    stalled[table] = str(error).split("\n", 1)[0]
        return "; ".join(stalled.values())

    def _insert(self, bench: Bench, table: str, step: int) -> None:
        names = self.columns[table]
        bench.connection.raw.query(
            f"INSERT INTO {DATABASE}.{table} ({names}) SETTINGS {_ONE_BLOCK} "
            f"SELECT {names} FROM {_KEPT}.{table} WHERE step = {step}"
        )


def record(bench: Bench, schema: Schema, tape: Tape) -> Recording:
    """Play a tape into a schema that was just applied to the bench, and record what every table is given."""
    queues = dict(bench.queues())
    columns = {
        name: names
        for name in schema.objects
        if (schema.is_stored(name) or schema.passes(name))
        and name not in queues.values()
        and (names := _columns(bench, name))
    }
    for database in (_KEPT, _LIVE):
        bench.run(f"DROP DATABASE IF EXISTS {database} SYNC")
        bench.run(f"CREATE DATABASE {database}")
    for table, names in columns.items():
        source = f"SELECT {names} FROM {DATABASE}.{table}"
        bench.run(f"CREATE TABLE {_LIVE}.{table} ENGINE = MergeTree ORDER BY tuple() EMPTY AS {source}")
        bench.run(
            f"CREATE TABLE {_KEPT}.{table} ENGINE = MergeTree ORDER BY step EMPTY AS "
            f"SELECT toUInt32(0) AS step, * FROM ({source})"
        )
        bench.run(f"CREATE MATERIALIZED VIEW {_LIVE}.{table}_mv TO {_LIVE}.{table} AS {source}")
    steps: dict[str, set[int]] = {table: set() for table in columns}
    for step, delivery in enumerate(tape.deliveries):
        bench.deliver(delivery, queues[delivery.topic])
        for table in columns:
            if _keep(bench, table, step):
                steps[table].add(step)
    for table in columns:
        bench.run(f"DROP VIEW {_LIVE}.{table}_mv")
    return Recording(tape, columns, {table: frozenset(found) for table, found in steps.items()}, queues)


def _keep(bench: Bench, table: str, step: int) -> bool:
    (row,) = bench.rows(f"SELECT count() AS rows FROM {_LIVE}.{table}")
    if row["rows"] == "0":
        return False
    bench.run(f"INSERT INTO {_KEPT}.{table} SELECT {step}, * FROM {_LIVE}.{table} SETTINGS {_ONE_BLOCK}")
    bench.run(f"TRUNCATE TABLE {_LIVE}.{table}")
    return True


def _columns(bench: Bench, table: str) -> str:
    """Those that an insert gives: none that is computed."""
    where = f"database = '{DATABASE}' AND table = '{table}' AND default_kind NOT IN ('MATERIALIZED', 'ALIAS')"
    return ", ".join(
        f"`{row['name']}`" for row in bench.rows(f"SELECT name FROM system.columns WHERE {where} ORDER BY position")
    )
