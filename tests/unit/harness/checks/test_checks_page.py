"""docs/checks.md is what the suites say, and the suites say what each check does not see."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks.growth import Growth, load_growth
from harness.checks.page import checks_page
from harness.checks.slos import load_slos
from harness.checks.suites import Suite, load_suites
from harness.cli import main

PAGE = Path(__file__).resolve().parents[4] / "docs" / "checks.md"


def test_the_page_is_what_the_suites_say() -> None:
    assert PAGE.read_text(encoding="utf-8") == checks_page(load_suites(), load_slos(), load_growth()), (
        "write it: k2-harness checks"
    )


@pytest.mark.parametrize("suite", load_suites(), ids=lambda suite: suite.name)
def test_every_check_says_what_it_does_not_see(suite: Suite) -> None:
    assert [check.name for check in suite.checks if not check.misses] == []


def test_suites_with_the_same_checks_share_a_table_and_their_figures_are_shown() -> None:
    (silver,) = load_suites(named=["silver_trades"])
    page = checks_page([silver, replace(silver, name="another")], [], Growth(300, 60, ()))
    assert "## silver_trades, another" in page
    assert page.count("| `trades_arrive_soon` | standing | warning | feed | late_s 10, ahead_s 60 |") == 1


def test_a_stale_page_is_exit_1_and_writing_it_mends_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    page = tmp_path / "checks.md"
    page.write_text("old")
    assert main(["checks", "--check", "--out", str(page)]) == 1
    assert "write it anew with k2-harness checks" in capsys.readouterr().out
    assert main(["checks", "--out", str(page)]) == 0
    assert main(["checks", "--check", "--out", str(page)]) == 0
