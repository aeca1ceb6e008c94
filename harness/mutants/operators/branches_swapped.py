"""The two branches of an if exchanged."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "`is buyer maker` read as `buyer is the taker`: BUY and SELL exchanged in every trade, all else right."


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls("if"):
        if len(arguments) == 3 and statement.plain(arguments[1]) != statement.plain(arguments[2]):
            condition, one, other = map(statement.text, arguments)
            what = f"if({statement.plain(arguments[0])}, ..) swapped"
            yield statement.replace(statement.call(position), f"if({condition}, {other}, {one})", what)
