"""k2-harness gate: what does a change of sql/ do to the rows, before it ships?"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.gate.compare import compare
from harness.gate.outcome import GateOutcome
from harness.gate.policy import DEFAULT_POLICY, load_policy
from harness.gate.rehearsal import SECONDS, rehearse
from harness.gate.report import as_json, write
from harness.gate.sides import forked, side
from harness.gate.verdict import Verdict
from harness.progress import Shown
from harness.report.files import SUMMARY
from harness.run import RUNS
from harness.scenario import Scenario, ScenarioError, load_scenario
from k2pipeline.schema import DEFAULT_DIRECTORY

HELP: Final = "compare two schemas, object by object and row by row, before a change ships"
PASS: Final = 0
REFUSED: Final = 1
_SCENARIO: Final = "demo"
_RATE: Final = 1_000
_STYLES: Final = {
    Verdict.IDENTICAL: "dim",
    Verdict.ADDITIVE: "green",
    Verdict.CHANGED: "yellow",
    Verdict.BREAKING: "red",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: which schemas, which tape, which policy."""
    parser.add_argument(
        "--base",
        metavar="REF|DIR",
        required=True,
        help="the schema as it is: a directory, or a git ref, taken where the candidate left it",
    )
    parser.add_argument(
        "--candidate", metavar="REF|DIR", default=str(DEFAULT_DIRECTORY), help="the schema to be; sql/ by default"
    )
    tape = parser.add_mutually_exclusive_group()
    tape.add_argument(
        "--capture", metavar="FILE", type=Path, action="append", default=[], help="what to play; may be repeated"
    )
    tape.add_argument("--synthetic", metavar="DURATION", help="play generated trades: 30s, 5m")
    tape.add_argument(
        "--scenario", metavar="NAME|FILE", default=_SCENARIO, help=f"or a scenario; {_SCENARIO} by default"
    )
    parser.add_argument("--seed", type=int, default=1, help="of generated trades and faults")
    parser.add_argument("--policy", metavar="FILE", type=Path, default=DEFAULT_POLICY, help="which verdicts pass")
    parser.add_argument(
        "--rehearse",
        metavar="RATE",
        type=int,
        nargs="?",
        const=_RATE,
        help=f"also migrate a live warehouse at RATE trades a second ({_RATE:,}), if the candidate only adds files",
    )
    parser.add_argument("--rehearse-seconds", metavar="N", type=float, default=SECONDS, help="how long they flow")
    parser.add_argument("--kill", action="store_true", help="and kill -9 the warehouse after each statement in turn")
    parser.add_argument("--out", metavar="DIR", type=Path, default=RUNS, help="where the run's directory is made")
    parser.add_argument("--json", action="store_true", help="print gate.json instead of the verdict")


def run(options: argparse.Namespace) -> int:
    """Compare; 0 if the policy lets the change pass, else 1."""
    _check(options)
    outcome = _gate(options)
    write(outcome)
    if options.json:
        print(json.dumps(as_json(outcome), indent=2, ensure_ascii=False))
    else:
        _print(Console(highlight=False), outcome)
    return PASS if outcome.passes else REFUSED


def _check(options: argparse.Namespace) -> None:
    if options.kill and options.rehearse is None:
        raise ScenarioError("--kill kills the warehouse of a rehearsal, and there is none; add --rehearse")
    if options.rehearse is not None and options.rehearse < 1:
        raise ScenarioError(f"--rehearse {options.rehearse} is no rate; give trades a second, such as {_RATE}")
    if not 1 <= options.rehearse_seconds <= 3600:
        raise ScenarioError(f"--rehearse-seconds {options.rehearse_seconds:g} is not between 1 and 3600")


def _gate(options: argparse.Namespace) -> GateOutcome:
    policy, scenario = load_policy(options.policy), _scenario(options)
    with (
        forked(options.base, options.candidate) as base,
        side(options.candidate) as candidate,
        Shown(Console(stderr=True, highlight=False)) as progress,
    ):
        outcome = compare(base, candidate, scenario, policy, out=options.out, progress=progress)
        # A rehearsal may end in whatever way; what the comparison found is not lost with it.
        write(outcome)
        if options.rehearse is None:
            return outcome
        rehearsed = rehearse(
            base,
            candidate,
            outcome.directory,
            rate=options.rehearse,
            seconds=options.rehearse_seconds,
            seed=options.seed,
            killed=(False, True) if options.kill else (False,),
            policy=policy,
            progress=progress,
        )
        return replace(outcome, rehearsed=rehearsed)


def _scenario(options: argparse.Namespace) -> Scenario:
    if options.synthetic:
        return Scenario(name="gate", synthetic=options.synthetic, seed=options.seed)
    if options.capture:
        return Scenario(name="gate", captures=tuple(options.capture), seed=options.seed)
    return load_scenario(options.scenario, {"seed": options.seed})


def _print(console: Console, outcome: GateOutcome) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("verdict", "object", "what of it", "finding"):
        table.add_column(name, overflow="fold")
    for each in outcome.evidence:
        verdict = Text(str(each.verdict), style=_STYLES[each.verdict])
        table.add_row(verdict, each.object, each.part, Text(each.what[:300]))
    if outcome.evidence:
        console.print(table)
    same = sum(rows.is_identical for rows in outcome.rows)
    tables = f"{same} of {len(outcome.rows)} tables and views have the same rows"
    console.print(f"{tables}; {outcome.trades:,} trades; {outcome.seconds:.1f} s")
    if outcome.documents_unchecked:
        console.print(f"documents: not checked, because {outcome.documents_unchecked}", markup=False, soft_wrap=True)
    if outcome.rehearsed:
        console.print("\n".join(outcome.rehearsed.lines()), markup=False, soft_wrap=True)
    for reason in outcome.refusals:
        console.print(Text.assemble(("refused  ", "red"), reason), soft_wrap=True)
    headline = Text(
        " PASS " if outcome.passes else " FAIL ",
        style="bold black on green" if outcome.passes else "bold white on red",
    )
    console.print(Text.assemble(headline, f" {outcome.verdict}"))
    console.print("for the pull request:", Text(str(outcome.directory / SUMMARY)), soft_wrap=True)
