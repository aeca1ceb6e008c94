"""Where the value of assets goes: one path for each asset, the same on every exchange that trades it.

An instrument's price follows base over quote, so BTC/USD of one exchange, BTC/USDT of another and ETH/BTC stay
together. A path moves in jumps, seldom in a second and by heavy-tailed amounts, under a volatility that all
assets share and that changes slowly: calm and wild spells follow each other.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from harness.synthetic.arrivals import Takers
from harness.synthetic.draws import Draws, Integers
from harness.synthetic.instruments import Instrument
from harness.synthetic.quantiles import ONE_BITS, half_powers, permille

BLOCK_SECONDS: Final = 64
VALUE_BITS: Final = 24
"""Paths are in units of 2**-24 of the usual value: one is 0.0006 basis points."""
JUMPS_PERMILLE: Final = 30
"""The chance of a jump in a second: of an asset by itself, and of all of them together."""
JUMP_PER_MILLION: Final = 100
"""A jump is 1 basis point times E ** 1.5 (median 0.58) times the volatility."""
RETURN_BITS: Final = 10
"""Of the way from its usual value a path goes 2**-10 back in each block: half of it in twelve hours."""
VOLATILITIES_PERCENT: Final = (35, 50, 71, 100, 141, 200, 283)
STEADY: Final = frozenset({"USD", "USDT", "USDC", "FDUSD", "BUSD", "EUR", "TRY"})
STEADY_DIVISOR: Final = 64
"""What does not follow the market, and moves by a 64th of what the others do."""
_UNIT: Final = (JUMP_PER_MILLION << VALUE_BITS) // 1_000_000


class Drift:
    """The paths of some assets. Mutable: each block follows the one before."""

    def __init__(self, seed: int, assets: Sequence[str]) -> None:
        self._market = Draws(seed, "market/drift")
        self._volatility = Draws(seed, "market/volatility")
        self._level = len(VOLATILITIES_PERCENT) // 2
        self._own = [Draws(seed, f"asset/{asset}") for asset in assets]
        is_steady = np.array([[asset in STEADY] for asset in assets])
        self._units = np.where(is_steady, _UNIT // STEADY_DIVISOR, _UNIT)
        self._follows_market = np.where(is_steady, 0, 1)
        self._values = np.zeros((len(assets), 1), np.int64)

    def next_block(self) -> tuple[NDArray[np.int64], int]:
        """Give each asset's path over the next 64 seconds, one value a second, and the volatility in percent.

        The path is in units of 2**-24 of the asset's usual value, which is 0.
        """
        volatility_percent = self._next_volatility()
        own = np.stack([draws.bits(BLOCK_SECONDS, 32) for draws in self._own])
        market = _jumps(self._market.bits(BLOCK_SECONDS, 32), _UNIT * volatility_percent // 100)
        moves = _jumps(own, self._units * volatility_percent // 100) + market * self._follows_market
        paths = self._values - (self._values >> RETURN_BITS) + np.cumsum(moves, axis=1)
        self._values = paths[:, -1:]
        return paths, volatility_percent

    def _next_volatility(self) -> int:
        step = self._volatility.word() & 3
        if step < 2:  # in half of the blocks it stays
            self._level = max(0, min(len(VOLATILITIES_PERCENT) - 1, self._level + 2 * step - 1))
        return VOLATILITIES_PERCENT[self._level]


class Values:
    """Where drift alone puts the prices of instruments. Mutable: times must not go back across a block."""

    def __init__(self, seed: int, instruments: Sequence[Instrument]) -> None:
        assets = sorted({asset for known in instruments for asset in (known.base, known.quote)})
        self._drift = Drift(seed, assets)
        self._bases = np.array([assets.index(known.base) for known in instruments])
        self._quotes = np.array([assets.index(known.quote) for known in instruments])
        self._usual_ticks = np.array([known.usual_price_ticks for known in instruments], np.int64)
        self._block = -1
        self._volatility_percent = 100
        self._paths = np.zeros((len(assets), BLOCK_SECONDS), np.int64)

    def ticks(self, takers: Takers) -> tuple[Integers, int]:
        """Give prices in ticks (as far as 0) when takers come, and the volatility in percent.

        The times must lie in one block of 64 seconds from the start; before the start prices are the usual ones.
        """
        seconds = takers.time_us // 1_000_000
        while len(seconds) and self._block < int(seconds[-1]) // BLOCK_SECONDS:
            self._block += 1
            self._paths, self._volatility_percent = self._drift.next_block()
        place = seconds % BLOCK_SECONDS
        values = self._paths[self._bases[takers.number], place] - self._paths[self._quotes[takers.number], place]
        usual_ticks = self._usual_ticks[takers.number]
        return usual_ticks + (usual_ticks * values >> VALUE_BITS), self._volatility_percent


def _jumps(draws: NDArray[np.int64], unit: NDArray[np.int64] | int) -> NDArray[np.int64]:
    """Turn 32-bit draws into moves, most of them none; `unit` is the move where E is 1."""
    amounts = half_powers(3)[draws & 0xFFF] * unit >> ONE_BITS
    signed = np.where(draws >> 12 & 1, amounts, -amounts)
    return np.where(draws >> 16 < permille(JUMPS_PERMILLE), signed, 0)
