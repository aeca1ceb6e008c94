"""One of several conditions left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import chains
from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "A frame of the futures stream taken for a spot trade: the condition that told them apart was the one left out."
)


def edits(statement: Statement) -> Iterator[Edit]:
    for parts in chains(statement, "AND", "OR"):
        for number, part in enumerate(parts):
            first, end = (part[0], parts[1][0]) if number == 0 else (parts[number - 1][1], part[1])
            yield statement.replace((first, end), "", f"without {statement.plain(part)}")
