"""Tonight against past nights, on made-up ones."""

import random
from datetime import date, timedelta

import pytest

from harness.nightly.profile import Measure
from harness.nightly.rules import Rule, load_rules
from harness.nightly.trend import compare, usual

RULES = load_rules()
TONIGHT = date(2026, 11, 25)  # a Wednesday


def weeks(value: int, count: int = 8) -> dict[date, int]:
    """The same value on so many nights of tonight's weekday, and ten times that on every other night."""
    nights = {TONIGHT - timedelta(days=ago): 10 * value for ago in range(1, 7 * count + 1)}
    return {night: value if night.weekday() == TONIGHT.weekday() else other for night, other in nights.items()}


def judge(metric: str, value: int, history: dict[date, int]) -> str | None:
    return compare(Measure(metric, "all", value), history, TONIGHT, RULES[metric]).severity


def test_the_same_weekday_is_what_counts() -> None:
    found = usual(weeks(1000), TONIGHT, RULES["trades"])
    assert found is not None
    assert (found.median, found.nights, found.basis) == (1000, 8, "Wednesdays")


def test_with_two_of_the_weekday_those_of_its_kind_serve() -> None:
    found = usual(weeks(1000, 2), TONIGHT, RULES["trades"])
    assert found is not None
    assert (found.median, found.nights, found.basis) == (10_000, 10, "working days")


def test_a_first_saturday_is_not_compared_with_working_days() -> None:
    saturday = date(2026, 11, 28)
    nights = {saturday - timedelta(days=ago): 1000 for ago in range(1, 6)}
    found = compare(Measure("trades", "all", 1), nights, saturday, RULES["trades"])
    assert (found.usual, found.severity) == (None, None)
    assert found.says == "too few nights to compare with: 5"


def test_a_later_night_and_tonight_itself_are_no_past() -> None:
    history = {**weeks(1000), TONIGHT: 5, TONIGHT + timedelta(days=7): 7}
    assert usual(history, TONIGHT, RULES["trades"]) == usual(weeks(1000), TONIGHT, RULES["trades"])


@pytest.mark.parametrize(
    ("metric", "value", "severity"),
    [
        ("trades", 1000, None),
        ("trades", 1290, None),
        ("trades", 1400, "warning"),
        ("trades", 650, "warning"),
        ("trades", 499, "critical"),
        ("trades", 0, "critical"),
        ("candles_1m", 5000, None),  # more candles are no defect
        ("missing_ids", 1000, None),
        ("missing_ids", 0, None),  # fewer gaps are no defect
        ("missing_ids", 1500, "warning"),
        ("latency_p99_us", 2000, None),
        ("latency_p99_us", 200_000, "warning"),
    ],
)
def test_a_difference_is_told_in_the_direction_that_is_bad(metric: str, value: int, severity: str | None) -> None:
    assert judge(metric, value, weeks(1000)) == severity


def test_one_missing_id_after_weeks_without_any_is_no_alarm_and_twenty_are() -> None:
    assert judge("missing_ids", 1, weeks(0)) is None
    assert judge("missing_ids", 20, weeks(0)) == "warning"


def test_one_bad_night_does_not_make_the_next_bad_one_usual() -> None:
    history = weeks(1000)
    history[TONIGHT - timedelta(days=7)] = 100_000
    assert judge("trades", 100_000, history) == "warning"
    assert judge("trades", 1000, history) is None


def thirty(seed: int, bad: int) -> list[tuple[int, str | None]]:
    """(night, severity) of thirty nights with a weekly pattern and five percent of chance, one of them at a third."""
    chance, history, told = random.Random(seed), {}, []  # noqa: S311  # the same nights each time
    for number in range(30):
        night = TONIGHT + timedelta(days=number)
        weekend = 0.6 if night.weekday() >= 5 else 1.0
        value = round(10_000 * weekend * chance.gauss(1, 0.05) * (0.33 if number == bad else 1))
        told.append((number, compare(Measure("trades", "all", value), history, night, RULES["trades"]).severity))
        history[night] = value
    return told


def test_of_two_hundred_times_thirty_nights_every_bad_one_is_found_with_hardly_an_alarm_too_many() -> None:
    found = false = 0
    for seed in range(200):
        bad = 14 + seed % 16
        told = thirty(seed, bad)
        found += any(severity for number, severity in told if number == bad)
        false += sum(bool(severity) for number, severity in told if number != bad)
    assert found == 200
    assert false / (200 * 29) < 0.005


def test_every_rule_names_a_direction_that_is_known() -> None:
    assert {rule.watch for rule in RULES.values()} <= {"falls", "rises", "both", "nothing"}
    assert all(isinstance(rule, Rule) and rule.severity in {"info", "warning", "critical"} for rule in RULES.values())


@pytest.mark.parametrize(
    ("behind_us", "severity"), [(0, None), (300_000_000, None), (300_000_001, "critical"), (86_400_000_000, "critical")]
)
@pytest.mark.parametrize("history", [{}, "weeks"])
def test_five_minutes_without_a_trade_are_critical_on_any_night_the_first_one_too(
    behind_us: int, severity: str | None, history: object
) -> None:
    before = weeks(10**12) if history else {}
    found = compare(Measure("behind_us", "kraken", behind_us), before, TONIGHT, RULES["behind_us"])
    assert found.severity == severity
    assert ("too much on any night" in found.says) == (severity is not None)
