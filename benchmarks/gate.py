"""The gate on every prepared change of sql/, and the rename rehearsed on a live warehouse: what docs/gate.md shows.

python benchmarks/gate.py OUT                # prints a table; OUT/<change>.md is the Markdown of each
python benchmarks/gate.py OUT new_column     # only these changes
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from harness.gate.compare import compare
from harness.gate.outcome import GateOutcome
from harness.gate.policy import load_policy
from harness.gate.prepared import PREPARED, prepare
from harness.gate.rehearsal import rehearse
from harness.gate.report import write
from harness.gate.sides import Side
from harness.progress import Shown
from harness.report.files import SUMMARY
from harness.results import fails
from harness.scenario import load_scenario
from k2pipeline.schema import DEFAULT_DIRECTORY

RATE = 1_000
REHEARSED = "renamed_silver"
BASE = Side("sql", DEFAULT_DIRECTORY)


def gate(name: str, out: Path) -> GateOutcome:
    """Put one change before the gate; the rename is rehearsed too, and killed."""
    candidate = Side(name, prepare(name, out / "changed" / name))
    policy = load_policy()
    with Shown(Console(stderr=True)) as progress:
        outcome = compare(BASE, candidate, load_scenario("demo", {}), policy, out=out / "runs", progress=progress)
        if name == REHEARSED:
            found = rehearse(
                BASE, candidate, outcome.directory, rate=RATE, policy=policy, killed=(False, True), progress=progress
            )
            outcome = replace(outcome, rehearsed=found)
    write(outcome)
    (out / f"{name}.md").write_text((outcome.directory / SUMMARY).read_text(encoding="utf-8"), encoding="utf-8")
    return outcome


def main(arguments: Sequence[str]) -> None:
    """Run the changes that are named, or all."""
    out = Path(arguments[0])
    print("| change | verdict | passes | seconds | tables alike | checks failing |\n|---|---|---|---|---|---|")
    for name in arguments[1:] or PREPARED:
        found = gate(name, out)
        alike = f"{sum(rows.is_identical for rows in found.rows)} of {len(found.rows)}"
        failing = f"{sum(map(fails, found.checks))} of {len(found.checks)}"
        passes = "yes" if found.passes else "no"
        print(f"| {name} | {found.verdict} | {passes} | {found.seconds:.0f} | {alike} | {failing} |", flush=True)
        for line in found.rehearsed.lines() if found.rehearsed else ():
            print(line, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
