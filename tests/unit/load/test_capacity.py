"""The search for the highest rate, and what it says gave out."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.checks import CheckResult
from harness.results import Counts, Results
from load.capacity import Trial, search
from load.evidence import Evidence, verdict_on

CALM = Evidence(
    rate=1100, p99_ms={"broker": 20.0, "silver": 90.0}, lag_messages=40, lag_growth_per_s=0.5,
    cpu_percent={"warehouse": 60.0}, most_parts=9,
)  # fmt: skip
HELD = CheckResult(
    suite="silver_trades", name="no_trade_lost", layer="silver", kind="exact", severity="critical", success=True,
    unexpected=0, sample=(), error=None, seconds=0.1, why="Nothing vanishes.",
)  # fmt: skip


def holding_up_to(limit: float) -> Callable[[float], Trial]:
    return lambda rate: Trial(rate, rate <= limit, None, (), CALM, "")


def tried(limit: float, *, lowest: float = 1000, highest: float = 64_000, precision: float = 0.1) -> list[Trial]:
    return list(search(holding_up_to(limit), lowest, highest, precision))


@pytest.mark.parametrize("limit", [1_000, 3_700, 16_000, 50_000])
def test_what_held_and_what_did_not_end_within_the_precision(limit: float) -> None:
    trials = tried(limit)
    held = max(trial.rate for trial in trials if trial.holds)
    failed = min(trial.rate for trial in trials if not trial.holds)
    assert held <= limit < failed <= held * 1.1 + 1e-6


def test_nothing_more_is_tried_once_the_highest_rate_holds() -> None:
    assert [trial.rate for trial in tried(10**9)] == [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000]


def test_nothing_more_is_tried_when_the_lowest_rate_fails() -> None:
    assert [(trial.rate, trial.holds) for trial in tried(10)] == [(1000, False)]


def results(*failing: CheckResult) -> Results:
    counts = Counts(1, 1, 1, 1, 0, 0, 0, 0, 0, 0)
    return Results("load", 1, "embedded", "", 1.0, counts, 1000.0, 1000.0, {}, (HELD, *failing))


def fails(layer: str, name: str = "p99_within_500_ms") -> CheckResult:
    return replace(HELD, suite="latency", name=name, layer=layer, success=False, unexpected=1)


@pytest.mark.parametrize(
    ("failing", "found", "stage"),
    [
        (fails("topic", "rate_is_held"), CALM, "senders"),
        (fails("silver"), replace(CALM, p99_ms={"broker": 900.0}), "broker"),
        (fails("silver"), replace(CALM, lag_growth_per_s=200.0, lag_messages=4000), "consumer"),
        (fails("silver"), CALM, "silver"),
        (fails("bronze_to_silver"), CALM, "silver"),
        (fails("ohlcv_1m"), CALM, "gold"),
    ],
)
def test_the_first_stage_that_shows_the_trouble_is_named(failing: CheckResult, found: Evidence, stage: str) -> None:
    gave_out, because = verdict_on(results(failing), found)
    assert gave_out == stage
    assert any("CPU warehouse 60 %" in reason for reason in because)


def test_a_run_that_passed_names_no_stage() -> None:
    assert verdict_on(results(), CALM) == (None, ())
