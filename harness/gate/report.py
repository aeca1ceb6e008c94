"""What the gate found, written down: summary.md for the pull request, gate.json, and junit.xml for CI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness.checks import CheckResult
from harness.gate.outcome import GateOutcome
from harness.gate.rows import RowDiff
from harness.gate.summary import markdown
from harness.gate.verdict import Evidence
from harness.report.files import SUMMARY
from harness.results import check_json, write_junit

SCHEMA_VERSION: Final = 1


def write(outcome: GateOutcome) -> None:
    """Write summary.md, gate.json and junit.xml into the run's directory."""
    text = json.dumps(as_json(outcome), indent=2, ensure_ascii=False)
    (outcome.directory / "gate.json").write_text(text + "\n", encoding="utf-8")
    (outcome.directory / SUMMARY).write_text(markdown(outcome), encoding="utf-8")
    write_junit("gate", list(cases(outcome)), outcome.directory)


def as_json(outcome: GateOutcome) -> dict[str, Any]:
    """The content of gate.json; fields are only ever added within one schema_version."""
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": str(outcome.verdict),
        "passes": outcome.passes,
        "base": outcome.base,
        "candidate": outcome.candidate,
        "started_at": outcome.started_at,
        "seconds": outcome.seconds,
        "trades": outcome.trades,
        "refused": list(outcome.refusals),
        "evidence": [_evidence(each) for each in outcome.evidence],
        "tables": [_table(rows) for rows in outcome.rows],
        "checks": [check_json(check) for check in outcome.checks if not check.success],
        "checks_run": len(outcome.checks),
        "files": {"edited": list(outcome.edited), "added": list(outcome.added)},
        "documents": {"checked": not outcome.documents_unchecked, "why_not": outcome.documents_unchecked},
        "rehearsal": outcome.rehearsed.as_json() if outcome.rehearsed else None,
    }


def cases(outcome: GateOutcome) -> Iterator[CheckResult]:
    """Everything as cases for CI: the candidate's checks, and the verdict, which fails where the change is refused."""
    yield from outcome.checks
    rows = tuple(row for each in outcome.evidence if each.verdict == outcome.verdict for row in each.rows)[:5]
    why = "; ".join(outcome.refusals) or None
    yield _case(f"verdict_is_{outcome.verdict}", outcome.passes, len(outcome.refusals), why, rows)


def _case(name: str, success: bool, count: int, error: str | None, rows: tuple[Mapping[str, str], ...]) -> CheckResult:
    return CheckResult("gate", name, "gate", "gate", "critical", success, count, rows, error, 0.0, "")


def _table(rows: RowDiff) -> dict[str, Any]:
    counts = {name: getattr(rows, name) for name in ("keys", "lost", "appeared", "more", "fewer", "changed")}
    return {"name": rows.object, "identical": rows.is_identical, **counts}


def _evidence(each: Evidence) -> dict[str, Any]:
    return {
        "verdict": str(each.verdict),
        "object": each.object,
        "part": each.part,
        "what": each.what,
        "before": each.before,
        "after": each.after,
        "rows": [dict(row) for row in each.rows],
        "causes": [dict(row) for row in each.causes],
    }
