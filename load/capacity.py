"""python -m load.capacity: the highest rate that keeps every SLO with nothing lost, and what gave out above it.

Each trial is a whole load test on a stack of its own: start, hold the rate, check every row. The rate doubles until a
trial fails and is then halved in between, until the two ends are within the precision asked for. A trial whose stack or
senders die has failed like any other. Exit codes are those of k2-harness; 1 means that not even the lowest rate was
held, 3 that no trial came to a verdict.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.cli import STACK_DIED
from harness.commands.verify import CHECK_FAILED, PASS
from harness.progress import Shown
from harness.replay import ReplayError
from harness.run import RUNS
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import STACKS, StackError
from load.evidence import evidence_of, verdict_on
from load.exits import above_zero, reported, whole
from load.play import Test, play
from load.profile import Profile, ProfileError, load_profile
from load.trials import Trial, died, line_of, print_json, print_table

_LOWEST: Final = 1_000
_HIGHEST: Final = 128_000
_PRECISION: Final = 0.15


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
    return reported("capacity", lambda: _capacity(options))


def _capacity(options: argparse.Namespace) -> int:
    if options.lowest > options.highest:
        raise ProfileError(
            f"--lowest {options.lowest:g} is above --highest {options.highest:g}; give the lower one first"
        )
    _profile(options, options.lowest)  # what is wrong with it is wrong at any rate
    console = Console(stderr=True, highlight=False)
    trials: list[Trial] = []
    try:
        for tried in search(lambda rate: _trial(rate, options), options.lowest, options.highest, options.precision):
            trials.append(tried)
            console.print(line_of(tried), soft_wrap=True, markup=False)
    finally:  # whatever ended the search, what was found cost minutes
        if options.json:
            print_json(trials)
        else:
            print_table(Console(highlight=False), trials)
    if any(tried.holds for tried in trials):
        return PASS
    return STACK_DIED if all(tried.evidence is None for tried in trials) else CHECK_FAILED


def _trial(rate: float, options: argparse.Namespace) -> Trial:
    profile = _profile(options, rate)
    test = Test(profile, "steady", options.seed, options.stack, options.sql, options.out, options.workers)
    try:
        with Shown(Console(stderr=True, highlight=False)) as progress:
            outcome, work = play(test, progress)
    except (StackError, ReplayError) as error:
        return died(profile.rate, error)
    found = evidence_of(outcome, work)
    gave_out, because = verdict_on(outcome.results, found)
    return Trial(profile.rate, outcome.results.verdict == "pass", gave_out, because, found, str(outcome.directory))


def _profile(options: argparse.Namespace, rate: float) -> Profile:
    return load_profile("steady", rate=float(round(rate)), duration=options.duration)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load.capacity", description=__doc__)
    parser.add_argument("--lowest", type=above_zero, default=_LOWEST, help="trades per second to begin with")
    parser.add_argument("--highest", type=above_zero, default=_HIGHEST, help="trades per second to stop at")
    parser.add_argument("--precision", type=above_zero, default=_PRECISION, help="0.15: within 15 %% of each other")
    parser.add_argument("--duration", default="20s", help="how long each rate is held")
    parser.add_argument("--workers", type=whole, default=0, help="Locust workers that send; 0: one process does it all")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    parser.add_argument("--json", action="store_true", help="print the trials instead of the table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
