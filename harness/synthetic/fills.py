"""How a taker order is filled: by how many makers, and at which prices.

All fills of an order have one time and one side. Many have one price too; some are equal in everything.
"""

from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from harness.synthetic.draws import Draws, Integers
from harness.synthetic.prices import TICK_BITS
from harness.synthetic.quantiles import ONE_BITS, half_powers, permille

MOST_FILLS: Final = 255


@dataclass(frozen=True, slots=True)
class Depth:
    """What takers find in the book.

    `kinds` of orders that take more than one fill are pairs (share, chance of another fill after each), in
    permille; the rest take one. A fill after the first repeats price and size of the one before, or walks to the
    next price level, or has only another size. Books are thinner soon after an order, hence three chances to walk:
    up to 20 ms after the instrument's last order, up to 200 ms, later. A step is step_per_billion of the price
    times E ** 1.5, at least a tick where ticks are finer than that.
    """

    kinds_permille: tuple[tuple[int, int], ...]
    repeats_permille: int
    walks_permille: tuple[int, int, int]
    step_per_billion: int


class Fills(NamedTuple):
    """The fills of some orders, in order.

    By fill: the place of its order, the place of the fill that it repeats in price and size (its own where it
    does not), and how far the price has gone since the order's first fill (never below 0). By order: the place of
    its first fill, the number of its fills, and how far the price went.
    """

    order: Integers
    original: Integers
    walked_ticks: Integers
    first: Integers
    per_order: Integers
    eaten_ticks: Integers


@cache
def fills_edges(depth: Depth) -> Integers:
    """Give what a 16-bit draw has to reach for a second, third, .. fill."""
    edges = []
    for fills in range(1, MOST_FILLS):
        more = sum(share * going_on**fills for share, going_on in depth.kinds_permille)
        edges.append(65536 - 65536 * more // 1000 ** (fills + 1))
    return np.array(edges, np.int64)


def mean_fills(depth: Depth) -> Fraction:
    """Give the mean number of fills of an order."""
    edges = fills_edges(depth)
    return Fraction(65536 * (len(edges) + 1) - int(edges.sum()), 65536)


def fill(draws: Draws, depth: Depth, per_order: Integers, elapsed: Integers, usual_ticks: Integers) -> Fills:
    """Fill orders by so many makers each, of instruments of those usual prices; `elapsed` is 0, 1 or 2."""
    order = np.repeat(np.arange(len(per_order)), per_order)
    ends = np.cumsum(per_order)
    first = ends - per_order
    kinds = draws.bits(len(order), 16)
    kinds[first] = 65535  # the first fill neither repeats nor walks
    repeats = kinds < permille(depth.repeats_permille)
    walks = ~repeats & (kinds < permille(depth.repeats_permille) + permille(*depth.walks_permille)[elapsed][order])
    walked = np.cumsum(np.where(walks, _steps_ticks(draws, usual_ticks[order], depth.step_per_billion), 0))
    walked_ticks = walked - walked[first][order]
    original = np.maximum.accumulate(np.where(repeats, 0, np.arange(len(order))))
    return Fills(order, original, walked_ticks, first, per_order, walked_ticks[ends - 1])


def _steps_ticks(draws: Draws, usual_ticks: Integers, step_per_billion: int) -> Integers:
    size, rounding = draws.bits(2 * len(usual_ticks), 16).reshape(2, len(usual_ticks))
    units = (usual_ticks * step_per_billion << TICK_BITS) // 1_000_000_000
    steps = (half_powers(3)[size & 0xFFF] * units >> ONE_BITS) + rounding >> TICK_BITS
    at_least: Integers = np.maximum(steps, units >= 1 << TICK_BITS)
    return at_least
