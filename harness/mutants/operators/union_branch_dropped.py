"""One branch of a UNION ALL left out."""

from collections.abc import Iterator
from typing import Final

from harness.mutants.places import unions
from harness.mutants.statement import Edit, Statement

WHY: Final = "A candle computed from the inserted block alone: each late trade replaced the whole minute by itself."


def edits(statement: Statement) -> Iterator[Edit]:
    for branches in unions(statement):
        for number, branch in enumerate(branches):
            first, end = (branch[0], branches[1][0]) if number == 0 else (branches[number - 1][1], branch[1])
            yield statement.replace((first, end), "", f"UNION ALL without branch {number + 1}")
