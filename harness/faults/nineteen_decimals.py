"""A price has a 19th decimal, which no column of silver can hold.

It stands for a coin with more places than the schema has. Bronze has the trade with its text; silver does not
round, so there the trade is one dead letter, `price_not_exact`, and in no candle.
"""

from __future__ import annotations

from harness.faults.editing import ValueFault, numbers
from harness.synthetic.fields import Role


class NineteenDecimals(ValueFault):
    """Gives the price of one trade 19 decimals, the last of them not zero."""

    name = "nineteen_decimals"
    roles = (Role.PRICE,)

    def changed_text(self, text: str) -> str | None:
        return numbers.with_last_place(text, self._rng.randint(1, 9))


FAULT = NineteenDecimals
