"""k2-harness verify as a user meets it: what it prints, what it writes, how it exits."""

import gzip
import json
from pathlib import Path

import pytest

from tests.captures import REPLAYS, recorded
from tests.e2e.conftest import Harness

pytestmark = pytest.mark.e2e


def test_pass_is_exit_0_and_names_the_files(tmp_path: Path, k2_harness: Harness) -> None:
    done = k2_harness("verify", "--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "PASS" in done.stdout
    assert "repeat: k2-harness verify --capture" in done.stdout
    (directory,) = tmp_path.iterdir()
    assert {"results.json", "junit.xml", "ledger.parquet", "manifest.json"} <= {
        path.name for path in directory.iterdir()
    }


def test_json_is_results_json(tmp_path: Path, k2_harness: Harness) -> None:
    done = k2_harness("verify", "--synthetic", "1s", "--json", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    (directory,) = tmp_path.iterdir()
    assert json.loads(done.stdout) == json.loads((directory / "results.json").read_text())


@pytest.mark.parametrize("via", ["topic", "websocket"])
def test_ids_that_the_exchange_jumped_over_are_no_trades_lost_and_are_told_as_jumps(
    tmp_path: Path, k2_harness: Harness, via: str
) -> None:
    played = ("--synthetic", "3s", "--id-jumps", "5000", "--fault", "gap=3", "--rate", "2000", "--via", via)
    done = k2_harness("verify", *played, "--json", "--out", tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    results = json.loads(done.stdout)
    causes = {row["cause"]: row for row in results["gaps"]["by_cause"]}
    assert causes.keys() <= {"id_jump", "never_sent"}
    # What was left out on purpose is found beside the jumps, and is not mixed up with them.
    assert causes["never_sent"]["trades"] == results["counts"]["gaps_found"] >= 1
    assert causes["id_jump"]["gaps"] >= 10
    assert causes["id_jump"]["trades"] > causes["id_jump"]["gaps"]


def test_a_trade_lost_beside_a_jump_is_still_lost(tmp_path: Path, k2_harness: Harness) -> None:
    played = ("--synthetic", "1s", "--id-jumps", "50000", "--fault", "withhold=20")
    done = k2_harness("verify", *played, "--json", "--out", tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    results = json.loads(done.stdout)
    causes = {row["cause"]: row["trades"] for row in results["gaps"]["by_cause"]}
    assert causes.keys() == {"id_jump", "pipeline_loss"}
    # Nobody can miss the last trades of a symbol.
    assert results["counts"]["lost"] / 2 < causes["pipeline_loss"] <= results["counts"]["lost"]
    jumped = [gap for gap in results["gaps"]["listed"] if gap["cause"] == "id_jump"]
    (lost,) = (
        check for check in results["checks"] if check["name"] == "no_trade_lost" and check["suite"] == "silver_trades"
    )
    assert lost["sample"]
    for row in lost["sample"]:
        market = [gap for gap in jumped if (gap["exchange"], gap["symbol"]) == (row["exchange"], row["symbol"])]
        assert not any(gap["first_id"] <= int(row["trade_id"]) <= gap["last_id"] for gap in market)


def test_a_lost_trade_is_exit_1_and_is_named(tmp_path: Path, k2_harness: Harness) -> None:
    done = k2_harness(
        "verify", "--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--fault", "withhold=1", "--out", tmp_path
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "FAIL" in done.stdout
    assert "silver_trades.no_trade_lost" in done.stdout
    assert "trade_id=" in done.stdout


def test_a_schema_that_bends_a_row_is_exit_1(tmp_path: Path, k2_harness: Harness) -> None:
    sql = tmp_path / "sql"
    sql.mkdir()
    for path in (REPLAYS.parent / "sql").glob("*.sql"):
        text = path.read_text()
        bent = text.replace("argMin(first.price,", "argMax(first.price,")
        assert (bent != text) == ("ohlcv_1s" in path.name)
        (sql / path.name).write_text(bent)
    done = k2_harness("verify", "--capture", REPLAYS / "kraken-v2-1.jsonl.gz", "--sql", sql, "--out", tmp_path / "runs")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "ohlcv_1m.candles_equal_truth" in done.stdout
    assert "silver_trades.no_trade_lost" not in done.stdout


def test_captures_that_cannot_be_used_are_exit_2_with_file_line_and_finding(
    tmp_path: Path, k2_harness: Harness
) -> None:
    whole = (REPLAYS / "kraken-v1-1.jsonl.gz").read_bytes()
    truncated = tmp_path / "truncated.jsonl.gz"
    truncated.write_bytes(whole[: len(whole) // 2])
    text = tmp_path / "text.jsonl"
    text.write_text('{"recv_ns":1,"exchange":"kraken","frame":"{}"}\nnot json\n')
    other = tmp_path / "other.jsonl.gz"
    other.write_bytes(gzip.compress(b'{"recv_ns":1,"exchange":"coinbase","frame":"{}"}\n'))
    silent = tmp_path / "silent.jsonl"
    silent.write_text('{"recv_ns":1,"exchange":"kraken","frame":"{\\"channel\\":\\"heartbeat\\"}"}\n')
    for capture, finding in (
        (truncated, "truncated.jsonl.gz"),
        (text, "text.jsonl, line 2"),
        (other, "coinbase"),
        (silent, "heartbeat"),
        (tmp_path / "missing.jsonl", "missing.jsonl"),
    ):
        done = k2_harness("verify", "--capture", capture, "--out", tmp_path / "runs")
        assert done.returncode == 2, done.stdout + done.stderr
        assert finding in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "runs").exists()


def test_recording_without_trades_says_what_it_holds(tmp_path: Path, k2_harness: Harness) -> None:
    done = k2_harness("verify", "--capture", recorded("binance-aggtrade-1.jsonl.gz"), "--out", tmp_path)
    assert done.returncode == 2
    assert "aggTrade 1,910" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "finding"),
    [
        (("--rate", "fast"), "'fast'"),
        (("--symbols", "0"), "0 symbols of each exchange; give a number from 1 to "),
        (("--id-jumps", "-1"), "-1 id jumps per million trades; give 0 to 1000000"),
        (("--fault", "nonsense=1%"), "nonsense"),
        (("--scenario", "nope"), "'nope'"),
        (("--suite", "nope"), "'nope'"),
        (("--sql", "/nowhere"), "/nowhere"),
        ((), "neither"),
    ],
)
def test_wrong_arguments_are_exit_2_and_say_what_would_do(
    tmp_path: Path, k2_harness: Harness, arguments: tuple[str, ...], finding: str
) -> None:
    played = () if arguments in ((), ("--scenario", "nope")) else ("--synthetic", "1s")
    done = k2_harness("verify", *played, *arguments, "--out", tmp_path / "runs")
    assert done.returncode == 2, done.stdout + done.stderr
    assert finding in done.stderr
    assert "Traceback" not in done.stderr
