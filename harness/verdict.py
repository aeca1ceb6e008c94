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
from harness.results import Percentiles, Results, fails
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
    if outcome.settled.lag_messages:
        console.print(
            f"{outcome.settled.lag_messages:,} messages were never taken in: the pipeline stands still",
            style="red",
        )
    for check in in_order(results.checks):
        if not check.success:
            _print_failure(console, check)
    good = results.verdict == "pass"
    headline = Text(" PASS " if good else " FAIL ", style="bold black on green" if good else "bold white on red")
    console.print(Text.assemble(headline, " ", _sentence(results)))
    console.print(f"seed {results.seed}; {results.seconds:.1f} s; repeat:", Text(outcome.command), soft_wrap=True)
    console.print("results:", Text(str(outcome.directory)), soft_wrap=True)
    console.print("report:", Text(str(outcome.directory / REPORT)), soft_wrap=True)


def _sentence(results: Results) -> str:
    counts = results.counts
    if results.verdict == "pass":
        warning = sum(not check.success for check in results.checks)
        held = f"no check fails, {warning} warn" if warning else f"all {len(results.checks)} checks hold"
        return (
            f"{held}: {counts.trades_sent:,} trades sent, "
            f"{counts.silver_trades:,} in silver, "
            f"none lost, none doubled, every candle equal to the truth"
        )
    failing = f"{len(results.failed)} of {len(results.checks)} checks fail"
    if counts.lost is None or counts.phantom is None:
        return failing
    return f"{failing}: {counts.lost:,} trades lost, {counts.phantom:,} phantom"


def _print_failure(console: Console, check: CheckResult) -> None:
    found = f"  {check.unexpected:,} unexpected"
    if not fails(check):  # the report has its rows; here it must not hide what fails
        console.print(Text.assemble(("! ", "bold yellow"), f"{check.suite}.{check.name}", found), style="dim")
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
    table.add_row("bronze", "", "", f"{counts.bronze_rows:,}")
    table.add_row("silver", "", "", f"{counts.silver_trades:,}")
    table.add_row("dead letters", "", "", f"{counts.dead_letters:,}")
    if counts.gaps_found:
        table.add_row("missing ids found", "", f"{counts.gaps_found:,}", "")
    return table


def _layers(checks: Iterable[CheckResult]) -> Table:
    table = _table("suite", "holds", "fails", "seconds", numeric=3)
    for suite, found in by_suite(checks):
        fails = sum(not check.success for check in found)
        table.add_row(
            suite,
            str(len(found) - fails),
            Text(str(fails), style="red" if fails else "dim"),
            f"{sum(c.seconds for c in found):.2f}",
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
