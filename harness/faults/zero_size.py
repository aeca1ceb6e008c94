"""A trade is of nothing: its size is zero.

It stands for a cancelled fill that is sent as a trade. The trade is in silver, exact, as invalid with
`quantity_not_positive`, and in no candle.
"""

from __future__ import annotations

from harness.faults.editing import ValueFault, numbers
from harness.synthetic.fields import Role


class ZeroSize(ValueFault):
    """Writes zero for the size of one trade."""

    name = "zero_size"
    roles = (Role.QUANTITY,)

    def changed_text(self, text: str) -> str | None:
        return numbers.zero(text)


FAULT = ZeroSize
