"""A shaped rate is a timetable: each trade is due when the rate's integral has reached it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from load.pace import Shaped

SECOND = 1_000_000_000


def due(shaped: Shaped, count: int) -> list[int]:
    due_ns = shaped.timetable()
    return [due_ns(place) for place in range(count)]


def test_a_level_rate_is_evenly_spaced() -> None:
    assert due(Shaped(((0, 4), (1, 4))), 4) == [0, SECOND // 4, SECOND // 2, SECOND * 3 // 4]


def test_a_ramp_from_nothing_has_half_of_its_trades_in_the_last_third_of_its_time() -> None:
    shaped = Shaped(((0, 0), (10, 100)))
    assert shaped.trades == 500
    times = due(shaped, 500)
    assert times[250] == pytest.approx(7.0711 * SECOND, rel=1e-3)


def test_a_jump_changes_the_rate_at_once() -> None:
    shaped = Shaped(((0, 10), (1, 10), (1, 1000), (2, 1000)))
    times = due(shaped, shaped.trades)
    assert shaped.trades == 1010
    assert sum(at < SECOND for at in times) == 10


def test_silence_has_no_trades_and_what_follows_is_due_after_it() -> None:
    shaped = Shaped(((0, 0), (5, 0), (5, 2), (6, 2)))
    assert due(shaped, 2) == [5 * SECOND, 5 * SECOND + SECOND // 2]


def test_what_goes_beyond_the_end_is_due_at_the_end() -> None:
    assert due(Shaped(((0, 1), (1, 1))), 3)[1:] == [SECOND, SECOND]


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 5000)), min_size=1, max_size=6),
    st.integers(0, 5000),
)
def test_a_schedule_never_goes_back_and_ends_in_time(pieces: list[tuple[int, int]], first: int) -> None:
    points, at = [(0.0, float(first))], 0.0
    for seconds, rate in pieces:
        at += seconds
        points.append((at, float(rate)))
    shaped = Shaped(tuple(points))
    times = due(shaped, min(shaped.trades, 2000))
    assert times == sorted(times)
    assert not times or 0 <= times[0] <= times[-1] <= shaped.seconds * SECOND


def test_senders_who_share_a_schedule_keep_it_together() -> None:
    whole = Shaped(((0, 100), (1, 100)))
    mine, yours = whole.timetable(), whole.timetable()
    together = [*map(mine, range(0, 100, 2)), *map(yours, range(1, 100, 2))]
    assert sorted(together) == due(whole, 100)


@given(
    st.lists(st.tuples(st.integers(1, 20), st.integers(0, 100)), min_size=1, max_size=6),
    st.integers(0, 100),
    st.integers(0, 999),
)
def test_as_many_trades_are_due_by_a_time_as_the_timetable_has_before_it(
    pieces: list[tuple[int, int]], first: int, thousandth: int
) -> None:
    points, at = [(0.0, float(first))], 0.0
    for seconds, rate in pieces:
        at += seconds
        points.append((at, float(rate)))
    shaped = Shaped(tuple(points))
    until_s = shaped.seconds * thousandth / 1000
    counted = sum(at_ns < until_s * SECOND for at_ns in due(shaped, shaped.trades))
    # Two trades of slack: a nanosecond is cut off every due time, and the last one may lie on the very end.
    assert shaped.trades_by(until_s) == pytest.approx(counted, abs=2)
