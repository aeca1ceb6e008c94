"""Decimals of eight places, where there were more."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Range, Statement

WHY: Final = "Decimal(18, 8) for a token priced at 0.00000000123: cut to nothing without a word."

_FUNCTIONS: Final = ("toDecimal64", "toDecimal128", "toDecimal256", "divideDecimal", "multiplyDecimal")
_SUFFIXES: Final = ("", "OrZero", "OrNull", "OrDefault")
_CUT: Final = 8


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls(
        "Decimal", *(name + suffix for name in _FUNCTIONS for suffix in _SUFFIXES)
    ):
        if len(arguments) > 1 and _places(statement, arguments[-1]) > _CUT:
            what = f"{statement.plain(statement.call(position))} -> {_CUT} places"
            yield statement.replace(arguments[-1], str(_CUT), what)


def _places(statement: Statement, argument: Range) -> int:
    text = statement.text(argument)
    return int(text) if text.isdigit() else 0
