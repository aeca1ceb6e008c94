"""A text that is not the one the exchange, or the reader, uses."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around, is_pattern
from harness.mutants.statement import Edit, Statement

WHY: Final = "A field renamed by the exchange, or a value spelt otherwise in one of two places: rows vanish, no error."


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token = statement.tokens[position]
        if token.is_string and len(token.text) > 2 and token.text != "'UTC'" and not is_pattern(statement, position):
            other = f"{token.text[:-1]}~'"
            yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> misspelt")
