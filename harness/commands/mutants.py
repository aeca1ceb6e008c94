"""k2-harness mutants: change the schema in a thousand small wrong ways; does some check see each of them?"""

from __future__ import annotations

import argparse
import json
import os
import resource
import time
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.gate.sides import forked
from harness.mutants import MutantsError, page, report
from harness.mutants.derive import Mutant, derive, is_queue
from harness.mutants.equivalents import load_arguments
from harness.mutants.operators import OPERATORS
from harness.mutants.schema import Schema, changed, read_schema
from harness.mutants.score import Outcome, Score, score
from harness.mutants.settled import settled
from harness.mutants.trial import Trial
from harness.mutants.workers import try_all
from harness.progress import Shown
from harness.report.files import SUMMARY
from k2pipeline.schema import DEFAULT_DIRECTORY

HELP: Final = "change the schema in small wrong ways: does some check see each?"
ALL_KILLED: Final = 0
SURVIVED: Final = 1
_OUTCOMES: Final = (Outcome.KILLED, Outcome.STILLBORN, Outcome.EQUIVALENT, Outcome.SURVIVED)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the flags: which mutants, of which schema."""
    parser.add_argument("--since", metavar="REF|DIR", help="only objects that differ from this commit's or directory's")
    parser.add_argument("--sql", metavar="DIR", type=Path, default=DEFAULT_DIRECTORY, help="the schema")
    parser.add_argument(
        "--operator", metavar="NAME", action="append", choices=tuple(OPERATORS), help="only this one; may be repeated"
    )
    parser.add_argument("--object", metavar="NAME", action="append", help="only this table or view; may be repeated")
    parser.add_argument("--jobs", metavar="N", type=int, default=os.cpu_count() or 1, help="processes side by side")
    parser.add_argument("--out", metavar="DIR", type=Path, help="also write mutants.json and summary.md into it")
    parser.add_argument("--docs", metavar="FILE", type=Path, help="also write the figures into this page")
    parser.add_argument("--json", action="store_true", help="print every mutant as JSON instead of the table")


def run(options: argparse.Namespace) -> int:
    """Try them; 0 if each was killed or explained, else 1."""
    if options.docs and (options.since or options.operator or options.object):
        raise page.PageError("--docs takes the figures of every mutant; leave --since, --operator and --object out")
    schema, arguments = settled(read_schema(options.sql)), load_arguments()
    everything = list(derive(schema))
    _require_places(everything, options)
    since = _changed_since(schema, everything, options)
    chosen = _chosen(everything, since, options)
    started = time.monotonic()
    trials = _tried(schema, chosen, options.jobs)
    effort = report.Effort(time.monotonic() - started, _cpu_seconds(), options.jobs)
    found = score(trials, arguments, everything)
    if options.docs:
        page.write(options.docs, mutants=report.markdown(found, effort), equivalents=report.arguments_markdown(found))
    if options.out:
        options.out.mkdir(parents=True, exist_ok=True)
        text = json.dumps(report.as_json(found, effort), indent=2, ensure_ascii=False)
        (options.out / "mutants.json").write_text(text + "\n", encoding="utf-8")
        summary = report.summary(found, effort, schema, since, options.since or "")
        (options.out / SUMMARY).write_text(summary, encoding="utf-8")
    if since is not None and not options.json:
        print(report.compared(since, options.since))
    if options.json:
        print(json.dumps(report.as_json(found, effort), indent=2, ensure_ascii=False))
    else:
        _print(Console(highlight=False), schema, found, effort)
    return ALL_KILLED if found.passes else SURVIVED


def _changed_since(schema: Schema, mutants: Sequence[Mutant], options: argparse.Namespace) -> frozenset[str] | None:
    """Objects that are other than in a commit or directory; None where none is named. Raises SideError where there is
    no such schema, and MutantsError where something changed and nothing would be tried.
    """
    if options.since is None:
        return None
    with forked(options.since, str(options.sql)) as found:
        names = changed(settled(read_schema(found.directory)), schema)
    mutable = {name for name in names if not is_queue(schema, name)}
    if mutable and not any(mutant.object in mutable for mutant in mutants):
        raise MutantsError(
            f"{', '.join(sorted(mutable))} changed since {options.since}, and no operator finds a place there, so "
            "nothing would be shown; add an operator to harness/mutants/operators/"
        )
    return names


def _require_places(mutants: Sequence[Mutant], options: argparse.Namespace) -> None:
    """Raises MutantsError where the flags leave nothing to try, which would show nothing."""
    known = {mutant.object for mutant in mutants}
    for name in options.object or ():
        if name not in known:
            raise MutantsError(f"--object {name}: no operator changes it; there is {', '.join(sorted(known))}")
    if not _chosen(mutants, None, options):
        operators, objects = ", ".join(options.operator or ("no operator",)), ", ".join(options.object or known)
        raise MutantsError(
            f"{operators} finds no place in {objects or options.sql}; "
            "leave --operator or --object out, or give another --sql"
        )


def _chosen(mutants: Sequence[Mutant], changed: Collection[str] | None, options: argparse.Namespace) -> list[Mutant]:
    return [
        each
        for each in mutants
        if (changed is None or each.object in changed)
        and (not options.operator or each.operator in options.operator)
        and (not options.object or each.object in options.object)
    ]


def _tried(schema: Schema, mutants: list[Mutant], jobs: int) -> list[Trial]:
    trials: list[Trial] = []
    if not mutants:
        return trials
    with Shown(Console(stderr=True, highlight=False)) as progress:
        progress.stage(f"{len(mutants):,} mutants, {jobs} at a time")
        for trial in try_all(schema, mutants, jobs):
            trials.append(trial)
            progress.advance(f"{len(trials):,} tried")
    return trials


def _cpu_seconds() -> float:
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in used)


def _print(console: Console, schema: Schema, found: Score, effort: report.Effort) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("operator")
    for outcome in _OUTCOMES:
        table.add_column(str(outcome), justify="right")
    table.add_column("killed by", overflow="fold")
    for operator, counts in found.by_operator().items():
        numbers = (str(counts[outcome] or "") for outcome in _OUTCOMES)
        table.add_row(operator, *numbers, report.killers(found, operator))
    console.print(table)
    for each in found.of(Outcome.SURVIVED):
        mutant = each.trial.mutant
        place = f"{mutant.file}:{mutant.line}"
        console.print(Text.assemble(("survived  ", "red"), f"{place} {mutant.id}: {each.trial.says}"), soft_wrap=True)
        console.print(Text("\n".join(report.difference(each, schema)), style="dim"), soft_wrap=True)
    for sentence in report.wrong_arguments(found):
        console.print(Text.assemble(("not true  ", "red"), sentence), soft_wrap=True)
    headline = Text(
        " PASS " if found.passes else " FAIL ", "bold black on green" if found.passes else "bold white on red"
    )
    console.print(Text.assemble(headline, f" {report.headline(found)}"))
    console.print(Text(effort.said(len(found.scored)), style="dim"))
