"""Delays before connecting again."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from k2pipeline.feed.backoff import Backoff


class Longest(random.Random):
    """Draws the longest delay there is."""

    def uniform(self, a: float, b: float) -> float:  # noqa: ARG002
        return b


def longest(**numbers: float) -> Backoff:
    return Backoff(**{"base_s": 0.5, "cap_s": 30, "stable_s": 2, **numbers}, chance=Longest())


def test_the_longest_delay_doubles_up_to_the_cap() -> None:
    backoff = longest()
    delays = [backoff.delay_s(lasted_s=0, is_clean=False) for _ in range(9)]
    assert delays == [0.5, 1, 2, 4, 8, 16, 30, 30, 30]


def test_a_thousand_failures_are_no_overflow() -> None:
    backoff = longest(failures=5_000)
    assert backoff.delay_s(lasted_s=0, is_clean=False) == 30


def test_delays_are_drawn_from_all_of_the_range() -> None:
    backoff = Backoff(1, 1, 2, random.Random(7))  # noqa: S311  (delays, not secrets)
    delays = [backoff.delay_s(lasted_s=0, is_clean=False) for _ in range(2_000)]
    assert 0 <= min(delays) < 0.01
    assert 0.99 < max(delays) <= 1
    assert mean(delays) == pytest.approx(0.5, abs=0.03)


def test_a_clean_end_is_followed_at_once() -> None:
    assert longest().delay_s(lasted_s=60, is_clean=True) == 0


def test_a_clean_end_right_after_the_beginning_is_not() -> None:
    backoff = longest()
    assert [backoff.delay_s(lasted_s=0.1, is_clean=True) for _ in range(3)] == [0.5, 1, 2]


def test_a_connection_that_lasted_begins_the_delays_anew() -> None:
    backoff = longest()
    for _ in range(5):
        backoff.delay_s(lasted_s=0, is_clean=False)
    assert backoff.delay_s(lasted_s=2, is_clean=False) == 0.5
