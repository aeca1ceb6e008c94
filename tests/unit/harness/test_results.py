"""Which checks fail a run, what JUnit says of them, and the sentence that claims no more than was shown."""

import json
import xml.etree.ElementTree as ET
from dataclasses import replace
from pathlib import Path

import pytest

from harness.checks import EXPECTATIONS, CheckResult
from harness.counting import counts_of
from harness.replay import ReplayStats
from harness.report.sentences import TIME_FRAMES, headline, other_channels, rate
from harness.results import Results, fails, warns, write_junit
from harness.truth import Truth
from tests.integration.report.made_run import GOOD, results

BAD = replace(GOOD, success=False, unexpected=2, sample=({"trade_id": "7"},))
WARNING = replace(BAD, name="ids_are_consecutive", severity="warning")
INFO = replace(BAD, name="trades_come_once", severity="info", layer="feed")
ERROR = replace(GOOD, success=False, error="Code: 60. DB::Exception: no such table")
CANDLE_CHECKS = ("no_candle_lost", "no_phantom_candle", "candles_equal_truth")


def candles(frame: str) -> list[CheckResult]:
    return [replace(GOOD, suite=f"ohlcv_{frame}", name=name) for name in CANDLE_CHECKS]


def trades() -> list[CheckResult]:
    return [replace(GOOD, name=name) for name in ("no_trade_lost", "no_phantom_trade", "no_trade_doubled")]


@pytest.mark.parametrize("layer", ["silver", "feed"])
@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_a_check_that_could_not_be_carried_out_fails_the_run_whatever_it_is(layer: str, severity: str) -> None:
    check = replace(ERROR, layer=layer, severity=severity)
    assert fails(check)
    assert not warns(check)
    assert results(GOOD, check).verdict == "fail"


def test_info_warns_nobody() -> None:
    assert (warns(WARNING), warns(INFO)) == (True, False)
    found = results(*trades(), INFO)
    assert found.verdict == "pass"
    assert "warn" not in headline(found)
    assert headline(found).startswith("No check of 4 fails")
    assert headline(results(*trades(), INFO, WARNING)).endswith("; 1 warns")


def test_an_interrupted_run_is_no_pass_and_says_so() -> None:
    found = replace(results(GOOD), interrupted=True)
    assert found.verdict == "fail"
    assert found.as_json()["interrupted"] is True
    assert headline(found).startswith("Interrupted after 60,000 frames, so no pass")


def test_a_pipeline_that_stands_still_is_no_pass_and_says_so() -> None:
    found = replace(results(GOOD), lag_messages=12)
    assert (found.verdict, found.as_json()["lag_messages"]) == ("fail", 12)
    assert headline(found).startswith("The pipeline stands still, 12 messages behind, so no pass")


def test_the_sentence_claims_what_all_suites_have_shown() -> None:
    found = results(*trades(), *(check for frame in TIME_FRAMES for check in candles(frame)))
    said = "none lost, none made up, none doubled, every candle equal to the truth"
    assert headline(found) == f"All 24 checks hold: 66,000 trades sent, 65,000 in silver; {said}"


def test_the_sentence_of_one_suite_claims_its_candles_and_says_what_was_not_looked_for() -> None:
    said = headline(results(*candles("1m")))
    assert "every candle of 1m equal to the truth" in said
    assert "none lost" not in said
    assert "not looked for: lost trades, phantom trades, doubled trades, candles of 1s, 5m, 15m, 30m, 1h, 1d" in said


def test_the_sentence_does_not_claim_what_a_failing_warning_denies() -> None:
    doubled = replace(BAD, name="no_trade_doubled", severity="warning")
    said = headline(results(*trades()[:2], doubled))
    assert "none doubled" not in said
    assert "1 warns" in said


def test_the_time_frames_of_the_sentence_are_those_that_have_suites() -> None:
    assert {f"ohlcv_{frame}" for frame in TIME_FRAMES} == {path.stem for path in EXPECTATIONS.glob("ohlcv_*.json")}


