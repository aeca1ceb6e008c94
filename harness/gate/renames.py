"""Recognises what was renamed: what is gone, and a new one like it in everything but the name. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from harness.gate.snapshot import Column, Object, Snapshot


def renamed_objects(before: Snapshot, after: Snapshot) -> dict[str, str]:
    """Old name -> new name, for objects that one side only has.

    Where a view now stands under a table's old name, for those who still ask for it, the table counts as renamed too.
    """
    gone = [each for name, each in before.objects.items() if name not in after.objects or _became_view(each, after)]
    new = [each for name, each in after.objects.items() if name not in before.objects]
    return _pairs(gone, new)


def renamed_columns(before: Object, after: Object) -> dict[str, str]:
    """Old name -> new name of columns of one type and place, where there is no doubt which became which."""
    names_before, names_after = ({column.name for column in each.columns} for each in (before, after))
    gone = [column for column in before.columns if column.name not in names_after]
    new = [column for column in after.columns if column.name not in names_before]
    found = {}
    for column in gone:
        alike = [
            each for each in new if _alike(column, each) and _neighbours(before, column) & _neighbours(after, each)
        ]
        if len(alike) == 1:
            found[column.name] = alike[0].name
    return found if len(set(found.values())) == len(found) else {}


def with_new_names(text: str, renamed: Mapping[str, str]) -> str:
    """A definition in which the old names of objects stand under their new ones."""
    if not renamed:
        return text
    names = "|".join(map(re.escape, renamed))
    return re.sub(rf"\b(?:{names})\b", lambda found: renamed[found[0]], text)


def _pairs(gone: Sequence[Object], new: Iterable[Object]) -> dict[str, str]:
    found: dict[str, str] = {}
    for other in new:
        alike = [each for each in gone if each.name not in found and _shape(each) == _shape(other)]
        # Tables of one shape, such as candles, are told apart by the words of their names.
        alike.sort(key=lambda each: -len(_words(each.name) & _words(other.name)))
        if len(alike) == 1 or (alike and _words(alike[0].name) & _words(other.name)):
            found[alike[0].name] = other.name
    return found


def _shape(each: Object) -> tuple[object, ...]:
    columns = tuple((column.name, column.type) for column in each.columns)
    return each.kind, columns, each.engine, each.parts.get("sorting key"), each.parts.get("target")


def _became_view(each: Object, after: Snapshot) -> bool:
    other = after.objects[each.name]
    return each.kind == "table" and other.kind == "view"


def _alike(one: Column, other: Column) -> bool:
    return one.type == other.type and one.default == other.default


def _neighbours(of: Object, column: Column) -> set[str]:
    names = ["", *(each.name for each in of.columns), ""]
    at = names.index(column.name)
    return {f"<{names[at - 1]}", f">{names[at + 1]}"}


def _words(name: str) -> set[str]:
    return set(name.split("_"))
