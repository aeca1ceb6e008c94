"""Compares the rows of one table on both sides, inside the warehouse.

Both sides are read once and grouped by the key. A column's values under a key are compared as the sum of their hashes,
so that keys that stand in several rows are compared as well; two values that differ pass for equal once in 10^19.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from harness.checks.columns import bare_type
from harness.gate.snapshot import MERGE, Column, Object, Query, Snapshot

SAMPLE_ROWS: Final = 5


@dataclass(frozen=True, slots=True)
class Pair:
    """One column on both sides, as SQL that gives comparable values."""

    name: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """What is compared: where the rows of both sides are read, by which key, and which columns."""

    object: str
    before: str
    after: str
    key: tuple[Pair, ...]
    values: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class RowDiff:
    """`keys` in all; of them `lost` only before, `appeared` only after, `more` and `fewer` in more or fewer rows than
    before, `changed` in other values; `columns` tells in how many of these each differs. `samples` has up to
    SAMPLE_ROWS rows of each kind. `error` is what the warehouse says where the rows could not be read.
    """

    object: str
    keys: int
    lost: int
    appeared: int
    more: int
    fewer: int
    changed: int
    columns: Mapping[str, int] = field(default_factory=dict)
    samples: Mapping[str, tuple[Mapping[str, str], ...]] = field(default_factory=dict)
    error: str = ""

    @property
    def is_identical(self) -> bool:
        """Same keys, in as many rows, with the same values."""
        return not (self.lost or self.appeared or self.more or self.fewer or self.changed or self.error)


def comparison(
    old: Object,
    new: Object,
    sides: tuple[str, str],
    renamed: Mapping[str, str],
    volatile: Collection[str],
    keys_known: Sequence[Sequence[str]] = (),
) -> Comparison:
    """How two objects that can be read are compared; `sides` are the databases.

    The key is the table's sorting key; for a view, the longest of `keys_known` whose columns it has; else all columns
    together.
    """
    after = {column.name: column for column in new.columns}
    common = [
        (column, after[now])
        for column in old.columns
        if (now := renamed.get(column.name, column.name)) in after and not {column.name, now} & set(volatile)
    ]
    names = {column.name for column, _ in common}
    known = [key for key in ([old.key] if old.kind == "table" else keys_known) if key and names.issuperset(key)]
    key = max(known, key=len, default=[column.name for column, _ in common])
    pairs = {one.name: _pair(one, other) for one, other in common}
    return Comparison(
        old.name,
        old.read_in(sides[0]),
        new.read_in(sides[1]),
        tuple(pairs[name] for name in key),
        tuple(pair for name, pair in pairs.items() if name not in set(key)),
    )


def comparable(structure: Snapshot) -> set[str]:
    """Objects whose rows depend on what was sent alone. A view that reads a table without the FINAL it needs does not:
    it shows every state of a row, and of these there are as many as there were inserts.
    """
    unsettled = [name for name, each in structure.objects.items() if each.needs_final or each.engine == MERGE]
    raw = re.compile(rf"\b(?:{'|'.join(map(re.escape, unsettled))})\b`?(?!\s+FINAL)") if unsettled else None
    return {
        name
        for name, each in structure.objects.items()
        if each.is_readable
        and not (each.shows_others and raw and raw.search(each.parts.get("query") or each.parts["engine"]))
    }


def keys_in(structure: Snapshot) -> list[tuple[str, ...]]:
    """Sorting keys of all tables: what a view over one of them can be compared by."""
    return sorted({each.key for each in structure.objects.values() if each.key and not each.shows_others})


def compare_rows(query: Query, of: Comparison) -> RowDiff:
    """Compare, and fetch a few rows of every kind of difference."""
    (row,) = query(_count(of))
    figures = {name: int(value) for name, value in row.items()}
    columns = {pair.name: figures[f"differs_{n}"] for n, pair in enumerate(of.values) if figures[f"differs_{n}"]}
    kinds = {"lost": _LOST, "appeared": _APPEARED, "more": _MORE, "fewer": _FEWER}
    samples = {
        kind: tuple(query(_sample(of, condition, from_before=kind != "appeared")))
        for kind, condition in kinds.items()
        if figures[kind]
    }
    if columns:
        samples["changed"] = tuple(query(_changes(of, list(columns))))
    counts = {name: figures[name] for name in ("keys", "lost", "appeared", "more", "fewer", "changed")}
    return RowDiff(of.object, **counts, columns=columns, samples=samples, error="")


_LOST: Final = "rows_after = 0"
_APPEARED: Final = "rows_before = 0"
_MORE: Final = "rows_before > 0 AND rows_after > rows_before"
_FEWER: Final = "rows_after > 0 AND rows_after < rows_before"


def _pair(old: Column, new: Column) -> Pair:
    one, other = f"`{old.name}`", f"`{new.name}`"
    old_type, new_type = bare_type(old.type), bare_type(new.type)
    if old_type != new_type:
        return Pair(old.name, _printed(one, old_type), _printed(other, new_type))
    if old_type.startswith("Map("):  # equal maps may hold their keys in another order
        return Pair(old.name, f"mapSort({one})", f"mapSort({other})")
    return Pair(old.name, one, other)


def _printed(column: str, kind: str) -> str:
    text = f"ifNull(toString({column}), 'NULL')"
    # Times of more places end in more zeros, and mean the same.
    return f"trimRight(trimRight({text}, '0'), '.')" if kind.startswith("DateTime64") else text


def _both(of: Comparison) -> str:
    keys = [[f"{side} AS key_{n}" for n, side in enumerate(sides)] for sides in _turned(of.key)]
    hashes = [
        [f"cityHash64(tuple({side})) AS hash_{n}" for n, side in enumerate(sides)] for sides in _turned(of.values)
    ]
    return f"""
        SELECT {", ".join([*keys[0], *hashes[0], "1 AS is_before"])} FROM {of.before}
        UNION ALL
        SELECT {", ".join([*keys[1], *hashes[1], "0 AS is_before"])} FROM {of.after}"""


def _turned(pairs: Sequence[Pair]) -> tuple[list[str], list[str]]:
    return [pair.before for pair in pairs], [pair.after for pair in pairs]


def _by_key(of: Comparison) -> str:
    keys = ", ".join(f"key_{n}" for n in range(len(of.key)))
    differs = [
        f"sumIf(hash_{n}, is_before = 1) != sumIf(hash_{n}, is_before = 0) AS is_other_{n}"
        for n in range(len(of.values))
    ]
    counts = ["countIf(is_before = 1) AS rows_before", "countIf(is_before = 0) AS rows_after"]
    return f"""
    SELECT {", ".join([keys, *counts, *differs])}
    FROM ({_both(of)}
    )
    GROUP BY {keys}"""


def _is_changed(of: Comparison) -> str:
    return f"rows_before = rows_after AND ({' OR '.join(f'is_other_{n}' for n in range(len(of.values))) or 'false'})"


def _count(of: Comparison) -> str:
    differs = [f"countIf(rows_before = rows_after AND is_other_{n}) AS differs_{n}" for n in range(len(of.values))]
    figures = [
        "count() AS keys",
        f"countIf({_LOST}) AS lost",
        f"countIf({_APPEARED}) AS appeared",
        f"countIf({_MORE}) AS more",
        f"countIf({_FEWER}) AS fewer",
        f"countIf({_is_changed(of)}) AS changed",
        *differs,
    ]
    return f"SELECT {', '.join(figures)} FROM ({_by_key(of)})"


def _keys_where(of: Comparison, condition: str) -> str:
    keys = ", ".join(f"key_{n}" for n in range(len(of.key)))
    return f"SELECT {keys} FROM ({_by_key(of)}) WHERE {condition} ORDER BY {keys} LIMIT {SAMPLE_ROWS}"


def _sample(of: Comparison, condition: str, *, from_before: bool) -> str:
    source = of.before if from_before else of.after
    pairs = [(pair.name, pair.before if from_before else pair.after) for pair in (*of.key, *of.values)]
    shown = ", ".join(f"{sql} AS `{name}`" if sql != f"`{name}`" else sql for name, sql in pairs)
    keys = ", ".join(sql for _, sql in pairs[: len(of.key)])
    wanted = _keys_where(of, condition)
    return f"SELECT {shown} FROM {source} WHERE ({keys}) IN ({wanted}) ORDER BY ALL LIMIT {SAMPLE_ROWS}"


def _changes(of: Comparison, columns: Collection[str]) -> str:
    """Of some keys whose values changed, each column that did, before and after."""
    shown = [pair for pair in of.values if pair.name in columns]
    names = ", ".join("'" + pair.name.replace("'", "''") + "'" for pair in shown)
    keys = ", ".join(f"key_{n}" for n in range(len(of.key)))
    wanted = _keys_where(of, _is_changed(of))
    sides = [
        f"SELECT {_listed(key)}, [{_texts(values)}] AS texts FROM {source} WHERE ({', '.join(key)}) IN wanted"
        for key, values, source in zip(_turned(of.key), _turned(shown), (of.before, of.after), strict=True)
    ]
    aliases = ", ".join(f"key_{n} AS `{pair.name}`" for n, pair in enumerate(of.key))
    return f"""
WITH wanted AS ({wanted})
SELECT {aliases}, change.1 AS column, change.2 AS before, change.3 AS after
FROM (
    SELECT {keys},
        arrayJoin(arrayFilter(triple -> triple.2 != triple.3, arrayZip([{names}], one.texts, other.texts))) AS change
    FROM ({sides[0]}) AS one INNER JOIN ({sides[1]}) AS other USING ({keys})
)
ORDER BY ALL LIMIT {SAMPLE_ROWS * 4}"""


def _listed(keys: Sequence[str]) -> str:
    return ", ".join(f"{key} AS key_{n}" for n, key in enumerate(keys))


def _texts(values: Sequence[str]) -> str:
    return ", ".join(f"ifNull(toString({value}), 'NULL')" for value in values)
