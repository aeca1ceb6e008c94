"""k2-harness crash: kill and pause each part of the pipeline while frames flow, check every row, print a table."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.crash import CASES, Row, Setting, choose_cases, strike
from harness.progress import Shown
from harness.run import RUNS
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import STACKS

HELP: Final = "kill and pause broker, warehouse and feed handlers while frames flow, then check every row"
HOLDS: Final = 0
CHECK_FAILED: Final = 1
_CLIENTS: Final = ("urllib3", "clickhouse_connect", "harness.outbox")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: what to strike, and where."""
    known = ", ".join(f"{case.name}={case.times}" for case in CASES)
    parser.add_argument(
        "--case", metavar="NAME[=TIMES]", action="append", default=[], help=f"may be repeated; all: {known}"
    )
    parser.add_argument("--rate", metavar="N", type=int, default=1_000, help="trades a second (default 1000)")
    parser.add_argument("--seed", type=int, default=1, help="of trades and moments")
    parser.add_argument("--pause-s", metavar="N", type=float, default=10.0, help="how long a pause is (default 10)")
    parser.add_argument(
        "--stack", choices=sorted(STACKS), default="kafka", help="default: kafka, whose broker is durable"
    )
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where runs/<id>/ is written")
    parser.add_argument("--json", action="store_true", help="print the rows as JSON instead")


def run(options: argparse.Namespace) -> int:
    """Run the cases one after the other; 0 if every check of every case holds, else 1."""
    for client in _CLIENTS:  # that they find nobody there is what is asked for here
        logging.getLogger(client).setLevel(logging.CRITICAL)
    setting = Setting(options.stack, options.rate, options.seed, options.pause_s, options.sql)
    rows = []
    errors = Console(stderr=True, highlight=False)
    for case in choose_cases(options.stack, options.case):
        errors.print(f"{case.name}, {case.times} times", style="bold")
        with Shown(errors) as progress:
            rows.append(strike(case, setting, out=options.out, progress=progress))
    if options.json:
        print(json.dumps([asdict(row) for row in rows], indent=2))
    else:
        _print(Console(highlight=False), rows)
    return HOLDS if all(row.holds for row in rows) else CHECK_FAILED


def _print(console: Console, rows: Sequence[Row]) -> None:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column("struck", no_wrap=True)
    for name in ("times", "acked", "lost", "doubled", "gold", "checks", "back in s", "longest"):
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(
            f"{row.case.fault} {row.case.victim}",
            str(len(row.recoveries_s)),
            f"{row.acknowledged:,}",
            _good(row.lost == 0, f"{row.lost:,}"),
            _good(row.doubled == 0, f"{row.doubled:,}"),
            _good(row.is_gold_exact, "exact" if row.is_gold_exact else "wrong"),
            _good(row.holds, f"{row.checks - len(row.failed)}/{row.checks}"),
            f"{row.recovery_p50_s:.1f}",
            f"{max(row.recoveries_s):.1f}",
        )
    console.print(table)
    for row in rows:
        for name in row.failed:
            console.print(Text(f"{row.case.name}: {name} fails; see {row.directory}"), style="red", soft_wrap=True)
        if row.unacknowledged:
            console.print(
                f"{row.case.name}: {row.unacknowledged:,} frames were never acknowledged, so never the broker's; "
                "what of their trades nobody brought again is found as gaps",
                soft_wrap=True,
            )


def _good(is_good: bool, text: str) -> Text:
    return Text(text, style="green" if is_good else "bold red")
