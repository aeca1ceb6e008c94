"""python -m load: play a profile by Locust into a stack of its own, check every row, print the verdict.

Exit codes are those of k2-harness: 0 nothing lost, rate held, every check and SLO met; 1 not so; 2 the command or the
profile is wrong; 3 the stack could not start or died.
"""

from __future__ import annotations

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from harness.cli import STACK_DIED, WRONG_INPUT
from harness.commands.verify import CHECK_FAILED, PASS
from harness.progress import Shown
from harness.replay import ReplayError
from harness.run import RUNS, Outcome, Progress, run
from harness.scenario import Scenario
from harness.verdict import print_verdict
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError
from k2pipeline.settings_error import SettingsError
from k2pipeline.stack import STACKS, StackError
from load.profile import PROFILES, Profile, ProfileError, load_profile
from load.way import LocustWay


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    try:
        return _load_test(options)
    except (ProfileError, SchemaError, SettingsError) as error:
        errors.print(f"load: {error}", style="red", markup=False, soft_wrap=True)
        return WRONG_INPUT
    except (StackError, ReplayError) as error:
        errors.print(f"load: {error}", style="red", markup=False, soft_wrap=True)
        return STACK_DIED


def _load_test(options: argparse.Namespace) -> int:
    profile = load_profile(options.profile, rate=options.rate, duration=options.duration)
    with Shown(Console(stderr=True, highlight=False)) as progress:
        outcome = play(
            profile, seed=options.seed, stack=options.stack, sql=options.sql, out=options.out, told=progress,
            workers=options.workers, ui=options.ui, name=options.profile,
        )  # fmt: skip
    print_verdict(Console(highlight=False), outcome)
    return PASS if outcome.results.verdict == "pass" else CHECK_FAILED


def play(
    profile: Profile,
    *,
    seed: int,
    stack: str,
    sql: Path,
    out: Path,
    told: Progress,
    workers: int = 0,
    ui: bool = False,
    name: str = "",
) -> Outcome:
    """One load test on a stack of its own. name: how the command line finds the profile. Raises what run does."""
    scenario = Scenario(
        name=f"load-{profile.name}",
        synthetic=f"{max(round(profile.seconds), 1)}s",
        rate=f"{profile.trades_per_second:.2f}",
        times="now",
        seed=seed,
        slos=True,
    )
    command = ["python", "-m", "load", "--profile", name or profile.name, "--rate", f"{profile.rate:g}"]
    command += ["--duration", f"{profile.seconds:g}s", "--seed", str(seed)]
    way = LocustWay(profile, seed, workers, ui)
    return run(scenario, way=way, command=shlex.join(command), stack=stack, sql=sql, out=out, progress=told)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m load", description=__doc__)
    known = ", ".join(sorted(path.stem for path in PROFILES.glob("*.toml")))
    parser.add_argument("--profile", default="steady", metavar="NAME|FILE", help=f"a TOML file, or one of {known}")
    parser.add_argument("--rate", type=float, help="trades per second of a share of 1, instead of the profile's")
    parser.add_argument("--duration", help="instead of the profile's: 90s, 10m, 1h")
    parser.add_argument("--workers", type=int, default=0, help="Locust workers under a master; 0: one process")
    parser.add_argument("--ui", action="store_true", help="Locust's own page on http://127.0.0.1:8089")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    return parser


if __name__ == "__main__":
    sys.exit(main())
