"""Trade ids: consecutive per instrument, as exchanges number trades, with jumps where they are asked for."""

from typing import Final

import numpy as np

from harness.synthetic.draws import Draws, Integers
from harness.synthetic.quantiles import ONE_BITS, half_powers

JUMP_MEAN: Final = 50
"""The mean of the ids that a jump leaves out (an exponential's square, halved: median 12, some hundreds at times)."""


class Ids:
    """The next id of each instrument. Mutable: each trade takes one."""

    def __init__(self, draws: Draws, instruments: int, jumps_per_million: int) -> None:
        self._draws = draws
        firsts = draws.words(2 * instruments)
        # Nine digits: instruments of one exchange are as far apart in age as BTC/USDT from a coin listed today.
        self._next = 10**8 + (firsts[::2] % 9 * 10**8 + firsts[1::2] % 10**8).astype(np.int64)
        self._jumps_below = jumps_per_million * 2**32 // 1_000_000

    def take(self, numbers: Integers) -> Integers:
        """Give the ids of trades of these instruments, in order."""
        by_instrument = np.argsort(numbers, kind="stable")
        counts = np.bincount(numbers, minlength=len(self._next))
        starts = np.cumsum(counts) - counts
        steps = 1 + self._left_out(len(numbers))[by_instrument]
        reached = np.cumsum(steps)
        before = np.concatenate([np.zeros(1, np.int64), reached])
        ids = np.empty(len(numbers), np.int64)
        ids[by_instrument] = np.repeat(self._next - before[starts], counts) + reached - 1
        self._next = self._next + before[starts + counts] - before[starts]
        return ids

    def _left_out(self, count: int) -> Integers:
        """Give how many ids each trade leaves out before its own: none, save at a jump."""
        if not self._jumps_below:
            return np.zeros(count, np.int64)
        luck = self._draws.bits(2 * count, 32)
        sizes = 1 + (half_powers(4)[luck[count:] & 0xFFF] * (JUMP_MEAN // 2) >> ONE_BITS)
        return np.where(luck[:count] < self._jumps_below, sizes, 0)
