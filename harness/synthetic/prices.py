"""Where the price goes: a random walk in 2**-16 ticks that drifts back to the usual price."""

from harness.synthetic.instruments import Instrument

_FRACTION_BITS = 16
_ONE_TICK = 1 << _FRACTION_BITS
_LOW_32 = (1 << 32) - 1
# A step's deviation is a count of 32 fair bits, whose standard deviation is 2.8: about 0.6 basis points.
_STEP_DIVISOR = 50_000
_REVERSION_BITS = 14


class PriceWalk:
    """The middle of one instrument's book. Mutable: one step for every taker order."""

    __slots__ = ("_fixed", "_step", "_usual", "sweep_ticks")

    def __init__(self, instrument: Instrument) -> None:
        self._usual = self._fixed = instrument.usual_price_ticks << _FRACTION_BITS
        self._step = max(1, self._usual // _STEP_DIVISOR)
        self.sweep_ticks = max(1, instrument.usual_price_ticks >> 17)
        """How far apart the price levels are that one large order eats through."""

    def step(self, word: int) -> int:
        """Move once and give the best bid in ticks, at least 1."""
        deviation = (word & _LOW_32).bit_count() - 16
        pull = (self._usual - self._fixed) >> _REVERSION_BITS
        self._fixed = max(_ONE_TICK, self._fixed + deviation * self._step + pull)
        return self._fixed >> _FRACTION_BITS
