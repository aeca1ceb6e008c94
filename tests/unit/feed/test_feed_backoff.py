"""Delays before connecting again."""

from __future__ import annotations

import random
from statistics import mean

import pytest

from k2pipeline.exchanges import EXCHANGES, Attempts
from k2pipeline.feed.backoff import Backoff, Budget
from k2pipeline.feed.limits import Limits


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


def test_connections_above_the_budget_wait_until_the_oldest_is_out_of_the_window() -> None:
    budget = Budget(Attempts(6, 100), share=0.5)
    assert [budget.take(now_s) for now_s in (0, 10, 20)] == [0, 0, 0]
    assert [budget.take(30), budget.take(30)] == [70, 80], "those at 0 and 10 have to be over"
    assert budget.take(200) == 0


@pytest.mark.parametrize("name", EXCHANGES)
def test_however_many_sessions_connect_the_exchange_sees_no_more_than_it_allows(name: str) -> None:
    """Ten sessions of one handler, accepted and cut for an hour: any window holds no more than the share."""
    allowed, share = EXCHANGES[name].wire.attempts, Limits().attempts_share
    budget = Budget(allowed, share)
    due = [0.0] * 10
    opened: list[float] = []
    while min(due) < 3_600:
        now_s = min(due)
        opened.append(now_s + budget.take(now_s))
        due[due.index(now_s)] = opened[-1] + Limits().stable_s
    most = max(sum(start <= at < start + allowed.within_s for at in opened) for start in opened[::7])
    assert most <= allowed.connections * share
    assert len(opened) > 3_000 / allowed.within_s * allowed.connections * share, "and it uses what it has"
