"""How a warehouse compares with the truth, whatever its tables are called: rows lost, doubled, or never sent."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from harness.checks import queries
from harness.gate.snapshot import Query, Snapshot
from harness.truth import EXCHANGES
from harness.truth.tables import DATABASE, OF_THE_TRUTH_ALONE, tables

_NOT_KEYS: Final = frozenset(("seq",))


@dataclass(frozen=True, slots=True)
class Exactness:
    """Rows of one table that are missing, stand there twice, or stand for nothing that was sent. `is_there` tells
    whether the warehouse has such a table at all.
    """

    table: str
    lost: int
    doubled: int
    phantom: int
    is_there: bool = True

    @property
    def is_exact(self) -> bool:
        return self.is_there and not (self.lost or self.doubled or self.phantom)


def exactness(query: Query, structure: Snapshot, name_of: Callable[[str], str], database: str) -> list[Exactness]:
    """One entry for each table of the truth, whatever it is called in the warehouse. One that is not there, under its
    own name or that of a recorded rename, has lost all.
    """
    found = []
    for name, table in tables(EXCHANGES.values()).items():
        if name in OF_THE_TRUTH_ALONE:
            continue
        each = structure.objects.get(name_of(name))
        if each is None or not each.is_readable:
            (row,) = query(f"SELECT count() AS rows FROM {DATABASE}.{name}")
            found.append(Exactness(name, int(row["rows"]), 0, 0, is_there=False))
            continue
        key = [column for column in table.key if column not in _NOT_KEYS]
        rows = f"(SELECT * FROM {each.read_in(database)})"
        (row,) = query(queries.presence(rows, f"{DATABASE}.{name}", key))
        found.append(Exactness(name, int(row["lost"]), int(row["doubled"]), int(row["phantom"])))
    return found
