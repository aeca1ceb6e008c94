"""Latency as HdrHistogram: what is quoted, and what is not."""

import pytest
from hdrh.histogram import HdrHistogram

from harness.series.latency import Latency, enough_samples, latency_of


def uniform(n: int) -> Latency:
    """1 ms, 2 ms .. n ms, each once."""
    return latency_of(((ms * 1000, 1) for ms in range(1, n + 1)), n * 1000)


@pytest.mark.parametrize(
    ("n", "percent", "enough"),
    [(19, 50, False), (20, 50, True), (999, 99, False), (1000, 99, True), (9_999, 99.9, False), (10_000, 99.9, True)],
)
def test_a_percentile_needs_ten_samples_above_it(n: int, percent: float, enough: bool) -> None:
    assert enough_samples(n, percent) is enough


def test_percentiles_are_right_to_three_digits() -> None:
    found = uniform(10_000).percentiles()
    assert found.n == 10_000
    assert found.p50 == pytest.approx(5_000, rel=1e-3)
    assert found.p99 == pytest.approx(9_900, rel=1e-3)
    assert found.p999 == pytest.approx(9_990, rel=1e-3)
    assert found.max == 10_000.0


def test_what_too_few_samples_would_say_is_not_said() -> None:
    found = uniform(500).percentiles()
    assert (found.p50 is not None, found.p99, found.p999) == (True, None, None)
    assert found.max == 500.0
    assert uniform(5).percentiles().p50 is None


def test_no_sample_has_neither_percentile_nor_maximum() -> None:
    found = latency_of([], 0)
    assert found.curve == ()
    assert found.percentiles().max is None


def test_no_percentile_lies_above_the_maximum() -> None:
    # A cell of the histogram is wider than the distance to the highest value.
    latency = latency_of([(1_234_567, 100_000)], 1_234_567)
    assert {us for _, us in latency.curve} == {1_234_567}


def test_the_curve_rises_and_ends_with_the_maximum() -> None:
    curve = uniform(10_000).curve
    assert list(curve) == sorted(curve)
    assert curve[-1] == (100.0, 10_000_000)
    assert {50.0, 90.0, 99.0, 99.9} <= {percent for percent, _ in curve}
    assert not any(99.9 < percent < 100 for percent, _ in curve)


def test_the_encoded_histogram_is_one_that_other_tools_read() -> None:
    assert HdrHistogram.decode(uniform(1000).hdr).get_total_count() == 1000


def test_a_latency_outside_the_histogram_is_counted_at_its_edge() -> None:
    latency = latency_of([(-5, 1), (10**12, 1)], 10**12)
    assert latency.n == 2
