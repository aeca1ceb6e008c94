"""Thirty nights on a real warehouse, one of them bad: what is told, written, kept and answered."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.cli import main
from harness.nightly.trend import Compared
from tests.integration.nightly.nights import NIGHTS, Nights, thirty_nights
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


def nightly(nights: Nights, out: Path, *flags: str) -> tuple[int, Path]:
    """Exit code, and the directory that was written."""
    url = f"http://default@127.0.0.1:{nights.lab.address.port}/k2"
    code = main(["nightly", "--since", "24h", "--clickhouse", url, "--out", str(out), *flags])
    (directory,) = out.iterdir()
    return code, directory


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
    kept = nights.lab.rows("SELECT verdict, failed FROM k2_quality.nights FINAL")
    assert kept == [("pass", 0)]
    assert nights.lab.rows("SELECT count() FROM k2_quality.checks FINAL")[0][0] == len(content["checks"])


def test_the_same_night_again_takes_the_place_of_the_first(nights: Nights, tmp_path: Path) -> None:
    before = nights.lab.rows("SELECT count() FROM k2_quality.measures FINAL")
    nightly(nights, tmp_path / "out")
    assert nights.lab.rows("SELECT count() FROM k2_quality.measures FINAL") == before
    assert nights.lab.rows("SELECT count() FROM k2_quality.nights FINAL") == [(1,)]


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
    told = message["blocks"][1]["text"]["text"]
    assert "silver_trades.ids_are_consecutive" in told
    assert "trend.trades_of_binance_as_usual" in told
    page = (directory / "report.html").read_text(encoding="utf-8")
    assert "first_missing" in page
    assert "data_docs/index.html" in page
    assert (directory / "data_docs" / "index.html").is_file()
    assert "silver\\_trades.ids\\_are\\_consecutive" in (directory / "summary.md").read_text(encoding="utf-8")


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
