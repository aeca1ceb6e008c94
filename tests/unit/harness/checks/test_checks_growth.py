"""What must not grow: each shipped limit holds up to what it allows and fails above it; a short run is not judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from harness.checks.growth import MEASURES, Growth, Limit, Sent, judge_growth, load_growth
from harness.checks.suites import SuiteError
from harness.series import Sample

START_NS = 1_795_478_400 * 10**9
SECONDS = 660
# So that the thirds, without the first 60 s, are 200 s long and their middles 400 s apart.
APART_MIN = 400 / 60
SENT = Sent(START_NS, START_NS + SECONDS * 10**9, messages=660_000, bytes=66_000_000)
PROCESSES = ("warehouse", "harness", "senders", "broker")
SHIPPED = load_growth()


def samples(
    memory_mib: Callable[[float], float] = lambda _: 500,
    lag: Callable[[float], float] = lambda _: 40,
    parts: Callable[[float], float] = lambda _: 6,
    cpu_percent: float = 20,
    processes: tuple[str, ...] = PROCESSES,
) -> list[Sample]:
    """One a second, before the sending and after it too; every value by the second."""
    return [
        Sample(
            START_NS + second * 10**9,
            {"a": round(lag(second)), "b": 0},
            {"silver_trades": round(parts(second)), "bronze": 3},
            dict.fromkeys(processes, round(memory_mib(second) * 2**20)),
            dict.fromkeys(processes, round(second * 10 * cpu_percent)),
        )
        for second in range(-10, SECONDS + 100)
    ]


def growing(measure: str, to: float) -> list[Sample]:
    """Samples of which this measure is as given."""
    per_s = to / APART_MIN / 60
    sent_mib_per_s = SENT.bytes / SENT.seconds / 2**20
    return {
        "memory_mib_per_minute": lambda: samples(memory_mib=lambda second: 500 + to / 60 * second),
        "memory_bytes_per_byte_sent": lambda: samples(memory_mib=lambda second: 500 + to * sent_mib_per_s * second),
        "lag_growth_s": lambda: samples(lag=lambda second: 100 + 1000 * per_s * second),
        "parts_growth": lambda: samples(parts=lambda second: 5 + per_s * second),
        "cpu_percent": lambda: samples(cpu_percent=to),
    }[measure]()


def judged(limit: Limit, found: list[Sample]) -> Any:
    (result,) = judge_growth(Growth(300, 60, (limit,)), found, SENT)
    return result


@pytest.mark.parametrize("limit", SHIPPED.limits, ids=lambda limit: limit.name)
def test_a_shipped_limit_holds_below_it_and_fails_above(limit: Limit) -> None:
    held = judged(limit, growing(limit.measure, limit.limit * 0.95))
    missed = judged(limit, growing(limit.measure, limit.limit * 1.05))
    assert (held.success, held.unexpected, held.sample, held.error) == (True, 0, (), None)
    assert (missed.success, missed.unexpected, missed.severity) == (False, 1, limit.severity)
    assert float(missed.sample[0][limit.measure]) == pytest.approx(limit.limit * 1.05, rel=0.03)


def test_every_measure_has_a_shipped_limit() -> None:
    assert {limit.measure for limit in SHIPPED.limits} == set(MEASURES)


def test_what_is_flat_breaks_no_limit() -> None:
    found = judge_growth(SHIPPED, samples(), SENT)
    assert [result.success for result in found] == [True] * len(SHIPPED.limits)


def test_the_warm_up_is_no_growth() -> None:
    limit = next(limit for limit in SHIPPED.limits if limit.measure == "memory_mib_per_minute")
    assert judged(limit, samples(memory_mib=lambda second: min(5 * max(second, 0), 300))).success


def test_what_happens_after_the_sending_is_no_growth() -> None:
    limit = next(limit for limit in SHIPPED.limits if limit.measure == "memory_mib_per_minute")
    assert judged(limit, samples(memory_mib=lambda second: 500 if second <= SECONDS else 9_000)).success


def test_a_short_run_is_not_judged() -> None:
    short = Sent(START_NS, START_NS + 299 * 10**9, 1, 1)
    assert judge_growth(SHIPPED, growing("parts_growth", 1e6), short) == []


def test_a_long_run_without_samples_fails_and_says_so() -> None:
    found = judge_growth(SHIPPED, [], SENT)
    assert [result.success for result in found] == [False] * len(SHIPPED.limits)
    assert {result.error for result in found} == {"too few samples: 0 in the first third, 0 in the last"}


def test_a_process_that_runs_elsewhere_has_no_limit_but_lag_and_parts_have() -> None:
    found = judge_growth(SHIPPED, samples(processes=("harness",)), SENT)
    assert {result.sample for result in found} == {()}
    assert [result.name.split("_within")[0] for result in found] == [
        "harness_memory_mib_per_minute",
        "all_topics_lag_growth_s",
        "any_table_parts_growth",
    ]


def test_a_process_that_is_missing_from_a_sample_is_still_judged() -> None:
    limit = next(limit for limit in SHIPPED.limits if limit.measure == "cpu_percent")
    found = samples(cpu_percent=2 * limit.limit)
    found[600].cpu_ms.pop(limit.of)  # type: ignore[attr-defined]
    assert not judged(limit, found).success


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"measure": "memory"}, "measure of memory_mib_per_minute"),
        ({"limit": 0}, "limit above 0"),
        ({"severity": "bad"}, "severity of critical, warning, info"),
        ({"further": 1}, "a limit has measure, of, limit, severity, why"),
    ],
)
def test_a_limit_that_cannot_be_understood_is_refused(tmp_path: Path, change: dict[str, Any], says: str) -> None:
    limit = {"measure": "cpu_percent", "of": "broker", "limit": 50, "severity": "critical", "why": "so"}
    content = {"name": "growth", "shortest_s": 300, "warm_up_s": 60, "limits": [{**limit, **change}]}
    (tmp_path / "growth.json").write_text(json.dumps(content))
    with pytest.raises(SuiteError, match=says):
        load_growth(tmp_path)
