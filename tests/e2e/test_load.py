"""A load test is a run like any other: Locust sends, the ledger has every frame, the checks give the verdict."""

from pathlib import Path

import polars as pl
import pytest

from harness.run import Outcome, run
from harness.scenario import Scenario
from load.profile import Profile
from load.way import LocustWay

pytestmark = [pytest.mark.e2e, pytest.mark.load]
SHARES = {"binance": 1.0, "kraken": 0.1}


def played(out: Path, profile: Profile, *, stack: str, workers: int = 0) -> Outcome:
    scenario = Scenario(name="load", synthetic="1s", times="now", rate=f"{profile.trades_per_second:.2f}")
    return run(scenario, way=LocustWay(profile, seed=5, workers=workers), stack=stack, out=out)


@pytest.mark.parametrize("workers", [0, 2])
def test_every_trade_that_locust_sends_arrives_and_is_in_the_statistics(
    tmp_path: Path, workers: int, k2_stack_name: str
) -> None:
    profile = Profile("short", rate=400, seconds=4, shares=SHARES, readers=1 if not workers else 0)
    outcome = played(tmp_path, profile, stack=k2_stack_name, workers=workers)
    # Whether the rate was held depends on what else the machine does; test_load_rate.py has the check's own cases.
    assert {check.name for check in outcome.results.failed} <= {"rate_is_held"}
    planned = sum(profile.pace(exchange).trades for exchange in SHARES)
    # A frame with several trades is not cut in two, so the last one of an exchange may not fit.
    assert planned - 60 <= outcome.results.counts.trades_sent <= planned
    assert outcome.results.counts.silver_trades == outcome.results.counts.trades_sent
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet")
    assert ledger["seq"].to_list() == list(range(len(ledger)))
    assert ledger["scheduled_ns"].is_sorted()
    assert (outcome.directory / "locust" / "locust.html").stat().st_size > 10_000
    statistics = pl.read_csv(outcome.directory / "locust" / "locust_stats.csv")
    produced = statistics.filter(pl.col("Type") == "PRODUCE")
    assert produced["Request Count"].sum() == len(ledger)
    assert produced["Failure Count"].sum() == 0
