"""python -m load.capacity: the highest rate that keeps every SLO with nothing lost, and what gave out above it.

Each trial is a whole load test on a stack of its own: start, hold the rate, check every row. The rate doubles until a
trial fails and is then halved in between, until the two ends are within the precision asked for. Exit codes are those
of k2-harness; 1 means that not even the lowest rate was held.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table

from harness.cli import STACK_DIED, WRONG_INPUT
from harness.commands.verify import CHECK_FAILED, PASS
from harness.progress import Shown
from harness.replay import ReplayError
from harness.run import RUNS
from harness.synthetic import parse_duration
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError
from k2pipeline.stack import STACKS, StackError
from load.__main__ import play
from load.evidence import Evidence, evidence_of, verdict_on
from load.profile import ProfileError, load_profile

_LOWEST: Final = 1_000
_HIGHEST: Final = 128_000
_PRECISION: Final = 0.15


@dataclass(frozen=True, slots=True)
class Trial:
    """One rate (trades/s of a share of 1) that was tried. gave_out: the stage that failed, None where all held."""

    rate: float
    holds: bool
    gave_out: str | None
    because: tuple[str, ...]
    evidence: Evidence
    directory: str


def search(trial: Callable[[float], Trial], lowest: float, highest: float, precision: float) -> Iterator[Trial]:
    """Yield trials: doubling from the lowest rate, then halving between what held and what did not.

    Ends when the two are within the precision of each other, when the highest rate holds, or when the lowest does not.
    """
    held, rate = 0.0, lowest
    while True:
        tried = trial(rate)
        yield tried
        if not tried.holds:
            break
        held = rate
        if rate >= highest:
            return
        rate = min(2 * rate, highest)
    failed = rate
    while held and failed / held - 1 > precision:
        rate = (held * failed) ** 0.5
        tried = trial(rate)
        yield tried
        held, failed = (rate, failed) if tried.holds else (held, rate)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    console, errors = Console(highlight=False), Console(stderr=True, highlight=False)
    trials: list[Trial] = []
    try:
        parse_duration(options.duration)
        for tried in search(lambda rate: _trial(rate, options), options.lowest, options.highest, options.precision):
            trials.append(tried)
            errors.print(_line(tried), soft_wrap=True)
    except (ProfileError, SchemaError, ValueError) as error:
        errors.print(f"capacity: {error}", style="red", markup=False, soft_wrap=True)
        return WRONG_INPUT
    except (StackError, ReplayError) as error:
        errors.print(f"capacity: {error}", style="red", markup=False, soft_wrap=True)
        return STACK_DIED
    if options.json:
        print(json.dumps([asdict(tried) for tried in trials], indent=2))
    else:
        _print(console, trials)
    return PASS if any(tried.holds for tried in trials) else CHECK_FAILED


def _trial(rate: float, options: argparse.Namespace) -> Trial:
    profile = load_profile("steady", rate=float(round(rate)), duration=options.duration)
    with Shown(Console(stderr=True, highlight=False)) as progress:
        outcome = play(profile, seed=options.seed, stack=options.stack, sql=options.sql, out=options.out, told=progress)
    found = evidence_of(outcome)
    gave_out, because = verdict_on(outcome.results, found)
    return Trial(profile.rate, outcome.results.verdict == "pass", gave_out, because, found, str(outcome.directory))


def _line(tried: Trial) -> str:
    judged = "holds" if tried.holds else f"{tried.gave_out} gave out: {'; '.join(tried.because)}"
    return f"{tried.rate:,.0f} trades/s: {judged}"


def _print(console: Console, trials: Sequence[Trial]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for title in ("trades/s", "", "silver p99 ms", "candle p99 ms", "lag", "lag/s", "parts", "warehouse CPU %"):
        table.add_column(title, justify="left" if title == "" else "right")
    for tried in sorted(trials, key=lambda each: each.rate):
        found = tried.evidence
        latency = (found.p99_ms.get("silver"), found.p99_ms.get("ohlcv_1m"))
        table.add_row(
            f"{tried.rate:,.0f}",
            "holds" if tried.holds else "fails",
            *("too few" if value is None else f"{value:,.0f}" for value in latency),
            f"{found.lag_messages:,}",
            f"{found.lag_growth_per_s:+,.0f}",
            f"{found.most_parts:,}",
            f"{found.cpu_percent.get('warehouse', 0):.0f}",
        )
    console.print(table)
    held = [tried for tried in trials if tried.holds]
    failed = [tried for tried in trials if not tried.holds]
    if held:
        best = max(held, key=lambda tried: tried.rate)
        console.print(f"capacity: {best.rate:,.0f} trades/s (and a tenth of it beside), every SLO met, nothing lost")
    else:
        console.print("capacity: not even the lowest rate was held")
    if failed:
        first = min(failed, key=lambda tried: tried.rate)
        console.print(f"above it, at {first.rate:,.0f}: {first.gave_out} gave out")
        for reason in first.because:
            console.print(f"  {reason}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load.capacity", description=__doc__)
    parser.add_argument("--lowest", type=float, default=_LOWEST, help="trades per second to begin with")
    parser.add_argument("--highest", type=float, default=_HIGHEST, help="trades per second to stop at")
    parser.add_argument("--precision", type=float, default=_PRECISION, help="0.15: within 15 %% of each other")
    parser.add_argument("--duration", default="20s", help="how long each rate is held")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    parser.add_argument("--json", action="store_true", help="print the trials instead of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
