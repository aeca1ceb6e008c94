"""A trade has a size below zero.

It stands for an exchange that tells the side by the sign. The trade is in silver, exact, as invalid with
`quantity_not_positive`, and in no candle.
"""

from __future__ import annotations

from harness.faults.editing import ValueFault, numbers
from harness.synthetic.fields import Role


class NegativeSize(ValueFault):
    """Writes a minus before the size of one trade."""

    name = "negative_size"
    roles = (Role.QUANTITY,)

    def changed_text(self, text: str) -> str | None:
        return numbers.negative(text)


FAULT = NegativeSize
