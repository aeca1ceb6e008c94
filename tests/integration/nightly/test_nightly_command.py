"""Thirty nights on a real warehouse, one of them bad: what is told, written, kept and answered."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.checks.slos import load_slos
from harness.cli import main
from harness.nightly.trend import Compared
from tests.integration.nightly.nights import NIGHTS, Nights, run_nightly, thirty_nights
from tests.integration.nightly.webhook_server import webhook_server

BAD = 8


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Nights, dict[int, list[Compared]]]]:
    with thirty_nights(tmp_path_factory.mktemp("nights"), bad=BAD) as found:
        yield found


@pytest.fixture
def nights(history: tuple[Nights, dict[int, list[Compared]]], monkeypatch: pytest.MonkeyPatch) -> Nights:
    found = history[0]
    monkeypatch.setenv("K2_CLICKHOUSE_PASSWORD", found.lab.address.password)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("K2_WEBHOOK_URL", raising=False)
    return found


def names(checks: Iterable[dict[str, Any]]) -> set[str]:
    return {f"{check['suite']}.{check['name']}" for check in checks}


def nightly(nights: Nights, out: Path, *flags: str, ago: int = 0) -> tuple[int, Path]:
    """Exit code, and the directory that was written, of the command as it ran so many nights ago."""
    return run_nightly(nights.lab, nights.window(ago).asked_ns, out, *flags)


def content_of(directory: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((directory / "night.json").read_text(encoding="utf-8"))
    return content


def test_the_bad_night_of_thirty_is_found_and_no_other_is_suspected(
    history: tuple[Nights, dict[int, list[Compared]]],
) -> None:
    judged = history[1]
    odd = {ago: {each.measure.metric for each in found if each.severity} for ago, found in judged.items()}
    assert {ago for ago, metrics in odd.items() if metrics} == {BAD}
    assert odd[BAD] >= {"trades", "missing_ids", "latency_p50_us", "latency_p99_us"}
    assert {each.severity for each in judged[BAD] if each.measure.metric == "trades"} == {"critical"}


def test_a_night_is_compared_with_its_own_weekday_once_there_are_three(
    history: tuple[Nights, dict[int, list[Compared]]],
) -> None:
    bases = {ago: {each.usual.basis for each in found if each.usual} for ago, found in history[1].items()}
    assert bases[NIGHTS - 1] == set()
    assert bases[NIGHTS - 10] <= {"working days", "weekend days"}
    assert bases[1] == {f"{history[0].window(1).night:%A}s"}


def test_a_clean_night_passes_and_leaves_its_page_and_its_history(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, directory = nightly(nights, tmp_path / "out")
    said = capsys.readouterr().out
    assert (code, said.count(" PASS ")) == (0, 1), said
    remade = directory.parent / "remade"
    remade.mkdir()
    shutil.copy(directory / "night.json", remade)
    assert main(["report", str(remade)]) == 0
    assert "trend-trades-binance" in (remade / "report.html").read_text(encoding="utf-8")
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert "trend-trades-binance" in page
    assert page.count("<svg id=") >= 6
    content = json.loads((directory / "night.json").read_text(encoding="utf-8"))
    assert content["verdict"] == "pass"
    assert [each["nights"][-1] for each in content["trends"]] == [content["night"]] * len(content["trends"])
    assert len(next(each for each in content["trends"] if each["metric"] == "trades")["nights"]) == NIGHTS
    assert {each["objective"] for each in content["unjudged"]} == {
        slo.name for slo in load_slos() if f"latency.{slo.name}" not in names(content["checks"])
    }
    assert "latency.bronze_to_silver_p99_within_100_ms" in names(content["checks"])
    assert all(each["reason"] for each in content["unjudged"])
    assert {"behind_us", "duplicates", "parts", "bronze_to_silver_p99_us"} <= {
        each["metric"] for each in content["measures"]
    }
    assert sum(each["trades"] for each in content["slices"]) == sum(
        each["value"] for each in content["measures"] if each["metric"] == "trades"
    )
    assert "silver_trades" in {each["table"] for each in content["parts"]}
    assert "; last trade 3 min ago (binance), 3 min ago (kraken)" in " ".join(said.split())
    kept = nights.lab.rows("SELECT verdict, failed FROM k2_quality.nights FINAL")
    assert kept == [("pass", 0)]
    assert nights.lab.rows("SELECT count() FROM k2_quality.checks FINAL")[0][0] == len(content["checks"])


def test_the_same_night_again_takes_the_place_of_the_first(nights: Nights, tmp_path: Path) -> None:
    before = nights.lab.rows("SELECT count() FROM k2_quality.measures FINAL")
    nightly(nights, tmp_path / "out")
    assert nights.lab.rows("SELECT count() FROM k2_quality.measures FINAL") == before
    night = nights.window(0).night
    assert nights.lab.rows(f"SELECT count() FROM k2_quality.nights FINAL WHERE night = '{night}'") == [(1,)]


def test_the_command_run_in_the_bad_night_fails_by_what_was_bad(nights: Nights, tmp_path: Path) -> None:
    code, directory = nightly(nights, tmp_path / "out", ago=BAD)
    content = content_of(directory)
    assert (code, content["verdict"]) == (1, "fail")
    assert content["night"] == nights.window(BAD).night.isoformat()
    failing = names(check for check in content["checks"] if not check["success"])
    assert failing >= {
        "trend.trades_of_binance_as_usual",
        "trend.missing_ids_of_kraken_as_usual",
        "trend.latency_p99_us_of_binance_as_usual",
        "silver_trades.ids_are_consecutive",
    }
    odd = {each["metric"]: each["severity"] for each in content["measures"] if each["severity"]}
    assert odd["trades"] == "critical"


def test_a_bad_night_fails_with_rows_and_is_told_to_the_webhook(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lost = "DELETE FROM k2.silver_trades WHERE exchange = 'binance' AND toUInt64(trade_id) % 3 != 0"
    with webhook_server() as hook, nights.lab.spoilt([f"{lost} SETTINGS mutations_sync = 2"]):
        code, directory = nightly(nights, tmp_path / "out", "--webhook", hook.url)
    said = capsys.readouterr().out
    assert code == 1, said
    (message,) = hook.messages
    assert message["text"].startswith("K2 night of ")
    assert "; last trade " in message["text"]
    told = message["blocks"][1]["text"]["text"]
    assert "silver_trades.ids_are_consecutive" in told
    assert "trend.trades_of_binance_as_usual" in told
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert "first_missing" in page
    assert "data_docs/index.html" in page
    assert (directory / "data_docs" / "index.html").is_file()
    assert "silver\\_trades.ids\\_are\\_consecutive" in (directory / "summary.md").read_text(encoding="utf-8")
    content = content_of(directory)
    (cause,) = content["explained"]["by_cause"]
    assert cause["cause"] == "pipeline_loss"
    assert cause["trades"] == sum(each["missing"] for each in content["gaps"])
    assert "pipeline_loss" in page
    assert f"there are {content['explained']['not_listed']:,} more" in page


def test_the_junit_file_of_a_night_has_every_check_and_why_those_fail_that_do(nights: Nights, tmp_path: Path) -> None:
    with nights.lab.spoilt(["DELETE FROM k2.silver_trades WHERE exchange = 'binance' SETTINGS mutations_sync = 2"]):
        _, directory = nightly(nights, tmp_path / "out")
    content = content_of(directory)
    root = ET.parse(directory / "junit.xml").getroot()  # noqa: S314  # this very test has had it written
    cases = {f"{case.get('classname')}.{case.get('name')}": case for case in root.iter("testcase")}
    assert root.get("name") == f"k2 night {content['night']}"
    assert set(cases) == names(content["checks"])
    failing = {name: case.find("failure") for name, case in cases.items() if case.find("failure") is not None}
    assert set(failing) == names(check for check in content["checks"] if not check["success"])
    lost = failing["bronze_trades_binance.trades_reach_silver"]
    assert lost is not None
    assert lost.get("message", "").endswith(" unexpected")
    assert "'symbol': 'BTCUSDT'" in (lost.text or "")
    assert sum(int(suite.get("failures", "")) for suite in root) == len(failing)


def test_a_pipeline_that_stands_still_fails_the_night(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = "ingestion_timestamp > (SELECT max(ingestion_timestamp) - INTERVAL 170 SECOND FROM k2.silver_trades)"
    stopped = f"DELETE FROM k2.silver_trades WHERE exchange = 'kraken' AND {late} SETTINGS mutations_sync = 2"
    with nights.lab.spoilt([stopped]):
        code, directory = nightly(nights, tmp_path / "out")
    assert code == 1
    said = capsys.readouterr().out
    assert "trend.behind_us_of_kraken_as_usual: 1 unexpected." in said
    assert "more than 5 min is too much on any night" in said
    assert "trend.behind_us_of_binance_as_usual" not in said
    assert "min ago (kraken)" in (directory / "report.html").read_text(encoding="utf-8")


def test_a_check_that_could_not_be_carried_out_fails_the_night(nights: Nights, tmp_path: Path) -> None:
    broken = ["ALTER TABLE k2.silver_trades RENAME COLUMN vendor_data TO other"]
    with nights.lab.spoilt(broken):
        code, directory = nightly(nights, tmp_path / "out")
    found = {f"{check['suite']}.{check['name']}": check for check in content_of(directory)["checks"]}
    assert "vendor_data" in found["silver_trades.trades_arrive_soon"]["error"]
    assert found["silver_trades.trades_arrive_soon"]["severity"] == "warning"
    assert code == 1


def test_information_is_no_warning(nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    last = "SELECT * FROM k2.bronze_trades_binance ORDER BY _offset DESC LIMIT 1"
    again = f"INSERT INTO k2.bronze_trades_binance SELECT * REPLACE (_offset + 1 AS _offset) FROM ({last})"
    with nights.lab.spoilt([again]):
        code, directory = nightly(nights, tmp_path / "out")
    said = capsys.readouterr().out
    assert code == 0, said
    assert "for information: bronze_trades_binance.trades_come_once: 1 unexpected" in said
    assert "No check fails, no warning" in said
    assert 'class="card verdict pass"' in (directory / "report.html").read_text(encoding="utf-8")
    assert nights.lab.rows("SELECT warned FROM k2_quality.nights FINAL ORDER BY night DESC LIMIT 1") == [(0,)]


@pytest.mark.parametrize(
    ("flags", "says"),
    [
        (["--since", "yesterday"], "--since"),
        (["--session-log", "nowhere.log"], "--session-log nowhere.log is no file"),
        (["--clickhouse", "http://default@127.0.0.1:1/k2"], "no warehouse answers"),
    ],
)
def test_a_night_that_was_not_checked_is_told_to_the_webhook(
    nights: Nights, tmp_path: Path, flags: list[str], says: str
) -> None:
    address = ["--clickhouse", f"http://default@127.0.0.1:{nights.lab.address.port}/k2"]
    with webhook_server() as hook:
        code = main(["nightly", *address, "--out", str(tmp_path), "--webhook", hook.url, *flags])
    assert code in {2, 3}
    (message,) = hook.messages
    assert "could not be checked" in message["text"]
    assert says in message["blocks"][1]["text"]["text"]


def test_an_error_that_nobody_expected_is_told_too_and_not_swallowed(
    nights: Nights, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise KeyError("silver")

    monkeypatch.setattr("harness.nightly.night.run_checks", broken)
    with webhook_server() as hook, pytest.raises(KeyError, match="silver"):
        nightly(nights, tmp_path / "out", "--webhook", hook.url)
    assert [message["blocks"][1]["text"]["text"] for message in hook.messages] == ["• KeyError: 'silver'"]


def test_a_webhook_that_refuses_is_told_and_changes_no_exit_code(
    nights: Nights, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with webhook_server(status=404) as hook:
        address = "http://default@127.0.0.1:1/k2"
        code = main(["nightly", "--clickhouse", address, "--out", str(tmp_path), "--webhook", hook.url])
    assert code == 3
    (message,) = hook.messages
    assert "could not be checked" in message["text"]
    said = capsys.readouterr().err
    assert "the webhook answered 404" in said
    assert hook.url not in said
