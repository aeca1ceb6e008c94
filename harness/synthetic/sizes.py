"""How much is traded: several populations side by side, from crumbs and bots to whales."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.synthetic.draws import Draws, Integers
from harness.synthetic.fills import Fills
from harness.synthetic.quantiles import ONE_BITS, half_powers, permille

SLICES: Final = 4096
_RATIO_BITS: Final = 8
_POWERS_OF_TEN: Final = 10 ** np.arange(19, dtype=np.int64)


@dataclass(frozen=True, slots=True)
class Population:
    """Sizes of offset + scale * E ** (halves / 2) percent of an instrument's smallest size; E is exponential.

    With scale 0 all are equal. The shares of a mixture add up to 1000.
    """

    share_permille: int
    offset_percent: int
    scale_percent: int = 0
    halves: int = 2


Populations = tuple[Population, ...]


@dataclass(frozen=True, slots=True)
class Sizes:
    """The sizes of trades that are their order's only one, those of the rest, and how many of all are round."""

    single: Populations
    several: Populations
    round_permille: int

    def lots(self, draws: Draws, smallest_lots: Integers, filled: Fills) -> Integers:
        """Draw the sizes in lots, at least 1, of fills of instruments of those smallest sizes."""
        count = len(smallest_lots)
        luck, roundness, spread = draws.bits(3 * count, 16).reshape(3, count)
        mixture = (filled.per_order[filled.order] > 1).astype(np.int64)
        ratios = _ratios((self.single, self.several))[mixture, luck & (SLICES - 1)]
        lots = smallest_lots * ratios >> _RATIO_BITS
        # The table is coarser than the lots of most instruments: up to a sixteenth on top makes use of all of them.
        lots += np.where(ratios == 1 << _RATIO_BITS, 0, (lots >> 12) * spread >> 8)
        lots = np.maximum(lots, 1)
        units = _POWERS_OF_TEN[np.searchsorted(_POWERS_OF_TEN, lots, side="right") - 1]
        lots = np.where(roundness < permille(self.round_permille), lots // units * units, lots)
        repeated: Integers = lots[filled.original]
        return repeated


@cache
def _ratios(tables: Sequence[Populations]) -> NDArray[np.int64]:
    """Give a row of 4096 equally likely sizes for each mixture, in 256ths of the smallest size."""
    return np.stack([_row(populations) for populations in tables])


def _row(populations: Populations) -> Integers:
    shares = [population.share_permille for population in populations]
    if sum(shares) != 1000:
        raise ValueError(f"the shares {shares} of a mixture of sizes add up to {sum(shares)}; make it 1000")
    ends = [sum(shares[: n + 1]) * SLICES // 1000 for n in range(len(shares))]
    parts = []
    for population, start, end in zip(populations, [0, *ends], ends, strict=False):
        powers = population.scale_percent * half_powers(population.halves, end - start)
        parts.append((population.offset_percent << ONE_BITS) + powers << _RATIO_BITS)
    return np.concatenate(parts) // (100 << ONE_BITS)
