"""What the gate found, as a value."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.checks import CheckResult
from harness.gate.rehearsed import Rehearsed
from harness.gate.rows import RowDiff
from harness.gate.verdict import Evidence, Verdict, worst


@dataclass(frozen=True, slots=True)
class GateOutcome:
    """`base` and `candidate` as they were called on the command line; `trades` went through both.

    `rows` has an entry for each table and view that was compared, `checks` are those of the candidate. `edited` are
    files of the base that the candidate changes, `added` its new ones. `refused` says in a sentence each why the
    policy does not let the comparison pass. `documents_unchecked` says why no document was judged, '' where they were.
    """

    base: str
    candidate: str
    started_at: str
    seconds: float
    trades: int
    evidence: tuple[Evidence, ...]
    rows: tuple[RowDiff, ...]
    checks: tuple[CheckResult, ...]
    edited: tuple[str, ...]
    added: tuple[str, ...]
    refused: tuple[str, ...]
    directory: Path
    rehearsed: Rehearsed | None = None
    documents_unchecked: str = ""

    @property
    def verdict(self) -> Verdict:
        """The worst of all that was found."""
        return worst(self.evidence)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Why the change does not pass, the rehearsal included; empty where it does."""
        return (*self.refused, *(self.rehearsed.refused if self.rehearsed else ()))

    @property
    def passes(self) -> bool:
        """Whether the policy lets the comparison pass, and the rehearsal went well if there was one."""
        return not self.refusals
