"""One column of the sorting key left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import sorting_keys
from harness.mutants.statement import Edit, Statement

WHY: Final = "Trades deduplicated by pair, time and price: distinct fills of one large order are dropped."


def edits(statement: Statement) -> Iterator[Edit]:
    for columns in sorting_keys(statement):
        for number, column in enumerate(columns):
            kept = [statement.text(each) for place, each in enumerate(columns) if place != number]
            whole = (columns[0][0], columns[-1][1])
            yield statement.replace(whole, ", ".join(kept), f"ORDER BY without {statement.plain(column)}")
