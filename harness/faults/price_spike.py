"""A trade's price is ten times what it was.

It stands for a fat finger or a point in the wrong place. The price is exact and positive, so the trade is valid, in
silver and in its candles, as it came; that it cannot be right, only its neighbours and other exchanges tell.
"""

from __future__ import annotations

from harness.faults.editing import ValueFault, numbers
from harness.synthetic.fields import Role


class PriceSpike(ValueFault):
    """Multiplies the price of one trade by ten."""

    name = "price_spike"
    roles = (Role.PRICE,)

    def changed_text(self, text: str) -> str | None:
        return numbers.tenfold(text)


FAULT = PriceSpike
