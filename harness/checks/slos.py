"""Latency objectives, read from expectations/latency.json: what a stage may take, and how bad it is if it takes longer.

    {"name": "latency",
     "slos": [{"stage": "silver", "percentile": 99, "limit_ms": 500, "severity": "critical", "why": "..."}]}

A stage is one of stages.STAGES; a percentile is 50, 99, 99.9 or 100 (max).

Every objective gets a verdict. With too few samples for its percentile the maximum decides, which no percentile
exceeds: within the limit it proves the objective, and above it the objective is not proven, which fails. No sample at
all proves nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

from harness.checks.result import CheckResult
from harness.checks.stages import STAGES
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


def judge(
    slos: Iterable[Slo], latency_ms: Mapping[str, Measured], unread: Mapping[str, str] | None = None
) -> list[CheckResult]:
    """Each objective as a result of a suite `latency`. unread: what the warehouse said of stages it could not read."""
    return [_verdict(slo, latency_ms.get(slo.stage), (unread or {}).get(slo.stage)) for slo in slos]


def _verdict(slo: Slo, measured: Measured | None, unread: str | None) -> CheckResult:
    if measured is None or measured.max is None:
        why = unread or f"no latency of stage {slo.stage} was measured: no row of it could be timed"
        return _result(slo, success=False, error=why)
    shown = {"stage": slo.stage, "limit": f"{slo.limit_ms:g} ms", "n": str(measured.n)}
    name = PERCENTILES[slo.percentile]
    value: float | None = getattr(measured, name)
    if value is not None:
        return _result(slo, success=value <= slo.limit_ms, shown={**shown, name: f"{value:g} ms"})
    few = f"not proven: n is too small for {name}, and the maximum is above the limit; play for longer"
    return _result(
        slo, success=measured.max <= slo.limit_ms, shown={**shown, "max": f"{measured.max:g} ms", "verdict": few}
    )


def _result(
    slo: Slo, *, success: bool, shown: Mapping[str, str] | None = None, error: str | None = None
) -> CheckResult:
    return CheckResult(
        suite=LATENCY,
        name=slo.name,
        layer=slo.stage,
        kind="standing",
        severity=slo.severity,
        success=success,
        unexpected=0 if success or shown is None else 1,
        sample=() if success or shown is None else (shown,),
        error=error,
        seconds=0.0,
        why=slo.why,
    )


def _slo(given: Any) -> Slo:
    if not isinstance(given, dict) or set(given) != set(_FIELDS):
        raise SuiteError(f"an objective has {', '.join(_FIELDS)}, not {given!r}")
    slo = Slo(**given)
    if slo.stage not in STAGES:
        raise SuiteError(f"stage {slo.stage!r} is not measured; known are {', '.join(STAGES)}")
    if slo.percentile not in PERCENTILES or slo.severity not in SEVERITIES or not slo.limit_ms > 0:
        known = ", ".join(f"{percentile:g}" for percentile in PERCENTILES)
        raise SuiteError(f"percentile of {known}, limit_ms above 0, severity of {', '.join(SEVERITIES)}; not {given!r}")
    return slo
