"""From who came when to how many wait and since when."""

import pytest

from harness.series.flow import MOST_BUCKETS, bucket_us_for, waiting


@pytest.mark.parametrize(
    ("span_us", "bucket_us"),
    [
        (0, 1_000),
        (149_999, 1_000),
        (150_000, 2_000),
        (2_000_000, 20_000),
        (60_000_000, 500_000),
        (600_000_000, 5_000_000),
        (86_400_000_000, 1_000_000_000),
    ],
)
def test_a_span_gets_the_finest_buckets_that_stay_few(span_us: int, bucket_us: int) -> None:
    assert bucket_us_for(span_us) == bucket_us
    assert span_us // bucket_us < MOST_BUCKETS


def test_rows_wait_from_the_bucket_they_are_due_in_to_the_one_they_arrive_in() -> None:
    # Two rows due in bucket 0 (the first at 300 us) arrive in bucket 2, one due in bucket 1 arrives at once.
    flow = waiting([(0, 2, 2, 300), (1, 1, 1, 1_500)], buckets=4, bucket_us=1_000)
    assert flow.arrived == (0, 1, 2, 0)
    assert flow.waiting == (2, 2, 0, 0)
    assert flow.age_us == (700, 1_700, 0, 0)


def test_the_oldest_of_those_that_wait_makes_the_age() -> None:
    flow = waiting([(0, 3, 1, 900), (1, 3, 1, 1_100), (0, 1, 5, 100)], buckets=4, bucket_us=1_000)
    assert flow.age_us == (900, 1_100, 2_100, 0)


def test_a_row_written_before_it_was_due_never_waited() -> None:
    flow = waiting([(2, 1, 1, 2_000)], buckets=3, bucket_us=1_000)
    assert flow.waiting == (0, 0, 0)
    assert flow.arrived == (0, 1, 0)


def test_a_row_beyond_the_last_bucket_counts_in_it() -> None:
    flow = waiting([(0, 9, 1, 0)], buckets=3, bucket_us=1_000)
    assert flow.arrived == (0, 0, 1)
    assert flow.waiting == (1, 1, 0)
