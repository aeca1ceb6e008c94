"""Zero for what cannot be read."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "An unreadable id became 0, and all unreadable trades of a symbol became one."


def edits(statement: Statement) -> Iterator[Edit]:
    for position, _ in statement.calls():
        name = statement.tokens[position].text
        if name.endswith("OrNull"):
            other = f"{name.removesuffix('OrNull')}OrZero"
            yield statement.replace(
                (position, position + 1), other, f"{statement.plain(statement.call(position))} -> OrZero"
            )
        elif name in {"ifNull", "assumeNotNull", "nullIf"}:
            arguments = statement.arguments(position + 1)
            what = f"{statement.plain(statement.call(position))} -> its first argument"
            yield statement.replace(statement.call(position), statement.text(arguments[0]), what)
