"""The last where the first belongs: an ORDER BY the other way round."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "Of several arrivals of one trade the last was kept: a resend changed rows that candles were computed from."
)


def edits(statement: Statement) -> Iterator[Edit]:
    if statement.kind == "TABLE":
        return
    for first, end in statement.clauses("ORDER BY"):
        for item in statement.split((first + 1, end), ","):
            last = item[1] - 1
            if statement.tokens[last].word == "DESC":
                yield statement.replace((last, last + 1), "ASC", f"ORDER BY {statement.plain(item)} -> ASC")
            else:
                yield statement.replace(
                    item, f"{statement.text(item)} DESC", f"ORDER BY {statement.plain(item)} -> DESC"
                )
