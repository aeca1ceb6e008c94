"""Local time where UTC belongs."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "Daily candles that began at midnight of the place where the server stood: its zone was used where none was given."
)


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        if statement.tokens[position].text == "'UTC'":
            what = f"{around(statement, position, before=4)} -> Kathmandu"
            yield statement.replace((position, position + 1), "'Asia/Kathmandu'", what)
