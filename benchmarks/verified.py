"""What it takes to prove a run right: the truth and all exact checks of its trades.

    python -m benchmarks.verified --trades 1000000

Binance trades of twelve symbols, one in twenty sent twice, go through the whole pipeline. Then the clock starts: truth
from the ledger, truth into the warehouse, every exact check. The bound decodes the JSON of the same frames, no more.
CPU is of this process and the warehouse together.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import Final

import msgspec
import psutil
import pyarrow.parquet as pq

from benchmarks.pipeline import frames
from benchmarks.table import Budget, head, said, show
from harness.checks import run_checks
from harness.pace import Unpaced
from harness.replay import Times, replay
from harness.run import GROUP, acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.settle import wait_until_consumed
from harness.truth import compute, load
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import Stack, start_stack

VERIFIED: Final = Budget(30, 10)
_MILLION: Final = 1_000_000


def verified(trades: int, sql: Path) -> None:
    """Print the lines; the budget is judged for a million trades."""
    with tempfile.TemporaryDirectory() as name, start_stack("embedded", workdir=Path(name)) as stack:
        ledger = Path(name, "ledger.parquet")
        prepare(stack, Scenario(synthetic="1s"), sql)
        replay(frames(0, trades), bootstrap=stack.bootstrap, pace=Unpaced(), times=Times.ORIGINAL, ledger_path=ledger)
        settled = wait_until_consumed(stack.bootstrap, GROUP, acknowledged_ends(ledger))
        bound_s = _decode_s(ledger)
        # Great Expectations takes seconds to import, which is no part of a check.
        run_checks(stack.warehouse, suites_named=["dead_letters"], kinds=["standing"])
        marks = [(time.perf_counter(), _cpu_s(stack))]
        truth = compute(ledger)
        marks.append((time.perf_counter(), _cpu_s(stack)))
        with stack.warehouse.client() as client:
            load(truth, client)
        marks.append((time.perf_counter(), _cpu_s(stack)))
        checks = run_checks(stack.warehouse, kinds=["exact"])
        marks.append((time.perf_counter(), _cpu_s(stack)))
    took_s, spent_s = (last - first for first, last in zip(marks[0], marks[-1], strict=True))
    note = f"{took_s / bound_s:.0f} of decoding the JSON, {spent_s:.1f} s CPU"
    show(f"truth, checks: {trades:,}", took_s, "s", note, VERIFIED if trades == _MILLION else None)
    parts = [
        f"{name} {after[0] - before[0]:.1f} s, {after[1] - before[1]:.1f} s CPU"
        for name, before, after in zip(("truth", "upload", "checks"), marks[:-1], marks[1:], strict=True)
    ]
    said("; ".join(parts))
    failed = [f"{check.suite}.{check.name}" for check in checks if not check.success]
    said(f"{len(checks)} exact checks, {len(failed)} fail {failed or ''}; lag left {settled.lag_messages}".rstrip())


def _decode_s(ledger: Path) -> float:
    decode, took_s = msgspec.json.Decoder().decode, 0.0
    for batch in pq.ParquetFile(ledger).iter_batches(columns=["frame"]):
        sent = batch.column(0).to_pylist()
        started = time.perf_counter()
        for frame in sent:
            decode(frame)
        took_s += time.perf_counter() - started
    return took_s


def _cpu_s(stack: Stack) -> float:
    spent = psutil.Process(stack.processes["warehouse"]).cpu_times()
    return float(spent.user + spent.system) + time.process_time()


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trades", type=int, default=_MILLION)
    parser.add_argument("--sql", type=Path, default=DEFAULT_DIRECTORY, help="another schema, to compare with")
    options = parser.parse_args()
    head()
    verified(options.trades, options.sql)


if __name__ == "__main__":
    main()
