"""A ReplacingMergeTree that keeps the last row inserted, whichever that is."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "An older state of a candle written after the newer one, and kept: nothing said which of the two is better."
)


def edits(statement: Statement) -> Iterator[Edit]:
    for position, arguments in statement.calls("ReplacingMergeTree"):
        if arguments:
            what = f"ReplacingMergeTree without {statement.plain(arguments[0])}"
            yield statement.replace(statement.call(position), "ReplacingMergeTree", what)
