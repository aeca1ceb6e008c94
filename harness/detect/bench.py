"""The bench: one stack on which one case after another is played, checked, and wiped away.

A stack takes seconds to start and the tables an instant to empty, so they are emptied. The topics go on: the truth
knows offsets from the ledger, and a new case begins where the one before ended.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

import polars as pl

from harness.checks import CheckResult, run_checks
from harness.detect.cases import Case
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import GROUP, acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.truth import Truth, compute, load
from k2pipeline.stack import Stack, StackError

MOST_ROWS: Final = 50_000
_LEDGER_COLUMNS: Final = ("seq", "topic", "partition", "offset", "faults", "sent_ns", "scheduled_ns", "frame")


@dataclass(frozen=True, slots=True)
class Played:
    """What one case left: ledger, truth, what the checks found, and when each suite was done (ns since 1970)."""

    case: Case
    ledger: pl.DataFrame
    truth: Truth
    checks: Sequence[CheckResult]
    done_ns: Mapping[str, int]
    seconds: float


class Bench:
    """Plays cases on a stack of its own: whatever is in its tables is lost."""

    def __init__(self, stack: Stack, directory: Path, sql: Path) -> None:
        self._stack = stack
        self._ledger = directory / "ledger.parquet"
        self._sql = sql

    def __enter__(self) -> Self:
        prepare(self._stack, Scenario(synthetic="1s"), self._sql)
        self._client: Any = self._stack.warehouse.client()
        self._wipe()
        return self

    def __exit__(self, *_: object) -> None:
        self._client.close()

    def play(self, case: Case) -> Played:
        """Play a case into an empty warehouse and check it.

        Raises NoEffect when its fault changed nothing, and ReplayError or StackError when the stack died.
        """
        started = time.monotonic()
        stats = replay(
            case.frames(),
            bootstrap=self._stack.bootstrap,
            pace=parse_rate("max"),
            times=Times.ORIGINAL,
            faults=[case.fault] if case.fault else [],
            seed=case.seed,
            ledger_path=self._ledger,
        )
        if stats.interrupted:
            raise KeyboardInterrupt
        settled = wait_until_consumed(self._stack.bootstrap, GROUP, acknowledged_ends(self._ledger))
        if settled.lag_messages:
            raise StackError(f"case {case.name}: {settled.lag_messages} messages were never taken in")
        truth = compute(self._ledger)
        load(truth, self._client)
        suites = _Suites()
        checks = run_checks(self._stack.warehouse, sample_rows=MOST_ROWS, progress=suites.begins)
        ledger = pl.read_parquet(self._ledger, columns=list(_LEDGER_COLUMNS))
        self._wipe()
        return Played(case, ledger, truth, checks, suites.done(), time.monotonic() - started)

    def _wipe(self) -> None:
        tables = "SELECT name FROM system.tables WHERE database = 'k2' AND engine LIKE '%MergeTree'"
        for (name,) in self._client.query(tables).result_rows:
            if name not in _KEPT:
                self._client.command(f"TRUNCATE TABLE k2.`{name}`")


_KEPT: Final = frozenset({"db_migrations"})


class _Suites:
    """When each suite was done: when the next one began."""

    def __init__(self, clock: Callable[[], int] = time.time_ns) -> None:
        self._clock = clock
        self._begun: list[tuple[str, int]] = []

    def begins(self, text: str) -> None:
        """`silver_trades (11 of 11 suites)`"""
        self._begun.append((text.partition(" ")[0], self._clock()))

    def done(self) -> dict[str, int]:
        ends = [*(at_ns for _, at_ns in self._begun[1:]), self._clock()]
        return {name: end_ns for (name, _), end_ns in zip(self._begun, ends, strict=True)}
