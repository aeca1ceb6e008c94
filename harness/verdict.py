"""The verdict a person reads on the terminal: what was sent, what became of it, which checks hold, how to
repeat it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

from harness.checks import CheckResult
from harness.report.files import REPORT
from harness.report.order import by_suite, in_order
from harness.report.sentences import headline, other_channels, rate
from harness.results import Percentiles, Results, fails, warns
from harness.run import Outcome

SAMPLE_ROWS: Final = 3


def print_verdict(console: Console, outcome: Outcome) -> None:
    """Print counts, suites and latency, then failing checks with their rows, and last the verdict, where the
    eye is.
    """
    results = outcome.results
    console.print(_counts(results))
    console.print(_layers(results.checks))
    console.print(_latency(results))
    _print_play(console, results)
    for check in in_order(results.checks):
        if not check.success:
            _print_failure(console, check)
    good = results.verdict == "pass"
    badge = Text(" PASS " if good else " FAIL ", style="bold black on green" if good else "bold white on red")
    console.print(Text.assemble(badge, " ", headline(results)), soft_wrap=True)
    console.print(f"seed {results.seed}; {results.seconds:.1f} s; repeat:", Text(outcome.command), soft_wrap=True)
    console.print("results:", Text(str(outcome.directory)), soft_wrap=True)
    console.print("report:", Text(str(outcome.directory / REPORT)), soft_wrap=True)


def _print_play(console: Console, results: Results) -> None:
    """How it was sent, and what was not."""
    for line in (rate(results), other_channels(results)):
        if line:
            console.print(Text(line), style="dim", soft_wrap=True)
    if results.is_rate_held is False:
        wanted = f"{results.target_rate:,.10g} trades/s were asked for"
        said = f"the rate was not held: {wanted}; ask for less, or give it the machine alone"
        console.print(Text.assemble(("! ", "bold yellow"), said), soft_wrap=True)


def _print_failure(console: Console, check: CheckResult) -> None:
    found = f"  {check.unexpected:,} unexpected"
    if not fails(check):  # the report has its rows; here it must not hide what fails
        mark = ("! ", "bold yellow") if warns(check) else ("i ", "bold blue")
        console.print(Text.assemble(mark, f"{check.suite}.{check.name}", found), style="dim")
        return
    console.print(Text.assemble(("✗ ", "bold red"), (f"{check.suite}.{check.name}", "bold"), found))
    console.print(Text(f"  {check.why}"), style="dim")
    if check.error:
        console.print(Text(f"  {check.error}"), style="red", soft_wrap=True)
    for row in check.sample[:SAMPLE_ROWS]:
        console.print(Text("  " + "  ".join(f"{name}={value}" for name, value in row.items())), soft_wrap=True)
    if len(check.sample) > SAMPLE_ROWS:
        console.print(f"  and more: {len(check.sample)} rows are in results.json", style="dim")


def _counts(results: Results) -> Table:
    counts = results.counts
    table = _table("", "frames", "trades", "rows", numeric=3)
    table.add_row("sent", f"{counts.frames_sent:,}", f"{counts.trades_sent:,}", "")
    table.add_row("sent more than once", "", f"{counts.duplicates_sent:,}", "")
    for name, rows in (
        ("bronze", counts.bronze_rows),
        ("silver", counts.silver_trades),
        ("dead letters", counts.dead_letters),
    ):
        table.add_row(name, "", "", "unreadable" if rows is None else f"{rows:,}")
    if counts.gaps_found:
        table.add_row("missing ids found", "", f"{counts.gaps_found:,}", "")
    return table


def _layers(checks: Iterable[CheckResult]) -> Table:
    table = _table("suite", "holds", "fails", "notes", "seconds", numeric=4)
    for suite, found in by_suite(checks):
        failing = sum(map(fails, found))
        noted = sum(not check.success for check in found) - failing
        table.add_row(
            suite,
            str(len(found) - failing - noted),
            Text(str(failing), style="red" if failing else "dim"),
            Text(str(noted), style="yellow" if noted else "dim"),
            f"{sum(check.seconds for check in found):.2f}",
        )
    return table


def _latency(results: Results) -> Table:
    table = _table("ms from scheduled send to", "n", "p50", "p99", "p99.9", "max", numeric=5)
    for stage, found in results.latency_ms.items():
        table.add_row(stage, f"{found.n:,}", *(_ms(value) for value in _values(found)))
    return table


def _values(found: Percentiles) -> tuple[float | None, ...]:
    return found.p50, found.p99, found.p999, found.max


def _ms(value: float | None) -> str:
    return "too few" if value is None else f"{value:,.0f}"


def _table(*columns: str, numeric: int) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for place, column in enumerate(columns):
        table.add_column(column, justify="right" if place >= len(columns) - numeric else "left")
    return table
