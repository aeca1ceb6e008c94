"""How an exhibit changes the schema: each change is an edit of the statements there are, never a second copy. Pure.

What is not there any more cannot be changed: a change that finds no place is an error, and says where it looked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Final

from harness.mutants.operators import OPERATORS
from harness.mutants.places import sorting_keys
from harness.mutants.schema import Schema
from harness.mutants.statement import Edit, Range, Statement
from k2pipeline.schema import SchemaError


class ChangeError(SchemaError):
    """The schema has no place for a change."""


@dataclass(frozen=True, slots=True)
class Change:
    """One kind of change, `what` it looks for and what comes in its place, in every object that `objects` matches.

    In `by`, {0}, {1} .. stand for a call's arguments, and {0} for the value or key that is replaced.
    """

    objects: str
    kind: str
    what: str
    by: str

    def edits(self, statement: Statement) -> Iterator[Edit]:
        """Where a statement has what is looked for."""
        if fnmatchcase(statement.name, self.objects):
            yield from KINDS[self.kind](statement, self.what, self.by)


def changed(schema: Schema, changes: Iterable[Change]) -> list[str]:
    """The statements of a schema with all these changes. Raises ChangeError where one finds no place."""
    statements = [each.statement for each in schema.placed]
    for change in changes:
        edits = [list(change.edits(statement)) for statement in statements]
        if not any(edits):
            raise ChangeError(
                f"no {change.objects} has {change.kind} {change.what!r}; write the exhibit for the schema of now"
            )
        statements = [
            Statement(_edited(statement.sql, found)) for statement, found in zip(statements, edits, strict=True)
        ]
    return [statement.sql for statement in statements]


def _edited(sql: str, edits: list[Edit]) -> str:
    ordered = sorted(edits)
    if any(one.end > other.start for one, other in pairwise(ordered)):
        raise ChangeError(f"two edits of one place: {', '.join(edit.what for edit in ordered)}; make them two changes")
    for edit in reversed(ordered):
        sql = sql[: edit.start] + edit.replacement + sql[edit.end :]
    return sql


def _operator(statement: Statement, what: str, by: str) -> Iterator[Edit]:
    """A mutation operator; `by` is a pattern over its edits, and all of them where it is empty."""
    yield from (edit for edit in OPERATORS[what].edits(statement) if fnmatchcase(edit.what, by or "*"))


def _call(statement: Statement, what: str, by: str) -> Iterator[Edit]:
    """Every call of a function."""
    for position, arguments in statement.calls(what):
        yield statement.replace(statement.call(position), by.format(*map(statement.text, arguments)), what)


def _value(statement: Statement, what: str, by: str) -> Iterator[Edit]:
    """The expression of a column, with an alias or without."""
    for keyword in ("SELECT", "WITH"):
        for first, end in statement.clauses(keyword):
            for item in statement.split((first + 1, end), ","):
                expression = _expression(statement, item, what)
                if expression is not None:
                    yield statement.replace(item, f"{by.format(statement.text(expression))} AS {what}", what)


def _expression(statement: Statement, item: Range, name: str) -> Range | None:
    first, end = item
    if statement.text(item) == name:
        return item
    is_named = end - first > 2 and statement.tokens[end - 2].word == "AS" and statement.tokens[end - 1].text == name
    return (first, end - 2) if is_named else None


def _key(statement: Statement, what: str, by: str) -> Iterator[Edit]:
    """The sorting key of a table; `what` is a column of it."""
    for columns in sorting_keys(statement):
        if any(statement.text(column) == what for column in columns):
            whole = (columns[0][0], columns[-1][1])
            yield statement.replace(whole, by.format(statement.text(whole)), what)


def _text(statement: Statement, what: str, by: str) -> Iterator[Edit]:
    """The very text, wherever it stands."""
    at = statement.sql.find(what)
    while at >= 0:
        yield Edit(at, at + len(what), by, what)
        at = statement.sql.find(what, at + len(what))


KINDS: Final[Mapping[str, Callable[[Statement, str, str], Iterator[Edit]]]] = {
    "operator": _operator,
    "call": _call,
    "value": _value,
    "key": _key,
    "text": _text,
}
