"""k2-harness museum: defects that real pipelines shipped, each made from the schema of now; do the checks see them?"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.museum import report
from harness.museum.exhibit import Exhibit, load_exhibits
from harness.museum.tour import Seen, tour
from harness.mutants import page
from harness.mutants.rig import Rig
from harness.mutants.schema import read_schema
from harness.progress import Shown
from k2pipeline.schema import DEFAULT_DIRECTORY

HELP: Final = "defects that real pipelines shipped: do exactly the right checks see each?"
ALL_CAUGHT: Final = 0
DIFFERS: Final = 1


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: which exhibits, of which schema."""
    names = tuple(exhibit.name for exhibit in load_exhibits())
    parser.add_argument(
        "--exhibit", metavar="NAME", action="append", choices=names, help="only this one; may be repeated"
    )
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema")
    parser.add_argument("--docs", metavar="FILE", type=Path, help="also write table and paragraphs into this page")
    parser.add_argument("--json", action="store_true", help="print every failing check as JSON instead of the table")


def run(options: argparse.Namespace) -> int:
    """Visit them; 0 if each failed exactly the checks that it should, else 1."""
    if options.docs and options.exhibit:
        raise page.PageError("--docs takes the whole museum; leave --exhibit out")
    exhibits = [each for each in load_exhibits() if not options.exhibit or each.name in options.exhibit]
    started = time.monotonic()
    seen = _visited(exhibits, options.sql)
    seconds = time.monotonic() - started
    if options.docs:
        page.write(options.docs, museum=report.markdown(seen, seconds))
    if options.json:
        print(json.dumps(report.as_json(seen, seconds), indent=2, ensure_ascii=False))
    else:
        _print(Console(highlight=False), seen, seconds)
    return ALL_CAUGHT if all(each.is_caught for each in seen) else DIFFERS


def _visited(exhibits: list[Exhibit], sql: Path) -> list[Seen]:
    schema, seen = read_schema(sql), []
    with (
        Shown(Console(stderr=True, highlight=False)) as progress,
        tempfile.TemporaryDirectory(prefix="k2-museum-") as directory,
        Rig(Path(directory)) as rig,
    ):
        progress.stage("the schema as it is")
        rig.open(schema)
        progress.stage(f"{len(exhibits)} exhibits")
        for each in tour(schema, exhibits, rig):
            seen.append(each)
            progress.advance(each.exhibit.title)
    return seen


def _print(console: Console, seen: list[Seen], seconds: float) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("exhibit")
    table.add_column("caught")
    table.add_column("failing checks", overflow="fold")
    for each in seen:
        caught = Text("yes", "green") if each.is_caught else Text("no", "red")
        table.add_row(each.exhibit.title, caught, report.caught_by(finding.name for finding in each.findings))
    console.print(table)
    for each in seen:
        for what, names in (("missed", each.missed), ("unforeseen", each.unforeseen)):
            if names:
                line = f"{each.exhibit.name}: {report.caught_by(names)}"
                console.print(Text.assemble((f"{what:10}  ", "red"), line), soft_wrap=True)
    count = sum(each.is_caught for each in seen)
    good = count == len(seen)
    headline = Text(" PASS " if good else " FAIL ", "bold black on green" if good else "bold white on red")
    console.print(Text.assemble(headline, f" {count} of {len(seen)} caught by exactly their checks; {seconds:.0f} s"))
