"""LIMIT .. BY left out, or by fewer columns."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "The subquery that kept one row of each trade kept them all: a redelivered trade was added twice."


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        if statement.tokens[position].word != "LIMIT":
            continue
        clause = statement.clause(position)
        yield statement.replace(clause, "", f"without {statement.plain(clause)}")
        by = next((n for n in range(*clause) if statement.tokens[n].word == "BY"), None)
        columns = statement.split((by + 1, clause[1]), ",") if by is not None else []
        for number, column in enumerate(columns if len(columns) > 1 else []):
            kept = ", ".join(statement.text(each) for place, each in enumerate(columns) if place != number)
            whole = (columns[0][0], columns[-1][1])
            yield statement.replace(whole, kept, f"{statement.plain(clause)} without {statement.plain(column)}")
