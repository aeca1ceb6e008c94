"""docs/tables.md, the data dictionary: every object and column with what sql/ says of it. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from typing import Final

from harness.gate.snapshot import KAFKA, Object, Snapshot
from harness.report.order import place

TABLES: Final = "docs/tables.md"
_HEAD: Final = """# Tables

Written by `k2-harness tables` from the warehouse itself; what stands here is said in `sql/`, as comments on tables and
columns. The schema gate fails when this page is stale.
"""
_SECTIONS: Final = (
    (
        "Read these",
        "What users query. Tables that need FINAL show a row in several states until their parts merge.",
        "read",
    ),
    ("Queues", "Where frames come in from the broker.", "queue"),
    ("Passing places", "Tables that keep nothing: rows only pass through them to the views behind.", "passing"),
)


def dictionary(of: Snapshot) -> str:
    """The page, as Markdown."""
    lines = [_HEAD]
    in_order = sorted(of.objects.values(), key=lambda each: place(each.name))
    for title, says, kind in _SECTIONS:
        objects = [each for each in in_order if _kind(each) == kind]
        if objects:
            lines += [f"## {title}\n\n{says}\n", _overview(objects)]
            lines += [_object(each) for each in objects]
    lines.append(_flow([each for each in in_order if _kind(each) == "flow"], of.objects.keys()))
    return "\n".join(lines).rstrip() + "\n"


def _kind(each: Object) -> str:
    if each.kind == "materialized view":
        return "flow"
    if each.is_readable:
        return "read"
    return "queue" if each.engine == KAFKA else "passing"


def _overview(objects: Iterable[Object]) -> str:
    rows = [f"| [{each.name}](#{each.name}) | {_escaped(each.parts.get('comment', ''))} |" for each in objects]
    return "\n".join(["| name | what it is |", "|---|---|", *rows]) + "\n"


def _object(each: Object) -> str:
    facts = [f"{name} `{value}`" for name, value in _facts(each)]
    lines = [f"### {each.name}", "", _escaped(each.parts.get("comment", "")) or "(no comment in sql/)", ""]
    if facts:
        lines += ["; ".join(facts), ""]
    lines += ["| column | type | what it is |", "|---|---|---|"]
    lines += [
        f"| {column.name} | `{_escaped(column.type)}` | {_column(column.comment, column.default)} |"
        for column in each.columns
    ]
    return "\n".join(lines) + "\n"


def _facts(each: Object) -> Iterator[tuple[str, str]]:
    if each.kind == "table":
        yield "engine", each.parts.get("engine", "")
    for part in ("sorting key", "partition key", "TTL"):
        if each.parts.get(part):
            yield part, each.parts[part]
    if each.engine == KAFKA:
        yield "settings", each.parts.get("settings", "")


def _column(comment: str, default: str) -> str:
    made = ("has a default" if default.startswith("DEFAULT ") else "computed") if default else ""
    return _escaped("; ".join(part for part in (comment, made) if part))


def _flow(views: Iterable[Object], names: Collection[str]) -> str:
    rows = []
    for each in views:
        target = each.parts.get("target", "")
        reads = sorted(set(re.findall(r"\w+", each.parts.get("query", ""))) & set(names) - {each.name, target})
        rows.append(f"| {each.name} | {', '.join(reads)} | {target} | {_escaped(each.parts.get('comment', ''))} |")
    if not rows:
        return ""
    head = "## Materialized views\n\nEach writes what its source is given, computed, into its target.\n"
    return "\n".join([head, "| view | reads | writes to | what it is |", "|---|---|---|---|", *rows]) + "\n"


def _escaped(text: str) -> str:
    return text.replace("\n", " ").replace("|", "\\|").replace("<", "&lt;")
