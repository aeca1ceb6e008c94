"""From who came when to how many wait, and since when: pure arithmetic on counts."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

MOST_BUCKETS: Final = 150
_FINEST_US: Final = 1_000

Cell = tuple[int, int, int, int]
"""(bucket due, bucket done, rows, earliest due in us) of rows that were due and done together."""


@dataclass(frozen=True, slots=True)
class Flow:
    """By bucket, see curves.Layer."""

    arrived: tuple[int, ...]
    waiting: tuple[int, ...]
    age_us: tuple[int, ...]


def bucket_us_for(span_us: int) -> int:
    """The finest of 1, 2, 5, 10, 20, 50 .. ms with which a span has at most MOST_BUCKETS buckets."""
    bucket_us = _FINEST_US
    while True:
        for times in (1, 2, 5):
            if span_us // (bucket_us * times) < MOST_BUCKETS:
                return bucket_us * times
        bucket_us *= 10


def waiting(cells: Iterable[Cell], buckets: int, bucket_us: int) -> Flow:
    """What waits at the end of each bucket: due in it or before, and done after it."""
    arrived, change = [0] * buckets, [0] * (buckets + 1)
    oldest_us: list[int | None] = [None] * buckets
    for due, done, rows, first_us in cells:
        last = min(done, buckets - 1)
        arrived[last] += rows
        # The machine's clock may have been set back a little between send and row; then it never waited.
        if due >= last:
            continue
        change[due] += rows
        change[last] -= rows
        for bucket in range(due, last):
            known_us = oldest_us[bucket]
            oldest_us[bucket] = first_us if known_us is None else min(known_us, first_us)
    counts, level = [], 0
    for bucket in range(buckets):
        level += change[bucket]
        counts.append(level)
    ends_us = [(bucket + 1) * bucket_us for bucket in range(buckets)]
    ages = (0 if since is None else end_us - since for end_us, since in zip(ends_us, oldest_us, strict=True))
    return Flow(tuple(arrived), tuple(counts), tuple(ages))
