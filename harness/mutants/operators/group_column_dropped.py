"""One column of a GROUP BY left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Two exchanges' trades in one candle, since only symbol and time were grouped by."


def edits(statement: Statement) -> Iterator[Edit]:
    for first, end in statement.clauses("GROUP BY"):
        columns = statement.split((first + 1, end), ",")
        for number, column in enumerate(columns):
            kept = [statement.text(each) for place, each in enumerate(columns) if place != number]
            clause = f"GROUP BY {', '.join(kept)}" if kept else ""
            yield statement.replace((first, end), clause, f"GROUP BY without {statement.plain(column)}")
