"""How busy a market is, and who is in the mood to buy: levels that hold for a spell and then are others.

Recorded activity swells and ebbs over seconds, tens of seconds and minutes at once, and that of all instruments does so
together. So the rate of spontaneous takers is a product of levels, each with a length of its own: a mood and some tides
(a multiplicative cascade).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Final

import numpy as np

from harness.synthetic.draws import Draws, Integers
from harness.synthetic.quantiles import permille

LEVEL_BITS: Final = 16
"""A full level is 2**16: what every 16-bit draw is below."""


@dataclass(frozen=True, slots=True)
class Tide:
    """Levels that hold for 2**spell_bits us: a lowest one, and the rest times the square of a uniform number, so that a
    market is quiet more often than busy.
    """

    spell_bits: int
    lowest_permille: int

    @property
    def mean(self) -> Fraction:
        """The mean of the levels, as a share of the full one."""
        return Fraction(2 * self.lowest_permille + 1000, 3000)


class Spells:
    """Successive spells of 2**bits us, each with a level in every range. Mutable: time goes on."""

    def __init__(self, draws: Draws, bits: int, *ranges_permille: tuple[int, int], squared: bool = False) -> None:
        self._draws = draws
        self._bits = bits
        lowest, highest = permille(*(level for pair in ranges_permille for level in pair)).reshape(-1, 2).T
        self._lowest, self._spread = lowest[:, None], (highest - lowest)[:, None]
        self._squared = squared
        self._until_us = 0
        self._levels = np.full((len(ranges_permille), 1), 1 << LEVEL_BITS - 1, np.int64)

    def at(self, times_us: Integers) -> Integers:
        """Give the levels at these times, a row for each range. Times do not go back, over all calls."""
        spells = times_us - self._until_us >> self._bits  # -1 is the last call's last spell
        fresh = int(spells[-1]) + 1
        luck = self._draws.bits(len(self._levels) * fresh, LEVEL_BITS).reshape(len(self._levels), fresh)
        if self._squared:
            luck = luck * luck >> LEVEL_BITS
        levels = np.concatenate([self._levels, self._lowest + (self._spread * luck >> LEVEL_BITS)], axis=1)
        self._levels = levels[:, -1:]
        self._until_us += fresh << self._bits
        return levels[:, spells + 1]

    def forward(self, length_us: int) -> None:
        """Count times from so much later on."""
        self._until_us -= length_us


class Tides:
    """All tides of a market. Mutable, as spells are."""

    def __init__(self, draws: Draws, tides: Sequence[Tide]) -> None:
        self._spells = [
            Spells(draws.part(str(tide.spell_bits)), tide.spell_bits, (tide.lowest_permille, 1000), squared=True)
            for tide in tides
        ]

    def at(self, times_us: Integers) -> Integers:
        """Give the product of their levels at these times."""
        level = np.full(len(times_us), 1 << LEVEL_BITS, np.int64)
        for spells in self._spells:
            level = level * spells.at(times_us)[0] >> LEVEL_BITS
        return level

    def forward(self, length_us: int) -> None:
        """Count times from so much later on."""
        for spells in self._spells:
            spells.forward(length_us)