def test_junit_agrees_with_the_verdict(tmp_path: Path) -> None:
    write_junit("made", (GOOD, WARNING, INFO), tmp_path)
    root = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  # our own file
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("3", "0", "0")
    assert root.findall(".//failure") == root.findall(".//error") == []
    told = {case.get("name"): case.findtext("system-out") for case in root.iter("testcase")}
    assert told["no_trade_lost"] is None
    assert told["ids_are_consecutive"] == "warning: 2 unexpected\n{'trade_id': '7'}"


def test_junit_tells_a_failure_from_an_error(tmp_path: Path) -> None:
    write_junit("made", (BAD, replace(ERROR, severity="warning", layer="feed")), tmp_path)
    root = ET.parse(tmp_path / "junit.xml").getroot()  # noqa: S314  # our own file
    assert (root.get("failures"), root.get("errors")) == ("1", "1")
    assert [element.get("message") for element in root.iter("error")] == [ERROR.error]


def test_junit_follows_the_judge_it_is_given(tmp_path: Path) -> None:
    feed = replace(BAD, layer="feed")
    write_junit("night", (feed,), tmp_path, lambda check: not check.success)
    assert ET.parse(tmp_path / "junit.xml").getroot().get("failures") == "1"  # noqa: S314  # our own file
    write_junit("run", (feed,), tmp_path)
    assert ET.parse(tmp_path / "junit.xml").getroot().get("failures") == "0"  # noqa: S314  # our own file


class Answers:
    """A warehouse in which every table has as many rows."""

    def query(self, _query: str) -> "Answers":
        return self

    @property
    def first_row(self) -> tuple[int]:
        return (5,)


def test_what_a_check_could_not_count_is_unknown_and_not_zero() -> None:
    stats = ReplayStats(1, 1, 1, {}, {}, 1.0, None, None, None, interrupted=False, ledger_path=Path())
    truth = Truth({}, 1, 1, 0, {})
    counts = counts_of(Answers(), stats, truth, [ERROR, replace(GOOD, name="no_phantom_trade")])
    assert (counts.lost, counts.phantom, counts.gaps_found) == (None, 0, None)
    assert "lost" not in headline(replace(results(ERROR), counts=counts))


def paced(target: float | None, achieved: float, late_max_ms: float) -> Results:
    return replace(results(GOOD), target_rate=target, achieved_rate=achieved, late_max_ms=late_max_ms)


def test_a_rate_is_held_to_one_per_cent_and_a_run_of_milliseconds_is_not_judged_by_its_scheduler() -> None:
    assert paced(1000, 995.0, 400.0).is_rate_held is True
    assert paced(1000, 980.0, 400.0).is_rate_held is False
    assert paced(1000, 980.0, 3.0).is_rate_held is True
    assert paced(None, 980.0, 400.0).is_rate_held is None
    assert paced(1000, 980.0, 400.0).as_json()["rate"]["held"] is False


def test_rate_and_lateness_are_said_in_a_line() -> None:
    said = rate(replace(paced(1000, 980.04, 400.0), late_p99_ms=12.5))
    assert said == "980.0 trades/s sent of 1,000 wanted; sent late by p99 12.5 ms, at most 400 ms"


def test_frames_of_other_channels_are_counted_by_channel() -> None:
    channels = [
        {"exchange": "binance", "kind": "trade", "channel": "trade", "frames": 12},
        {"exchange": "binance", "kind": "market", "channel": "depthUpdate", "frames": 3443},
        {"exchange": "binance", "kind": "market", "channel": "bookTicker", "frames": 26_059},
        {"exchange": "binance", "kind": "unknown", "channel": "unknown", "frames": 4},
    ]
    found = replace(results(GOOD), channels=tuple(channels))
    listed = "binance bookTicker 26,059, binance depthUpdate 3,443"
    assert other_channels(found) == f"29,502 frames of other channels, not sent: {listed}"
    assert json.loads(json.dumps(found.as_json()))["channels"] == channels
    assert other_channels(results(GOOD)) == ""
