"""What was there before a migration must be there after it: every row that could be read, unless a newer state of it
has taken its place."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.gate.rows import comparison
from harness.gate.snapshot import Object, Query, Snapshot
from harness.gate.structure import StructureDiff

HISTORY: Final = "k2_history"
_VERSION: Final = re.compile(r"ReplacingMergeTree\((\w+)\)")


@dataclass(frozen=True, slots=True)
class Kept:
    """One table: the `rows` that it had, how many of them are `lost`, have other values without being newer
    (`changed`), or gave way to a newer state (`superseded`). The checksums are over all rows but the last of these.
    """

    table: str
    rows: int
    lost: int
    changed: int
    superseded: int
    checksum_before: str
    checksum_after: str

    @property
    def is_intact(self) -> bool:
        """Whether every row is there with its values, or newer."""
        return not self.lost and not self.changed and self.checksum_before == self.checksum_after


def remember(command: Callable[[str], Any], structure: Snapshot, database: str) -> None:
    """Copy all rows that can be read now."""
    command(f"DROP DATABASE IF EXISTS {HISTORY} SYNC")
    command(f"CREATE DATABASE {HISTORY}")
    for each in structure.objects.values():
        if _is_kept(each):
            copy = f"{HISTORY}.`{each.name}` ENGINE = MergeTree ORDER BY tuple()"
            command(f"CREATE TABLE {copy} AS SELECT * FROM {each.read_in(database)}")


def intact(
    query: Query, before: Snapshot, after: Snapshot, diff: StructureDiff, database: str, volatile: Collection[str]
) -> list[Kept]:
    """Compare what was remembered with what is there now, table by table, under its new name where it has one."""
    found = []
    for name, old in before.objects.items():
        if _is_kept(old):
            new, columns = after.objects.get(diff.name_after(name)), diff.columns.get(name, {})
            gone = new is None or not new.is_readable
            found.append(_gone(query, name) if gone or not new else _kept(query, old, new, columns, database, volatile))
    return found


def _is_kept(each: Object) -> bool:
    return each.is_readable and not each.shows_others


def _gone(query: Query, name: str) -> Kept:
    (row,) = query(f"SELECT count() AS rows FROM {HISTORY}.`{name}`")
    return Kept(name, int(row["rows"]), int(row["rows"]), 0, 0, "", "")


def _kept(
    query: Query, old: Object, new: Object, columns: Mapping[str, str], database: str, volatile: Collection[str]
) -> Kept:
    of = comparison(old, new, (HISTORY, database), columns, volatile)
    found = _VERSION.match(old.parts.get("engine", ""))
    version = found[1] if found else "0"
    then = _hashed([p.before for p in of.key], [p.before for p in of.values], version, f"{HISTORY}.`{old.name}`")
    now = _hashed([p.after for p in of.key], [p.after for p in of.values], columns.get(version, version), of.after)
    (row,) = query(_KEPT.format(keys=", ".join(f"key_{n}" for n in range(len(of.key))), then=then, now=now))
    counts = {name: int(row[name]) for name in ("rows", "lost", "changed", "superseded")}
    return Kept(old.name, **counts, checksum_before=row["checksum_before"], checksum_after=row["checksum_after"])


def _hashed(key: list[str], values: list[str], version: str, source: str) -> str:
    keys = ", ".join(f"{sql} AS key_{n}" for n, sql in enumerate(key))
    # The key counts as well: a checksum over values alone would not see two rows trade places.
    return f"SELECT {keys}, cityHash64(tuple({', '.join([*key, *values])})) AS hash, {version} AS version FROM {source}"


_KEPT: Final = """
SELECT sum(rows_before) AS rows,
    sumIf(rows_before, rows_after = 0) AS lost,
    sumIf(rows_before, rows_after > 0 AND NOT is_newer AND hash_before != hash_after) AS changed,
    sumIf(rows_before, is_newer) AS superseded,
    hex(sumIf(hash_before, NOT is_newer)) AS checksum_before,
    hex(sumIf(hash_after, NOT is_newer)) AS checksum_after
FROM (
    SELECT countIf(is_before = 1) AS rows_before,
        countIf(is_before = 0) AS rows_after,
        maxIf(version, is_before = 0) > maxIf(version, is_before = 1) AS is_newer,
        sumIf(hash, is_before = 1) AS hash_before,
        sumIf(hash, is_before = 0) AS hash_after
    FROM (SELECT *, 1 AS is_before FROM ({then}) UNION ALL SELECT *, 0 AS is_before FROM ({now}))
    GROUP BY {keys}
    HAVING rows_before > 0
)"""
