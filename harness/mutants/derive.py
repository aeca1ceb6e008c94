"""Mutants of a schema: every operator applied at every place of every statement."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Final

from harness.mutants.operators import OPERATORS
from harness.mutants.schema import Placed, Schema
from harness.mutants.statement import Edit

_QUEUE: Final = "Kafka"


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change to one statement. `change` says what in words that survive a new layout; `sql` is the statement
    after it, '' where it is left out altogether; `line` is the line of the file that the change is in.
    """

    operator: str
    object: str
    file: str
    line: int
    change: str
    number: int
    sql: str

    @property
    def id(self) -> str:
        """The same on every machine and after a reformatting: object, operator, change, and its number among equals."""
        return f"{self.object}/{self.operator}/{self.change}" + (f" ({self.number})" if self.number > 1 else "")

    def applied(self, schema: Schema, names: Collection[str] | None = None) -> list[str]:
        """The statements of the schema with this change, all or those of some objects."""
        kept = [each for each in schema.placed if names is None or each.name in names]
        sqls = [self.sql if self._is_made_by(each) else each.statement.sql for each in kept]
        return [sql for sql in sqls if sql]

    def _is_made_by(self, placed: Placed) -> bool:
        return placed.name == self.object and placed.statement.kind != ""


def is_queue(schema: Schema, name: str) -> bool:
    """Whether an object is where frames come in from the broker."""
    return schema.objects[name].kind == "TABLE" and schema.engine(name) == _QUEUE


def derive(schema: Schema, objects: Collection[str] | None = None) -> Iterator[Mutant]:
    """All mutants of a settled schema, or of some of its objects. Queues have none: they say where the broker is."""
    for placed in schema.placed:
        if placed.statement.kind and not is_queue(schema, placed.name) and (objects is None or placed.name in objects):
            yield from _of(placed)


def _of(placed: Placed) -> Iterator[Mutant]:
    statement = placed.statement
    seen: dict[str, str] = {}
    counts: dict[tuple[str, str], int] = {}
    for operator, known in OPERATORS.items():
        for edit in known.edits(statement):
            sql = statement.edited(edit) if edit.end - edit.start < len(statement.sql) else edit.replacement
            if sql in seen or sql == statement.sql:
                continue
            seen[sql] = operator
            number = counts[operator, edit.what] = counts.get((operator, edit.what), 0) + 1
            yield Mutant(operator, placed.name, placed.file, _line(placed, edit), edit.what, number, sql)


def _line(placed: Placed, edit: Edit) -> int:
    return placed.first_line + placed.statement.sql[: edit.start].count("\n")
