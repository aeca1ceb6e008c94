"""k2-harness verify as a user meets it: what it prints, what it writes, how it exits."""

import gzip
import json
import os
import signal
import subprocess
import sys
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from harness.cli import main
from tests.captures import REPLAYS, recorded
from tests.e2e.conftest import Harness
from tests.e2e.rig import wait_for

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


@contextmanager
def verifying(stack: str, out: Path, *arguments: str) -> Iterator[tuple["subprocess.Popen[str]", Path]]:
    """A long replay under way: the process and the directory of its run."""
    command = [sys.executable, "-m", "harness.cli", "verify", "--stack", stack, "--out", str(out), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        # The ledger is opened when the first frame is about to be sent.
        wait_for(lambda: any(out.glob("*/ledger.parquet")) or process.poll() is not None, "a ledger", 120)
        yield process, next(out.iterdir())
    finally:
        process.kill()
        process.communicate()


LONG = ("--synthetic", "1h", "--rate", "200", "--times", "now")


def test_ctrl_c_while_replaying_is_exit_130_and_no_pass(tmp_path: Path, k2_stack_name: str) -> None:
    with verifying(k2_stack_name, tmp_path, *LONG) as (process, directory):
        process.send_signal(signal.SIGINT)
        printed, told = process.communicate(timeout=120)
    assert process.returncode == 130, printed + told
    assert " FAIL " in printed
    assert "Interrupted after " in printed
    assert "Traceback" not in told
    results = json.loads((directory / "results.json").read_text())
    assert (results["verdict"], results["interrupted"]) == ("fail", True)
    assert results["checks"]


@pytest.mark.parametrize("part", ["warehouse", "broker"])
def test_a_part_of_the_stack_that_dies_while_frames_flow_is_exit_3_and_is_named(
    tmp_path: Path, k2_stack_name: str, part: str
) -> None:
    if k2_stack_name != "embedded":
        pytest.skip("the processes of other stacks are not children of the command")
    with verifying(k2_stack_name, tmp_path, *LONG) as (process, directory):
        os.kill(process_of(process, part).pid, signal.SIGKILL)
        printed, told = process.communicate(timeout=120)
    assert process.returncode == 3, printed + told
    assert "was ended by SIGKILL" in told
    assert "Traceback" not in told
    assert not (directory / "results.json").exists()


def process_of(harness: "subprocess.Popen[str]", part: str) -> psutil.Process:
    is_warehouse: Callable[[psutil.Process], bool] = lambda child: "k2pipeline.warehouse" in child.cmdline()  # noqa: E731
    children = psutil.Process(harness.pid).children()
    (found,) = [
        child
        for child in children
        if (is_warehouse(child) if part == "warehouse" else "broker" in " ".join(child.cmdline()).lower())
    ]
    return found


def schema(directory: Path, change: Callable[[str, str], str | None]) -> Path:
    """sql/ with each file changed, or left out where the change gives None."""
    directory.mkdir()
    for path in sorted((REPLAYS.parent / "sql").glob("*.sql")):
        changed = change(path.name, path.read_text())
        if changed is not None:
            (directory / path.name).write_text(changed)
    return directory


def assert_judged_and_not_counted(out: Path, *unreadable: str) -> None:
    (directory,) = out.iterdir()
    results = json.loads((directory / "results.json").read_text())
    assert results["verdict"] == "fail"
    assert [name for name in unreadable if results["counts"][name] is not None] == []
    errors = [check for check in results["checks"] if check["error"]]
    assert errors
    assert int(ET.parse(directory / "junit.xml").getroot().get("errors") or 0) == len(errors)  # noqa: S314  # our own file
    assert (directory / "report.html").stat().st_size > 0


def test_a_schema_without_silver_and_gold_is_judged_and_fails(tmp_path: Path, k2_harness: Harness) -> None:
    def only_letters(name: str, text: str) -> str | None:
        return text if "dead_letters" in name else None

    sql = schema(tmp_path / "sql", only_letters)
    out = tmp_path / "runs"
    done = k2_harness(
        "verify", "--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--sql", sql, "--out", out, "--suite", "silver_trades"
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "UNKNOWN_TABLE" in done.stdout
    assert_judged_and_not_counted(out, "silver_trades", "bronze_rows", "redelivered", "lost", "phantom", "gaps_found")


def test_a_schema_with_a_plain_mergetree_is_judged_and_fails(tmp_path: Path, k2_harness: Harness) -> None:
    def plain(name: str, text: str) -> str:
        bronze = text.index("CREATE TABLE IF NOT EXISTS bronze_trades_kraken") if name == "011_kraken.sql" else -1
        if bronze < 0:
            return text
        engine = text.index("ENGINE = ReplacingMergeTree", bronze)
        return f"{text[:engine]}ENGINE = MergeTree{text[text.index(chr(10), engine) :]}"

    sql = schema(tmp_path / "sql", plain)
    done = k2_harness("verify", "--capture", REPLAYS / "kraken-v1-1.jsonl.gz", "--sql", sql, "--out", tmp_path / "runs")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    assert "ILLEGAL_FINAL" in done.stdout
    assert_judged_and_not_counted(tmp_path / "runs", "bronze_rows", "redelivered")


def test_frames_of_other_channels_are_counted_by_channel(tmp_path: Path, k2_harness: Harness) -> None:
    done = k2_harness(
        "verify", "--capture", recorded("binance-trade-1.jsonl.gz"), "--suite", "dead_letters", "--out", tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (
        "29,502 frames of other channels, not sent: binance bookTicker 26,059, binance depthUpdate 3,443" in done.stdout
    )
    assert "not looked for: lost trades" in done.stdout
    (directory,) = tmp_path.iterdir()
    counted = {
        each["channel"]: each["frames"] for each in json.loads((directory / "results.json").read_text())["channels"]
    }
    assert counted == {"trade": 15_863, "bookTicker": 26_059, "depthUpdate": 3_443}


def test_a_directory_that_cannot_be_written_is_exit_2_and_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert main(["verify", "--synthetic", "1s", "--out", str(tmp_path / "file" / "runs")]) == 2
    assert f"{tmp_path / 'file' / 'runs'}" in (told := capsys.readouterr().err)
    assert "--out" in told


def test_a_schema_directory_without_sql_is_refused_before_anything_is_started(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert main(["verify", "--synthetic", "1s", "--sql", str(tmp_path / "empty"), "--out", str(tmp_path / "runs")]) == 2
    assert not (tmp_path / "runs").exists()
