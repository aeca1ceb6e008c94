"""min for max, argMin for argMax, and the other way round."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "Open and close, or high and low, exchanged: the candle looks plausible, and only a comparison of values sees it."
)

_OTHER: Final = {
    "min": "max",
    "max": "min",
    "argMin": "argMax",
    "argMax": "argMin",
    "least": "greatest",
    "greatest": "least",
}


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls(*_OTHER):
        name = statement.tokens[position].text
        of = statement.plain(arguments[0]) if arguments else ""
        yield statement.replace((position, position + 1), _OTHER[name], f"{name}({of}) -> {_OTHER[name]}")
