"""One row of the table: a run of its own, with strikes, and what its checks found."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow.parquet as pq

from harness.checks import CheckResult
from harness.crash.cases import Case
from harness.crash.way import StrikingWay
from harness.faults.process import PAUSE_S, PROCESS_FAULTS
from harness.plan import plan
from harness.results import fails
from harness.run import Outcome, Progress, run
from harness.scenario import Scenario
from k2pipeline.schema import DEFAULT_DIRECTORY

# Generated as they are sent, and no more than are sent until the last strike.
_LONGEST: Final = "6h"
_GOLD: Final = "gold"


@dataclass(frozen=True, slots=True)
class Setting:
    """What all rows have in common. rate: trades a second. suites: of expectations/, () for all."""

    stack: str
    rate: int = 1_000
    seed: int = 1
    pause_s: float = PAUSE_S
    sql: Path = DEFAULT_DIRECTORY
    suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """acknowledged: frames of which the broker said that it has them. unacknowledged: those that a killed feed handler
    had, or that were sent while there was none. lost, doubled: trades in bronze and in silver, added up; dead letters,
    offsets and candles have checks of their own. redelivered: rows that came to bronze again, of those not merged yet.
    failed: the checks that do not hold.
    """

    case: Case
    acknowledged: int
    unacknowledged: int
    lost: int
    doubled: int
    redelivered: int | None
    is_gold_exact: bool
    checks: int
    failed: tuple[str, ...]
    recoveries_s: tuple[float, ...]
    seconds: float
    directory: str

    @property
    def holds(self) -> bool:
        """Nothing acknowledged was lost, doubled or bent."""
        return not self.failed

    @property
    def recovery_p50_s(self) -> float:
        """The median of the recoveries."""
        return statistics.median(self.recoveries_s)


def strike(case: Case, setting: Setting, *, out: Path, progress: Progress | None = None) -> Row:
    """Run one case on a stack of its own. Raises what harness.run.run does, and NoEffect if it did not recover."""
    scenario = Scenario(
        name=case.name, synthetic=_LONGEST, rate=str(setting.rate), times="now", seed=setting.seed,
        suites=setting.suites,
        via="websocket" if case.victim == "feed" else "topic",
    )  # fmt: skip
    way = StrikingWay(plan(scenario), PROCESS_FAULTS[case.fault](setting.pause_s), case.victim, case.times)
    outcome = run(
        scenario, stack=setting.stack, sql=setting.sql, out=out, progress=progress, way=way,
        command=_command(case, setting),
    )  # fmt: skip
    return _row(case, way, outcome)


def _row(case: Case, way: StrikingWay, outcome: Outcome) -> Row:
    results = outcome.results
    offsets = pq.read_table(outcome.stats.ledger_path, columns=["offset"])["offset"]
    gold = [check.success for check in results.checks if check.layer == _GOLD and check.kind == "exact"]
    return Row(
        case=case,
        acknowledged=len(offsets) - offsets.null_count,
        unacknowledged=offsets.null_count,
        lost=_unexpected(results.checks, "no_trade_lost"),
        doubled=_unexpected(results.checks, "no_trade_doubled"),
        redelivered=results.counts.redelivered,
        is_gold_exact=bool(gold) and all(gold),
        checks=len(results.checks),
        failed=tuple(f"{check.suite}.{check.name}" for check in results.checks if fails(check)),
        recoveries_s=tuple(round(seconds, 2) for seconds in way.recoveries_s),
        seconds=results.seconds,
        directory=str(outcome.directory),
    )


def _unexpected(checks: Iterable[CheckResult], name: str) -> int:
    return sum(check.unexpected for check in checks if check.name == name)


def _command(case: Case, setting: Setting) -> str:
    return (
        f"k2-harness crash --stack {setting.stack} --case {case.name}={case.times} --rate {setting.rate} "
        f"--seed {setting.seed} --pause-s {setting.pause_s:g}"
    )
