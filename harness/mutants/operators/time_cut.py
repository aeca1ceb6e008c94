"""Times of fewer places, or in whole seconds."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = "Times cut to fewer places: which trade opened the candle was a guess that changed with each merge."

_COARSER: Final = {"9": "6", "6": "3"}
_FUNCTIONS: Final = ("DateTime64", "toDateTime64", "parseDateTime64BestEffortOrNull")


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls(*_FUNCTIONS):
        # The last argument is the zone, where there is one; the precision is the number before it.
        for argument in arguments[:2]:
            places = statement.text(argument)
            if places in _COARSER:
                what = f"{statement.plain(statement.call(position))} -> {_COARSER[places]} places"
                yield statement.replace(argument, _COARSER[places], what)
