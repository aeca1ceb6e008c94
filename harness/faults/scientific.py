"""A price or size is written with an exponent: 61837.63 as 6.183763E+4.

It stands for an encoder that changed. The value is the same, and silver and gold are the same to the last digit;
bronze keeps the text as it came.
"""

from __future__ import annotations

from harness.faults.editing import ValueFault, numbers
from harness.synthetic.fields import Role


class Scientific(ValueFault):
    """Rewrites the price or the size of one trade."""

    name = "scientific"
    roles = (Role.PRICE, Role.QUANTITY)

    def changed_text(self, text: str) -> str | None:
        return numbers.scientific(text)


FAULT = Scientific
