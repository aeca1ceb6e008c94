"""A run from the wire on, three ways: at a steady rate, at the highest rate it holds, and with connections cut.

    python benchmarks/via_websocket.py [--seconds 60] [--rate 1100] [--disconnects 20] [--search-seconds 20]

Each run is `k2-harness verify --via websocket` on a stack of its own: synthetic trades, played by a simulated
exchange to the real feed handlers, every row checked. A rate is held if the run is exact, the exchange sent within
1 % of it, no handler had to stop reading, and the warehouse did not fall behind while frames were sent. The rate
doubles until it is not held and is then halved in between. Prints a table as docs/live-wire.md has it; exit code 1
if the first or the third run is not exact, or not even the lowest rate is held.

What gives out is named by what shows it: a handler that stops reading, the broker; a lag that grows, the warehouse;
an exchange that sends too slowly while neither is so, whichever process has its core for itself (a simulated
exchange and a handler are one thread each) or else the machine.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import polars as pl

from harness.exchange.player import PlayError
from harness.replay import ReplayError
from harness.results import fails
from harness.run import Outcome, run
from harness.scenario import Scenario
from harness.series import Sample
from harness.synthetic.exchanges import EXCHANGES
from k2pipeline.stack import STACKS, StackError
from load.capacity import search

NAMES = {"harness": "simulated exchange", "senders": "feed handlers", "broker": "broker", "warehouse": "warehouse"}
PAUSED = '"reading paused: the broker is slower than the exchange"'
RATE_TOLERANCE = 0.01
GROWS = 0.02  # of the rate, in messages per second
BEHIND_S = 0.5  # below so much, what lies between two inserts looks like growth
BUSY_PERCENT = 85.0  # of a core, from which on a single thread is taken for the bound


@dataclass
class Trial:
    """One run, and what is to be said of it. `gave_out` is '' where all held."""

    what: str
    rate: float
    outcome: Outcome | None = None
    wrong: list[str] = field(default_factory=list)
    gave_out: str = ""
    cpu: dict[str, float] = field(default_factory=dict)

    @property
    def is_exact(self) -> bool:
        return self.outcome is not None and not self.wrong

    @property
    def holds(self) -> bool:
        return self.is_exact and not self.gave_out


def tried(what: str, rate: float, seconds: float, options: argparse.Namespace, faults: tuple[str, ...] = ()) -> Trial:
    """Run once. So much is generated that it lasts about `seconds` at this rate."""
    own = sum(Fraction(exchange.TRADES_PER_SECOND) for exchange in EXCHANGES.values())
    duration = f"{max(1, round(seconds * rate / float(own)))}s"
    scenario = Scenario(
        name="via-websocket", via="websocket", synthetic=duration, rate=f"{rate:.0f}", faults=faults, seed=options.seed
    )
    trial = Trial(what, round(rate))
    print(f"{what}: {rate:,.0f} trades/s for {seconds:g} s ..", file=sys.stderr, flush=True)
    try:
        trial.outcome = run(scenario, stack=options.stack, out=options.out)
    except (StackError, ReplayError) as error:
        trial.wrong = [str(error).splitlines()[0]]
        trial.gave_out = "feed handlers" if isinstance(error, PlayError) else "stack"
        return trial
    results = trial.outcome.results
    trial.wrong = [f"{check.suite}.{check.name}: {check.unexpected}" for check in results.checks if fails(check)]
    trial.gave_out, trial.cpu = judged(trial.outcome, rate)
    if trial.wrong and not trial.gave_out:
        trial.gave_out = "see the checks"
    said = "holds" if trial.holds else f"{trial.gave_out} gave out" if not trial.wrong else f"wrong: {trial.wrong[0]}"
    print(f"  {said}; CPU {shares(trial.cpu)}", file=sys.stderr, flush=True)
    return trial


def judged(outcome: Outcome, rate: float) -> tuple[str, dict[str, float]]:
    """The stage that gave out, '' for none, and each process's mean share of a core while frames were sent."""
    ledger, sent_ns = pl.scan_parquet(outcome.stats.ledger_path), pl.col("sent_ns")
    first_ns, last_ns = ledger.select(first=sent_ns.min(), last=sent_ns.max()).collect().row(0)
    samples = [sample for sample in outcome.watch.samples if first_ns <= sample.at_ns <= last_ns]
    cpu = cpu_percent(samples)
    logs = [path.read_text(errors="replace") for path in (outcome.directory / "handlers").glob("*.log")]
    if any(PAUSED in log for log in logs):
        return NAMES["broker"], cpu
    if falls_behind(samples, rate):
        return NAMES["warehouse"], cpu
    if (outcome.results.achieved_rate or 0) < rate * (1 - RATE_TOLERANCE):
        busy = {name: cpu.get(name, 0.0) for name in ("harness", "senders")}
        busiest = max(busy, key=lambda name: busy[name])
        return NAMES[busiest] if busy[busiest] >= BUSY_PERCENT else f"machine ({os.cpu_count()} cores)", cpu
    return "", cpu


