"""Latency objectives: when they hold, when they do not, and when nobody can say."""

import json
from pathlib import Path

import pytest

from harness.checks import SuiteError
from harness.checks.slos import Slo, judge, load_slos, unmeasured
from harness.results import Percentiles

SILVER = Slo("silver", 99, 500, "critical", "half a second")


def at(p99: float | None, n: int = 5000) -> dict[str, Percentiles]:
    return {"silver": Percentiles(n=n, p50=1.0, p99=p99, p999=None, max=9000.0)}


@pytest.mark.parametrize(("p99", "holds"), [(499.9, True), (500.0, True), (500.001, False)])
def test_an_objective_holds_up_to_its_limit(p99: float, holds: bool) -> None:
    (found,) = judge([SILVER], at(p99))
    assert (found.suite, found.name, found.success) == ("latency", "silver_p99_within_500_ms", holds)
    assert found.sample == (
        () if holds else ({"stage": "silver", "p99": "500.001 ms", "limit": "500 ms", "n": "5000"},)
    )


def test_a_percentile_of_too_few_samples_is_not_judged() -> None:
    assert judge([SILVER], at(None, n=900)) == []


def test_a_stage_that_could_not_be_read_fails_with_the_reason() -> None:
    (found,) = unmeasured([SILVER], {"silver": "no table system.part_log"})
    assert (found.success, found.severity, found.error) == (False, "critical", "no table system.part_log")
    assert unmeasured([SILVER], {"ohlcv_1m": "no such view"}) == []


@pytest.mark.parametrize(
    "change",
    [{"percentile": 98}, {"limit_ms": 0}, {"severity": "fatal"}, {"stage": None, "extra": 1}],
)
def test_an_objective_that_means_nothing_is_refused_by_file(tmp_path: Path, change: dict[str, object]) -> None:
    slo = {"stage": "silver", "percentile": 99, "limit_ms": 500, "severity": "critical", "why": "."}
    (tmp_path / "latency.json").write_text(json.dumps({"name": "latency", "slos": [slo | change]}), encoding="utf-8")
    with pytest.raises(SuiteError, match=r"latency\.json"):
        load_slos(tmp_path)


def test_the_shipped_objectives_are_those_of_the_design() -> None:
    musts = {(slo.stage, slo.percentile): slo.limit_ms for slo in load_slos() if slo.severity == "critical"}
    assert musts == {("silver", 99): 500, ("bronze_to_silver", 99): 100, ("ohlcv_1m", 99): 60_000}
