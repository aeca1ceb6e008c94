"""A tour: each exhibit is made from the schema, the mutants' tape is played through it, and every check is run."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.museum.change import changed
from harness.museum.exhibit import Exhibit, ExhibitError
from harness.mutants.rig import Rig
from harness.mutants.schema import Schema
from harness.mutants.suites import Finding
from k2pipeline.warehouse.errors import WarehouseError


@dataclass(frozen=True, slots=True)
class Seen:
    """What the checks saw of an exhibit. `missed` had to fail and did not, `unforeseen` failed and was not to;
    `stalled` is what the warehouse said where it refused a block.
    """

    exhibit: Exhibit
    findings: tuple[Finding, ...]
    missed: tuple[str, ...]
    unforeseen: tuple[str, ...]
    stalled: str
    seconds: float

    @property
    def is_caught(self) -> bool:
        """Whether exactly those checks failed that should."""
        return bool(self.findings) and not self.missed and not self.unforeseen


def tour(schema: Schema, exhibits: Sequence[Exhibit], rig: Rig) -> Iterator[Seen]:
    """Visit exhibits, on a rig that was opened with the schema. Raises ExhibitError or ChangeError, both SchemaErrors,
    where the schema has no place for a change or the engine refuses it.
    """
    for exhibit in exhibits:
        yield _visit(schema, exhibit, rig)


def _visit(schema: Schema, exhibit: Exhibit, rig: Rig) -> Seen:
    started = time.perf_counter()
    try:
        rig.bench.apply(changed(schema, exhibit.changes))
    except WarehouseError as error:
        raise ExhibitError(f"{exhibit.name}: the engine refuses it: {error.message}; mend the exhibit") from error
    stalled = rig.deliver()
    findings = tuple(rig.checks.failing(rig.bench, shown=True))
    failing = {finding.name for finding in findings}
    due, allowed = exhibit.due(rig.checks.names), exhibit.allowed(rig.checks.names)
    missed, unforeseen = sorted(due - failing), sorted(failing - due - allowed)
    return Seen(exhibit, findings, tuple(missed), tuple(unforeseen), stalled, time.perf_counter() - started)
