"""When takers arrive, at which instrument, on which side and how hungry: a marked, self-exciting process (Hawkes,
1971).

Takers come by themselves (a Poisson process, whose rate and sides follow moods and tides, see activity.py) or because
an earlier one came: each has a Poisson number of followers for every kernel, after exponential delays, and the more
of them the more fills it took. A follower mostly trades what the one before it traded, on the same side. That
makes bursts, runs of one side, and instruments that move together. It is simulated by branching (Hawkes and Oakes,
1974): a generation at a time, all at once. The mean number of followers has to stay below one, or the process
explodes; the rate of takers is that of the spontaneous ones / (1 - followers).
"""

from dataclasses import dataclass
from decimal import Context, Decimal
from fractions import Fraction
from itertools import pairwise
from math import prod
from typing import Final, NamedTuple

import numpy as np

from harness.synthetic.activity import LEVEL_BITS, Spells, Tide, Tides
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.quantiles import ONE_BITS, exponential, permille

# An arrival is one integer, so that sorting arrivals sorts them by time: time in us, fills, instrument, side.
NUMBER_BITS: Final = 14
_SIDE: Final = 1
_INSTRUMENT: Final = ((1 << NUMBER_BITS) - 1) << 1
_FILLS_BITS: Final = NUMBER_BITS + 1
_TIME_BITS: Final = _FILLS_BITS + 8
_MOST_AT_ONCE: Final = 1024
_LONGEST_AT_ONCE_US: Final = 1 << 36  # 19 hours: a time has 40 bits, which is twelve days
_GAP_BITS: Final = 12
_WARM_UP_DELAYS: Final = 4
_MOST_WARMING_UP: Final = 1 << 16
MOOD_BITS: Final = 22
"""A mood lasts 2**22 us, which is 4.2 seconds."""
BUYERS_PERMILLE: Final = (150, 850)
"""In a mood, the share of buyers among spontaneous takers is anything between these."""
ACTIVITY_PERMILLE: Final = (250, 1000)
"""In a mood, the rate of spontaneous takers is anything between these, of the highest."""


@dataclass(frozen=True, slots=True)
class Kernel:
    """One way in which a taker is followed: followers of a taker with one fill, the mean of their delays, and the
    chance that a follower keeps to the instrument, and to the side, rather than draw its own.
    """

    followers_permille: int
    mean_delay_us: int
    same_instrument_permille: int
    same_side_permille: int


@dataclass(frozen=True, slots=True)
class Excitement:
    """How takers call others. `weights` are steps (fills, permille): a taker with so many fills or more has so many
    times the followers of a taker with one. `tides` are how the rate of spontaneous takers changes besides the moods.
    """

    kernels: tuple[Kernel, ...]
    weights: tuple[tuple[int, int], ...] = ((1, 1000),)
    tides: tuple[Tide, ...] = ()


class Takers(NamedTuple):
    """Taker orders by time: columns of time in us, instrument number, side (1 buys, 0 sells) and number of fills."""

    time_us: Integers
    number: Integers
    buys: Integers
    fills: Integers


