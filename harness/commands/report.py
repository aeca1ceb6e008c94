"""k2-harness report: make the report of a run, or of a night, again from its files."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Final

from harness.nightly import NIGHT
from harness.report import ReportError, Written, write_report

HELP: Final = "make the report of a run or of a night from its files"
_RUNS: Final = Path("runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags."""
    parser.add_argument(
        "run", metavar="DIR", type=Path, nargs="?", help="directory of a run or night; by default the newest in runs/"
    )
    parser.add_argument("--json", action="store_true", help="print the paths as JSON")


def run(options: argparse.Namespace) -> int:
    """Write report.html and summary.md beside the run's other files; raises ReportError when it is no run."""
    written = _write(options.run or newest_run(_RUNS))
    if options.json:
        print(json.dumps({"page": str(written.page), "summary": str(written.summary)}))
    else:
        print(f"report: {written.page}\nsummary: {written.summary}")
    return 0


def newest_run(runs: Path) -> Path:
    """The run or night that was finished last. Raises ReportError when there is none."""
    found = (path for name in ("results.json", NIGHT) for path in runs.glob(f"*/{name}"))
    finished = sorted(found, key=lambda path: path.stat().st_mtime)
    if not finished:
        raise ReportError(f"{runs} holds no finished run; make one with k2-harness verify, or give a run's directory")
    return finished[-1].parent


def _write(directory: Path) -> Written:
    if not (directory / NIGHT).is_file():
        return write_report(directory)
    from harness.nightly.page import write_night_report

    return write_night_report(directory)
