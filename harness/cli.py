"""k2-harness: the harness's command.

Exit codes: 0 every check holds; 1 a check failed; 2 the command or its input is wrong; 3 the stack could not
start or died.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from harness.captures import CaptureError
from harness.checks import SuiteError
from harness.faults import FaultError, NoEffect, describe_faults
from harness.pace import PaceError
from harness.progress import Shown
from harness.replay import ReplayError
from harness.run import RUNS, run
from harness.scenario import TIMES, Scenario, ScenarioError, load_scenario
from harness.truth import TruthError
from harness.verdict import print_verdict
from k2pipeline.schema import DEFAULT_DIRECTORY, SchemaError
from k2pipeline.stack import STACKS, StackError

PASS: Final = 0
CHECK_FAILED: Final = 1
WRONG_INPUT: Final = 2
STACK_DIED: Final = 3


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    options = _parser().parse_args(arguments)
    errors = Console(stderr=True, highlight=False)
    try:
        return int(options.command(options))
    except (CaptureError, FaultError, NoEffect, PaceError, ScenarioError, SchemaError, SuiteError, TruthError) as error:
        errors.print(f"k2-harness: {error}", style="red", markup=False, soft_wrap=True)
        return WRONG_INPUT
    except (StackError, ReplayError) as error:
        errors.print(f"k2-harness: {error}", style="red", markup=False, soft_wrap=True)
        return STACK_DIED
    except KeyboardInterrupt:
        errors.print("k2-harness: interrupted; every process it started has been stopped", style="red")
        return 130


def _verify(options: argparse.Namespace) -> int:
    scenario = _scenario(options)
    progress = Shown(Console(stderr=True, highlight=False))
    with progress:
        outcome = run(scenario, stack=options.stack, sql=options.sql, out=options.out, progress=progress)
    if options.json:
        print(json.dumps(outcome.results.as_json(), indent=2, ensure_ascii=False))
    else:
        print_verdict(Console(highlight=False), outcome)
    return PASS if outcome.results.verdict == "pass" else CHECK_FAILED


def _scenario(options: argparse.Namespace) -> Scenario:
    given: dict[str, Any] = {
        "captures": tuple(options.capture),
        "synthetic": options.synthetic,
        "rate": options.rate,
        "times": options.times,
        "faults": tuple(options.fault),
        "suites": tuple(options.suite),
        "seed": options.seed,
        "partitions": options.partitions,
    }
    overrides = {name: value for name, value in given.items() if value not in (None, ())}
    if options.scenario:
        return load_scenario(options.scenario, overrides)
    return Scenario(**overrides)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="k2-harness",
        description="Proves a trade pipeline right: replays, knows what it sent, checks every row.",
        epilog="exit codes: 0 every check holds; 1 a check failed; 2 wrong command or input; "
        "3 the stack could not start or died",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    verify = commands.add_parser("verify", help="replay into a stack of its own, check every row, print the verdict")
    verify.set_defaults(command=_verify)
    source = verify.add_argument_group("what to play")
    source.add_argument(
        "--scenario",
        metavar="NAME|FILE",
        help="a TOML file, or the name of one that ships; flags override it",
    )
    source.add_argument(
        "--capture",
        metavar="FILE",
        type=Path,
        action="append",
        default=[],
        help="a recorded capture; may be repeated",
    )
    source.add_argument("--synthetic", metavar="DURATION", help="generated trades instead: 90s, 10m, 1h")
    source.add_argument("--seed", type=int, help="of synthetic trades and faults")
    how = verify.add_argument_group("how")
    how.add_argument("--rate", metavar="N|Nx|max", help="trades per second, a multiple of the recorded speed, or max")
    how.add_argument("--times", choices=TIMES, help="receive times: as recorded, or the time of sending")
    how.add_argument("--via", choices=("topic",), default="topic", help="the way in: straight into the topic")
    faults = "; ".join(f"{name}: {text}" for name, text in describe_faults().items()).replace("%", "%%")
    how.add_argument(
        "--fault", metavar="NAME=AMOUNT", action="append", default=[], help=f"e.g. duplicate=5%%; {faults}"
    )
    how.add_argument("--partitions", type=int, help="partitions of each topic")
    where = verify.add_argument_group("where")
    where.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    where.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    where.add_argument(
        "--suite",
        metavar="NAME",
        action="append",
        default=[],
        help="run only this suite of expectations/; may be repeated",
    )
    where.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    where.add_argument("--json", action="store_true", help="print results.json instead of the verdict")
    return parser


if __name__ == "__main__":
    sys.exit(main())
