"""The search for the highest rate, and what it says gave out."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import polars as pl
import pytest
from rich.console import Console

from harness.checks import CheckResult
from harness.replay import ReplayError
from harness.results import Counts, Percentiles, Results
from harness.run import Outcome
from harness.series import Sample, Watch
from k2pipeline.stack import StackError
from load import capacity
from load.capacity import search
from load.evidence import Evidence, evidence_of, verdict_on
from load.play import Test
from load.stages import Insert, Merge, Work, shares
from load.trials import Trial, best, died, print_json, print_table

CALM = Evidence(
    rate=1100, p99_ms={"broker": 20.0, "silver": 90.0}, lag_messages={"binance": 40}, lag_growth_per_s={"binance": 0.5},
    insert_percent={"binance": {"consumer": 80.0, "bronze": 8.0, "silver": 2.0, "gold": 10.0}},
    merge_percent={"silver_trades": 7.0}, merges=31, cpu_percent={"warehouse": 60.0}, most_parts=9,
)  # fmt: skip
BEHIND = replace(CALM, lag_growth_per_s={"binance": 200.0, "kraken": 0.0}, lag_messages={"binance": 4000, "kraken": 0})


def busy_with(**percent: float) -> Evidence:
    """A consumer group falls behind, and its time goes into these stages."""
    return replace(BEHIND, insert_percent={"binance": percent, "kraken": {"silver": 100.0}})


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
        (fails("silver"), busy_with(consumer=60, bronze=10, silver=10, gold=20), "consumer"),
        (fails("silver"), busy_with(consumer=20, bronze=50, silver=10, gold=20), "bronze"),
        (fails("silver"), busy_with(consumer=20, bronze=10, silver=50, gold=20), "silver"),
        (fails("silver"), busy_with(consumer=20, bronze=10, silver=10, gold=60), "gold"),
        (fails("silver"), replace(BEHIND, insert_percent={}), "consumer"),
        (fails("query", "queries_are_answered"), CALM, "readers"),
        (fails("silver"), CALM, "silver"),
        (fails("bronze_to_silver"), CALM, "silver"),
        (fails("ohlcv_1m"), CALM, "gold"),
    ],
)
def test_the_first_stage_that_shows_the_trouble_is_named(failing: CheckResult, found: Evidence, stage: str) -> None:
    gave_out, because = verdict_on(results(failing), found)
    assert gave_out == stage
    assert any("CPU warehouse 60 %" in reason for reason in because)
    assert any("31 merges, of the time: silver_trades 7 %" in reason for reason in because)


def test_the_group_that_falls_behind_is_named_and_where_its_time_goes() -> None:
    _, because = verdict_on(results(fails("silver")), busy_with(consumer=20, bronze=10, silver=10, gold=60))
    assert because[0] == "the lag of binance grows by 200 messages/s to 4,000"
    assert "of the time between two inserts of binance: consumer 20 %, bronze 10 %, silver 10 %, gold 60 %" in because


def test_a_run_that_passed_names_no_stage() -> None:
    assert verdict_on(results(), CALM) == (None, ())


SECOND = 1_000_000_000


def insert(begun_us: int, exchange: str = "binance") -> Insert:
    """One that takes 100 ms for bronze, 200 for silver and 300 for gold."""
    return Insert(exchange, begun_us, begun_us + 100_000, begun_us + 300_000, begun_us + 600_000)


def test_the_stages_of_inserts_share_all_of_the_time_between_two() -> None:
    found = shares([insert(at) for at in (0, 1_000_000, 2_000_000)], 0, 2_600_000)
    assert found == {"consumer": 40.0, "bronze": 10.0, "silver": 20.0, "gold": 30.0}


def test_inserts_before_and_after_the_sending_say_nothing_of_it() -> None:
    around = [Insert("binance", 0, 1, 2, 900_000), Insert("binance", 5_000_000, 5_000_001, 5_000_002, 9_000_000)]
    within = [insert(1_000_000), insert(2_000_000)]
    assert shares([around[0], *within, around[1]], 900_001, 4_000_000) == shares(within, 900_001, 4_000_000)
    assert shares(within[:1], 0, 4_000_000) == {}


def test_the_evidence_is_of_the_time_in_which_trades_were_sent(tmp_path: Path) -> None:
    start, ledger = 1_767_225_600 * SECOND, tmp_path / "ledger.parquet"
    due = [start + place * SECOND // 10 for place in range(100)]
    pl.DataFrame(
        {"sent_ns": due, "scheduled_ns": due, "acked_ns": [at + 7_000_000 for at in due], "trades": [2] * 100}
    ).write_parquet(ledger)

    def sample(after_s: float, lag: int, cpu_ms: int, parts: int = 5) -> Sample:
        topics = {"market.crypto.trades.binance": lag, "market.crypto.trades.kraken": 3}
        return Sample(start + int(after_s * SECOND), topics, {"silver_trades": parts}, {}, {"warehouse": cpu_ms})

    samples = [sample(-9, 900, 0, 99), sample(1, 10, 1000), sample(5, 50, 3000, 8), sample(9, 90, 5000)]
    samples.append(sample(20, 0, 5000, 99))
    begun_us = start // 1000
    work = Work(
        (insert(begun_us), insert(begun_us + 1_000_000), insert(begun_us, "kraken")),
        (Merge(begun_us - 1, "silver_trades", 9000), Merge(begun_us + 5, "silver_trades", 990)),
    )
    stats = SimpleNamespace(ledger_path=ledger)
    latency = {"silver": Percentiles(200, 50.0, 90.0, None, 99.0)}
    outcome = Outcome(
        replace(results(), latency_ms=latency), cast(Any, stats), cast(Any, None), Watch(samples), tmp_path, ""
    )
    found = evidence_of(outcome, work)
    assert found.rate == pytest.approx(200 / 9.9)
    assert found.p99_ms == {"broker": 7.0, "silver": 90.0}
    assert found.lag_messages == {"binance": 90, "kraken": 3}
    assert found.lag_growth_per_s == {"binance": pytest.approx(10.0), "kraken": 0.0}
    assert found.insert_percent == {"binance": {"consumer": 40.0, "bronze": 10.0, "silver": 20.0, "gold": 30.0}}
    assert (found.merges, found.merge_percent) == (1, {"silver_trades": 10.0})
    assert found.cpu_percent == {"warehouse": 50.0}
    assert found.most_parts == 8


@pytest.mark.parametrize("error", [ReplayError("a sender gave up"), StackError("the warehouse died")])
def test_a_trial_that_dies_has_failed_and_the_search_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: Exception
) -> None:
    rates: list[float] = []

    def play(test: Test, told: object) -> Any:
        rates.append(test.profile.rate)
        assert test.workers == 2
        if test.profile.rate > 1500:
            raise error
        return SimpleNamespace(results=results(), directory=tmp_path), Work()

    monkeypatch.setattr(capacity, "play", play)
    monkeypatch.setattr(capacity, "evidence_of", lambda *_: CALM)
    assert capacity.main(["--workers", "2", "--precision", "0.5", "--duration", "1s"]) == 0
    assert rates == [1000, 2000, 1414]
    printed = capsys.readouterr().out
    assert "capacity: 1,414 trades/s" in printed
    assert str(error) in printed


def test_the_table_is_printed_whatever_ends_the_search(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    trials = iter([Trial(1000, True, None, (), CALM, "")])

    def trial(rate: float, options: object) -> Trial:
        found = next(trials, None)
        if found is None:
            raise KeyboardInterrupt
        return found

    monkeypatch.setattr(capacity, "_trial", trial)
    assert capacity.main([]) == 130
    assert "capacity: 1,000 trades/s" in capsys.readouterr().out


def test_a_rate_above_one_that_failed_is_no_capacity() -> None:
    trials = [Trial(rate, holds, None, (), CALM, "") for rate, holds in ((1, True), (2, False), (4, True))]
    held = best(trials)
    assert held is not None
    assert held.rate == 1


def test_the_trials_as_json_say_what_the_table_says(capsys: pytest.CaptureFixture[str]) -> None:
    trials = [Trial(1000, True, None, (), CALM, "runs/1"), died(2000, StackError("the broker died"))]
    print_json(trials)
    found = json.loads(capsys.readouterr().out)
    assert (found["capacity"], found["gave_out"]) == (1000, "stack or senders")
    assert [trial["holds"] for trial in found["trials"]] == [True, False]
    assert found["trials"][0]["evidence"]["insert_percent"]["binance"]["gold"] == 10.0


def test_the_table_has_processes_merges_and_the_stage_that_gave_out() -> None:
    console = Console(width=200, highlight=False)
    failed = Trial(2000, False, "gold", ("the lag of binance grows",), BEHIND, "")
    with console.capture() as printed:
        print_table(console, [failed, Trial(1000, True, None, (), CALM, "")])
    text = printed.get()
    assert text.index("1,000 ") < text.index("2,000 ")
    assert all(said in text for said in ("+200", "31", "warehouse 60", "at 2,000: gold gave out", "the lag of binance"))
