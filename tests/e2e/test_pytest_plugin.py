"""Another project's tests, run by its own pytest with K2 installed."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

SOMEBODYS_TESTS = """
import pytest


@pytest.mark.e2e
def test_duplicates_collapse(k2_run):
    outcome = k2_run(synthetic="1s", rate="500", faults=("duplicate=5%",), seed=7, partitions=1)
    assert outcome.results.counts.duplicates_sent > 0


def test_a_lost_trade_is_not_forgiven(k2_run):
    k2_run(synthetic="1s", faults=("withhold=1",), seed=8, partitions=1)


def test_users_query(k2_warehouse):
    assert k2_warehouse.query("SELECT count() FROM k2.silver_trades").first_row == (0,)
"""


def test_another_project_tests_with_the_harness_and_reads_why_it_failed(tmp_path: Path, k2_stack_name: str) -> None:
    (tmp_path / "test_pipeline.py").write_text(SOMEBODYS_TESTS, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "--strict-markers", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    command.append(f"--k2-stack={k2_stack_name}")
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=300)
    assert re.search(r"1 failed, 2 passed", ran.stdout), ran.stdout + ran.stderr
    assert "FAILED test_pipeline.py::test_a_lost_trade_is_not_forgiven" in ran.stdout
    assert "silver_trades.no_trade_lost" in ran.stdout
    assert "seed 8" in ran.stdout
    assert re.search(r"repeat: k2-harness verify --synthetic 1s .*--fault withhold=1", ran.stdout)


def test_an_unknown_stack_is_refused_with_those_there_are(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "pytest", "--k2-stack=moon", str(tmp_path)]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)
    assert ran.returncode == 4
    assert re.search(r"--k2-stack: invalid choice: 'moon' \(choose from .*embedded", ran.stderr)
