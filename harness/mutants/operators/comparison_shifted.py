"""< for <=, > for >=, and back."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "A window that is (start, end] instead of [start, end): the trade on the boundary goes into the wrong candle."
)

_OTHER: Final = {"<": "<=", "<=": "<", ">": ">=", ">=": ">"}


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        text = statement.tokens[position].text
        if text in _OTHER:
            yield statement.replace(
                (position, position + 1), _OTHER[text], f"{around(statement, position)} -> {_OTHER[text]}"
            )
