"""Latency objectives, read from expectations/latency.json: what a stage may take, and how bad it is if it takes longer.

    {"name": "latency",
     "slos": [{"stage": "silver", "percentile": 99, "limit_ms": 500, "severity": "critical", "why": "..."}]}

A stage is one of harness.series, see queries.layers there; a percentile is 50, 99, 99.9 or 100 (max).
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, Protocol

from harness.checks.result import CheckResult
from harness.checks.suites import EXPECTATIONS, LATENCY, SEVERITIES, SuiteError

PERCENTILES: Final[Mapping[float, str]] = {50: "p50", 99: "p99", 99.9: "p999", 100: "max"}
_FIELDS: Final = ("stage", "percentile", "limit_ms", "severity", "why")


class Measured(Protocol):
    """Latencies of one stage in ms over n samples; a percentile with too few samples for it is None."""

    @property
    def n(self) -> int: ...
    @property
    def p50(self) -> float | None: ...
    @property
    def p99(self) -> float | None: ...
    @property
    def p999(self) -> float | None: ...
    @property
    def max(self) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Slo:
    """One objective: this percentile of the stage's latency is at most limit_ms."""

    stage: str
    percentile: float
    limit_ms: float
    severity: str
    why: str

    @property
    def name(self) -> str:
        """Such as silver_p99_within_500_ms."""
        return f"{self.stage}_{PERCENTILES[self.percentile]}_within_{self.limit_ms:g}_ms"


def load_slos(folder: Path = EXPECTATIONS) -> tuple[Slo, ...]:
    """The objectives of a folder of suites. Raises SuiteError when the file is missing or cannot be understood."""
    path = folder / f"{LATENCY}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        slos = tuple(_slo(each) for each in content["slos"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{path}: {error!r}; see harness/checks/slos.py for what it holds") from error
    if len({slo.name for slo in slos}) < len(slos) or not slos:
        raise SuiteError(f"{path}: give at least one objective, and none twice")
    return slos


def judge(slos: Iterable[Slo], latency_ms: Mapping[str, Measured]) -> list[CheckResult]:
    """The objectives as results of a suite `latency`, those for which there are samples enough to say."""
    return [
        _result(slo, value, latency_ms[slo.stage].n)
        for slo in slos
        if slo.stage in latency_ms and (value := _value(latency_ms[slo.stage], slo.percentile)) is not None
    ]


def unmeasured(slos: Iterable[Slo], unread: Mapping[str, str]) -> list[CheckResult]:
    """The objectives of stages that could not be read, each failing with what the warehouse said."""
    return [
        replace(_result(slo, math.inf, 0), sample=(), error=unread[slo.stage]) for slo in slos if slo.stage in unread
    ]


def _value(measured: Measured, percentile: float) -> float | None:
    value: float | None = getattr(measured, PERCENTILES[percentile])
    return value


def _result(slo: Slo, value: float, n: int) -> CheckResult:
    is_met = value <= slo.limit_ms
    shown = {
        "stage": slo.stage,
        PERCENTILES[slo.percentile]: f"{value:g} ms",
        "limit": f"{slo.limit_ms:g} ms",
        "n": str(n),
    }
    return CheckResult(
        suite=LATENCY,
        name=slo.name,
        layer=slo.stage,
        kind="standing",
        severity=slo.severity,
        success=is_met,
        unexpected=0 if is_met else 1,
        sample=() if is_met else (shown,),
        error=None,
        seconds=0.0,
        why=slo.why,
    )


def _slo(given: Any) -> Slo:
    if not isinstance(given, dict) or set(given) != set(_FIELDS):
        raise SuiteError(f"an objective has {', '.join(_FIELDS)}, not {given!r}")
    slo = Slo(**given)
    if slo.percentile not in PERCENTILES or slo.severity not in SEVERITIES or not slo.limit_ms > 0:
        known = ", ".join(f"{percentile:g}" for percentile in PERCENTILES)
        raise SuiteError(f"percentile of {known}, limit_ms above 0, severity of {', '.join(SEVERITIES)}; not {given!r}")
    return slo
