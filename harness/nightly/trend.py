"""Tonight against the nights before: median and median deviation of the same weekday, which one bad night cannot bend.

Means and standard deviations would: after a night of ten times the trades, everything looks usual for weeks. Where
there are too few nights of this weekday, those of its kind serve (Monday to Friday, or the weekend); where there are
too few of those, nothing is judged, and that is said: a first Saturday is no alarm.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from statistics import median
from typing import Final

from harness.nightly.profile import Measure
from harness.nightly.rules import Rule

WEEKDAYS: Final = 8
"""So many nights of one weekday are looked back on."""
LEAST_WEEKDAYS: Final = 3
LEAST_OF_KIND: Final = 4
_SATURDAY: Final = 5
# Of normal values the median deviation times this is the standard deviation.
_NORMAL: Final = 1.4826

History = Mapping[date, int]
"""The value of one metric and subject, by night."""


@dataclass(frozen=True, slots=True)
class Usual:
    """What is usual: a median, and how far from it is still usual, made of so many nights."""

    median: float
    low: float
    high: float
    nights: int
    basis: str


@dataclass(frozen=True, slots=True)
class Compared:
    """A measure beside what is usual; severity is None where nothing is wrong. says: the finding in a sentence."""

    measure: Measure
    usual: Usual | None
    severity: str | None
    says: str


def usual(history: History, night: date, rule: Rule) -> Usual | None:
    """What the nights before `night` make usual for it; None where they are too few."""
    before = sorted((each for each in history if each < night), reverse=True)
    alike = [each for each in before if each.weekday() == night.weekday()][:WEEKDAYS]
    if len(alike) >= LEAST_WEEKDAYS:
        return _usual([history[each] for each in alike], rule, f"{night:%A}s")
    of_kind = [each for each in before if _is_weekend(each) == _is_weekend(night)][: WEEKDAYS * LEAST_OF_KIND]
    if len(of_kind) >= LEAST_OF_KIND:
        return _usual(
            [history[each] for each in of_kind], rule, "weekend days" if _is_weekend(night) else "working days"
        )
    return None


def compare(measure: Measure, history: History, night: date, rule: Rule) -> Compared:
    """Judge one measure of a night by a rule."""
    found = usual(history, night, rule)
    if rule.critical_above is not None and measure.value > rule.critical_above:
        says = f"{rule.say(measure.value)}, and more than {rule.say(rule.critical_above)} is too much on any night"
        return Compared(measure, found, "critical", says)
    if found is None:
        return Compared(measure, None, None, f"too few nights to compare with: {sum(day < night for day in history)}")
    severity = _severity(measure.value, found, rule)
    shown = f"{rule.say(measure.value)}, and {rule.say(found.median)} is usual on {found.nights} {found.basis}"
    return Compared(measure, found, severity, shown)


def compare_all(
    measures: Iterable[Measure],
    histories: Mapping[tuple[str, str], History],
    night: date,
    rules: Mapping[str, Rule],
) -> list[Compared]:
    """Judge every measure that has a rule, in their order."""
    return [
        compare(each, histories.get((each.metric, each.subject), {}), night, rules[each.metric])
        for each in measures
        if each.metric in rules
    ]


def _usual(values: Sequence[int], rule: Rule, basis: str) -> Usual:
    middle = median(values)
    deviation = _NORMAL * median(abs(value - middle) for value in values)
    # A few equal nights have no deviation at all, and counts vary by their root even where nothing changes.
    spread = max(deviation, rule.least_share * middle, math.sqrt(middle) if rule.counts else 0.0, rule.least)
    return Usual(middle, max(middle - rule.spreads * spread, 0.0), middle + rule.spreads * spread, len(values), basis)


def _is_weekend(night: date) -> bool:
    return night.weekday() >= _SATURDAY


def _severity(value: int, found: Usual, rule: Rule) -> str | None:
    # Three or four nights that happen to lie far apart would make a loss of half look usual.
    if rule.critical_below is not None and value < rule.critical_below * found.median:
        return "critical"
    too_low = rule.watches_falls and value < found.low
    too_high = rule.watches_rises and value > found.high
    return rule.severity if too_low or too_high else None
