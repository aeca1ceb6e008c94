"""Best bid and ask on the tick grid, taker order by taker order.

A book follows the drift of what it trades, and on top of that what takers do to it: an order that eats through
price levels leaves the book where it ended, and after some orders the makers move away, mostly at once and in
the order's direction. What takers did wears off whenever the drift moves. Orders of changing sides bounce
between bid and ask.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from harness.synthetic.arrivals import Takers
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.instruments import Instrument
from harness.synthetic.quantiles import ONE_BITS, half_powers, permille

SOON_US: Final = 20_000
LATER_US: Final = 200_000
TICK_BITS: Final = 16
"""Moves are drawn in 2**-16 ticks and rounded up or down by chance, so that a coarse grid does not stop them."""
WEAR_BITS: Final = 2
"""Of what takers did to a book, a quarter is gone each time the drift moves."""
REACH_PER_MILLION: Final = 1_000
"""Takers push a book 10 basis points from its drift; beyond, each order gives back an eighth (2**-3)."""
_GIVE_BACK_BITS: Final = 3
_SMALLEST_REACH_TICKS: Final = 8


@dataclass(frozen=True, slots=True)
class Makers:
    """How makers quote: the spread (one tick at least), and how often, how far and which way they move.

    The chance depends on the time since the instrument's last order: up to 20 ms, up to 200 ms, more. So does
    the chance that they go the way that this order goes. A move is move_per_billion of the price times E ** 1.5.
    """

    spread_per_million: int
    moves_permille: tuple[int, int, int]
    with_taker_permille: tuple[int, int, int]
    move_per_billion: int


class Books:
    """The best bids of an exchange's instruments. Mutable: orders move them."""

    def __init__(self, draws: Draws, instruments: Sequence[Instrument], makers: Makers) -> None:
        self._draws = draws
        usual_ticks = [instrument.usual_price_ticks for instrument in instruments]
        self.spreads_ticks = np.array([max(ticks * makers.spread_per_million // 10**6, 1) for ticks in usual_ticks])
        self._units = np.array([(ticks * makers.move_per_billion << TICK_BITS) // 10**9 for ticks in usual_ticks])
        self._moves = permille(*makers.moves_permille)
        self._with_taker = permille(*makers.with_taker_permille)
        self._reach_ticks = [max(ticks * REACH_PER_MILLION // 10**6, _SMALLEST_REACH_TICKS) for ticks in usual_ticks]
        self._drift_ticks = usual_ticks
        self._pushed_ticks = [0] * len(usual_ticks)

    def bids_ticks(
        self, takers: Takers, elapsed: Integers, drift_ticks: Integers, eaten_ticks: Integers, volatility_percent: int
    ) -> Integers:
        """Give the best bid that each order finds, and let each move the book.

        `elapsed` is how long ago the instrument's last order was: 0, 1 or 2. `drift_ticks` is where drift alone puts
        the bid when an order comes; `eaten_ticks` how far an order walks up, or where negative down, the book.
        """
        count = len(takers.number)
        size, rounding, whether, way = self._draws.bits(4 * count, 16).reshape(4, count)
        units = self._units[takers.number] * volatility_percent // 100
        moves_ticks = (half_powers(3)[size & 0xFFF] * units >> ONE_BITS) + rounding >> TICK_BITS
        goes_up = (way < self._with_taker[elapsed]) == takers.buys
        moved_ticks = np.where(whether < self._moves[elapsed], np.where(goes_up, moves_ticks, -moves_ticks), 0)
        columns = (takers.number, drift_ticks, moved_ticks, eaten_ticks)
        rows = zip(*(column.tolist() for column in columns), strict=True)
        return np.array([self._next_bid_ticks(*row) for row in rows], np.int64)

    def _next_bid_ticks(self, number: int, drift: int, moved: int, eaten: int) -> int:
        pushed = self._pushed_ticks[number]
        if drift != self._drift_ticks[number]:
            self._drift_ticks[number] = drift
            pushed -= pushed >> WEAR_BITS
        if abs(pushed) > self._reach_ticks[number]:
            pushed -= pushed >> _GIVE_BACK_BITS
        self._pushed_ticks[number] = pushed + moved + eaten
        return drift + pushed + moved


class Clocks:
    """How long ago each instrument's last order was. Mutable."""

    def __init__(self, instruments: int) -> None:
        self._last_us = np.full(instruments, -LATER_US, np.int64)

    def elapsed(self, takers: Takers) -> Integers:
        """Give 0 up to 20 ms after the last order of the same instrument, 1 up to 200 ms, else 2."""
        by_instrument = np.argsort(takers.number, kind="stable")
        number, time_us = takers.number[by_instrument], takers.time_us[by_instrument]
        is_first = np.diff(number, prepend=-1) != 0
        before_us = np.where(is_first, self._last_us[number], np.roll(time_us, 1))
        self._last_us[number] = time_us  # the last one of each instrument stays
        elapsed = np.empty(len(number), np.int64)
        elapsed[by_instrument] = np.searchsorted(np.array([SOON_US, LATER_US]), time_us - before_us, side="right")
        return elapsed
