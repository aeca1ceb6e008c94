"""The schema gate on broker and warehouse: what passes, what is refused and by which rows, and a live migration."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from harness.gate.history import Kept
from harness.gate.policy import load_policy
from harness.gate.prepared import prepare
from harness.gate.rehearsal import rehearse
from harness.gate.rehearsed import Played
from harness.gate.sides import Side
from k2pipeline.schema import DEFAULT_DIRECTORY
from tests.captures import REPLAYS
from tests.e2e.rig import wait_for

pytestmark = pytest.mark.e2e

BASE = Side("sql", DEFAULT_DIRECTORY)


def command(candidate: Path, scenario: Path, out: Path) -> list[str | Path]:
    """The gate of our own schema against another one."""
    schemas = ["--base", DEFAULT_DIRECTORY, "--candidate", candidate]
    return [sys.executable, "-m", "harness.cli", "gate", *schemas, "--scenario", scenario, "--out", out]


def gate(candidate: Path, tmp_path: Path) -> tuple[int, dict[str, Any], str]:
    """Exit code, gate.json and summary.md of the gate with few trades and few checks."""
    scenario = tmp_path / "small.toml"
    capture = json.dumps(str(REPLAYS / "kraken-v1-1.jsonl.gz"))
    scenario.write_text(f'captures = [{capture}]\nsuites = ["silver_trades", "ohlcv_1m"]\n', encoding="utf-8")
    done = subprocess.run(
        command(candidate, scenario, tmp_path / "runs"),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    (directory,) = (tmp_path / "runs").iterdir()
    found = json.loads((directory / "gate.json").read_text(encoding="utf-8"))
    assert f" {'PASS' if done.returncode == 0 else 'FAIL'}  {found['verdict']}" in done.stdout, (
        done.stdout + done.stderr
    )
    return done.returncode, found, (directory / "summary.md").read_text(encoding="utf-8")


def test_a_new_column_is_additive_and_passes(tmp_path: Path) -> None:
    code, found, summary = gate(prepare("new_column", tmp_path / "sql"), tmp_path)
    assert (code, found["verdict"], found["refused"]) == (0, "additive", [])
    assert "column priced\\_in | added" in summary
    tables = {table["name"]: table for table in found["tables"]}
    assert all(table["identical"] for table in tables.values())
    assert tables["silver_trades"]["keys"] > 100
    assert tables["ohlcv_1m"]["keys"] > 10


def test_a_dropped_dedup_key_is_breaking_and_refused_with_the_rows_it_loses(tmp_path: Path) -> None:
    code, found, summary = gate(prepare("dropped_dedup_key", tmp_path / "sql"), tmp_path)
    assert (code, found["verdict"]) == (1, "breaking")
    evidence = {(each["object"], each["part"]): each for each in found["evidence"]}
    assert evidence["silver_trades", "sorting key"]["after"] == "exchange, symbol"
    lost = [each for each in found["evidence"] if each["object"] == "silver_trades" and " are lost" in each["what"]]
    assert lost[0]["rows"][0]["trade_id"]
    assert summary.startswith("## ❌ Schema gate: 🔴 breaking, does not pass")


def test_a_gate_that_is_interrupted_gives_no_verdict(tmp_path: Path) -> None:
    """What was sent until then would hold in both schemas, and say nothing of what was not."""
    scenario = tmp_path / "long.toml"
    scenario.write_text('synthetic = "10m"\nrate = "50"\nsuites = []\n', encoding="utf-8")
    asked = command(DEFAULT_DIRECTORY, scenario, tmp_path / "runs")
    with subprocess.Popen(asked, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            wait_for(lambda: any((tmp_path / "runs").glob("*/ledger.parquet*")), "the replay begins")
            process.send_signal(signal.SIGINT)
            out, err = process.communicate(timeout=60)
        finally:
            process.kill()
    assert (process.returncode, out) == (130, "")
    assert "interrupted" in err


MIGRATION = """
ALTER TABLE silver_trades ADD COLUMN IF NOT EXISTS priced_in LowCardinality(String) DEFAULT currency;
CREATE TABLE IF NOT EXISTS venues (exchange String, opened Date) ENGINE = ReplacingMergeTree ORDER BY exchange;
ALTER TABLE venues ADD COLUMN IF NOT EXISTS city String;
"""


def histories(played: Played) -> dict[str, Kept]:
    return {kept.table: kept for kept in played.history}


def test_a_live_warehouse_is_migrated_and_killed_after_each_statement_without_a_loss(tmp_path: Path) -> None:
    prepare("new_column", tmp_path / "sql")
    (path,) = (tmp_path / "sql").glob("*_new_column.sql")
    path.write_text(MIGRATION, encoding="utf-8")
    candidate = Side("venues", tmp_path / "sql")
    found = rehearse(BASE, candidate, tmp_path, rate=300, seconds=6, policy=load_policy(), killed=(True,))
    assert found.refused == ()
    (played,) = found.played
    assert (played.kills, len(found.statements)) == (3, 3)
    assert played.trades >= 1_800
    silver = histories(played)["silver_trades"]
    assert silver.rows >= 200
    assert silver.checksum_before == silver.checksum_after != "00"
    assert histories(played)["dead_letters"].rows > 0, "frames that nobody can read flow along"


def test_silver_is_renamed_while_a_thousand_trades_a_second_flow_and_none_is_lost(tmp_path: Path) -> None:
    candidate = Side("renamed_silver", prepare("renamed_silver", tmp_path / "sql"))
    found = rehearse(BASE, candidate, tmp_path, rate=1_000, seconds=4, policy=load_policy())
    (played,) = found.played
    assert (played.never_taken_in, played.lost, played.doubled) == (0, 0, 0)
    assert {each.table for each in played.tables} >= {"silver_trades", "bronze_trades_kraken", "ohlcv_1m"}
    assert all(each.is_exact for each in played.tables)
    assert histories(played)["silver_trades"].rows >= 1_000
    assert all(kept.is_intact for kept in played.history)
    assert played.unlike_fresh == ()
    # How long it paused depends on the machine; that it was measured does not.
    assert played.pause_s
    assert [each for each in found.refused if "stood still for" not in each] == []


def test_a_migration_that_loses_history_is_refused(tmp_path: Path) -> None:
    prepare("new_column", tmp_path / "sql")
    (path,) = (tmp_path / "sql").glob("*_new_column.sql")
    path.write_text("TRUNCATE TABLE silver_trades;\n", encoding="utf-8")
    found = rehearse(BASE, Side("truncated", tmp_path / "sql"), tmp_path, rate=300, seconds=2, policy=load_policy())
    assert any("rows of its history" in each for each in found.refused)
    assert any("silver_trades" in each and "rows lost" in each for each in found.refused)
