"""The comparison itself: one stack, one tape, both schemas, and everything that differs."""

from __future__ import annotations

import shutil
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from harness.checks import CheckResult, run_checks
from harness.gate.applying import USUAL, apply_side, group
from harness.gate.documents import stale_documents, why_not_checked
from harness.gate.findings import Databases, check_evidence, plain, refusals, row_diffs, row_evidence
from harness.gate.outcome import GateOutcome
from harness.gate.policy import Policy
from harness.gate.rows import RowDiff
from harness.gate.sides import Side, changed_files
from harness.gate.snapshot import asking, snapshot
from harness.gate.structure import compare_structures
from harness.gate.verdict import Evidence, Verdict
from harness.plan import plan
from harness.report.order import place
from harness.run import Progress, Silent, acknowledged_ends
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.truth import compute, load
from harness.ways import open_way
from k2pipeline.exchanges import TOPICS
from k2pipeline.schema import SchemaError
from k2pipeline.stack import Stack, start_stack

BASE: Final = "k2_base"
CANDIDATE: Final = USUAL


@dataclass
class _Found:
    """What has been found so far."""

    evidence: list[Evidence] = field(default_factory=list)
    rows: list[RowDiff] = field(default_factory=list)
    checks: list[CheckResult] = field(default_factory=list)
    documents: list[str] = field(default_factory=list)
    unchecked: str = "the warehouse refuses the candidate"
    trades: int = 0


def compare(
    base: Side, candidate: Side, scenario: Scenario, policy: Policy, *, out: Path, progress: Progress | None = None
) -> GateOutcome:
    """Apply both schemas, play the scenario once into both, and compare.

    Raises SchemaError when the base cannot be applied (a candidate that cannot is a finding), and what harness.run.run
    raises.
    """
    told = progress or Silent()
    started_at, started = datetime.now(UTC), time.monotonic()
    told.stage("reading the input")
    way = open_way(plan(scenario))
    directory = _new_directory(out, started_at)
    found = _Found()
    told.stage("starting the stack")
    with start_stack("embedded", workdir=directory / "stack") as running:
        running.create_topics(TOPICS, scenario.partitions)
        apply_side(running, base, BASE)
        if (refusal := _refusal(running, candidate)) is not None:
            found.evidence.append(refusal)
        else:
            told.stage("replaying")
            played = way.play(running, directory, told.advance)
            if played.stats.interrupted:
                raise KeyboardInterrupt
            found.trades = played.stats.trades_sent
            _settle(running, played.stats.ledger_path, told)
            _judge(running, found, (base, candidate), policy, played.stats.ledger_path, told)
            told.stage("checking the candidate")
            found.checks = run_checks(running.warehouse, suites_named=scenario.suites, progress=told.advance)
            found.evidence += list(check_evidence(found.checks, found.evidence, found.rows))
    shutil.rmtree(directory / "stack", ignore_errors=True)
    edited, added = changed_files(base, candidate)
    evidence = sorted(found.evidence, key=lambda each: (-each.verdict, place(each.object)))
    return GateOutcome(
        base=base.name,
        candidate=candidate.name,
        started_at=started_at.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - started, 1),
        trades=found.trades,
        evidence=tuple(evidence),
        rows=tuple(found.rows),
        checks=tuple(found.checks),
        edited=tuple(edited),
        added=tuple(added),
        refused=tuple(refusals(evidence, found.checks, edited, found.documents, policy)),
        directory=directory,
        documents_unchecked=found.unchecked,
    )


def _refusal(running: Stack, candidate: Side) -> Evidence | None:
    try:
        apply_side(running, candidate, CANDIDATE)
    except SchemaError as error:
        return Evidence(Verdict.BREAKING, "the schema", "apply", f"the warehouse refuses it: {plain(error)}")
    return None


def _settle(running: Stack, ledger: Path, told: Progress) -> None:
    told.stage("waiting for both pipelines")
    for database in (BASE, CANDIDATE):
        wait_until_consumed(
            running.bootstrap,
            group(database),
            acknowledged_ends(ledger),
            progress=lambda lag: told.advance(f"{lag:,} messages behind"),
        )


def _judge(
    running: Stack, found: _Found, schemas: tuple[Side, Side], policy: Policy, ledger: Path, told: Progress
) -> None:
    with running.warehouse.client() as client:
        query = asking(client)
        told.stage("comparing structures")
        before, after = snapshot(query, BASE), snapshot(query, CANDIDATE)
        diff = compare_structures(before, after, policy.is_promised)
        found.evidence += diff.evidence
        found.unchecked = why_not_checked(*schemas)
        if not found.unchecked:
            gone = before.objects.keys() - after.objects.keys()
            found.documents += stale_documents(schemas[1].directory, after, gone)
        told.stage("comparing rows")
        sides = Databases(BASE, CANDIDATE, before, after, diff)
        for rows in row_diffs(query, sides, policy.volatile, told.advance):
            found.rows.append(rows)
            found.evidence += row_evidence(query, rows, sides)
        told.stage("computing the truth")
        load(compute(ledger), client)


def _new_directory(out: Path, started_at: datetime) -> Path:
    stem = f"{started_at:%Y%m%dT%H%M%SZ}-gate"
    for number in range(1, 1000):
        directory = out / (stem if number == 1 else f"{stem}-{number}")
        if not directory.exists():
            directory.mkdir(parents=True)
            return directory
    raise FileExistsError(f"{out}: a thousand runs named {stem}; give another directory with --out")
