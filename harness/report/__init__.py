"""The report of a run: one self-contained HTML page, and a Markdown summary for a pull request.

    written = write_report(Path("runs/20261123T234433Z-demo"))
    written.page                                          # runs/.../report.html: open it from disk

Both are made from the files of the run alone, so a report can be made again at any time. Charts are drawn here, as
SVG by matplotlib; the page needs no network and, but for reading values off its charts, no script.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from harness.report.files import REPORT, SUMMARY, ReportError, read_run

__all__ = ["ReportError", "Written", "write_report"]


@dataclass(frozen=True, slots=True)
class Written:
    """The files of a report."""

    page: Path
    summary: Path


def write_report(directory: Path) -> Written:
    """Write report.html and summary.md into a run's directory. Raises ReportError when it is no finished run."""
    # Drawing takes a third of a second to import, which no other command should pay for.
    from harness.report.run_page import run_page
    from harness.report.run_summary import run_summary

    files = read_run(directory)
    written = Written(directory / REPORT, directory / SUMMARY)
    written.page.write_text(run_page(files), encoding="utf-8")
    written.summary.write_text(run_summary(files), encoding="utf-8")
    return written
