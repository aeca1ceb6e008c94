"""k2-harness detect: inject every fault at several intensities, and measure what every check finds of it."""

from __future__ import annotations

import argparse
import json
import shlex
import tempfile
from pathlib import Path
from typing import Final

from rich.console import Console

from harness.detect import INTENSITIES, Bench, Report, detect, plan_cases, to_json, to_markdown
from harness.detect.cases import CLEAN_RUNS
from harness.faults import FAULTS
from harness.progress import Shown
from harness.report import write_report
from harness.run import RUNS
from k2pipeline.schema import DEFAULT_DIRECTORY
from k2pipeline.stack import STACKS, start_stack

HELP: Final = "inject every fault, measure what every check finds of it: recall, precision, delay"
COMPLETE: Final = 0
MISSED: Final = 1
FILES: Final = ("detection.json", "detection.md")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: which faults, how much of them, and where."""
    parser.add_argument(
        "--fault",
        metavar="NAME",
        action="append",
        default=[],
        help=f"only this one; may be repeated ({', '.join(FAULTS)})",
    )
    parser.add_argument(
        "--intensity",
        metavar="AMOUNT",
        action="append",
        default=[],
        help=f"a count or a share of all frames; may be repeated (default: {', '.join(INTENSITIES)})".replace(
            "%", "%%"
        ),
    )
    parser.add_argument(
        "--clean", metavar="N", type=int, default=CLEAN_RUNS, help="runs without a fault, each another tape"
    )
    parser.add_argument("--seed", type=int, default=1, help="of the tape and of the faults")
    # Tables are emptied between cases, so never on a warehouse that is somebody else's.
    parser.add_argument("--stack", choices=sorted(set(STACKS) - {"external"}), default="embedded")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema under test")
    parser.add_argument(
        "--out",
        metavar="DIR",
        type=Path,
        default=RUNS / "detection",
        help=f"where {' and '.join(FILES)} are written; in a run's directory its report shows them",
    )
    parser.add_argument("--json", action="store_true", help="print detection.json instead of the table")


def run(options: argparse.Namespace) -> int:
    """Measure; 0 if as much was noticed as has to be, and nothing else, else 1. A fault without effect is an error."""
    cases = plan_cases(options.fault, options.intensity or INTENSITIES, seed=options.seed, clean_runs=options.clean)
    with (
        Shown(Console(stderr=True, highlight=False)) as progress,
        tempfile.TemporaryDirectory(prefix="k2-detect-") as workdir,
    ):
        directory = Path(workdir)
        progress.stage("starting the stack")
        with (
            start_stack(options.stack, workdir=directory / "stack") as stack,
            Bench(stack, directory, options.sql) as bench,
        ):
            report = detect(cases, bench, command=_command(options), told=progress.stage)
    _write(report, options.out)
    if options.json:
        print(json.dumps(to_json(report), indent=2))
    else:
        print(to_markdown(report))
        print("written:", *(options.out / name for name in FILES))
    return COMPLETE if report.is_complete else MISSED


def _write(report: Report, out: Path) -> None:
    out.mkdir(parents=True, exist_ok=True)
    as_json, as_markdown = (out / name for name in FILES)
    as_json.write_text(json.dumps(to_json(report), indent=2) + "\n", encoding="utf-8")
    as_markdown.write_text(to_markdown(report), encoding="utf-8")
    if (out / "results.json").is_file():  # a run's directory: its report shows the table from now on
        write_report(out)


def _command(options: argparse.Namespace) -> str:
    """The one command that measures this again."""
    words = ["k2-harness", "detect"]
    words += [word for name in options.fault for word in ("--fault", name)]
    words += [word for amount in options.intensity for word in ("--intensity", amount)]
    words += ["--clean", str(options.clean)] if options.clean != CLEAN_RUNS else []
    words += ["--seed", str(options.seed)] if options.seed != 1 else []
    words += ["--stack", options.stack] if options.stack != "embedded" else []
    words += ["--sql", str(options.sql)] if options.sql != DEFAULT_DIRECTORY else []
    return shlex.join(words)
