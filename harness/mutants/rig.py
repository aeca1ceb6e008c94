"""A bench with the tape, the truth about it and the checks: a changed schema is played through from the queues on.

with Rig(directory) as rig:
    rig.open(schema)                        # raises UnsoundSchemaError where the schema itself is wrong
    rig.bench.apply(changed)
    rig.deliver()
    for stage in rig.stages(rig.merging):   # as delivered, with stragglers, with merged parts
        rig.checks.failing(rig.bench)
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from harness.checks import EXPECTATIONS
from harness.mutants.bench import DATABASE, Bench
from harness.mutants.schema import Schema
from harness.mutants.suites import Checks, Finding
from harness.mutants.tape import Tape, standard_tape, write_ledger
from harness.truth import compute
from k2pipeline.schema import SchemaError
from k2pipeline.warehouse.errors import WarehouseError

STRAGGLERS: Final = "stragglers"
MERGED: Final = "merged"


class UnsoundSchemaError(SchemaError):
    """The schema fails its checks before anything is changed."""


class Rig:
    """`merging` are the tables of the schema whose parts merge; `versioned` those among them that keep the row of the
    highest version, with the version's column and the sorting key.
    """

    merging: Collection[str]
    versioned: Mapping[str, tuple[str, str]]

    def __init__(self, directory: Path, tape: Tape | None = None, suites: Path = EXPECTATIONS) -> None:
        self.bench = Bench(directory)
        self.tape = tape or standard_tape()
        self.checks = Checks(suites)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bench.__exit__(kind, error, trace)

    def open(self, schema: Schema) -> None:
        """Compute the truth and play the tape through the unchanged schema. Raises UnsoundSchemaError."""
        self.load(schema)
        self.deliver()
        self.require_sound()

    def load(self, schema: Schema) -> None:
        """Write the truth beside the empty, unchanged schema."""
        self.merging = [name for name in schema.objects if schema.engine(name).endswith("MergeTree")]
        self.versioned = _versioned(schema)
        with tempfile.TemporaryDirectory() as scratch:
            self.bench.load(compute(write_ledger(self.tape, Path(scratch) / "ledger.parquet")))
        self.bench.apply(schema.sqls())

    def require_sound(self) -> None:
        """The schema as it is must pass every exact check, in every stage. Standing checks that a nasty tape breaks by
        itself say nothing of a change: they are left out from now on.
        """
        self._require(self.checks.learn(self.bench), "this tape")
        for stage in self.stages(self.merging):
            self._require(self.checks.failing(self.bench), stage)

    def deliver(self) -> str:
        """Play the tape; what the warehouse said where it refused a block. Its consumer tries that one for ever, so
        nothing follows it.
        """
        stalled: dict[str, str] = {}
        queues = self.bench.queues()
        for delivery in self.tape.deliveries:
            if delivery.topic in stalled or delivery.topic not in queues:
                continue
            try:
                self.bench.deliver(delivery, queues[delivery.topic])
            except RuntimeError as error:
                stalled[delivery.topic] = str(error).split("\n", 1)[0]
        return "; ".join(stalled.values())

    def stages(self, tables: Collection[str]) -> Iterator[str]:
        """What befalls tables after the tape: each row of the lowest version once more, as a slow insert would write
        it; then merged parts.
        """
        if tables:
            self._straggle(tables)
            yield STRAGGLERS
            self.bench.merge(tables)
            yield MERGED

    def _straggle(self, tables: Collection[str]) -> None:
        for table in tables:
            if table not in self.versioned:
                continue
            version, key = self.versioned[table]
            rows = f"SELECT * FROM {DATABASE}.{table} ORDER BY {version} LIMIT 1 BY {key}"
            try:
                self.bench.run(f"INSERT INTO {DATABASE}.{table} {rows}")
            except WarehouseError:
                continue  # a change took that column away; the checks see what becomes of it

    def _require(self, failing: Iterable[Finding], what: str) -> None:
        found = list(failing)
        if wrong := [each for each in found if self.checks.kind(each.name) == "exact"]:
            listed = ", ".join(f"{each.name} ({each.error or each.unexpected})" for each in wrong[:5])
            raise UnsoundSchemaError(f"the schema itself fails {len(wrong)} checks on {what}: {listed}; mend it first")
        self.checks.forget([each.name for each in found])


def _versioned(schema: Schema) -> Mapping[str, tuple[str, str]]:
    found: dict[str, tuple[str, str]] = {}
    for name, statement in schema.objects.items():
        for position, arguments in statement.calls("ReplacingMergeTree"):
            if arguments and statement.tokens[position].depth == 0:
                found[name] = statement.text(arguments[0]), _sorting_key(statement.sql)
    return found


def _sorting_key(sql: str) -> str:
    inside = sql.rsplit("ORDER BY", 1)[1]
    return inside[inside.index("(") + 1 : inside.index(")")]
