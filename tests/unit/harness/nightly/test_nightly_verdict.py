"""What fails a night, what warns, and what is only told; and the one line that is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.checks import CheckResult
from harness.nightly.night import duplicates, is_alarm, is_warning
from harness.nightly.page import findings, headline
from harness.nightly.profile import Measure
from harness.report.words import ago
from harness.results import check_json


def check(severity: str, *, success: bool = False, error: str | None = None, layer: str = "feed") -> CheckResult:
    count = 0 if success or error else 3
    return CheckResult("silver_trades", "a", layer, "standing", severity, success, count, (), error, 0.0, "Because.")


def night(*checks: CheckResult, behind_us: int = 2_000_000) -> dict[str, Any]:
    measures = [
        {"metric": "behind_us", "subject": "binance", "value": behind_us},
        {"metric": "trades", "subject": "binance", "value": 1000},
    ]
    return {"checks": [check_json(each) for each in checks], "measures": measures, "window_s": 86_400}


@pytest.mark.parametrize(
    ("found", "fails", "warns"),
    [
        (check("critical"), True, False),
        (check("warning"), False, True),
        (check("info"), False, False),
        (check("info", error="Code: 47."), True, False),
        (check("warning", error="Code: 47."), True, False),
        (check("critical", error="Code: 47.", layer="silver"), True, False),
        (check("critical", success=True), False, False),
    ],
)
def test_a_check_that_could_not_be_carried_out_fails_the_night_whatever_it_would_find(
    found: CheckResult, fails: bool, warns: bool
) -> None:
    assert (is_alarm(found), is_warning(found)) == (fails, warns)


def test_the_headline_counts_no_note_as_a_warning_and_says_how_long_ago_the_last_trade_came() -> None:
    content = night(check("info"), check("warning"), behind_us=125_900_000)
    assert headline(content) == "No check fails, 1 warning: 1,000 trades in 24 hours; last trade 2 min ago (binance)"
    assert [each.partition("silver")[0] for each in findings(content)] == ["warning: ", "for information: "]


@pytest.mark.parametrize(
    ("ms", "says"),
    [(0, "0 s ago"), (59_999, "59 s ago"), (119_999, "119 s ago"), (120_000, "2 min ago"), (7_199_999, "119 min ago"),
     (7_200_000, "2 h ago"), (86_460_000, "24 h ago")],
)  # fmt: skip
def test_how_long_ago_is_never_said_to_be_longer_than_it_is(ms: int, says: str) -> None:
    assert ago(ms) == says


def test_copies_are_counted_by_the_check_that_finds_them_unless_it_could_not_run() -> None:
    def copies(exchange: str, error: str | None = None) -> CheckResult:
        found = check("info", error=error)
        return CheckResult(f"bronze_trades_{exchange}", "trades_come_once", *(
            getattr(found, name) for name in ("layer", "kind", "severity", "success", "unexpected", "sample", "error")
        ), 0.0, "")  # fmt: skip

    assert duplicates([copies("binance"), copies("kraken", "Code: 47."), check("critical")]) == [
        Measure("duplicates", "binance", 3)
    ]
