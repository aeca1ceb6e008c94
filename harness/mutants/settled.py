"""The schema that a row of migrations ends in: what a warehouse with all of them has, and so what is to be mutated.

Where every statement creates something, that is the files themselves. Later statements (ALTER, RENAME, DROP, a view
made again) take effect on an engine, which keeps the identity of a table through all of them; what is no longer as its
CREATE says is then taken as the engine tells it, and belongs to the last file that names it.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.mutants import MutantsError
from harness.mutants.bench import DATABASE, Bench
from harness.mutants.schema import Placed, Schema
from harness.mutants.statement import Statement
from k2pipeline.warehouse.errors import WarehouseError
from k2pipeline.warehouse.kafka.ddl import rewrite_create

_OBJECTS: Final = f"""SELECT name, toString(uuid) AS uuid, engine, create_table_query, as_select
FROM system.tables WHERE database = '{DATABASE}' AND NOT startsWith(name, '.') ORDER BY name"""
_OWN: Final = re.compile(rf"\b{DATABASE}\.(?=[\w`])")
_QUOTED: Final = re.compile(r"`(\w+)`")
_DATA: Final = "INSERT"


class MigrationError(MutantsError):
    """The engine refuses a statement of the schema."""


@dataclass(frozen=True, slots=True)
class _Made:
    """By which statement an object was made, and how the engine told it then."""

    placed: Placed
    definition: str


def settled(schema: Schema) -> Schema:
    """The schema with every object once, as it is in the end. Raises MigrationError."""
    names = [each.name for each in schema.placed]
    if all(each.statement.kind for each in schema.placed) and len(set(names)) == len(names):
        return schema
    with tempfile.TemporaryDirectory(prefix="k2-mutants-") as directory, Bench(Path(directory)) as bench:
        made = _migrated(schema, bench)
        found = [_final(schema, row, made[row["uuid"]]) for row in bench.rows(_OBJECTS)]
    data = [each for each in schema.placed if each.statement.tokens[0].word.startswith(_DATA)]
    return Schema((*_in_order(found, schema), *data))


def _migrated(schema: Schema, bench: Bench) -> Mapping[str, _Made]:
    """Apply everything; objects by the identity that they keep under whatever name."""
    made: dict[str, _Made] = {}
    bench.clear()
    for placed in schema.placed:
        try:
            bench.run(rewrite_create(placed.statement.sql) or placed.statement.sql)
        except WarehouseError as error:
            raise MigrationError(
                f"{placed.file}:{placed.first_line}: the engine refuses it: {error.message}"
            ) from error
        if placed.statement.kind:
            for row in bench.rows(f"SELECT * FROM ({_OBJECTS}) WHERE name = '{placed.name}'"):
                # A second CREATE .. IF NOT EXISTS makes nothing.
                made.setdefault(row["uuid"], _Made(placed, row["create_table_query"]))
    return made


def _final(schema: Schema, row: Mapping[str, str], made: _Made) -> Placed:
    old, new = made.placed.name, row["name"]
    if row["create_table_query"] == made.definition.replace(f"{DATABASE}.{old}", f"{DATABASE}.{new}", 1):
        return made.placed if old == new else _renamed(made.placed, new)
    sql = _QUOTED.sub(r"\1", _OWN.sub("", _told(row)))
    naming = re.compile(rf"\b{re.escape(row['name'])}\b")
    last = next(each for each in reversed(schema.placed) if naming.search(each.statement.sql))
    return Placed(last.file, last.first_line, Statement(sql))


def _renamed(placed: Placed, name: str) -> Placed:
    statement = placed.statement
    at = next(token for token in statement.tokens if token.text == statement.name)
    return Placed(placed.file, placed.first_line, Statement(statement.sql[: at.start] + name + statement.sql[at.end :]))


def _told(row: Mapping[str, str]) -> str:
    name, text = row["name"], row["create_table_query"]
    if row["engine"] == "View":
        return f"CREATE VIEW {name} AS {row['as_select']}"
    if row["engine"] == "MaterializedView" and (target := re.search(r" TO (\S+)", text.split(" AS ", 1)[0])):
        # Without the list of columns: what the query gives is what is written.
        return f"CREATE MATERIALIZED VIEW {name} TO {target[1]} AS {row['as_select']}"
    return text


def _in_order(found: Iterable[Placed], schema: Schema) -> list[Placed]:
    """In the order of their files, but each after what it reads and writes to."""
    place = {id(each): number for number, each in enumerate(schema.placed)}
    lines = {(each.file, each.first_line): number for number, each in enumerate(schema.placed)}
    waiting = sorted(found, key=lambda each: place.get(id(each), lines[each.file, each.first_line]))
    whole = Schema(tuple(waiting))
    ordered: list[Placed] = []
    while waiting:
        there = {each.name for each in ordered}
        needs = {each.name: {*whole.reads(each.name), whole.target(each.name)} - {None} for each in waiting}
        ready = next((each for each in waiting if needs[each.name] & whole.objects.keys() <= there), waiting[0])
        waiting.remove(ready)
        ordered.append(ready)
    return ordered
