"""AND where OR belongs, and the other way round."""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from harness.mutants.places import chains
from harness.mutants.statement import Edit, Statement

WHY: Final = (
    "`price <= 0 AND quantity <= 0` lets a trade of size zero into the volume: only both together would be refused."
)


def edits(statement: Statement) -> Iterator[Edit]:
    for one, other in (("AND", "OR"), ("OR", "AND")):
        for parts in chains(statement, one):
            for before, after in pairwise(parts):
                joint = (before[1], after[0])
                what = f"{statement.plain(before)} {one} -> {other} {statement.plain(after)}"
                yield statement.replace(joint, other, what)
