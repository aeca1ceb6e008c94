"""A load test is a run like any other: Locust sends, the ledger has every frame, the checks give the verdict."""

import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from harness.run import Outcome, run
from harness.scenario import Scenario
from harness.ways import Played, Told
from k2pipeline.stack import Stack
from k2pipeline.stack.broker import free_port
from load.profile import Profile
from load.stages import Work, read_work
from load.way import LocustWay

pytestmark = [pytest.mark.e2e, pytest.mark.load]
SHARES = {"binance": 1.0, "kraken": 0.1}
PROFILE = Profile("short", rate=400, seconds=4, shares=SHARES, reader_p99_ms=60_000)
# What a sender may be late without the rate being missed: a twentieth of a window, which is a second here.
SLACK_NS = 50_000_000


@dataclass
class Heard:
    """What a run tells while it plays."""

    said: list[str]

    def stage(self, name: str) -> None:
        self.said.append(name)

    def advance(self, text: str, share: float | None = None) -> None:  # noqa: ARG002
        self.said.append(text)


def played(out: Path, way: Any, *, stack: str, heard: Heard | None = None) -> tuple[Outcome, Work]:
    works: list[Work] = []
    scenario = Scenario(name="load", synthetic="1s", times="now", rate=f"{PROFILE.trades_per_second:.2f}")
    outcome = run(
        scenario, way=way, stack=stack, out=out, progress=heard, examine=lambda client: works.append(read_work(client))
    )
    return outcome, works[0]


@pytest.mark.parametrize("workers", [0, 2])
def test_every_trade_that_locust_sends_arrives_and_is_in_the_statistics(
    tmp_path: Path, workers: int, k2_stack_name: str
) -> None:
    profile, heard = replace(PROFILE, readers=1 if not workers else 0), Heard([])
    outcome, work = played(tmp_path, LocustWay(profile, seed=5, workers=workers), stack=k2_stack_name, heard=heard)
    ledger = pl.read_parquet(outcome.directory / "ledger.parquet")
    # A busy machine may make the senders late; then, and only then, the rate was not held.
    late_ns = max((ledger["sent_ns"] - ledger["scheduled_ns"]).to_list())
    allowed = {"rate_is_held"} if late_ns > SLACK_NS else set()
    assert {check.name for check in outcome.results.failed} <= allowed
    assert any(check.name == "rate_is_held" for check in outcome.results.checks)
    planned = sum(profile.pace(exchange).trades for exchange in SHARES)
    assert outcome.results.counts.silver_trades == outcome.results.counts.trades_sent == planned
    assert ledger["seq"].to_list() == list(range(len(ledger)))
    assert ledger["scheduled_ns"].is_sorted()
    assert (outcome.directory / "locust" / "locust.html").stat().st_size > 10_000
    statistics = pl.read_csv(outcome.directory / "locust" / "locust_stats.csv")
    produced = statistics.filter(pl.col("Type") == "PRODUCE")
    assert produced["Request Count"].sum() == len(ledger)
    assert produced["Failure Count"].sum() == 0
    # The live line has trades in it, whichever process sends them.
    assert any(" trades" in said and ", 0 trades" not in said for said in heard.said)
    assert {insert.exchange for insert in work.inserts} == set(SHARES)
    assert all(each.begun_us <= each.bronze_us <= each.silver_us <= each.gold_us for each in work.inserts)


@dataclass(frozen=True)
class NobodyAnswers:
    """The readers have a password that is none."""

    way: LocustWay

    def play(self, running: Stack, directory: Path, told: Told) -> Played:
        return self.way.play(WrongPassword(running), directory, told)  # type: ignore[arg-type]


class WrongPassword:
    def __init__(self, running: Stack) -> None:
        self._running = running
        self.warehouse = replace(running.warehouse, password="wrong")  # noqa: S106

    def __getattr__(self, name: str) -> Any:
        return getattr(self._running, name)


def test_readers_who_get_no_answer_fail_the_run(tmp_path: Path, k2_stack_name: str) -> None:
    way = NobodyAnswers(LocustWay(replace(PROFILE, readers=1), seed=5))
    outcome, _ = played(tmp_path, way, stack=k2_stack_name)
    failed = {check.name: check for check in outcome.results.failed}
    assert set(failed) - {"rate_is_held"} == {"queries_are_answered", "query_p99_within_60000_ms"}
    assert any("connect" in row["question"] for row in failed["queries_are_answered"].sample)


PLAYS_WITH_A_PAGE = """
import sys
from pathlib import Path
from harness.run import run
from harness.scenario import Scenario
from load.profile import Profile
from load.way import LocustWay
class Told:
    def stage(self, name): print("stage", name, flush=True)
    def advance(self, text, share=None): print("said", text, flush=True)
profile = Profile("page", rate=200, seconds=120, shares={"binance": 1.0})
way = LocustWay(profile, seed=5, ui=True, page_port=int(sys.argv[2]))
scenario = Scenario(name="page", synthetic="1s", times="now", rate="200")
found = run(scenario, way=way, stack=sys.argv[3], out=Path(sys.argv[1]), progress=Told())
print("failed", sorted(check.name for check in found.results.failed), found.results.counts.lost, flush=True)
"""


def test_a_test_with_a_page_refuses_a_second_one_and_a_ctrl_c_goes_on_to_the_checks(
    tmp_path: Path, k2_stack_name: str
) -> None:
    port = free_port()
    command = [sys.executable, "-c", PLAYS_WITH_A_PAGE, str(tmp_path), str(port), k2_stack_name]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            until(process, "trades/s on average")
            asked = urllib.request.Request(f"http://127.0.0.1:{port}/swarm", data=b"user_count=1&spawn_rate=1")
            with urllib.request.urlopen(asked, timeout=30) as answer:  # noqa: S310
                assert b"This run is one test" in answer.read()
            process.send_signal(signal.SIGINT)
            said = until(process, "failed")
        except BaseException:
            process.kill()
            raise
    assert said.endswith(" 0\n")
    assert "no_trade_lost" not in said
    assert list(tmp_path.glob("*/locust/locust.html")), "Locust's own report is kept"


def until(process: "subprocess.Popen[str]", wanted: str) -> str:
    """The first line with these words; the process ends with its own limits if they never come."""
    for line in process.stdout or ():
        if wanted in line:
            return line
    raise AssertionError(f"the process ended without a word of {wanted!r}")
