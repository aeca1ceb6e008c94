"""The exponential distribution and its powers in integers, by tables that are the same on every machine.

With E exponential of mean 1, E ** 1.5 or E ** 2 is heavy-tailed (a Weibull of shape 2/3 or 1/2: a stretched
exponential), which is how sizes and price moves of recorded trades fall off.
"""

from decimal import Context, Decimal
from functools import cache
from math import isqrt
from typing import Final

import numpy as np

from harness.synthetic.draws import Integers

ONE_BITS: Final = 20
"""Values are in units of 2**-20."""
SLICES: Final = 4096
_LOW_BITS: Final = 20
_LOW: Final = (1 << _LOW_BITS) - 1


@cache
def _knots() -> Integers:
    """-ln(1 - k / 4096) for k of 0 to 4095, and an end that gives the last slice its mean.

    Decimal's logarithm is correctly rounded on every machine; the C library's is not.
    """
    context = Context(prec=12)
    one = Decimal(1 << ONE_BITS)
    rests = (context.divide(Decimal(SLICES - k), Decimal(SLICES)) for k in range(SLICES))
    knots = [int(context.multiply(context.ln(rest), -one)) for rest in rests]
    table = np.array([*knots, knots[-1] + (2 << ONE_BITS)], np.int64)
    table.setflags(write=False)
    return table


def exponential(draws: Integers) -> Integers:
    """Turn uniform 32-bit draws into exponential ones of mean 2**20, by straight lines between 4097 knots."""
    knots, low = _knots(), draws & _LOW
    high = draws >> _LOW_BITS
    between: Integers = (knots[high] * (_LOW + 1 - low) + knots[high + 1] * low) >> _LOW_BITS
    return between


@cache
def half_powers(halves: int, slices: int = SLICES) -> Integers:
    """Give E ** (halves / 2) in the middle of equally likely slices, in units of 2**-20.

    The square root is the integer one, which is exact.
    """
    middles = exponential(((2 * np.arange(slices, dtype=np.int64) + 1) << 31) // slices)
    powers = [isqrt((e**halves << 2 * ONE_BITS) >> halves * ONE_BITS) for e in middles.tolist()]
    table = np.array(powers, np.int64)
    table.setflags(write=False)
    return table


def permille(*chances: int) -> Integers:
    """Give what a 16-bit draw has to be below, for chances in permille."""
    return np.array(chances, np.int64) * 65536 // 1000
