"""A function of one argument that is not called."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "A value taken as it came: with quotes still around it, untrimmed, in the wrong byte order."

_TYPES: Final = ("Nullable", "LowCardinality", "Array", "DateTime", "Enum8", "Map", "Tuple")
_ELSEWHERE: Final = ("min", "max", "sum", "count", "any", "assumeNotNull", "ReplacingMergeTree")


def edits(statement: Statement) -> Iterator[Edit]:
    calls = [
        position
        for position, arguments in statement.calls()
        if len(arguments) == 1 and statement.tokens[position].text not in _TYPES + _ELSEWHERE
    ]
    # Outside all brackets a table has its engine, key and TTL, which other operators are about.
    inner = [position for position in calls if statement.tokens[position].depth]
    outer = [position for position in calls if not statement.tokens[position].depth and statement.kind != "TABLE"]
    for position in (*inner, *outer):
        (argument,) = statement.arguments(position + 1)
        what = f"{statement.plain(statement.call(position))} without {statement.tokens[position].text}"
        yield statement.replace(statement.call(position), f"({statement.text(argument)})", what)
