"""One mutant's trial: does any check see it?

A trial is held in the mutant's slice, with recorded rows; a table's goes on with stragglers and with merged parts. If
every row is there as it is without the change, then so is everything behind it, and the mutant has survived. If some
row is another and no check said so, the whole schema is tried, from the queues on.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from pathlib import Path
from typing import Final

from harness.checks import EXPECTATIONS
from harness.mutants.bench import DATABASE
from harness.mutants.derive import Mutant
from harness.mutants.recording import Recording, record
from harness.mutants.rig import Rig
from harness.mutants.schema import Schema
from harness.mutants.slice import Slice, slice_of
from harness.mutants.suites import Finding
from harness.mutants.tape import Tape
from k2pipeline.warehouse.errors import WarehouseError


class Fate(StrEnum):
    """What became of a mutant. SAME: the engine stores the definition that it stores without the change."""

    KILLED = "killed"
    SURVIVED = "survived"
    STILLBORN = "stillborn"
    SAME = "same"


@dataclass(frozen=True, slots=True)
class Trial:
    """`by` is the first check that failed, `where` the stage it failed in, `says` what it or the warehouse said."""

    mutant: Mutant
    fate: Fate
    by: str = ""
    where: str = ""
    says: str = ""
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class _Known:
    """A slice, the checks that can be run there, and its rows without any change."""

    part: Slice
    checks: tuple[str, ...]
    rows: Mapping[str, str]


_SLICE: Final = "slice"
_WHOLE: Final = "whole schema"
_UNCHANGED: Final = "every row is as it is without the change"
_UNSEEN: Final = "rows are others, and no check says so"
VOLATILE: Final = frozenset(("ingested_at", "processed_at", "updated_at"))
_Judgement = tuple[Fate, str, str, str]


class Court:
    """Tries mutants of one schema, one after another, on one rig, which is free for other uses in between."""

    def __init__(self, schema: Schema, directory: Path, tape: Tape | None = None, suites: Path = EXPECTATIONS) -> None:
        self.schema = schema
        self.rig = Rig(directory, tape, suites)
        self._bench, self._checks = self.rig.bench, self.rig.checks
        self._stored: dict[str, str] = {}
        self._slices: dict[str, _Known] = {}

    def close(self) -> None:
        self._bench.__exit__(None, None, None)

    def open(self) -> None:
        """Record what flows through the unchanged schema. Raises UnsoundSchemaError where a check fails on it."""
        self.rig.load(self.schema)
        self._stored = self._definitions()
        self._recording: Recording = record(self._bench, self.schema, self.rig.tape)
        self.rig.require_sound()

    def try_(self, mutant: Mutant) -> Trial:
        """The mutant's fate."""
        started = time.perf_counter()
        fate, by, where, says = self._judge(mutant)
        return Trial(mutant, fate, by, where, says, round(time.perf_counter() - started, 3))

    def _judge(self, mutant: Mutant) -> _Judgement:
        known = self._slice(mutant.object)
        try:
            self._bench.apply(mutant.applied(self.schema, known.part.names))
        except WarehouseError as error:
            return _stillborn(error)
        if self._definitions(mutant.object) == {mutant.object: self._stored[mutant.object]}:
            return Fate.SAME, "", "create", "the engine stores the same definition as without the change"
        stalled = self._recording.play(self._bench, known.part.fed)
        for where in self._stages(known.part):
            for finding in self._checks.failing(self._bench, known.checks, shown=True):
                return _killed(finding, where, stalled)
        if self._rows(known.part) == known.rows:
            return Fate.SURVIVED, "", _SLICE, _UNCHANGED
        return self._whole(mutant)

    def _stages(self, part: Slice) -> Iterator[str]:
        """The states of a slice in which its checks are run."""
        yield _SLICE
        yield from self.rig.stages([table for table in self.rig.merging if table == part.name])

    def _whole(self, mutant: Mutant) -> _Judgement:
        try:
            self._bench.apply(mutant.applied(self.schema))
        except WarehouseError as error:
            return _stillborn(error)
        stalled = self.rig.deliver()
        names = self._checks.reaching(self.schema.downstream(mutant.object))
        for where in chain((_WHOLE,), self.rig.stages(self.rig.merging)):
            for finding in self._checks.failing(self._bench, names, shown=True):
                return _killed(finding, where, stalled)
        return Fate.SURVIVED, "", _WHOLE, stalled or _UNSEEN

    def _slice(self, name: str) -> _Known:
        """The slice of an object, with the checks that hold there as long as nothing is changed, and its rows then."""
        if name not in self._slices:
            part = slice_of(self.schema, name)
            names = self._checks.touching(part.stored)
            self._bench.apply([each.statement.sql for each in self.schema.placed if each.name in part.names])
            self._recording.play(self._bench, part.fed)
            for _ in self._stages(part):
                failing = {finding.name for finding in self._checks.failing(self._bench, names)}
                names = [each for each in names if each not in failing]
            self._slices[name] = _Known(part, tuple(names), self._rows(part))
        return self._slices[name]

    def _rows(self, part: Slice) -> Mapping[str, str]:
        """A fingerprint of all rows in the stored objects of a slice, as they print, without the warehouse's clock."""
        found = {}
        for name in sorted(part.stored):
            clock = ", ".join(sorted(VOLATILE & self._column_names(name)))
            columns = f"* EXCEPT ({clock})" if clock else "*"
            texts = f"SELECT {columns} APPLY(toString) FROM {DATABASE}.{name}"
            try:
                (row,) = self._bench.rows(f"SELECT count() AS n, sum(cityHash64(*)) AS hash FROM ({texts})")
            except WarehouseError as error:
                row = {"error": error.message}
            found[name] = str(row)
        return found

    def _column_names(self, name: str) -> frozenset[str]:
        where = f"database = '{DATABASE}' AND table = '{name}'"
        return frozenset(row["name"] for row in self._bench.rows(f"SELECT name FROM system.columns WHERE {where}"))

    def _definitions(self, name: str = "") -> dict[str, str]:
        where = f"database = '{DATABASE}'" + (f" AND name = '{name}'" if name else "")
        rows = self._bench.rows(f"SELECT name, create_table_query FROM system.tables WHERE {where}")
        return {row["name"]: row["create_table_query"] for row in rows}


def _stillborn(error: WarehouseError) -> _Judgement:
    return Fate.STILLBORN, "the warehouse", "create", error.message.split("\n", 1)[0]


def _killed(finding: Finding, where: str, stalled: str) -> _Judgement:
    sample = dict(finding.sample[0]) if finding.sample else ""
    says = stalled or finding.error or f"{finding.unexpected} unexpected: {sample}"
    return Fate.KILLED, finding.name, where, says