class Arrivals:
    """The takers of one exchange. Mutable: each slice of time follows the one before.

    `slots` holds instrument numbers, equally likely; `fills_edges` what a 16-bit draw has to reach for a second,
    third, .. fill. `gap_us` is the mean time from one taker to the next.
    """

    def __init__(
        self, draws: Draws, slots: Integers, fills_edges: Integers, excitement: Excitement, gap_us: Fraction
    ) -> None:
        kernels = excitement.kernels
        self._draws = draws
        self._slots = slots
        self._fills_edges = fills_edges
        self._families = Families(excitement, fills_edges)
        self._kernel_edges = np.cumsum([kernel.followers_permille for kernel in kernels])
        self._kernel_edges = self._kernel_edges * 65536 // self._kernel_edges[-1]
        self._delays_us = np.array([kernel.mean_delay_us for kernel in kernels], np.int64)
        self._same_instrument = permille(*(kernel.same_instrument_permille for kernel in kernels))
        self._same_side = permille(*(kernel.same_side_permille for kernel in kernels))
        activity = Fraction(sum(ACTIVITY_PERMILLE), 2000) * prod(tide.mean for tide in excitement.tides)
        self._gap = int(gap_us * (1 << _GAP_BITS) / (1 - self._families.mean) * activity)
        self._at_once = max(1, min(_MOST_AT_ONCE, (_LONGEST_AT_ONCE_US << _GAP_BITS) // self._gap))
        self._spontaneous_until = 0
        self._moods = Spells(draws, MOOD_BITS, ACTIVITY_PERMILLE, BUYERS_PERMILLE)
        self._tides = Tides(draws.part("tides"), excitement.tides)
        self._waiting: Integers = np.empty(0, np.int64)
        # In parts, so that a high rate does not fill the memory; few takers are one part.
        parts = max(1, int(self._delays_us.max() / gap_us) // _MOST_WARMING_UP)
        for _ in range(_WARM_UP_DELAYS * parts):
            self.next_slice(int(self._delays_us.max()) // parts)

    def next_slice(self, length_us: int) -> Takers:
        """Give the takers of the next so many us; their times count from the start of this slice."""
        end = length_us << _TIME_BITS
        waiting = [self._waiting]
        while self._spontaneous_until < length_us << _GAP_BITS:
            waiting.append(self._spontaneous())
        takers = np.concatenate(waiting)
        arrived, later = [], []
        while len(takers):
            arrived.append(takers[takers < end])
            later.append(takers[takers >= end])
            takers = self._followers(arrived[-1])
        self._waiting = np.concatenate([*later, takers]) - end
        self._spontaneous_until -= length_us << _GAP_BITS
        self._moods.forward(length_us)
        self._tides.forward(length_us)
        keys = np.sort(np.concatenate([*arrived, takers]))
        fills = keys >> _FILLS_BITS & 0xFF
        return Takers(keys >> _TIME_BITS, (keys & _INSTRUMENT) >> 1, keys & _SIDE, fills)

    def _spontaneous(self) -> Integers:
        gaps = exponential(self._draws.bits(self._at_once, 32)) >> (ONE_BITS - _GAP_BITS)
        times = self._spontaneous_until + np.cumsum(self._gap * gaps >> _GAP_BITS)
        self._spontaneous_until = int(times[-1])
        times_us = times >> _GAP_BITS
        marks = self._marks(self._at_once) & ~_SIDE
        act, buy = self._moods.at(times_us)
        luck = self._draws.bits(2 * self._at_once, 16).reshape(2, -1)
        marks |= luck[0] < buy
        takers: Integers = (times_us << _TIME_BITS | marks)[luck[1] < act * self._tides.at(times_us) >> LEVEL_BITS]
        return takers

    def _followers(self, takers: Integers) -> Integers:
        leaders = np.repeat(takers, self._families.sizes(self._draws, takers >> _FILLS_BITS & 0xFF))
        count = len(leaders)
        luck = self._draws.bits(3 * count, 16).reshape(3, count)
        kernel = np.searchsorted(self._kernel_edges, luck[0], side="right")
        delays_us = exponential(self._draws.bits(count, 32)) * self._delays_us[kernel] >> ONE_BITS
        kept = np.where(luck[1] < self._same_instrument[kernel], _INSTRUMENT, 0)
        kept |= np.where(luck[2] < self._same_side[kernel], _SIDE, 0)
        marks = leaders & kept | self._marks(count) & ~kept
        followers: Integers = ((leaders >> _TIME_BITS) + 1 + delays_us) << _TIME_BITS | marks
        return followers

    def _marks(self, count: int) -> Integers:
        """Draw fills, instruments and fair sides."""
        luck = self._draws.bits(2 * count, 16).reshape(2, count)
        fills = 1 + np.searchsorted(self._fills_edges, luck[0], side="right")
        marks: Integers = fills << _FILLS_BITS | self._slots[luck[1] & (len(self._slots) - 1)] << 1 | luck[1] >> 15
        return marks


class Families:
    """How many followers takers have."""

    def __init__(self, excitement: Excitement, fills_edges: Integers) -> None:
        followers = Fraction(sum(kernel.followers_permille for kernel in excitement.kernels), 1000)
        self._classes = np.array([fills for fills, _ in excitement.weights[1:]], np.int64)
        means = [followers * weight / 1000 for _, weight in excitement.weights]
        self._table = np.stack([np.searchsorted(_poisson_edges(mean), np.arange(65536), "right") for mean in means])
        starts = [65536, *(65536 - int(fills_edges[fills - 2]) for fills, _ in excitement.weights[1:]), 0]
        shares = [start - end for start, end in pairwise(starts)]
        self.mean = Fraction(int((self._table.sum(axis=1) * shares).sum()), 65536 * 65536)
        """Followers per taker."""
        if self.mean >= 1:
            raise ValueError(
                f"{float(self.mean):.3f} followers a taker: the process explodes; lower followers or weights to below 1"
            )

    def sizes(self, draws: Draws, fills: Integers) -> Integers:
        """Draw the number of followers of takers with so many fills."""
        return self._table[np.searchsorted(self._classes, fills, side="right"), draws.bits(len(fills), 16)]


def _poisson_edges(mean: Fraction) -> Integers:
    """Tabulate what a 16-bit draw has to reach for a first, second, .. one."""
    context = Context(prec=12)
    share = cumulated = context.exp(-context.divide(Decimal(mean.numerator), Decimal(mean.denominator)))
    edges: list[int] = []
    while (edge := int(context.multiply(cumulated, Decimal(65536)))) < 65535:
        edges.append(edge)
        share = context.multiply(share, Decimal(mean.numerator))
        share = context.divide(share, Decimal(mean.denominator * len(edges)))
        cumulated = context.add(cumulated, share)
    return np.array(edges, np.int64)
