"""A stall of two seconds, once in the sender and once in the warehouse, shows in the latency as it must.

A tester that waits for a slow system before it sends the next request measures the stall once and omits all that should
have been sent meanwhile. Here every trade has its time, so a stall of two seconds is seen by each trade due in it.
"""

import threading
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from harness.plan import plan
from harness.run import Outcome, run
from harness.scenario import Scenario
from harness.ways import Played, Told, Way, open_way
from k2pipeline.stack import Stack

pytestmark = pytest.mark.e2e

STALL_S = 2.0
SECONDS = 8
SCENARIO = Scenario(synthetic=f"{SECONDS}s", rate="500", times="now", suites=("silver_trades",), partitions=1)


@dataclass(frozen=True)
class SenderStalls:
    """Whoever is told of the progress takes two seconds over it, once."""

    way: Way

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        stalls = iter([STALL_S])

        def slow(text: str) -> None:
            time.sleep(next(stalls, 0))
            told(text)

        return self.way.play(running, directory, slow)


@dataclass(frozen=True)
class WarehouseStalls:
    """The warehouse's process is stopped for two seconds, in the middle."""

    way: Way

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        def stall() -> None:
            time.sleep(SECONDS / 2)
            running.pause("warehouse")
            time.sleep(STALL_S)
            running.resume("warehouse")

        stalling = threading.Thread(target=stall)
        stalling.start()
        try:
            return self.way.play(running, directory, told)
        finally:
            stalling.join()


def acknowledged_s(outcome: Outcome) -> float:
    """The slowest acknowledgement by the broker, in seconds after its message was due."""
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet")
    return float((ledger["acked_ns"] - ledger["scheduled_ns"]).max() or 0) / 1e9  # type: ignore[arg-type]


@pytest.mark.parametrize("stalls", [SenderStalls, WarehouseStalls])
def test_every_trade_due_in_a_stall_counts_as_late(tmp_path: Path, stalls: type, k2_stack_name: str) -> None:
    outcome = run(SCENARIO, way=stalls(open_way(plan(SCENARIO))), stack=k2_stack_name, out=tmp_path)
    assert outcome.results.verdict == "pass"
    silver = outcome.results.latency_ms["silver"]
    assert silver.max is not None
    assert silver.max > STALL_S * 990
    # A quarter of the trades were due in the stall, and wait for what is left of it: one in eight for over a second.
    assert silver.p50 is not None
    assert silver.p99 is not None
    assert silver.p99 > STALL_S * 750
    # Where it stalled is seen as well: the broker took the messages of a stopped warehouse as if nothing was.
    if stalls is SenderStalls:
        assert acknowledged_s(outcome) > STALL_S * 0.99
    else:
        assert acknowledged_s(outcome) < silver.max / 1000
