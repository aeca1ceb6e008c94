"""The report of a run as Markdown that fits a comment on a pull request."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from harness.report import words
from harness.report.files import REPORT, RunFiles
from harness.report.markdown import bounded, cell, escaped, table
from harness.report.sentences import headline
from harness.report.views import Failing, not_holding
from harness.results import Results, fails

FAILING_CHECKS: Final = 15
WARNINGS: Final = 30
SAMPLE_ROWS: Final = 3
_COLUMNS: Final = 8


def run_summary(files: RunFiles) -> str:
    """Verdict, what fails with some rows, counts, latency, and how to repeat it."""
    results = files.results
    command = str(files.manifest.get("command", ""))
    mark = "✅" if results.verdict == "pass" else "❌"
    return bounded(
        [
            f"## {mark} K2 {results.verdict}: {escaped(headline(results))}",
            *_failures(results),
            _counts(results),
            _latency(results),
            f"Repeat it (seed {results.seed}):\n\n```sh\n{command.replace('```', '')}\n```",
            f"Run `{files.name}`, {results.seconds:.1f} s on the {escaped(results.stack)} stack; "
            f"`{REPORT}` in its files has the curves and all rows.",
        ]
    )


def _failure(found: Failing, rows: int = SAMPLE_ROWS) -> str:
    lines = [f"**{escaped(found.name)}** fails: {escaped(found.count)}. {escaped(found.why)}"]
    if found.error:
        lines.append(f"> {cell(found.error, 400)}")
    if found.rows:
        header = [cell(name) for name in found.header[:_COLUMNS]]
        lines.append(table(header, ([cell(value) for value in row[:_COLUMNS]] for row in found.rows[:rows])))
    return "\n\n".join(lines)


def _failures(results: Results) -> list[str]:
    return listed(*not_holding(results.checks, fails))


def listed(failing: Sequence[Failing], warning: Sequence[Failing]) -> list[str]:
    """What fails, with rows, as far as there is room; and a line for each warning."""
    parts = [_failure(each) for each in failing[:FAILING_CHECKS]]
    if len(failing) > FAILING_CHECKS:
        parts.append(f"_And {len(failing) - FAILING_CHECKS} more fail._")
    for noun, found in (
        ("warning", [each for each in warning if not each.is_note]),
        ("note", [each for each in warning if each.is_note]),
    ):
        if found:
            parts.append(_folded(noun, found))
    return parts


def _folded(noun: str, found: Sequence[Failing]) -> str:
    lines = [f"- {escaped(each.name)}: {escaped(each.count)}" for each in found[:WARNINGS]]
    more = len(found) - WARNINGS
    lines += [f"- and {more} more"] if more > 0 else []
    summary = f"<summary>{len(found)} {noun}{'s' if len(found) > 1 else ''}, which fail nothing</summary>"
    return "\n".join(["<details>", summary, "", *lines, "", "</details>"])


def _counts(results: Results) -> str:
    counts = results.counts
    known = {
        "frames sent": counts.frames_sent,
        "trades sent": counts.trades_sent,
        "sent more than once": counts.duplicates_sent,
        "bronze rows": counts.bronze_rows,
        "silver trades": counts.silver_trades,
        "dead letters": counts.dead_letters,
        "lost": counts.lost,
        "phantom": counts.phantom,
        "missing ids": counts.gaps_found,
    }
    rows = [[name, "not known" if value is None else f"{value:,}"] for name, value in known.items()]
    return table(["rows", ""], rows, numeric=(1,))


def _latency(results: Results) -> str:
    rows = [
        [name, f"{found.n:,}", *(_ms(value) for value in (found.p50, found.p99, found.p999, found.max))]
        for name, found in results.latency_ms.items()
    ]
    return table(["from due to", "n", "p50", "p99", "p99.9", "max"], rows, numeric=range(1, 6))


def _ms(value: float | None) -> str:
    return "too few" if value is None else words.milliseconds(value)