def falls_behind(samples: Sequence[Sample], rate: float) -> bool:
    """By the median lag of the first and the last third: single looks jump with every block that is committed."""
    if len(samples) < 6:
        return False
    third = len(samples) // 3
    early, late = samples[:third], samples[-third:]
    lags = [sorted(sum(sample.lag_messages.values()) for sample in part)[len(part) // 2] for part in (early, late)]
    seconds = (late[len(late) // 2].at_ns - early[len(early) // 2].at_ns) / 1e9
    return lags[1] > BEHIND_S * rate and lags[1] - lags[0] > GROWS * rate * seconds


def cpu_percent(samples: Sequence[Sample]) -> dict[str, float]:
    if len(samples) < 2:
        return {}
    first, last = samples[0], samples[-1]
    span_ms = (last.at_ns - first.at_ns) / 1e6
    names = first.cpu_ms.keys() & last.cpu_ms.keys()
    return {name: 100 * (last.cpu_ms[name] - first.cpu_ms[name]) / span_ms for name in sorted(names)}


def shares(cpu: dict[str, float]) -> str:
    return ", ".join(f"{NAMES.get(name, name)} {percent:.0f} %" for name, percent in cpu.items()) or "not sampled"


def row(trial: Trial) -> str:
    """A line of the table."""
    if trial.outcome is None:
        return f"| {trial.what} | {trial.rate:,.0f} | | | | | | | {trial.gave_out}: {trial.wrong[0]} |"
    results, stats = trial.outcome.results, trial.outcome.stats
    counts, silver = results.counts, results.latency_ms.get("silver")
    p99 = f"{silver.p99:,.0f}" if silver and silver.p99 is not None else "too few"
    verdict = "exact" if trial.is_exact else "; ".join(trial.wrong[:3])
    end = f"{verdict}, {trial.gave_out} gave out" if trial.gave_out and trial.is_exact else verdict
    cells = (
        f"{trial.rate:,.0f}",
        f"{results.achieved_rate or 0:,.0f}",
        f"{stats.seconds:.0f}",
        f"{counts.trades_sent:,}",
        "not checked" if counts.lost is None else f"{counts.lost:,}",
        f"{counts.duplicates_sent:,}",
        p99,
    )
    return f"| {trial.what} | {' | '.join(cells)} | {end} |"


def main(options: argparse.Namespace) -> int:
    """The three runs, and their table."""
    steady = tried("steady", options.rate, options.seconds, options)
    trials: list[Trial] = list(
        search(
            lambda rate: tried("search", rate, options.search_seconds, options),
            options.rate, options.highest, options.precision,
        )
    )  # fmt: skip
    cut = tried(
        f"{options.disconnects} disconnects", options.rate, options.seconds, options,
        (f"disconnect={options.disconnects}",),
    )  # fmt: skip
    held = [trial for trial in trials if trial.holds]
    failed = [trial for trial in trials if not trial.holds]
    best = max(held, key=lambda trial: trial.rate, default=None)
    first = min(failed, key=lambda trial: trial.rate, default=None)
    print("| run | trades/s asked | sent | s | trades | lost | sent again, collapsed | silver p99 ms | |")
    print("|---|---|---|---|---|---|---|---|---|")
    print(row(steady))
    if best is not None:
        best.what = "highest rate held"
        print(row(best))
    if first is not None:
        first.what = "the next one tried"
        print(row(first))
    print(row(cut))
    print()
    if first is not None:
        print(f"Above it, at {first.rate:,.0f} trades/s: {first.gave_out} gave out. CPU {shares(first.cpu)} of a core.")
    elif best is not None:
        print(f"Nothing gave out up to {best.rate:,.0f} trades/s; look further with --highest.")
    return 0 if steady.is_exact and best is not None and cut.is_exact else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="of the steady run and of that with disconnects")
    parser.add_argument("--rate", type=float, default=1_100, help="trades/s of these, and where the search begins")
    parser.add_argument("--disconnects", type=int, default=20)
    parser.add_argument("--search-seconds", type=float, default=20, help="of each run of the search")
    parser.add_argument("--highest", type=float, default=140_800, help="trades/s at which the search ends")
    parser.add_argument("--precision", type=float, default=0.1, help="0.1: what held and what did not within 10 %%")
    parser.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--out", metavar="DIR", type=Path, help="keep the runs there")
    return parser


if __name__ == "__main__":
    given = _parser().parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        given.out = given.out or Path(scratch)
        sys.exit(main(given))
