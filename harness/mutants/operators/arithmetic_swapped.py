"""+ for -, * for /, and back."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import Edit, Statement

WHY: Final = "Microseconds divided where they should be multiplied: every trade of the stream was in 1970."

_OTHER: Final = {"+": "-", "-": "+", "*": "+", "/": "*"}
_CALLS: Final = {"addSeconds": "subtractSeconds", "intDiv": "multiply", "plus": "minus", "minus": "plus"}


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token, before = statement.tokens[position], statement.tokens[position - 1]
        is_binary = before.is_name or before.is_number or before.text in {")", "]"}
        after_keyword = before.word in {"SELECT", "BETWEEN", "AND", "OR", "IN"}
        if token.text in _OTHER and token.depth and is_binary and not after_keyword:
            other = _OTHER[token.text]
            yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> {other}")
    for position, _ in statement.calls(*_CALLS):
        other = _CALLS[statement.tokens[position].text]
        yield statement.replace(
            (position, position + 1), other, f"{statement.plain(statement.call(position))} -> {other}"
        )
