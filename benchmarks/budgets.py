"""Every budget of the project in one table, each against a bound measured in the same run.

    python -m benchmarks.budgets             # make bench; about twenty minutes, of which ten at 1,100 trades/s
    python -m benchmarks.budgets --quick     # a few minutes: smaller numbers, which prove less

`must` and `aim` are the figures of the design; the last column says which of them was reached. What each line is and
what bounds it stand in the modules that measure it:

    pipeline   the embedded stack's start; trades a second from topic to gold
    steady     latency and memory at 1,100 trades/s
    verified   truth and all exact checks for a million trades
    demo       `make demo` to its verdict and report, against the start of a stack
    probing    what looking at a run takes of it

One machine has one processor: run nothing beside it.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from benchmarks.pipeline import sustained
from benchmarks.probing import probing
from benchmarks.steady import steady
from benchmarks.table import Budget, head, said, show
from benchmarks.verified import verified
from k2pipeline.schema import DEFAULT_DIRECTORY

DEMO: Final = Budget(60, 20)
_SAID: Final = 400


def demo(up_s: float) -> None:
    """`make demo` after the installation."""
    with tempfile.TemporaryDirectory() as out:
        command = [sys.executable, "-m", "harness.cli", "verify", "--scenario", "demo", "--out", out]
        started = time.perf_counter()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        took_s = time.perf_counter() - started
        reports = list(Path(out).glob("*/report.html"))
    show("make demo", took_s, "s", f"{took_s / up_s:.1f} of the start of a stack", DEMO)
    if done.returncode or not reports:
        said(f"it ended with exit code {done.returncode} and {len(reports)} reports: {done.stderr[-_SAID:]}")


def main() -> None:
    """Measure, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the trades and of the time")
    parser.add_argument("--sql", type=Path, default=DEFAULT_DIRECTORY, help="another schema, to compare with")
    options = parser.parse_args()
    share = 10 if options.quick else 1
    head()
    up_s = sustained(400_000 // share, options.sql)
    steady(600 // share, options.sql)
    verified(1_000_000 // share, options.sql)
    demo(up_s)
    probing(30 // share, 1 if options.quick else 2, options.sql)


if __name__ == "__main__":
    main()
