"""FINAL left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "A view over unmerged parts shows every state of a candle: wrong before a merge, right when somebody looks."
)


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        if statement.tokens[position].word == "FINAL":
            source = statement.tokens[position - 1].text
            yield statement.replace((position, position + 1), "", f"{source} without FINAL")
