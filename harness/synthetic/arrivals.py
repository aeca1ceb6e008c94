"""When takers arrive: a Poisson process whose intensity jumps between calm and busy spells.

Spells make bursts; their intensities average to one, so that the asked rate holds in the long run and not in
any one second.
"""

from collections.abc import Iterator
from decimal import Context, Decimal

from harness.synthetic.draws import Draw

SPELL_MEAN_NS = 250_000_000
_SCALE_BITS = 20
_QUANTILE_BITS = 12
_QUANTILE_MASK = (1 << _QUANTILE_BITS) - 1
# Eight equally likely intensities in quarters of the mean: they add up to 32 quarters, eight times the mean.
_INTENSITY_QUARTERS = (1, 1, 2, 2, 2, 4, 4, 16)


def _exponential_quantiles() -> tuple[int, ...]:
    """Tabulate -ln(1 - u) in the middle of each of 2**12 equal slices, in units of 2**-20.

    Decimal's logarithm is correctly rounded on every machine; the C library's is not.
    """
    context = Context(prec=12)
    slices = Decimal(2 << _QUANTILE_BITS)
    rest = (context.divide(slices - 2 * k - 1, slices) for k in range(1 << _QUANTILE_BITS))
    return tuple(int(context.multiply(context.ln(share), -(1 << _SCALE_BITS))) for share in rest)


_EXPONENTIAL = _exponential_quantiles()


def arrivals(draw: Draw, start_ns: int, mean_gap_ns: int) -> Iterator[int]:
    """Yield arrival times in ns from start_ns on, without end, never going backwards."""
    now_ns = spell_end_ns = start_ns
    quarters = 4
    while True:
        # The gap is drawn at mean intensity, then spent: a spell of q quarters uses it up q/4 times as fast.
        gap = mean_gap_ns * _EXPONENTIAL[draw() & _QUANTILE_MASK] >> _SCALE_BITS
        while gap * 4 > (spell_end_ns - now_ns) * quarters:
            gap -= (spell_end_ns - now_ns) * quarters // 4
            now_ns = spell_end_ns
            word = draw()
            quarters = _INTENSITY_QUARTERS[word & 7]
            spell_end_ns += SPELL_MEAN_NS * _EXPONENTIAL[word >> 3 & _QUANTILE_MASK] >> _SCALE_BITS
        now_ns += gap * 4 // quarters
        yield now_ns
