"""What looking at lag, parts and processes takes of broker and warehouse while trades flow.

    python -m benchmarks.probing             # four times 30 seconds at 1,100 trades/s

The same trades go through a stack of their own with and without harness.series.watch, in turns. Printed is the CPU time
of both processes in each second of sending, and the difference.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections import defaultdict
from contextlib import nullcontext
from pathlib import Path
from statistics import mean

import psutil

from benchmarks.steady import RATE, STACK
from benchmarks.table import head, show
from harness.pace import parse_rate
from harness.replay import Times, replay
from harness.run import GROUP, acknowledged_ends, prepare
from harness.scenario import Scenario
from harness.series import watching
from harness.settle import wait_until_consumed
from harness.synthetic import synthetic
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import start_stack


def probing(seconds: int, turns: int, sql: Path) -> None:
    """Print the lines."""
    spent: defaultdict[bool, list[dict[str, float]]] = defaultdict(list)
    for _ in range(turns):
        for is_watched in (False, True):
            spent[is_watched].append(cpu_ms_per_s(seconds, sql, is_watched=is_watched))
    for process in STACK:
        without, with_it = (mean(each[process] for each in spent[is_watched]) for is_watched in (False, True))
        note = f"{with_it / without:.2f} of {without:.0f} ms/s without looking"
        show(f"{process}, looked at", with_it, "ms CPU/s", note)


def cpu_ms_per_s(seconds: int, sql: Path, *, is_watched: bool) -> dict[str, float]:
    """By process, from the first frame sent to the last taken in."""
    with tempfile.TemporaryDirectory() as name, start_stack("embedded", workdir=Path(name)) as stack:
        prepare(stack, Scenario(synthetic="1s"), sql)
        processes = {process: psutil.Process(stack.processes[process]) for process in STACK}
        before = {process: found.cpu_times() for process, found in processes.items()}
        started = time.perf_counter()
        with watching(stack, GROUP) if is_watched else nullcontext():
            stats = replay(
                synthetic(seconds * 10**9, 1),
                bootstrap=stack.bootstrap,
                pace=parse_rate(str(RATE)),
                times=Times.NOW,
                ledger_path=Path(name, "ledger.parquet"),
            )
            wait_until_consumed(stack.bootstrap, GROUP, acknowledged_ends(stats.ledger_path))
        took_s = time.perf_counter() - started
        after = {process: found.cpu_times() for process, found in processes.items()}
    return {
        process: 1000 * (after[process].user + after[process].system - times.user - times.system) / took_s
        for process, times in before.items()
    }


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=int, default=30, help="of synthetic trades, each time")
    parser.add_argument("--turns", type=int, default=2)
    parser.add_argument("--sql", type=Path, default=DEFAULT_DIRECTORY, help="another schema, to compare with")
    options = parser.parse_args()
    head()
    probing(options.seconds, options.turns, options.sql)


if __name__ == "__main__":
    main()
