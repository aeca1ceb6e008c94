"""From what the checks showed to what they found: counts by case and check, recall and precision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.checks import CheckResult
from harness.detect.bench import Played
from harness.detect.cases import Case
from harness.detect.expected import EXPECTED
from harness.detect.suspects import Suspects, suspects_of


@dataclass(frozen=True, slots=True)
class CheckScore:
    """One check in one case. `found` are instances, `rows` what the check showed, `false_alarms` those of no instance.

    due: whether the fault has to set it off. delay_s: from the sending of the first instance to the verdict, None where
    none was found.
    """

    check: str
    kind: str
    severity: str
    due: bool
    found: int
    rows: int
    false_alarms: int
    delay_s: float | None


@dataclass(frozen=True, slots=True)
class CaseScore:
    """One case. `found`: instances that at least one check pointed at; `errors`: checks that could not be run."""

    case: Case
    injected: int
    found: int
    checks: tuple[CheckScore, ...]
    errors: tuple[str, ...]
    trades: int
    seconds: float

    @property
    def rows(self) -> int:
        """All rows that were shown."""
        return sum(check.rows for check in self.checks)

    @property
    def false_alarms(self) -> int:
        """Those of them that point at nothing that was changed."""
        return sum(check.false_alarms for check in self.checks)


@dataclass(frozen=True, slots=True)
class Figure:
    """Counts of several cases together."""

    injected: int
    found: int
    rows: int
    false_alarms: int

    @property
    def recall(self) -> float | None:
        """Share of what was injected that was found; None where nothing had to be."""
        return self.found / self.injected if self.injected else None

    @property
    def precision(self) -> float | None:
        """Share of the alarms that were true; None where there was none."""
        return (self.rows - self.false_alarms) / self.rows if self.rows else None


@dataclass(frozen=True, slots=True)
class Report:
    """All cases, the command that measures them again, and every check that was run."""

    cases: tuple[CaseScore, ...]
    command: str
    seconds: float
    checks: tuple[str, ...] = ()

    @property
    def clean(self) -> tuple[CaseScore, ...]:
        """The runs without a fault."""
        return tuple(score for score in self.cases if score.case.fault is None)

    def of(self, fault: str) -> tuple[CaseScore, ...]:
        """The cases of one fault."""
        return tuple(score for score in self.cases if score.case.fault and score.case.fault.name == fault)

    @property
    def faults(self) -> tuple[str, ...]:
        """The faults in the order of their cases."""
        return tuple(dict.fromkeys(score.case.fault.name for score in self.cases if score.case.fault))

    def figure(self, fault: str) -> Figure:
        """One fault over all of its intensities; a fault that nobody may notice injects nothing to be found."""
        return _figure(self.of(fault))

    @property
    def total(self) -> Figure:
        """All cases together, the clean ones too."""
        return _figure(self.cases)

    @property
    def silent(self) -> tuple[str, ...]:
        """The checks that told of nothing in any case."""
        told = {score.check for case in self.cases for score in case.checks if score.rows}
        return tuple(name for name in self.checks if name not in told)

    @property
    def short(self) -> tuple[str, ...]:
        """Faults of which less was found than EXPECTED says has to be."""
        figures = {fault: self.figure(fault) for fault in self.faults}
        return tuple(
            name for name, each in figures.items() if (each.recall or 0) < EXPECTED[name].least and each.injected
        )

    @property
    def is_complete(self) -> bool:
        """As much was found as has to be, nothing else was alarmed, and every check could be run."""
        errors = any(case.errors for case in self.cases)
        return not self.short and not self.total.false_alarms and not errors


def score(played: Played, clean: Played, exchanges: Iterable[str]) -> CaseScore:
    """What the checks found in a play, beside the clean play of the same tape."""
    case = played.case
    suspects = suspects_of(played.ledger, played.truth, clean.ledger, clean.truth)
    due = EXPECTED[case.fault.name].checks(exchanges) if case.fault else frozenset()
    found: set[int] = set()
    scores = []
    for check in played.checks:
        name = f"{check.suite}.{check.name}"
        if check.success and name not in due:
            continue
        seen, one = _check(check, name, suspects, name in due, played.done_ns)
        found |= seen
        scores.append(one)
    return CaseScore(
        case=case,
        injected=len(suspects.seqs),
        found=len(found),
        checks=tuple(scores),
        errors=tuple(f"{check.suite}.{check.name}: {check.error}" for check in played.checks if check.error),
        trades=played.truth.trades_sent,
        seconds=round(played.seconds, 1),
    )


def _check(
    check: CheckResult, name: str, suspects: Suspects, due: bool, done_ns: Mapping[str, int]
) -> tuple[set[int], CheckScore]:
    pointed = [suspects.pointed_at(check.suite, row) for row in check.sample]
    seen = {seq for seqs in pointed for seq in seqs}
    first_ns = min((suspects.sent_ns[seq] for seq in seen), default=None)
    one = CheckScore(
        check=name,
        kind=check.kind,
        severity=check.severity,
        due=due,
        found=len(seen),
        rows=len(pointed),
        false_alarms=sum(not seqs for seqs in pointed) + (not check.success and not pointed),
        delay_s=None if first_ns is None else round((done_ns[check.suite] - first_ns) / 1e9, 2),
    )
    return seen, one


def by_check(cases: Sequence[CaseScore]) -> Mapping[str, list[CheckScore]]:
    """The scores of each check over several cases."""
    found: defaultdict[str, list[CheckScore]] = defaultdict(list)
    for case in cases:
        for check in case.checks:
            found[check.check].append(check)
    return found


def _figure(cases: Sequence[CaseScore]) -> Figure:
    noticed = [case for case in cases if case.case.fault and _is_due(case.case.fault.name)]
    return Figure(
        injected=sum(case.injected for case in noticed),
        found=sum(case.found for case in noticed),
        rows=sum(case.rows for case in cases),
        false_alarms=sum(case.false_alarms for case in cases),
    )


def _is_due(fault: str) -> bool:
    return bool(EXPECTED[fault].alarms or EXPECTED[fault].fails)
