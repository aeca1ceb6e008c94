"""What must not grow while a run goes on: memory, lag, parts and the broker's price, by expectations/growth.json.

    {"name": "growth", "shortest_s": 300, "warm_up_s": 60,
     "limits": [{"measure": "memory_mib_per_minute", "of": "warehouse", "limit": 30, "severity": "critical",
                 "why": "..."}]}

What is sampled while frames are sent, without the warm-up, is cut into thirds; the last is compared with the first by
their medians, so that neither a single sample nor a merge that happens to run decides. A run whose sending takes less
than shortest_s is too short to tell, and is not judged; a process that the run did not sample (it runs elsewhere) has
no limit to keep. It does not see growth that begins after the end, nor what is given back within a third.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Final, Protocol

from harness.checks.result import CheckResult
from harness.checks.suites import EXPECTATIONS, GROWTH, SEVERITIES, SuiteError

_MIB: Final = 2**20
_FIELDS: Final = ("measure", "of", "limit", "severity", "why")
_FEWEST_IN_A_THIRD: Final = 3


class Sampled(Protocol):
    """See harness.series.watch.Sample."""

    @property
    def at_ns(self) -> int: ...
    @property
    def lag_messages(self) -> Mapping[str, int]: ...
    @property
    def parts(self) -> Mapping[str, int]: ...
    @property
    def memory_bytes(self) -> Mapping[str, int]: ...
    @property
    def cpu_ms(self) -> Mapping[str, int]: ...


@dataclass(frozen=True, slots=True)
class Sent:
    """The sending: from when to when (ns since 1970), how many messages and bytes of frames in all."""

    first_ns: int
    last_ns: int
    messages: int
    bytes: int

    @property
    def seconds(self) -> float:
        return (self.last_ns - self.first_ns) / 1e9


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that one measure may be."""

    measure: str
    of: str
    limit: float
    severity: str
    why: str

    @property
    def name(self) -> str:
        """Such as warehouse_memory_mib_per_minute_within_30."""
        return f"{self.of.replace(' ', '_')}_{self.measure}_within_{self.limit:g}"


@dataclass(frozen=True, slots=True)
class Growth:
    """What growth.json holds."""

    shortest_s: float
    warm_up_s: float
    limits: tuple[Limit, ...]


@dataclass(frozen=True, slots=True)
class _Thirds:
    first: Sequence[Sampled]
    last: Sequence[Sampled]
    sent: Sent

    @property
    def minutes(self) -> float:
        """Between the middles of both."""
        return (_middle_ns(self.last) - _middle_ns(self.first)) / 60e9

    def rise(self, value: Callable[[Sampled], float]) -> float:
        return median(map(value, self.last)) - median(map(value, self.first))


def load_growth(folder: Path = EXPECTATIONS) -> Growth:
    """The limits of a folder of suites. Raises SuiteError when the file is missing or cannot be understood."""
    path = folder / f"{GROWTH}.json"
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        limits = tuple(_limit(each) for each in content["limits"])
        return Growth(float(content["shortest_s"]), float(content["warm_up_s"]), limits)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SuiteError(f"{path}: {error!r}; see harness/checks/growth.py for what it holds") from error


def judge_growth(growth: Growth, samples: Sequence[Sampled], sent: Sent) -> list[CheckResult]:
    """Each limit as a result of a suite `growth`; none of a run that is too short."""
    if sent.seconds < growth.shortest_s:
        return []
    from_ns = sent.first_ns + growth.warm_up_s * 1e9
    kept = [sample for sample in samples if from_ns <= sample.at_ns <= sent.last_ns]
    edges_ns = [from_ns + (sent.last_ns - from_ns) * third / 3 for third in (1, 2)]
    thirds = _Thirds(
        [sample for sample in kept if sample.at_ns < edges_ns[0]],
        [sample for sample in kept if sample.at_ns >= edges_ns[1]],
        sent,
    )
    if min(len(thirds.first), len(thirds.last)) < _FEWEST_IN_A_THIRD:
        said = f"too few samples: {len(thirds.first)} in the first third, {len(thirds.last)} in the last"
        return [_result(limit, None, error=said) for limit in growth.limits]
    return [
        _result(limit, MEASURES[limit.measure](thirds, limit.of))
        for limit in growth.limits
        if not limit.measure.startswith(_OF_A_PROCESS) or any(limit.of in each.cpu_ms for each in kept)
    ]


def _memory_mib_per_minute(thirds: _Thirds, process: str) -> float:
    return thirds.rise(lambda sample: sample.memory_bytes.get(process, 0)) / _MIB / thirds.minutes


def _memory_bytes_per_byte_sent(thirds: _Thirds, process: str) -> float:
    sent_bytes = thirds.sent.bytes / thirds.sent.seconds * thirds.minutes * 60
    return thirds.rise(lambda sample: sample.memory_bytes.get(process, 0)) / max(sent_bytes, 1)


def _lag_growth_s(thirds: _Thirds, _: str) -> float:
    return thirds.rise(lambda sample: sum(sample.lag_messages.values())) * thirds.sent.seconds / thirds.sent.messages


def _parts_growth(thirds: _Thirds, _: str) -> float:
    tables = {table for sample in thirds.last for table in sample.parts}
    rises = (thirds.rise(lambda sample, table=table: sample.parts.get(table, 0)) for table in tables)  # type: ignore[misc]
    return max(rises, default=0.0)


def _cpu_percent(thirds: _Thirds, process: str) -> float:
    """Of a core, in the last third."""
    seen = [sample for sample in thirds.last if process in sample.cpu_ms]
    if len(seen) < _FEWEST_IN_A_THIRD:
        return 0.0  # it has ended, and takes nothing
    first, last = seen[0], seen[-1]
    # A process that was started again begins to count anew.
    spent_ms = max(last.cpu_ms[process] - first.cpu_ms[process], 0)
    return 100 * spent_ms / ((last.at_ns - first.at_ns) / 1e6)


MEASURES: Final[Mapping[str, Callable[[_Thirds, str], float]]] = {
    "memory_mib_per_minute": _memory_mib_per_minute,
    "memory_bytes_per_byte_sent": _memory_bytes_per_byte_sent,
    "lag_growth_s": _lag_growth_s,
    "parts_growth": _parts_growth,
    "cpu_percent": _cpu_percent,
}
_OF_A_PROCESS: Final = ("memory_", "cpu_")


def _middle_ns(samples: Sequence[Sampled]) -> float:
    return median(sample.at_ns for sample in samples)


def _limit(given: Any) -> Limit:
    if not isinstance(given, dict) or set(given) != set(_FIELDS):
        raise SuiteError(f"a limit has {', '.join(_FIELDS)}, not {given!r}")
    limit = Limit(**given)
    if limit.measure not in MEASURES or limit.severity not in SEVERITIES or not limit.limit > 0:
        known = f"measure of {', '.join(MEASURES)}, limit above 0, severity of {', '.join(SEVERITIES)}"
        raise SuiteError(f"{known}; not {given!r}")
    return limit


def _result(limit: Limit, value: float | None, error: str | None = None) -> CheckResult:
    success = value is not None and value <= limit.limit
    shown = {} if value is None else {"of": limit.of, limit.measure: f"{value:.2f}", "limit": f"{limit.limit:g}"}
    return CheckResult(
        suite=GROWTH,
        name=limit.name,
        layer=GROWTH,
        kind="standing",
        severity=limit.severity,
        success=success,
        unexpected=0 if success or error else 1,
        sample=() if success or error else (shown,),
        error=error,
        seconds=0.0,
        why=limit.why,
    )
