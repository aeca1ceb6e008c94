"""Schedules, and how well they were kept."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.pace import (
    SEAM_AHEAD_NS,
    SEAM_BACK_NS,
    Lateness,
    PaceError,
    Recorded,
    Steady,
    Unpaced,
    parse_rate,
)

SECOND_NS = 1_000_000_000


def due_ns(rate: str, *frames: tuple[int, int]) -> list[int | None]:
    step = parse_rate(rate).start()
    return [step(recv_ns, trades) for recv_ns, trades in frames]


@pytest.mark.parametrize(
    ("text", "pace"),
    [
        ("5000", Steady(Fraction(5000))),
        ("0.5", Steady(Fraction(1, 2))),
        ("1x", Recorded(Fraction(1))),
        ("10x", Recorded(Fraction(10))),
        ("0.25x", Recorded(Fraction(1, 4))),
        ("max", Unpaced()),
    ],
)
def test_a_rate_is_read_and_written_back(text: str, pace: object) -> None:
    assert parse_rate(text) == pace
    assert str(parse_rate(text)) == text


@pytest.mark.parametrize(
    "text", ["", "x", "fast", "-5", "5/s", "1e3", "10 x", "10X", "5,000", "\uff15", "5\n", "nan", ".5"]
)
def test_a_rate_that_is_none_is_refused_with_those_that_are(text: str) -> None:
    with pytest.raises(PaceError, match=r"trades per second \(5000\).*10x.*max"):
        parse_rate(text)


@pytest.mark.parametrize("text", ["0", "0x", "0.000"])
def test_a_rate_of_nothing_is_refused(text: str) -> None:
    with pytest.raises(PaceError, match="would never send anything"):
        parse_rate(text)


def test_the_recorded_timing_is_kept_divided_by_the_speed() -> None:
    frames = [(1_000, 1), (1_500, 7), (1_500, 1), (9_000, 1)]
    assert due_ns("1x", *frames) == [0, 500, 500, 8_000]
    assert due_ns("4x", *frames) == [0, 125, 125, 2_000]
    assert due_ns("0.5x", *frames) == [0, 1_000, 1_000, 16_000]


def test_frames_recorded_out_of_order_are_due_at_once() -> None:
    assert due_ns("1x", (1_000, 1), (3_000, 1), (2_000, 1), (3_500, 1)) == [0, 2_000, 2_000, 2_500]


def test_the_seam_between_recordings_takes_no_time() -> None:
    years = 3 * 365 * 86_400 * SECOND_NS
    ahead = due_ns("1x", (0, 1), (50, 1), (years, 1), (years + 7, 1))
    assert ahead == [0, 50, 50, 57]
    assert due_ns("1x", (years, 1), (years + 50, 1), (0, 1), (7, 1)) == [0, 50, 50, 57]
    assert due_ns("1x", (0, 1), (SEAM_AHEAD_NS, 1)) == [0, SEAM_AHEAD_NS]
    assert due_ns("1x", (SEAM_BACK_NS, 1), (0, 1), (1, 1)) == [0, 0, 0]


def test_a_steady_rate_counts_trades_and_not_frames() -> None:
    assert due_ns("1000", (0, 1), (0, 50), (0, 1), (0, 2), (0, 1)) == [
        0,
        1_000_000,
        51_000_000,
        52_000_000,
        54_000_000,
    ]


def test_a_frame_that_is_not_sent_takes_no_place() -> None:
    assert due_ns("1000", (0, 1), (0, 0), (0, 1)) == [0, 1_000_000, 1_000_000]


@pytest.mark.parametrize("rate", ["3", "7", "999.9", "60000"])
def test_a_steady_rate_does_not_drift_in_hours(rate: str) -> None:
    step = parse_rate(rate).start()
    hours = 10
    step(0, int(Fraction(rate) * 3600 * hours))
    assert step(0, 1) == hours * 3600 * SECOND_NS


@given(
    st.fractions(min_value=Fraction(1, 1000), max_value=100_000),
    st.lists(st.tuples(st.integers(0, 10**12), st.integers(1, 60)), max_size=30),
    st.booleans(),
)
def test_no_schedule_goes_back(number: Fraction, frames: list[tuple[int, int]], recorded: bool) -> None:
    step = (Recorded(number) if recorded else Steady(number)).start()
    due = [step(recv_ns, trades) or 0 for recv_ns, trades in frames]
    assert due == sorted(due)
    assert not due or due[0] == 0


def test_as_fast_as_possible_has_no_schedule() -> None:
    assert due_ns("max", (5, 1), (9, 3)) == [None, None]


def test_lateness_is_exact_where_small_and_to_a_32nd_where_large() -> None:
    late = Lateness()
    for late_ns in range(2_000):
        late.add(late_ns * 1_000)
    percentile = late.percentile_ns(99)
    assert percentile is not None
    assert 1_980_000 * 31 // 32 <= percentile <= 1_980_000
    assert late.max_ns == 1_999_000


def test_a_percentile_needs_samples_above_it() -> None:
    late = Lateness()
    for _ in range(999):
        late.add(5)
    assert (late.percentile_ns(99), late.percentile_ns(50)) == (None, 5)
    late.add(5)
    assert late.percentile_ns(99) == 5
    assert Lateness().percentile_ns(50) is None
