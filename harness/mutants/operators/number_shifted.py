"""A number that is one too large."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around, called
from harness.mutants.statement import Edit, Statement

WHY: Final = "Off by one in a place, a length or a unit: a limit of 19 digits where 20 are lawful."

_IN_TYPES: Final = frozenset(("Decimal", "DateTime64", "toDateTime64", "FixedString", "now64", "divideDecimal"))


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token = statement.tokens[position]
        if not token.text.isdigit() or _is_scale(statement, position):
            continue
        before = statement.tokens[position - 1]
        if before.text in {"[", "."} or before.word in {"INTERVAL", "GRANULARITY", "LIMIT", "SELECT"}:
            continue
        other = str(int(token.text) + 1)
        yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> {other}")


def _is_scale(statement: Statement, position: int) -> bool:
    """Precision and scale have operators of their own; an enum's numbers are no values of anything."""
    name = called(statement, position)
    return name in _IN_TYPES or name.startswith(("toDecimal", "Enum"))
