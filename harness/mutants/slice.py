"""The part of a schema that tells most about one of its objects: itself, what it writes to, and what that reads.

Only one object of a mutant is changed, so what flows into it is what flows into it in the unchanged schema. That was
recorded, and a trial can begin there: it feeds the recorded rows to the tables that the object reads, and looks at the
tables it writes to. A mutant that fails a check there fails it in the whole schema as well.
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.mutants.schema import Schema


@dataclass(frozen=True)
class Slice:
    """`name` is the object it is of; `names` are the objects to create, in no order; `fed` the tables among them that
    recorded rows go into; `stored` the tables and views whose rows are as in the whole schema, and so can be checked.
    """

    name: str
    names: frozenset[str]
    fed: frozenset[str]
    stored: frozenset[str]


def slice_of(schema: Schema, name: str) -> Slice:
    """The slice of an object. Raises KeyError for an object that the schema does not create."""
    live = _live(schema, name)
    fed: set[str] = set()
    names = {name, *live}
    for table in live:
        names |= set(schema.writers(table))
    for view in [each for each in names if not schema.is_stored(each) and not schema.passes(each)]:
        _close_over_reads(schema, view, live, names, fed)
    views = {view for view in schema.objects if schema.is_view(view) and _reads_only(schema, view, live | {name})}
    stored = {table for table in live if schema.is_stored(table)} | views
    if schema.is_view(name):
        stored.add(name)
    names |= views
    return Slice(name, frozenset(names | _needed(schema, names)), frozenset(fed), frozenset(stored))


def _live(schema: Schema, name: str) -> set[str]:
    """Tables whose rows the object decides: what it writes to, through tables that keep nothing to those that do."""
    found: set[str] = set()
    target = schema.target(name)
    pending = [target] if target else [name] if schema.is_stored(name) or schema.passes(name) else []
    while pending:
        table = pending.pop()
        if table in found or table not in schema.objects:
            continue
        found.add(table)
        if schema.passes(table):
            pending += [to for view in schema.readers(table) if (to := schema.target(view))]
    return found


def _close_over_reads(schema: Schema, view: str, live: set[str], names: set[str], fed: set[str]) -> None:
    for source in schema.reads(view):
        names.add(source)
        if schema.is_view(source):
            _close_over_reads(schema, source, live, names, fed)
        elif source not in live:
            fed.add(source)


def _reads_only(schema: Schema, view: str, tables: set[str]) -> bool:
    reads = schema.reads(view)
    return bool(reads) and reads <= tables and all(schema.is_stored(table) or schema.is_view(table) for table in reads)


def _needed(schema: Schema, names: set[str]) -> set[str]:
    """What must be there for these to be created: a table may be made after the columns of another."""
    found: set[str] = set()
    pending = list(names)
    while pending:
        more = schema.reads(pending.pop()) - found - names
        found |= more
        pending += more
    return found
