"""python -m load: play a profile by Locust into a stack of its own, check every row, print the verdict.

Exit codes are those of k2-harness: 0 nothing lost, rate held, every check and SLO met; 1 not so; 2 the command or the
profile is wrong; 3 the stack or Locust could not start or died; 130 interrupted.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.commands.verify import CHECK_FAILED, PASS
from harness.progress import Shown
from harness.run import RUNS
from harness.verdict import print_verdict
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import STACKS
from load.exits import reported, whole
from load.play import Test, play
from load.profile import PROFILES, load_profile


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    return reported("load", lambda: _load_test(options))


def _load_test(options: argparse.Namespace) -> int:
    profile = load_profile(options.profile, rate=options.rate, duration=options.duration)
    test = Test(
        profile, options.profile, options.seed, options.stack, options.sql, options.out, options.workers, options.ui
    )
    with Shown(Console(stderr=True, highlight=False)) as progress:
        outcome, _ = play(test, progress)
    if options.json:
        print(json.dumps(outcome.results.as_json(), indent=2, ensure_ascii=False))
    else:
        print_verdict(Console(highlight=False), outcome)
    return PASS if outcome.results.verdict == "pass" else CHECK_FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.toml")))
    parser.add_argument("--profile", default="steady", metavar="NAME|FILE", help=f"a TOML file, or one of {known}")
    parser.add_argument("--rate", type=float, help="trades per second of a share of 1, instead of the profile's")
    parser.add_argument("--duration", help="instead of the profile's: 90s, 10m, 1h")
    parser.add_argument("--workers", type=whole, default=0, help="Locust workers under a master; 0: one process")
    parser.add_argument("--ui", action="store_true", help="Locust's own page on http://127.0.0.1:8089")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    parser.add_argument("--json", action="store_true", help="print results.json instead of the verdict")
    return parser


if __name__ == "__main__":
    sys.exit(main())
