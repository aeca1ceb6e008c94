"""k2-harness verify: replay into a stack of its own, check every row, print the verdict."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from harness.flags import add_fault_flag, add_id_jumps_flag
from harness.progress import Shown
from harness.run import RUNS
from harness.run import run as run_scenario
from harness.scenario import TIMES, Scenario, load_scenario
from harness.verdict import print_verdict
from harness.ways import WAYS
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import STACKS

HELP: Final = "replay into a stack of its own, check every row, print the verdict"
PASS: Final = 0
CHECK_FAILED: Final = 1
INTERRUPTED: Final = 130


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: what to play, how, and where."""
    source = parser.add_argument_group("what to play")
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
    source.add_argument("--symbols", metavar="N", type=int, help="symbols of each exchange in synthetic trades")
    add_id_jumps_flag(source)
    source.add_argument("--seed", type=int, help="of synthetic trades and faults")
    how = parser.add_argument_group("how")
    how.add_argument("--rate", metavar="N|Nx|max", help="trades per second, a multiple of the recorded speed, or max")
    how.add_argument("--times", choices=TIMES, help="receive times: as recorded, or the time of sending")
    how.add_argument(
        "--via",
        choices=tuple(WAYS),
        help="the way in: straight into the topic (default), or through simulated exchanges and the feed handlers",
    )
    add_fault_flag(parser, how, "duplicate=5%")
    how.add_argument("--partitions", type=int, help="partitions of each topic")
    where = parser.add_argument_group("where")
    where.add_argument("--stack", choices=sorted(STACKS), default="embedded")
    where.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    where.add_argument(
        "--suite",
        metavar="NAME",
        action="append",
        default=[],
        help="run only this suite of expectations/; may be repeated",
    )
    where.add_argument(
        "--slos", action="store_true", default=None, help="also hold the latency to expectations/latency.json"
    )
    where.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    where.add_argument(
        "--docs",
        action="store_true",
        help="also build Great Expectations' Data Docs, which a failing run gets anyway",
    )
    where.add_argument("--json", action="store_true", help="print results.json instead of the verdict")


def run(options: argparse.Namespace) -> int:
    """Run the scenario; 0 if every check holds, 130 if it was interrupted and what was sent by then checked, else 1."""
    scenario = _scenario(options)
    with Shown(Console(stderr=True, highlight=False)) as progress:
        outcome = run_scenario(
            scenario, stack=options.stack, sql=options.sql, out=options.out, docs=options.docs, progress=progress
        )
    if options.json:
        print(json.dumps(outcome.results.as_json(), indent=2, ensure_ascii=False))
    else:
        print_verdict(Console(highlight=False), outcome)
    if outcome.results.interrupted:
        return INTERRUPTED
    return PASS if outcome.results.verdict == "pass" else CHECK_FAILED


def _scenario(options: argparse.Namespace) -> Scenario:
    given: dict[str, Any] = {
        "captures": tuple(options.capture),
        "synthetic": options.synthetic,
        "symbols": options.symbols,
        "id_jumps": options.id_jumps,
        "rate": options.rate,
        "times": options.times,
        "via": options.via,
        "faults": tuple(options.fault),
        "suites": tuple(options.suite),
        "seed": options.seed,
        "partitions": options.partitions,
        "slos": options.slos,
    }
    overrides = {name: value for name, value in given.items() if value not in (None, ())}
    if options.scenario:
        return load_scenario(options.scenario, overrides)
    return Scenario(**overrides)
