"""Latency objectives: each shipped one holds at its limit and fails above it; what cannot be understood is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from harness.checks.slos import PERCENTILES, Slo, judge, load_slos
from harness.checks.suites import SuiteError
from harness.results import Percentiles

SLO: dict[str, Any] = {"stage": "silver", "percentile": 99, "limit_ms": 500, "severity": "critical", "why": "soon"}


def measured(slo: Slo, value_ms: float) -> dict[str, Percentiles]:
    """A stage of which only the percentile in question is known, and a maximum far above it."""
    unknown: dict[str, float | None] = dict.fromkeys(PERCENTILES.values())
    values = {**unknown, "max": 10 * slo.limit_ms, PERCENTILES[slo.percentile]: value_ms}
    return {slo.stage: Percentiles(n=10_000, **values)}


@pytest.mark.parametrize("slo", load_slos(), ids=lambda slo: slo.name)
def test_a_shipped_objective_holds_at_its_limit_and_fails_above(slo: Slo) -> None:
    (held,) = judge([slo], measured(slo, slo.limit_ms))
    (missed,) = judge([slo], measured(slo, slo.limit_ms + 0.5))
    assert (held.success, held.unexpected, held.sample) == (True, 0, ())
    assert (missed.success, missed.unexpected, missed.severity) == (False, 1, slo.severity)
    assert missed.sample[0][PERCENTILES[slo.percentile]] == f"{slo.limit_ms + 0.5:g} ms"
    assert missed.sample[0]["n"] == "10000"


@pytest.mark.parametrize("severity", ["critical", "warning"])
def test_with_too_few_samples_a_maximum_within_the_limit_proves_the_objective(severity: str) -> None:
    slo = Slo(**{**SLO, "severity": severity})
    (held,) = judge([slo], {"silver": Percentiles(n=5, p50=None, p99=None, p999=None, max=500.0)})
    assert (held.success, held.unexpected, held.sample) == (True, 0, ())


def test_with_too_few_samples_a_maximum_above_the_limit_is_not_proven_and_fails() -> None:
    (missed,) = judge([Slo(**SLO)], {"silver": Percentiles(n=999, p50=1.0, p99=None, p999=None, max=500.1)})
    assert (missed.success, missed.unexpected, missed.severity) == (False, 1, "critical")
    assert (missed.sample[0]["n"], missed.sample[0]["max"]) == ("999", "500.1 ms")
    assert missed.sample[0]["verdict"].startswith("not proven: n is too small for p99")


@pytest.mark.parametrize("measured", [{}, {"silver": Percentiles(n=0, p50=None, p99=None, p999=None, max=None)}])
def test_a_stage_without_a_sample_proves_nothing_and_fails(measured: dict[str, Percentiles]) -> None:
    (missed,) = judge([Slo(**SLO)], measured)
    assert not missed.success
    assert missed.error == "no latency of stage silver was measured: no row of it could be timed"


def test_every_objective_gets_a_verdict() -> None:
    assert [result.name for result in judge(load_slos(), {})] == [slo.name for slo in load_slos()]


def test_a_percentile_decides_where_there_are_samples_enough_whatever_the_maximum_is() -> None:
    (held,) = judge([Slo(**SLO)], {"silver": Percentiles(n=10_000, p50=1.0, p99=499.0, p999=None, max=9_000.0)})
    assert held.success


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ({"name": "latency", "slos": [{**SLO, "percentile": 95}]}, "percentile of 50, 99, 99.9, 100"),
        ({"name": "latency", "slos": [{**SLO, "limit_ms": 0}]}, "limit_ms above 0"),
        (
            {"name": "latency", "slos": [{**SLO, "stage": "slver"}]},
            "stage 'slver' is not measured; known are send, broker",
        ),
        ({"name": "latency", "slos": [{**SLO, "severity": "bad"}]}, "severity of critical, warning, info"),
        ({"name": "latency", "slos": [{"stage": "silver"}]}, "an objective has stage, percentile"),
        ({"name": "latency", "slos": []}, "at least one objective"),
        ({"name": "latency", "slos": [SLO, SLO]}, "none twice"),
    ],
)
def test_an_objective_that_cannot_be_understood_is_refused(tmp_path: Path, content: object, says: str) -> None:
    (tmp_path / "latency.json").write_text(json.dumps(content))
    with pytest.raises(SuiteError, match=says):
        load_slos(tmp_path)


def test_a_folder_without_objectives_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SuiteError):
        load_slos(tmp_path)


def test_a_stage_that_could_not_be_read_fails_with_the_reason() -> None:
    (found,) = judge([Slo(**SLO)], {}, {"silver": "no table system.part_log"})
    assert (found.success, found.severity, found.error) == (False, "critical", "no table system.part_log")


def test_the_shipped_objectives_are_those_of_the_design() -> None:
    musts = {(slo.stage, slo.percentile): slo.limit_ms for slo in load_slos() if slo.severity == "critical"}
    assert musts == {("silver", 99): 500, ("bronze_to_silver", 99): 100, ("ohlcv_1m", 99): 60_000}
