"""Latency and memory at 1,100 trades/s: a run of the harness, whose verdict counts too.

    python -m benchmarks.steady --seconds 600

The bound of a latency is the p99 of the stage before it in the same run, of bronze to silver its own median; that of
the stack's memory is what it took when the run began.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Final

from benchmarks.table import Budget, head, said, show
from harness.results import Percentiles
from harness.run import Outcome, run
from harness.scenario import Scenario
from k2pipeline.schema import DEFAULT_DIRECTORY

RATE: Final = 1_100
STACK: Final = ("broker", "warehouse")
MEMORY: Final = Budget(3 * 1024, 1.5 * 1024)
LATENCIES: Final = (
    ("silver", "send -> silver p99", "broker", Budget(500, 250)),
    ("bronze_to_silver", "bronze -> silver p99", "", Budget(100, 30)),
    ("ohlcv_1m", "send -> 1m candle p99", "silver", Budget(60_000, 1_000)),
)


def steady(seconds: int, sql: Path) -> None:
    """Print the lines."""
    with tempfile.TemporaryDirectory() as out:
        scenario = Scenario(name="steady", synthetic=f"{seconds}s", rate=str(RATE), times="now", slos=True)
        outcome = run(scenario, sql=sql, out=Path(out))
    found = outcome.results
    said(f"{found.counts.trades_sent:,} trades at {found.achieved_rate} trades/s, verdict {found.verdict}")
    for check in found.failed:
        said(f"fails: {check.suite}.{check.name}")
    for stage, name, before, budget in LATENCIES:
        measured = found.latency_ms.get(stage)
        show(
            name,
            measured.p99 if measured else None,
            "ms",
            _note(measured, found.latency_ms.get(before), before),
            budget,
        )
    begun, most = _memory_mib(outcome)
    show("memory of the stack", most, "MiB", f"{most / begun:.2f} of {begun:,.0f} MiB at the start", MEMORY)


def _note(measured: Percentiles | None, before: Percentiles | None, name: str) -> str:
    if measured is None or measured.p99 is None:
        return "" if measured is None else f"n = {measured.n:,}: too few"
    bound, what = (before.p99, f"p99 of {name}") if before else (measured.p50, "its p50")
    return f"{measured.p99 / bound:.1f} of {what}, n = {measured.n:,}" if bound else f"n = {measured.n:,}"


def _memory_mib(outcome: Outcome) -> tuple[float, float]:
    """Of the stack's processes together: at the first look and at most."""
    together = [
        sum(sample.memory_bytes.get(process, 0) for process in STACK) / 2**20 for sample in outcome.watch.samples
    ]
    if not together:
        raise SystemExit(f"nothing was sampled: {outcome.watch.missed_because}")
    return together[0], max(together)


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--sql", type=Path, default=DEFAULT_DIRECTORY, help="another schema, to compare with")
    options = parser.parse_args()
    head()
    steady(options.seconds, options.sql)


if __name__ == "__main__":
    main()
