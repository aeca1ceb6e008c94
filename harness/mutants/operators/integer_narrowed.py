"""Half as many bits."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Trade ids in 32 bits: they wrap on the day an exchange passes 4,294,967,295."

_HALF: Final = {"256": "128", "128": "64", "64": "32", "32": "16"}
_KINDS: Final = ("UInt", "Int")


def edits(statement: Statement) -> Iterator[Edit]:
    for position in statement.body:
        text = statement.tokens[position].text
        for kind in _KINDS:
            for bits, half in _HALF.items():
                for prefix, suffix in (("", ""), ("to", ""), ("to", "OrNull"), ("to", "OrZero"), ("reinterpretAs", "")):
                    if text == f"{prefix}{kind}{bits}{suffix}":
                        other = f"{prefix}{kind}{half}{suffix}"
                        what = f"{_context(statement, position)} -> {other}"
                        yield statement.replace((position, position + 1), other, what)


def _context(statement: Statement, position: int) -> str:
    is_call = position + 1 < len(statement.tokens) and statement.tokens[position + 1].text == "("
    if is_call:
        return statement.plain(statement.call(position))
    return statement.plain((max(position - 2, 0), position + 1))
