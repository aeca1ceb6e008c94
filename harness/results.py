"""What a run found, as data: results.json and junit.xml, and the verdict that both follow from.

results.json is stable: fields are only ever added within one schema_version.
"""

from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from harness.checks import FEED, CheckResult

SCHEMA_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Counts:
    """Frames, trades and rows of a run.

    lost and phantom are trades missing from silver and rows there that were never sent; gaps_found, ids missing
    between two that came. Each of the three is None where its check was not run. redelivered counts rows that came
    again with an offset bronze already had; parts merged in the meantime make it a lower bound.
    """

    frames_sent: int
    trades_sent: int
    bronze_rows: int
    silver_trades: int
    dead_letters: int
    lost: int | None
    phantom: int | None
    duplicates_sent: int
    redelivered: int
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
    recorded). gaps: harness.gaps.GapReport as JSON; None where the schema under test gave no answer.
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

    @property
    def failed(self) -> tuple[CheckResult, ...]:
        """Checks that do not hold and are errors, not warnings."""
        return tuple(filter(fails, self.checks))

    @property
    def verdict(self) -> str:
        """pass or fail; a run in which nothing was checked fails."""
        return "pass" if self.checks and not self.failed else "fail"

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
            "rate": {"target": self.target_rate, "achieved": self.achieved_rate},
            "latency_ms": {stage: asdict(found) for stage, found in self.latency_ms.items()},
            "checks": [check_json(check) for check in self.checks],
            "gaps": self.gaps,
        }


def fails(check: CheckResult) -> bool:
    """Whether a check makes its run fail: it does not hold, is critical, and is not about the feed, for a run knows
    what was sent.
    """
    return not check.success and check.severity == "critical" and check.layer != FEED


def write_results(results: Results, directory: Path) -> None:
    """Write results.json and junit.xml into a run's directory."""
    text = json.dumps(results.as_json(), indent=2, ensure_ascii=False)
    (directory / "results.json").write_text(text + "\n", encoding="utf-8")
    write_junit(results.scenario, results.checks, directory)


def write_junit(name: str, checks: Sequence[CheckResult], directory: Path) -> None:
    """Write checks as junit.xml into a directory; CI shows it under `k2 <name>`."""
    tree = ET.ElementTree(_junit(name, checks))
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


def _junit(scenario: str, checks: Sequence[CheckResult]) -> ET.Element:
    root = ET.Element("testsuites", name=f"k2 {scenario}", tests=str(len(checks)))
    for suite, members in groupby(sorted(checks, key=lambda check: check.suite), key=lambda check: check.suite):
        cases = list(members)
        failures = sum(not check.success for check in cases)
        element = ET.SubElement(root, "testsuite", name=suite, tests=str(len(cases)), failures=str(failures))
        for check in cases:
            case = ET.SubElement(element, "testcase", classname=suite, name=check.name, time=f"{check.seconds:.3f}")
            if not check.success:
                failure = ET.SubElement(
                    case, "failure", message=_printable(check.error or f"{check.unexpected} unexpected")
                )
                failure.text = _printable("\n".join(str(dict(row)) for row in check.sample))
    return root


def _printable(text: str) -> str:
    # XML 1.0 has no way to write most control characters, and frames may hold any.
    return "".join(char if char in "\t\n\r" or char >= " " else f"\\x{ord(char):02x}" for char in text)
