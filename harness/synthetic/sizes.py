"""How much is traded: sizes spread over orders of magnitude, some round, and the fills of an order."""

from math import isqrt

_FILL_BITS = 12
FILL_MASK = (1 << _FILL_BITS) - 1
LARGEST_ORDER_FILLS = 179

# 2**(d/2) for d from -32 to 32, in units of 2**-16: an integer square root is exact, a float power is not.
_HALF_POWERS = tuple(isqrt(1 << power) for power in range(65))


def size_lots(usual_lots: int, magnitude: int, detail: int) -> int:
    """Give a size in lots, at least 1, from two uniform words.

    The count of one bits in `magnitude` is nearly normal, so sizes are nearly log-normal (a factor of four
    per standard deviation); `detail` places the size in its octave and makes three in eight of them round.
    """
    octave = _HALF_POWERS[magnitude.bit_count()]
    lots = usual_lots * octave * (65536 + (detail & 0xFFFF)) >> 32
    if lots < 10:
        return lots or 1
    if detail >> 16 & 7 < 3:
        unit: int = 10 ** (len(str(lots)) - 1)
        return lots // unit * unit
    return lots


def _fills_table() -> tuple[int, ...]:
    """Tabulate the fills of an order: n or more with probability n**-1.5 (65 % take one, as on Binance spot).

    Slice k stands for probability u = (2k + 1) / 8192; n is the largest whole number with n**3 * u**2 <= 1.
    """
    table = []
    fills = LARGEST_ORDER_FILLS
    for k in range(1 << _FILL_BITS):
        while fills > 1 and fills**3 * (2 * k + 1) ** 2 > 8192**2:
            fills -= 1
        table.append(fills)
    return tuple(table)


FILLS = _fills_table()
"""2**12 equally likely numbers of fills."""
