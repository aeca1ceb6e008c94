"""The statements of a schema with what each of them creates and reads: how rows flow from one object to the next."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final

from clickhouse_migrations.migrator import Migrator
from clickhouse_migrations.substitution import substitute

from harness.mutants.statement import Statement
from k2pipeline.schema import SchemaVariables

_MERGE: Final = "Merge"
_PASSING: Final = frozenset(("Null", "Kafka"))
VARIABLES: Final = SchemaVariables(kafka_brokers="127.0.0.1:1")


@dataclass(frozen=True)
class Placed:
    """A statement, the file it stands in, and the line of the file that it begins on."""

    file: str
    first_line: int
    statement: Statement

    @property
    def name(self) -> str:
        return self.statement.name


@dataclass(frozen=True)
class Schema:
    """All statements in the order in which they are applied."""

    placed: tuple[Placed, ...]

    def sqls(self) -> list[str]:
        return [each.statement.sql for each in self.placed]

    @cached_property
    def objects(self) -> Mapping[str, Statement]:
        """What is created, by name."""
        return {each.name: each.statement for each in self.placed if each.statement.kind}

    def reads(self, name: str) -> frozenset[str]:
        """Objects that an object reads, without its target; a Merge table reads those that its pattern names."""
        words = {word for token in self.objects[name].tokens for word in self._named(name, token.text)}
        return frozenset((words & self.objects.keys()) - {name, self.target(name)})

    def _named(self, name: str, text: str) -> list[str]:
        return re.findall(r"\w+", text) if text.startswith("'") and self.engine(name) == _MERGE else [text]

    def target(self, name: str) -> str | None:
        """The table that a materialized view writes to."""
        tokens = self.objects[name].tokens
        if self.objects[name].kind != "MATERIALIZED VIEW":
            return None
        return next((tokens[n + 1].text for n, token in enumerate(tokens) if token.word == "TO"), None)

    def writers(self, table: str) -> list[str]:
        """Materialized views that write to a table."""
        return [name for name in self.objects if self.target(name) == table]

    def readers(self, name: str) -> list[str]:
        """Views, materialized or not, and Merge tables that read an object."""
        return [
            other for other in self.objects if (self.is_view(other) or self.target(other)) and name in self.reads(other)
        ]

    def downstream(self, name: str) -> frozenset[str]:
        """An object and all that its rows reach."""
        found: set[str] = set()
        pending = [name]
        while pending:
            each = pending.pop()
            if each not in found:
                found.add(each)
                target = self.target(each)
                pending += [*self.readers(each), *([target] if target and target in self.objects else [])]
        return frozenset(found)

    def is_view(self, name: str) -> bool:
        """Whether it only shows rows of others: an ordinary view, or a Merge table."""
        return self.objects[name].kind == "VIEW" or self.engine(name) == _MERGE

    def is_stored(self, name: str) -> bool:
        """Whether it keeps rows."""
        return self.objects[name].kind == "TABLE" and not self.is_view(name) and not self.passes(name)

    def passes(self, name: str) -> bool:
        """Whether it keeps nothing: rows only pass through it to the views behind."""
        return self.objects[name].kind == "TABLE" and self.engine(name) in _PASSING

    def engine(self, table: str) -> str:
        tokens = self.objects[table].tokens
        after = next((n for n, token in enumerate(tokens) if token.word == "ENGINE"), None)
        return tokens[after + 2].text if after is not None else ""


def read_schema(directory: Path, variables: SchemaVariables = VARIABLES) -> Schema:
    """The statements of a schema directory, variables replaced."""
    return Schema(tuple(_read(sorted(directory.glob("*.sql")), variables)))


def changed(base: Schema, schema: Schema) -> frozenset[str]:
    """Objects that are new or other than in the base, comments and layout aside."""
    before = {name: _meaning(each) for name, each in base.objects.items()}
    return frozenset(name for name, each in schema.objects.items() if before.get(name) != _meaning(each))


def _meaning(statement: Statement) -> tuple[str, ...]:
    return tuple(statement.tokens[position].text for position in statement.body)


def _read(paths: Iterable[Path], variables: SchemaVariables) -> Iterable[Placed]:
    for path in paths:
        text = substitute(path.read_text(encoding="utf-8"), variables.as_mapping(), path.name)
        statements: Sequence[str] = Migrator.script_to_statements(text, True)
        at = 0
        for sql in statements:
            at = text.index(sql, at)
            yield Placed(path.name, text.count("\n", 0, at) + 1, Statement(sql))
            at += len(sql)
