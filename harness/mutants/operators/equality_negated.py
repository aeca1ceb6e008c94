"""= for !=, IN for NOT IN, IS NULL for IS NOT NULL, and back."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around, called
from harness.mutants.statement import Edit, Statement

WHY: Final = "A filter upside down: what it was to keep is thrown away, with the offsets committed."

_OTHER: Final = {"=": "!=", "!=": "=", "<>": "="}


def edits(statement: Statement) -> Iterator[Edit]:
    body = set(statement.body)
    for position in statement.body:
        token, before = statement.tokens[position], statement.tokens[position - 1]
        if token.text in _OTHER and token.depth + before.depth and not _assigns(statement, position):
            other = _OTHER[token.text]
            yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> {other}")
        elif token.word in {"NOT IN", "NOT"} or (token.word == "IN" and before.word != "NOT"):
            negated = "" if token.word == "NOT" else "IN" if token.word == "NOT IN" else "NOT IN"
            if position + 1 in body:
                yield statement.replace(
                    (position, position + 1), negated, f"{around(statement, position)} -> {negated or 'without NOT'}"
                )


def _assigns(statement: Statement, position: int) -> bool:
    """ENGINE = .., and the numbers of an enum's values."""
    return statement.tokens[position - 1].word == "ENGINE" or called(statement, position).startswith("Enum")
