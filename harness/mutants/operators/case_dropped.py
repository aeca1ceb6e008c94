"""One case of a multiIf left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Side UNKNOWN for a whole exchange: the new spelling of one value was never added, so the default took it."


def edits(statement: Statement) -> Iterator[Edit]:
    for _, arguments in statement.calls("multiIf"):
        for number in range(0, len(arguments) - 1, 2):
            condition, following = arguments[number], arguments[number + 2]
            what = f"multiIf without {statement.plain(condition)}"
            yield statement.replace((condition[0], following[0]), "", what)
