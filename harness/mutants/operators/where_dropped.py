"""A WHERE or HAVING left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Implausible trades in candles, dead letters that are also rows: the filter was lost in a rewrite."


def edits(statement: Statement) -> Iterator[Edit]:
    for keyword in ("WHERE", "HAVING", "PREWHERE"):
        for clause in statement.clauses(keyword):
            yield statement.replace(clause, "", f"without {statement.plain(clause)}")
