"""A stall of two seconds, once in the sender and once in the warehouse, shows in the latency as it must.

A tester that waits for a slow system before it sends the next request measures the stall once and omits all that should
have been sent meanwhile. Here every trade has its time, so a stall of two seconds is seen by each trade due in it: in
the replay, and in Locust's processes, which are stopped like any other process that gets no processor.
"""

import json
import signal
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import pytest

from harness.checks.stages import CANDLES
from harness.plan import plan
from harness.run import Outcome, run
from harness.scenario import Scenario
from harness.ways import Played, Told, Way, open_way
from k2pipeline.stack import Stack
from load.profile import Profile
from load.way import LocustWay

pytestmark = pytest.mark.e2e

STALL_S = 2.0
SECONDS = 8
RATE = 500
LATE = ("silver", *(f"ohlcv_{window}" for window in CANDLES))
SCENARIO = Scenario(synthetic=f"{SECONDS}s", rate=str(RATE), times="now", suites=("silver_trades",), partitions=1)


@dataclass(frozen=True)
class SenderStalls:
    """Whoever is told of the progress takes two seconds over it, once."""

    way: Way = field(default_factory=lambda: open_way(plan(SCENARIO)))

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        stalls = iter([STALL_S])

        def slow(text: str, *further: float | None) -> None:
            time.sleep(next(stalls, 0))
            told(text, *further)

        return self.way.play(running, directory, slow)


@dataclass(frozen=True)
class LocustStalls:
    """The processes that send are stopped for two seconds, once they have told how many trades they have sent."""

    way: Way = field(default_factory=lambda: LocustWay(Profile("stalls", RATE, SECONDS, {"binance": 1.0}), seed=1))

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        before = {process.pid for process in psutil.Process().children(recursive=True)}
        stalling: list[threading.Thread] = []

        def stall() -> None:
            senders = [each for each in psutil.Process().children(recursive=True) if each.pid not in before]
            for sender in senders:
                sender.send_signal(signal.SIGSTOP)
            time.sleep(STALL_S)
            for sender in senders:
                sender.send_signal(signal.SIGCONT)

        def stop_once(text: str, *further: float | None) -> None:
            if not stalling and "trades" in text and ", 0 trades" not in text:
                stalling.append(threading.Thread(target=stall))
                stalling[0].start()
            told(text, *further)

        played = self.way.play(running, directory, stop_once)
        stalling[0].join()
        return played


@dataclass(frozen=True)
class WarehouseStalls:
    """The warehouse's process is stopped for two seconds, in the middle."""

    way: Way = field(default_factory=lambda: open_way(plan(SCENARIO)))

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


@dataclass(frozen=True)
class Measured:
    """What a run says of its latency."""

    outcome: Outcome

    def ms(self, stage: str, name: str) -> float:
        value: float | None = getattr(self.outcome.results.latency_ms[stage], name)
        assert value is not None, f"no {name} of {stage}"
        return value

    def stalest_ms(self, layer: str) -> float:
        """How long the oldest row that was still missing had been due, at the worst moment."""
        series = json.loads((self.outcome.directory / "series.json").read_text())
        return float(max(series["layers"][layer]["age_us"])) / 1000


@pytest.mark.parametrize("stalls", [SenderStalls, LocustStalls, WarehouseStalls])
def test_every_trade_due_in_a_stall_counts_as_late(tmp_path: Path, stalls: type, k2_stack_name: str) -> None:
    measured = Measured(run(SCENARIO, way=stalls(), stack=k2_stack_name, out=tmp_path))
    # A sender that stalls does not hold its rate, and is told so; no row may suffer from it.
    failed = {check.suite for check in measured.outcome.results.failed}
    assert failed <= ({"load"} if stalls is LocustStalls else set())
    for stage in LATE:
        assert measured.ms(stage, "max") > STALL_S * 990, stage
        # A quarter of the trades were due in the stall and wait for what is left of it: one in eight for over a second.
        assert measured.ms(stage, "p99") > STALL_S * 750, stage
        assert measured.stalest_ms(stage) > STALL_S * 900, stage
    # Where it stalled is seen as well: the broker took the messages of a stopped warehouse as if nothing was.
    if stalls is WarehouseStalls:
        assert measured.ms("broker", "max") < measured.ms("silver", "max")
        assert measured.ms("send", "max") < measured.ms("silver", "max")
    else:
        assert measured.ms("broker", "max") > STALL_S * 990
        assert measured.ms("send", "p99") > STALL_S * 750
