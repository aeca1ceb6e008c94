"""Latency as an HdrHistogram: every sample counts, at three significant digits, from a microsecond to a day."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from hdrh.histogram import HdrHistogram

from harness.results import Percentiles

# A percentile is quoted only when at least this many samples lie above it.
SAMPLES_ABOVE: Final = 10
DIGITS: Final = 3
HIGHEST_US: Final = 86_400_000_000
_STEPS_PER_NINE: Final = 8


@dataclass(frozen=True, slots=True)
class Latency:
    """n samples in us. curve: (percent, us) as far as n allows, and last (100, max). hdr: the histogram in
    HdrHistogram's own encoding (V2, compressed, base64), which tools that merge or compare histograms read.
    """

    n: int
    max_us: int
    curve: tuple[tuple[float, int], ...]
    hdr: str

    def percentiles(self) -> Percentiles:
        """The customary ones, in ms."""
        found = HdrHistogram.decode(self.hdr)

        def at(percent: float) -> float | None:
            return in_ms(_at(found, percent, self.max_us)) if enough_samples(self.n, percent) else None

        return Percentiles(n=self.n, p50=at(50), p99=at(99), p999=at(99.9), max=in_ms(self.max_us) if self.n else None)


def latency_of(counted: Iterable[tuple[int, int]], max_us: int) -> Latency:
    """From pairs (latency in us, how many); `max_us` is the exact highest."""
    histogram = HdrHistogram(1, HIGHEST_US, DIGITS)
    for latency_us, count in counted:
        histogram.record_value(min(max(latency_us, 1), HIGHEST_US), count)
    n = histogram.get_total_count()
    percents = _percents(n)
    curve = [(percent, _at(histogram, percent, max_us)) for percent in percents]
    return Latency(n, max_us, (*curve, (100.0, max_us)) if n else (), histogram.encode().decode())


def enough_samples(n: int, percent: float) -> bool:
    """Whether at least ten of n samples lie above a percentile."""
    # In whole thousandths of a percent: 100 - 99.9 is not 0.1 in floats, and n = 10,000 just suffices for it.
    above_thousandths = 100_000 - round(percent * 1000)
    return n * above_thousandths >= SAMPLES_ABOVE * 100_000


def in_ms(us: int) -> float:
    """As results.json has it."""
    return round(us / 1000, 3)


def _at(histogram: HdrHistogram, percent: float, max_us: int) -> int:
    # The histogram answers with the upper end of a cell, which may lie above the highest sample.
    return min(int(histogram.get_value_at_percentile(percent)), max_us)


def _percents(n: int) -> list[float]:
    """Up to the last percentile that n samples allow, in equal steps of nines, with 50, 90, 99 .. among them."""
    if n < 2 * SAMPLES_ABOVE:
        return []
    nines = math.log10(n / SAMPLES_ABOVE)
    steps = [
        round(100 * (1 - 10 ** (-step / _STEPS_PER_NINE)), 5) for step in range(1, int(nines * _STEPS_PER_NINE) + 1)
    ]
    return sorted({*steps, 50.0})
