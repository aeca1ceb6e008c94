"""k2-harness crash, briefly: a process is struck while frames flow, and the checks find every acknowledged frame."""

import json
import shutil
from pathlib import Path

import pytest

from harness.cli import main
from harness.crash import Row, Setting, choose_cases, strike
from k2pipeline.schema import DEFAULT_DIRECTORY

pytestmark = pytest.mark.e2e


def struck(case: str, stack: str, out: Path) -> Row:
    """The row of a case that must hold."""
    (chosen,) = choose_cases(stack, [case])
    row = strike(chosen, Setting(stack, rate=1_000, suites=("silver_trades", "ohlcv_1s", "ohlcv_1m")), out=out)
    assert row.failed == ()
    assert row.holds
    assert (row.lost, row.doubled, row.is_gold_exact) == (0, 0, True)
    assert row.acknowledged > 100
    assert len(row.recoveries_s) == chosen.times
    return row


@pytest.mark.kafka
def test_a_killed_kafka_loses_nothing_that_it_acknowledged(tmp_path: Path) -> None:
    assert struck("kill-broker=1", "kafka", tmp_path).unacknowledged == 0


def test_killed_feed_handlers_lose_only_what_no_broker_acknowledged(tmp_path: Path, k2_stack_name: str) -> None:
    row = struck("kill-feed=1", k2_stack_name, tmp_path)
    assert row.unacknowledged > 0, "nothing was sent while there was no handler, so nothing was proven"


def test_a_schema_that_loses_trades_ends_the_command_with_1(
    tmp_path: Path, k2_stack_name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copytree(DEFAULT_DIRECTORY, lossy := tmp_path / "sql")
    path = next(lossy.glob("*_binance.sql"))
    whole = path.read_text()
    path.write_text(whole.replace("WHERE reason = '';", "WHERE reason = '' AND _offset % 2 = 0;"))
    assert path.read_text() != whole
    flags = ["--stack", k2_stack_name, "--case", "kill-warehouse=1", "--rate", "200", "--sql", str(lossy)]
    assert main(["crash", *flags, "--out", str(tmp_path / "runs"), "--json"]) == 1
    (row,) = json.loads(capsys.readouterr().out)
    assert row["lost"] > 10
    assert {"bronze_trades_binance.no_trade_lost", "silver_trades.no_trade_lost"} <= set(row["failed"])
    assert not row["is_gold_exact"]


def test_the_broker_of_the_embedded_stack_is_not_struck(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["crash", "--stack", "embedded", "--case", "kill-broker", "--out", str(tmp_path / "runs")]) == 2
    assert "keeps nothing" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()
