"""The structure of one database as the engine itself tells it: nothing is left of how the source was laid out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from k2pipeline.warehouse.kafka.ddl import definition_in

MIGRATIONS: Final = "schema_versions"
KAFKA: Final = "Kafka"
MERGE: Final = "Merge"
_TTL: Final = re.compile(r" TTL (.*?)(?: SETTINGS |$)", re.DOTALL)
_SETTINGS: Final = re.compile(r" SETTINGS (.*)$", re.DOTALL)
_ENGINE: Final = re.compile(r"^(\w+(?:\([^)]*\))?)")
_TARGET: Final = re.compile(r" TO (\S+)")
_INDEX: Final = re.compile(r"INDEX (\w+) (.*?) GRANULARITY \d+")

Query = Callable[[str], Sequence[Mapping[str, str]]]
"""Runs a query; gives rows with every value as text."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. `default` is such as `MATERIALIZED now64(6)`, '' where it has none."""

    name: str
    type: str
    default: str = ""
    comment: str = ""
    codec: str = ""


@dataclass(frozen=True, slots=True)
class Object:
    """A table or view. `parts` are those of its other properties that it has: engine, sorting key, TTL, query .."""

    name: str
    kind: str
    columns: tuple[Column, ...]
    parts: Mapping[str, str] = field(default_factory=dict)

    @property
    def engine(self) -> str:
        """Its name without arguments."""
        return self.parts.get("engine", "").split("(", 1)[0]

    @property
    def shows_others(self) -> bool:
        """Whether its rows are those of other objects."""
        return self.kind == "view" or self.engine == MERGE

    @property
    def is_readable(self) -> bool:
        """Whether there are rows in it to be read: not in a queue, a passing place or a materialized view."""
        return self.kind == "view" or (self.kind == "table" and self.engine not in {"Null", KAFKA})

    @property
    def needs_final(self) -> bool:
        """Whether parts that are not merged yet may show a row in several states."""
        return self.engine.endswith("MergeTree") and self.engine != "MergeTree"

    def read_in(self, database: str) -> str:
        """Where a query reads its rows, each in its last state."""
        return f"{database}.`{self.name}`{' FINAL' if self.needs_final else ''}"

    @property
    def key(self) -> tuple[str, ...]:
        """Columns of the sorting key."""
        return tuple(name for name in self.parts.get("sorting key", "").split(", ") if name)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """All objects of a database by name."""

    objects: Mapping[str, Object]


def asking(client: Any) -> Query:
    """Queries through a clickhouse-connect client, every value as ClickHouse prints it."""

    def query(sql: str) -> list[dict[str, str]]:
        found = client.query(f"SELECT * APPLY(toString) FROM ({sql}\n)")
        names = [name.removeprefix("toString(").removesuffix(")") for name in found.column_names]
        rows = [["NULL" if value is None else value for value in row] for row in found.result_rows]
        return [dict(zip(names, row, strict=True)) for row in rows]

    return query


def snapshot(query: Query, database: str) -> Snapshot:
    """Read the structure of a database off the warehouse."""
    columns: dict[str, list[Column]] = {}
    comments: dict[str, str] = {}
    for row in query(_COLUMNS.format(database=database)):
        if row["name"] == "_topic":
            comments[row["table"]] = row["comment"]
        columns.setdefault(row["table"], []).append(_column(row, database))
    tables = query(_TABLES.format(database=database))
    found = [_object(row, columns.get(row["name"], []), comments.get(row["name"], ""), database) for row in tables]
    return Snapshot({each.name: each for each in found})


_COLUMNS: Final = """SELECT table, name, type, default_kind, default_expression, comment, compression_codec
FROM system.columns WHERE database = '{database}' ORDER BY table, position"""
_TABLES: Final = f"""SELECT name, engine, engine_full, sorting_key, partition_key, sampling_key, create_table_query,
    as_select, comment
FROM system.tables WHERE database = '{{database}}' AND name != '{MIGRATIONS}' AND NOT startsWith(name, '.')
ORDER BY name"""


def _column(row: Mapping[str, str], database: str) -> Column:
    default = f"{row['default_kind']} {_own(row['default_expression'], database)}".strip()
    return Column(row["name"], row["type"], default, row["comment"], row["compression_codec"])


def _object(row: Mapping[str, str], columns: Sequence[Column], topic_comment: str, database: str) -> Object:
    if definition_in(topic_comment) is not None:
        # The embedded warehouse shows a Kafka table as what it made of it; a server shows the engine itself.
        own = tuple(column for column in columns if not column.default)
        settings = _kafka_settings(topic_comment)
        return Object(row["name"], "table", own, {"engine": KAFKA, "settings": settings, "comment": row["comment"]})
    kind = {"View": "view", "MaterializedView": "materialized view"}.get(row["engine"], "table")
    parts = {
        "sorting key": row["sorting_key"],
        "partition key": row["partition_key"],
        "sampling key": row["sampling_key"],
        "TTL": _first(_TTL, row["engine_full"]),
        "settings": _settings(row),
        "target": _first(_TARGET, _own(row["create_table_query"].split("(", 1)[0], database)),
        "query": _own(row["as_select"], database),
        "comment": row["comment"],
    }
    if kind == "table":
        parts["engine"] = _own(_first(_ENGINE, row["engine_full"]) or row["engine"], database)
        if row["engine"] == MERGE:
            # Its columns bear the comments of the tables that it reads, but only until the warehouse is started again.
            columns = [replace(column, comment="") for column in columns]
        parts["indexes"] = "; ".join(" ".join(found) for found in _INDEX.findall(row["create_table_query"]))
    return Object(row["name"], kind, tuple(columns), {name: value for name, value in parts.items() if value})


def _settings(row: Mapping[str, str]) -> str:
    settings = _first(_SETTINGS, row["engine_full"])
    return ", ".join(sorted(each for each in settings.split(", ") if not each.startswith(_OWN_SETTINGS)))


# Where the broker is and what its groups are called differs between installations, and between sides of a comparison.
_OWN_SETTINGS: Final = ("kafka_broker_list", "kafka_group_name", "kafka_client_id")


def _kafka_settings(topic_comment: str) -> str:
    left_out = {*_OWN_SETTINGS, "kafka_table_engine"}
    stored = re.findall(r'"(kafka_\w+)": ("(?:[^"\\]|\\.)*"|[\w.]+)', topic_comment)
    return ", ".join(sorted(f"{name} = {value}".replace('"', "'") for name, value in stored if name not in left_out))


def _own(text: str, database: str) -> str:
    """A definition without the name of the database that it stands in."""
    name = re.escape(database)
    return re.sub(rf"'{name}'", "currentDatabase()", re.sub(rf"\b{name}\.", "", text))


def _first(pattern: re.Pattern[str], text: str) -> str:
    found = pattern.search(text)
    return found[1].strip() if found else ""
