"""Decimals that pass through a float on their way."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "A price parsed as JSON number: 0.123456789012345678 came back as 0.12345678901234568, and sums did not close."
)

_SUFFIXES: Final = ("OrZero", "OrNull", "OrDefault", "")


def edits(statement: Statement) -> Iterator[Edit]:
    for width in ("64", "128", "256"):
        for suffix in _SUFFIXES:
            for position, arguments in statement.calls(f"toDecimal{width}{suffix}"):
                value, scale = map(statement.text, arguments[:2])
                what = f"{statement.plain(statement.call(position))} through a float"
                by = f"toDecimal{width}(toFloat64{suffix}({value}), {scale})"
                yield statement.replace(statement.call(position), by, what)
    for position, arguments in statement.calls("Decimal"):
        if arguments:
            what = f"{statement.plain(statement.call(position))} -> Float64"
            yield statement.replace(statement.call(position), "Float64", what)
