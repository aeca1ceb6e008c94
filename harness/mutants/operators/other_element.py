"""The neighbouring element of an array or tuple."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import around
from harness.mutants.statement import Edit, Statement

WHY: Final = "Arrays counted from 0 in one language and from 1 in the next: the volume was read where the price stands."


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        token = statement.tokens[position]
        inside = statement.tokens[position - 1]
        before = statement.tokens[position - 2].text
        is_element = (inside.text == "[" and before not in {"(", ",", "="}) or inside.text == "."
        if token.is_number and is_element:
            other = _next(token.text)
            yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> {other}")
        elif token.text.startswith(".") and token.text[1:].isdigit():
            other = f".{_next(token.text[1:])}"
            yield statement.replace((position, position + 1), other, f"{around(statement, position)} -> {other}")


def _next(number: str) -> str:
    return str(int(number) + 1)
