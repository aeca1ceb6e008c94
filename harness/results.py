"""What a run found, as data: results.json and junit.xml, and the verdict that both follow from.

results.json is stable: fields are only ever added within one schema_version.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from harness.checks import FEED, CheckResult

SCHEMA_VERSION: Final = 1
RATE_TOLERANCE: Final = 0.01
# In a run of milliseconds one per cent is less than what a scheduler takes.
RATE_LATE_MS: Final = 50.0
_INFO: Final = "info"


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames, trades and rows of a run.

    lost and phantom are trades missing from silver and rows there that were never sent; gaps_found, ids missing
    between two that came. Each of the three is None where its check was not run, or could not be. The rows of a table
    are None where the schema under test gave no answer. redelivered counts rows that came again with an offset bronze
    already had; parts merged in the meantime make it a lower bound.
    """

    frames_sent: int
    trades_sent: int
    bronze_rows: int | None
    silver_trades: int | None
    dead_letters: int | None
    lost: int | None
    phantom: int | None
    duplicates_sent: int
    redelivered: int | None
    gaps_found: int | None


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Latency in ms over n samples; a percentile is None where fewer than ten samples lie above it."""

    n: int
    p50: float | None
    p99: float | None
    p999: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class Results:
    """One run. target_rate and achieved_rate are in trades per second (target None: as fast as possible or as
    recorded). gaps: harness.gaps.GapReport as JSON; None where the schema under test gave no answer. channels: the
    frames read, by exchange, kind and channel; those of other channels than trades were not sent. late_p99_ms,
    late_max_ms: how long after they were due frames were sent; None without a schedule, or with too few frames to say.
    interrupted: the play was ended early, so only what had been sent by then was checked. lag_messages: what the
    pipeline had not taken in when the waiting for it was given up.
    """

    scenario: str
    seed: int
    stack: str
    started_at: str
    seconds: float
    counts: Counts
    target_rate: float | None
    achieved_rate: float | None
    latency_ms: dict[str, Percentiles]
    checks: tuple[CheckResult, ...]
    gaps: Mapping[str, Any] | None = None
    channels: tuple[Mapping[str, Any], ...] = ()
    late_p99_ms: float | None = None
    late_max_ms: float | None = None
    interrupted: bool = False
    lag_messages: int = 0

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """The checks that make the run fail."""
        return tuple(filter(fails, self.checks))

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """The checks that do not hold and only warn."""
        return tuple(filter(warns, self.checks))

    @property
    def verdict(self) -> str:
        """pass or fail; a run fails also if nothing was checked, if it was interrupted, and if the pipeline stands
        still, for then what was checked is not what was asked for.
        """
        is_whole = self.checks and not self.interrupted and not self.lag_messages
        return "pass" if is_whole and not self.failed else "fail"

    @property
    def is_rate_held(self) -> bool | None:
        """Whether the trades were sent at the target rate, to one per cent; None without target or enough frames."""
        if self.target_rate is None or self.achieved_rate is None:
            return None
        is_slow = self.achieved_rate < self.target_rate * (1 - RATE_TOLERANCE)
        return not (is_slow and (self.late_max_ms or 0.0) > RATE_LATE_MS)

    def as_json(self) -> dict[str, Any]:
        """The content of results.json."""
        return {
            "schema_version": SCHEMA_VERSION,
            "verdict": self.verdict,
            "scenario": self.scenario,
            "seed": self.seed,
            "stack": self.stack,
            "started_at": self.started_at,
            "seconds": self.seconds,
            "counts": asdict(self.counts),
            "rate": {
                "target": self.target_rate,
                "achieved": self.achieved_rate,
                "held": self.is_rate_held,
                "late_p99_ms": self.late_p99_ms,
                "late_max_ms": self.late_max_ms,
            },
            "latency_ms": {stage: asdict(found) for stage, found in self.latency_ms.items()},
            "checks": [check_json(check) for check in self.checks],
            "gaps": self.gaps,
            "channels": [dict(channel) for channel in self.channels],
            "interrupted": self.interrupted,
            "lag_messages": self.lag_messages,
        }


Judge = Callable[[CheckResult], bool]
"""Whether a check makes fail what it is part of."""


def fails(check: CheckResult) -> bool:
    """Whether a check makes its run fail: it does not hold, is critical, and is not about the feed, for a run knows
    what was sent. One that could not be carried out says nothing of what it is about, so it always does.
    """
    if check.error is not None:
        return True
    return not check.success and check.severity == "critical" and check.layer != FEED


def warns(check: CheckResult) -> bool:
    """Whether a check that does not hold is to be told without failing the run; what is information warns nobody."""
    return not check.success and not fails(check) and check.severity != _INFO


def write_results(results: Results, directory: Path) -> None:
    """Write results.json and junit.xml into a run's directory."""
    text = json.dumps(results.as_json(), indent=2, ensure_ascii=False)
    (directory / "results.json").write_text(text + "\n", encoding="utf-8")
    write_junit(results.scenario, results.checks, directory)


def write_junit(name: str, checks: Sequence[CheckResult], directory: Path, judge: Judge = fails) -> None:
    """Write checks as junit.xml into a directory; CI shows it under `k2 <name>`.

    A check that `judge` says fails is a failure, and an error where it could not be carried out. One that only does
    not hold is a case that passes, with what it found as its output: CI must say what the verdict says.
    """
    tree = ET.ElementTree(_junit(name, checks, judge))
    ET.indent(tree)
    tree.write(directory / "junit.xml", encoding="utf-8", xml_declaration=True)


def check_json(check: CheckResult) -> dict[str, Any]:
    """A check as results.json has it."""
    return {
        "suite": check.suite,
        "name": check.name,
        "layer": check.layer,
        "kind": check.kind,
        "severity": check.severity,
        "success": check.success,
        "unexpected": check.unexpected,
        "sample": [dict(row) for row in check.sample],
        "error": check.error,
        "seconds": check.seconds,
        "why": check.why,
    }


def _junit(name: str, checks: Sequence[CheckResult], judge: Judge) -> ET.Element:
    root = ET.Element("testsuites", {"name": f"k2 {name}", **_tally(checks, judge)})
    for suite, members in groupby(sorted(checks, key=lambda check: check.suite), key=lambda check: check.suite):
        cases = list(members)
        element = ET.SubElement(root, "testsuite", {"name": suite, **_tally(cases, judge)})
        for check in cases:
            case = ET.SubElement(element, "testcase", classname=suite, name=check.name, time=f"{check.seconds:.3f}")
            if not check.success:
                _tell(case, check, judge)
    return root


def _tally(checks: Sequence[CheckResult], judge: Judge) -> dict[str, str]:
    failing = [check for check in checks if judge(check)]
    errors = sum(check.error is not None for check in failing)
    return {"tests": str(len(checks)), "failures": str(len(failing) - errors), "errors": str(errors)}


def _tell(case: ET.Element, check: CheckResult, judge: Judge) -> None:
    found = _printable(check.error or f"{check.unexpected} unexpected")
    rows = _printable("\n".join(str(dict(row)) for row in check.sample))
    if judge(check):
        ET.SubElement(case, "failure" if check.error is None else "error", message=found).text = rows
    else:
        ET.SubElement(case, "system-out").text = f"{check.severity}: {found}\n{rows}".rstrip()


def _printable(text: str) -> str:
    # XML 1.0 has no way to write most control characters, and frames may hold any.
    return "".join(char if char in "\t\n\r" or char >= " " else f"\\x{ord(char):02x}" for char in text)
