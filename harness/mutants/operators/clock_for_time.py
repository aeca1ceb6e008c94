"""The time of the warehouse's clock for a time that came with the data."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Candles by time of arrival: a replayed day became one tall minute."


def edits(statement: Statement) -> Iterator[Edit]:
    for alias, expression in statement.items():
        text = statement.plain(expression)
        if (alias.endswith(("_at", "_time", "_start", "timestamp")) or alias == "time") and not text.startswith("now"):
            yield statement.replace(expression, "now64(6, 'UTC')", f"{alias}: {text} -> now")
