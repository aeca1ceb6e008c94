"""What counts as injected, found, missed and a false alarm, on a tape of five trades made by hand."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Self

import polars as pl
import pytest

from harness.checks import CheckResult
from harness.cli import main
from harness.commands import detect as command
from harness.detect import EXPECTED, Case, Report, detect, to_json, to_markdown
from harness.detect.bench import Played
from harness.detect.score import score
from harness.faults import NoEffect, parse_fault
from harness.ledger import Entry, Ledger
from harness.truth import compute

TOPIC = "market.crypto.trades.binance"
START_NS = 1_767_225_600 * 10**9
CLEAN = Case(None, 1)
GAP = Case(parse_fault("gap=1"), 1)
PLACE = {"_topic": TOPIC, "_partition": "0", "_offset": "2"}


def frame(number: int) -> bytes:
    ms = START_NS // 10**6 + number * 1000
    return (
        f'{{"e":"trade","E":{ms},"s":"BTCUSDT","t":{number},"p":"1.5","q":"2","T":{ms},"m":true,"M":true}}'
    ).encode()


def played(directory: Path, case: Case, checks: Sequence[CheckResult], changed: dict[int, bytes | None]) -> Played:
    """Five trades a second apart, of which some were changed; None for one that was left out."""
    path = directory / f"{case.name}.parquet"
    with Ledger(path) as ledger:
        for number in range(1, 6):
            text = changed.get(number, frame(number))
            faults = (case.fault.name,) if case.fault and number in changed else ()
            recv_ns = START_NS + number * 10**9
            topic = None if text is None else TOPIC
            entry = Entry(
                "binance", "BTCUSDT", "trade", recv_ns, recv_ns, topic, 1, faults, bool(text), text or frame(number)
            )
            group, position = ledger.row(entry, recv_ns)
            if text is not None:
                group.acknowledge(position, 0, number - 1, recv_ns)
    done_ns = dict.fromkeys((check.suite for check in checks), START_NS + 10 * 10**9)
    return Played(case, pl.read_parquet(path), compute(path), checks, done_ns, 1.0)


def check(name: str, *rows: dict[str, str], error: str | None = None) -> CheckResult:
    suite, _, short = name.partition(".")
    success = not rows and error is None
    return CheckResult(suite, short, "feed", "standing", "critical", success, len(rows), rows, error, 0.0, "")


MISSING = {"exchange": "binance", "symbol": "BTCUSDT", "first_missing": "3", "last_missing": "3", "missing": "1"}
LATER = {**MISSING, "first_missing": "8", "last_missing": "9"}


def of_gap(directory: Path, *checks: CheckResult) -> Report:
    clean = played(directory, CLEAN, (), {})
    return Report(
        tuple(score(each, clean, ["binance"]) for each in (clean, played(directory, GAP, checks, {3: None}))),
        "k2-harness detect",
        1.0,
    )


def test_a_row_that_points_at_the_trade_left_out_has_found_it(tmp_path: Path) -> None:
    report = of_gap(tmp_path, check("silver_trades.ids_are_consecutive", MISSING))
    (found,) = report.cases[1].checks
    assert (report.cases[1].injected, found.found, found.false_alarms, found.due) == (1, 1, 0, True)
    assert found.delay_s == 7.0  # sent in second 3, and the suite was through in second 10
    assert report.is_complete


def test_a_row_that_points_elsewhere_is_a_false_alarm(tmp_path: Path) -> None:
    report = of_gap(tmp_path, check("silver_trades.ids_are_consecutive", MISSING, LATER))
    assert (report.total.found, report.total.rows, report.total.false_alarms) == (1, 2, 1)
    assert report.total.precision == 0.5
    assert not report.is_complete


def test_a_check_that_was_run_and_told_of_nothing_is_named(tmp_path: Path) -> None:
    class Told:
        def play(self, case: Case) -> Played:
            checks = [check("silver_trades.ids_are_consecutive", *([MISSING] if case.fault else []))]
            return played(
                tmp_path, case, [*checks, check("silver_trades.side_is_known")], {3: None} if case.fault else {}
            )

    report = detect([CLEAN, GAP], Told())
    assert report.silent == ("silver_trades.side_is_known",)
    assert "- `silver_trades.side_is_known`" in to_markdown(report)


def test_a_due_check_that_holds_has_missed_it(tmp_path: Path) -> None:
    report = of_gap(tmp_path, check("silver_trades.ids_are_consecutive"))
    (missed,) = report.cases[1].checks
    assert (missed.due, missed.found, missed.delay_s) == (True, 0, None)
    assert (report.total.recall, report.short, report.is_complete) == (0.0, ("gap",), False)


def test_a_check_that_fails_without_a_row_is_a_false_alarm(tmp_path: Path) -> None:
    report = of_gap(
        tmp_path,
        check("silver_trades.ids_are_consecutive", MISSING),
        check("silver_trades.side_is_known", error="Code: 60."),
    )
    assert report.total.false_alarms == 1
    assert report.cases[1].errors == ("silver_trades.side_is_known: Code: 60.",)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("bronze_trades_binance.trades_come_once", PLACE),
        ("dead_letters.nothing_is_refused", {"layer": "bronze", **PLACE}),
        ("silver_trades.trades_are_plausible", {"exchange": "binance", "symbol": "BTCUSDT", "trade_id": "3"}),
        ("silver_trades.ids_are_consecutive", MISSING),
        (
            "ohlcv_1s.candles_roll_up",
            {"exchange": "binance", "canonical_symbol": "BTC/USDT", "window_start": "2026-01-01 00:00:03"},
        ),
        (
            "silver_trades.no_exchange_falls_silent",
            {"exchange": "binance", "silent_from": "2026-01-01 00:00:02", "silent_until": "2026-01-01 00:00:04"},
        ),
        (
            "silver_trades.exchanges_agree_on_price",
            {"canonical_symbol": "BTC/USDT", "span": "2026-01-01 00:00:00", "dearest": "binance", "cheapest": "x"},
        ),
    ],
)
def test_a_changed_frame_is_pointed_at_in_many_ways(tmp_path: Path, name: str, row: dict[str, str]) -> None:
    refused = Case(parse_fault("zero_size=1"), 1)
    clean = played(tmp_path, CLEAN, (), {})
    zero = frame(3).replace(b'"q":"2"', b'"q":"0"')
    found = score(played(tmp_path, refused, [check(name, row)], {3: zero}), clean, ["binance"])
    assert (found.injected, found.found, found.false_alarms) == (1, 1, 0)


def test_what_was_missed_stands_beside_its_reason_and_in_the_tables_of_a_report(tmp_path: Path) -> None:
    report = of_gap(tmp_path, check("silver_trades.ids_are_consecutive"))
    page = to_markdown(report)
    assert f"- `gap`: **1 missed.** {EXPECTED['gap'].why}" in page
    assert "| `gap` | 1 | 0 | 1 | 0.0 % |" in page
    content = to_json(report)
    assert json.loads(json.dumps(content)) == content
    assert content["by_fault"][0]["missed"] == 1
    assert content["clean_runs"] == [{"seed": 1, "trades": 5, "alarms": 0, "checks": []}]
    assert content["fault_by_check"][0]["check"] == "silver_trades.ids_are_consecutive"


class Idle:
    """A bench on which no fault has an effect."""

    def __init__(self, *given: Any) -> None:
        self._directory: Path = given[1]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def play(self, case: Case) -> Played:
        if case.fault:
            raise NoEffect(f"fault {case.fault} changed 0 of 5 trade frames")
        return played(self._directory, case, (), {})


def test_a_fault_without_effect_is_an_error_and_no_result(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(command, "Bench", Idle)
    monkeypatch.setattr(command, "start_stack", lambda *_, **__: nullcontext())
    assert main(["detect", "--fault", "gap", "--intensity", "1", "--clean", "1", "--out", str(tmp_path / "out")]) == 2
    assert "fault gap=1 changed 0 of 5 trade frames" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_fault_is_compared_with_a_clean_run_before_it(tmp_path: Path) -> None:
    class Bent:
        def play(self, case: Case) -> Played:
            return played(tmp_path, case, (), {3: None})

    with pytest.raises(ValueError, match="gap=1 has seed 1; a clean case of that seed"):
        detect([GAP], Bent())
