"""What two structures differ in, each difference with its verdict. Pure.

What nobody reads rows from (queues, passing places, materialized views) may be rewritten freely: the rows show whether
that changed anything. What is promised by name may not go away.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from harness.gate.columntypes import widens
from harness.gate.renames import renamed_columns, renamed_objects, with_new_names
from harness.gate.snapshot import KAFKA, Column, Object, Snapshot
from harness.gate.verdict import Evidence, Verdict

_REBUILT: Final = "a table is rebuilt for this: no ALTER does it, and its history must be copied"
_PARTS: Final[Mapping[str, Verdict]] = {
    "engine": Verdict.BREAKING,
    "sorting key": Verdict.BREAKING,
    "partition key": Verdict.CHANGED,
    "sampling key": Verdict.CHANGED,
    "TTL": Verdict.CHANGED,
    "target": Verdict.CHANGED,
    "query": Verdict.IDENTICAL,
    "settings": Verdict.IDENTICAL,
    "indexes": Verdict.IDENTICAL,
    "comment": Verdict.IDENTICAL,
}
_SAID: Final[Mapping[str, str]] = {
    "engine": _REBUILT,
    "sorting key": f"decides what is one row; {_REBUILT}",
    "partition key": _REBUILT,
    "TTL": "rows are kept for another time",
    "target": "rows go elsewhere",
    "query": "rewritten; the rows show what it does",
    "settings": "storage is tuned otherwise",
    "indexes": "storage is tuned otherwise",
    "comment": "documentation",
}


@dataclass(frozen=True, slots=True)
class StructureDiff:
    """Differences, and what was recognised as renamed: objects, and columns by the object's old name."""

    evidence: tuple[Evidence, ...]
    objects: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def name_after(self, name: str) -> str:
        """What an object is called in the candidate."""
        return self.objects.get(name, name)


def compare_structures(before: Snapshot, after: Snapshot, is_promised: Callable[[str], bool]) -> StructureDiff:
    """All differences. `is_promised` tells the names that users rely on."""
    renamed = renamed_objects(before, after)
    evidence: list[Evidence] = []
    columns: dict[str, dict[str, str]] = {}
    for name, old in before.objects.items():
        now = renamed.get(name, name)
        if now not in after.objects:
            evidence.append(_gone(old, promised=is_promised(name)))
            continue
        if now != name:
            evidence.append(_renamed(old, now, promised=is_promised(name) and name not in after.objects))
        new = after.objects[now]
        columns[name] = renamed_columns(old, new) if old.is_readable else {}
        evidence += _differences(old, new, renamed, columns[name], promised=is_promised(name))
    known = {renamed.get(name, name) for name in before.objects}
    evidence += [_added(each) for name, each in after.objects.items() if name not in known]
    return StructureDiff(tuple(evidence), renamed, columns)


def _gone(old: Object, *, promised: bool) -> Evidence:
    verdict = Verdict.BREAKING if promised else Verdict.CHANGED
    return Evidence(
        verdict, old.name, old.kind, "removed" if promised else "removed; nobody was promised it", _kind(old)
    )


def _renamed(old: Object, now: str, *, promised: bool) -> Evidence:
    verdict = Verdict.BREAKING if promised else Verdict.CHANGED
    left = "; queries by the old name fail" if promised else ""
    return Evidence(verdict, old.name, old.kind, f"renamed to {now}{left}", old.name, now)


def _added(new: Object) -> Evidence:
    return Evidence(Verdict.ADDITIVE, new.name, new.kind, "added", "", _kind(new))


def _kind(each: Object) -> str:
    return f"{each.kind} {each.parts.get('engine', '')}".strip()


def _differences(
    old: Object, new: Object, renamed: Mapping[str, str], columns: Mapping[str, str], *, promised: bool
) -> Iterator[Evidence]:
    if old.kind != new.kind:
        yield Evidence(Verdict.CHANGED, old.name, "kind", f"was a {old.kind}, is a {new.kind}", _kind(old), _kind(new))
    if old.is_readable:
        yield from _readable(old, new, columns, promised=promised)
    elif old.kind == new.kind and _layout(old) != _layout(new):
        yield Evidence(
            Verdict.IDENTICAL, old.name, "columns", "passes rows on in another shape; the rows show what it does"
        )
    for part in _PARTS:
        if old.kind != new.kind and part != "comment":
            continue
        before, after = with_new_names(old.parts.get(part, ""), {**renamed, **columns}), new.parts.get(part, "")
        if before != after:
            yield Evidence(_verdict_of(old, part), old.name, part, _SAID.get(part, "other than before"), before, after)


def _readable(old: Object, new: Object, columns: Mapping[str, str], *, promised: bool) -> Iterator[Evidence]:
    """What those who read rows from an object notice, whatever kind of object now stands under its name."""
    if new.is_readable:
        yield from _columns(old, new, columns, promised=promised)
        yield from _order(old, new, columns)
    else:
        verdict = Verdict.BREAKING if promised else Verdict.CHANGED
        yield Evidence(verdict, old.name, "rows", "can be read no longer: it passes rows on and keeps none")


def _order(old: Object, new: Object, renamed: Mapping[str, str]) -> Iterator[Evidence]:
    """Columns that both have, in another order. A new one between two of them is not meant."""
    after = [column.name for column in new.columns]
    names = [renamed.get(column.name, column.name) for column in old.columns]
    before, now = [name for name in names if name in after], [name for name in after if name in names]
    if before != now:
        what = "in another order: SELECT * and an INSERT without a list of columns take one for another"
        yield Evidence(Verdict.CHANGED, old.name, "columns", what, ", ".join(before), ", ".join(now))


def _verdict_of(old: Object, part: str) -> Verdict:
    if part == "settings" and old.engine == KAFKA:
        return Verdict.CHANGED
    return _PARTS[part]


def _layout(each: Object) -> list[tuple[str, str, str]]:
    return [(column.name, column.type, column.default) for column in each.columns]


def _columns(old: Object, new: Object, renamed: Mapping[str, str], *, promised: bool) -> Iterator[Evidence]:
    after = {column.name: column for column in new.columns}
    bad = Verdict.BREAKING if promised else Verdict.CHANGED
    for column in old.columns:
        part = f"column {column.name}"
        if column.name in renamed:
            now = renamed[column.name]
            yield Evidence(bad, old.name, part, f"renamed to {now}", column.name, now)
        elif column.name not in after:
            yield Evidence(bad, old.name, part, "removed", column.type)
        else:
            yield from _column(old.name, column, after[column.name], bad)
    known = {renamed.get(column.name, column.name) for column in old.columns}
    for column in new.columns:
        if column.name not in known:
            yield Evidence(Verdict.ADDITIVE, old.name, f"column {column.name}", "added", "", column.type)


def _column(object_name: str, old: Column, new: Column, bad: Verdict) -> Iterator[Evidence]:
    part = f"column {old.name}"
    if old.type != new.type:
        is_wider = widens(old.type, new.type)
        what = "type holds all that it held" if is_wider else "type does not hold all that it held"
        yield Evidence(Verdict.CHANGED if is_wider else bad, object_name, part, what, old.type, new.type)
    if old.default != new.default:
        yield Evidence(Verdict.CHANGED, object_name, part, "default is another", old.default, new.default)
    if old.codec != new.codec:
        yield Evidence(Verdict.IDENTICAL, object_name, part, "compressed otherwise", old.codec, new.codec)
    if old.comment != new.comment:
        yield Evidence(Verdict.IDENTICAL, object_name, part, "documentation", old.comment, new.comment)
