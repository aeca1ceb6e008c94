"""A report from the files of a run: what is written, and what is refused."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands.report import newest_run
from harness.gaps import Cause, Gap, GapReport
from harness.report import ReportError, write_report
from harness.report.files import read_run
from tests.integration.report.made_run import BAD, GOOD, LOST, WARNING, made_run, results

MOST_BYTES = 2_000_000


def test_what_a_run_wrote_is_what_its_report_reads(tmp_path: Path) -> None:
    made_run(tmp_path, GOOD, BAD, WARNING)
    assert read_run(tmp_path).results == results(GOOD, BAD, WARNING)


def test_the_page_has_everything_in_it_and_asks_for_nothing(tmp_path: Path) -> None:
    page = write_report(made_run(tmp_path, LOST, BAD)).page.read_text(encoding="utf-8")
    without_frames = page.replace("</script><script>", "")
    assert len(page.encode()) < MOST_BYTES
    assert re.findall(r"https?://(?!www\.w3\.org/)", without_frames) == []
    assert re.search(r'<(?:script|img|iframe|source)[^>]*\bsrc=|<link[^>]*href="(?!data:)|@import|url\(', page) is None


def test_the_same_files_make_the_same_page(tmp_path: Path) -> None:
    first = write_report(made_run(tmp_path, GOOD)).page.read_bytes()
    assert write_report(tmp_path).page.read_bytes() == first


def test_hundreds_of_failing_checks_with_huge_rows_still_make_a_small_page(tmp_path: Path) -> None:
    row = {f"column_{number}": "x" * 1000 for number in range(3)}
    many = [replace(BAD, name=f"check_{number}", sample=(row,) * 20, unexpected=20) for number in range(200)]
    written = write_report(made_run(tmp_path, *many))
    assert written.page.stat().st_size < MOST_BYTES
    assert written.summary.stat().st_size < 60_000
    assert "0 of 20 sampled rows are shown" in written.page.read_text(encoding="utf-8")


def test_only_files_that_are_there_are_linked(tmp_path: Path) -> None:
    page = write_report(made_run(tmp_path / "bare", GOOD, with_series=False)).page.read_text(encoding="utf-8")
    assert 'href="series.json"' not in page
    assert 'href="data_docs/index.html"' not in page
    assert "This run left no series.json" in page
    docs = made_run(tmp_path / "docs", BAD) / "data_docs"
    docs.mkdir()
    (docs / "index.html").write_text("docs")
    page = write_report(docs.parent).page.read_text(encoding="utf-8")
    assert 'href="data_docs/index.html"' in page
    assert 'href="junit.xml"' in page


def test_gaps_become_tables_where_a_run_has_them(tmp_path: Path) -> None:
    start_ns = 1_767_225_600 * 10**9
    until_ns = start_ns + 3_428_712_851 * 10**6
    lost = Gap("binance", "ADAUSDT", Cause.CONNECTION_LOSS, 1, 1_234, start_ns, until_ns, "code 1006")
    odd = Gap("kraken", "ADA/USD", Cause.UNEXPLAINED, 1, 2**64 - 1, start_ns, until_ns, "no evidence")
    directory = made_run(tmp_path / "some", GOOD, gaps=GapReport((lost, odd)).as_json())
    page = write_report(directory).page.read_text(encoding="utf-8")
    for shown in ("Gaps, by cause", "connection_loss", "1,234", "1.84e+19", "3,428,713"):
        assert shown in page
    page = write_report(made_run(tmp_path / "none", GOOD, gaps=GapReport(()).as_json())).page.read_text("utf-8")
    assert "not listed" not in page


def test_detection_becomes_a_table_where_a_run_has_it(tmp_path: Path) -> None:
    directory = made_run(tmp_path, GOOD)
    (directory / "detection.json").write_text(
        json.dumps({"faults": [{"fault": "late", "false_alarms": 0, "recall": 1}]})
    )
    assert "false alarms" in write_report(directory).page.read_text(encoding="utf-8")


def test_the_command_that_repeats_the_run_is_on_the_page(tmp_path: Path) -> None:
    written = write_report(made_run(tmp_path, GOOD))
    for path in (written.page, written.summary):
        assert "k2-harness verify --seed 7" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "holds no results.json"),
        ("", "not JSON"),
        ("[]", "holds list, where an object belongs"),
        ('{"schema_version": 2}', "schema_version 2, and this program reads 1"),
        ('{"schema_version": 1}', "not as a run writes it"),
    ],
)
def test_what_is_no_run_is_refused_with_what_is_wrong(tmp_path: Path, content: str | None, says: str) -> None:
    if content is not None:
        (tmp_path / "results.json").write_text(content)
    with pytest.raises(ReportError, match=says):
        write_report(tmp_path)


def test_the_newest_run_is_the_one_that_was_finished_last(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="no finished run"):
        newest_run(tmp_path)
    made_run(tmp_path / "b", GOOD)
    made_run(tmp_path / "a", GOOD)
    (tmp_path / "c").mkdir()
    assert newest_run(tmp_path) == tmp_path / "a"
